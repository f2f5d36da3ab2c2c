"""Citizens: the certificates they hold, and the same for the wallet in their browser."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from anchoring.receipts import anchoring_state
from credentials.display import claim_rows
from credentials.evidence_export import collect
from credentials.holdings import (
    credentials_of,
    current_credentials,
    read_sd_jwt,
    replaced_credentials,
    reveal_all,
)
from credentials.issuance import record_id
from credentials.models import Credential
from credentials.redemption import units_left
from credentials.reissue import restorable, restore_all
from credentials.timeline import anchoring_text
from credentials.views.evidence import as_download
from identity.views.access import CitizenRequest, citizen_with_weid
from identity.views.portal import wallet_page
from identity.weid import device_keys
from protocol.errors import NotFoundError


@require_GET
@wallet_page
@citizen_with_weid
def list_certificates(request: CitizenRequest) -> HttpResponse:
    context = {
        "credentials": current_credentials(request.weid).defer("sd_jwt_ciphertext"),
        "earlier": replaced_credentials(request.weid).defer("sd_jwt_ciphertext"),
        "restorable": restorable(weid=request.weid, person=request.person),
        "collection": {
            "collect_url": reverse("wallet_credentials"),
            "device_keys": [method.thumbprint for method in device_keys(request.weid)],
        },
    }
    return render(request, "portal/certificates.html", context)


@require_POST
@citizen_with_weid
def restore_certificates(request: CitizenRequest) -> HttpResponse:
    number = len(restore_all(weid=request.weid, person=request.person))
    if number:
        text = ngettext("%(number)d certificate was restored.", "%(number)d certificates were restored.", number)
        messages.success(request, text % {"number": number})
    if restorable(weid=request.weid, person=request.person):
        messages.error(request, _("Some certificates could not be restored just now. Try again in a few minutes."))
    return redirect("portal")


@require_GET
@citizen_with_weid
def show_certificate(request: CitizenRequest, credential_id: UUID) -> HttpResponse:
    credential = _held(request, credential_id)
    claims = reveal_all(read_sd_jwt(credential, request.person))
    record = record_id(credential.pk)
    state = anchoring_state(record)
    context = {
        "credential": credential,
        "replacement": Credential.objects.filter(application__replaces=credential).only("number").first(),
        "rows": claim_rows(credential.credential_type, claims),
        "anchoring": anchoring_text(state),
        "receipt": reverse("log-receipt", args=[record]) if state == "published" else "",
        "units_left": units_left(credential),
    }
    return render(request, "portal/certificates_show.html", context)


@require_GET
@citizen_with_weid
def download_evidence(request: CitizenRequest, credential_id: UUID) -> HttpResponse:
    """Everything about the citizen's own certificate in one file, every claim of it shown."""
    credential = _held(request, credential_id)
    data = collect(presentation=read_sd_jwt(credential, request.person), now=datetime.now(UTC))
    return as_download(data, name=credential.number)


@require_GET
@citizen_with_weid
def collect_credentials(request: CitizenRequest) -> JsonResponse:
    """What the wallet in this browser keeps. Readable in this citizen's session only, and never stored on the way."""
    held = credentials_of(request.weid).exclude(state=Credential.State.REVOKED)
    credentials = [
        {
            "id": str(credential.pk),
            "number": credential.number,
            "vct": credential.credential_type.vct,
            "state": credential.state,
            "sd_jwt": read_sd_jwt(credential, request.person),
        }
        for credential in held
    ]
    return JsonResponse({"credentials": credentials}, headers={"Cache-Control": "no-store"})


def _held(request: CitizenRequest, credential_id: UUID) -> Credential:
    credential = credentials_of(request.weid).filter(pk=credential_id).first()
    if credential is None:
        raise NotFoundError("credential")
    return credential

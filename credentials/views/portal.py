"""Citizens: the certificates they hold, and the same for the wallet in their browser."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from anchoring.receipts import anchoring_state
from credentials.display import claim_rows
from credentials.holdings import credentials_of, read_sd_jwt, reveal_all
from credentials.issuance import record_id
from credentials.models import Credential
from credentials.timeline import anchoring_text
from identity.views.access import CitizenRequest, citizen_with_weid
from identity.views.portal import wallet_page
from protocol.errors import NotFoundError


@require_GET
@wallet_page
@citizen_with_weid
def list_certificates(request: CitizenRequest) -> HttpResponse:
    held = credentials_of(request.weid).defer("sd_jwt_ciphertext")
    collection = {"collect_url": reverse("wallet_credentials")}
    return render(request, "portal/certificates.html", {"credentials": held, "collection": collection})


@require_GET
@citizen_with_weid
def show_certificate(request: CitizenRequest, credential_id: UUID) -> HttpResponse:
    credential = _held(request, credential_id)
    claims = reveal_all(read_sd_jwt(credential, request.person))
    record = record_id(credential.pk)
    state = anchoring_state(record)
    context = {
        "credential": credential,
        "rows": claim_rows(credential.credential_type, claims),
        "anchoring": anchoring_text(state),
        "receipt": reverse("log-receipt", args=[record]) if state == "published" else "",
    }
    return render(request, "portal/certificates_show.html", context)


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

"""The citizen: proof of identity, the WeID of this device, and the devices that hold its keys."""

from __future__ import annotations

import time
from typing import Any

from csp.constants import NONE
from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from identity import account_mail, kyc, weid
from identity.access import person_for
from identity.errors import CaseStateError, DocumentImageError
from identity.forms import IdentityForm, ImagesForm
from identity.languages import localised
from identity.models import KycCase, VerificationMethod
from identity.providers.base import Way, providers
from identity.providers.openid import identity_from_claims, peek_claims, take_claims
from identity.views.access import (
    AccountRequest,
    CitizenRequest,
    citizen,
    confirmation_address,
    is_recently_confirmed,
    require_recent_confirmation,
    signed_in,
)
from identity.views.rows import identity_rows
from protocol.encoding import json_object
from protocol.errors import InvalidInputError, NotFoundError

wallet_page = csp_update({"require-trusted-types-for": ["'script'"], "trusted-types": [NONE]})


@require_GET
@signed_in
def show_kyc(request: AccountRequest) -> HttpResponse:
    """Where the proof stands, and the ways to begin."""
    case = KycCase.objects.filter(applicant=request.user).select_related("agency").order_by("-created_at").first()
    context = {"person": person_for(request.user), "case": case, "ways": _ways(), "state": case.state if case else ""}
    return render(request, "portal/kyc.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def state_identity(request: AccountRequest) -> HttpResponse:
    """Step 1 at the desk: who the applicant says they are."""
    form = IdentityForm(request.POST or None, initial=_stated(kyc.undecided_case(request.user)))
    if request.method == "POST" and form.is_valid() and _keep_stated(request, form):
        return redirect("kyc_images")
    return render(request, "portal/kyc_identity.html", {"form": form}, status=_form_status(request))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def add_images(request: AccountRequest) -> HttpResponse:
    """Step 2: images of the document; what was stated and uploaded so far stands above."""
    case = _open_case(request)
    form = ImagesForm(request.POST or None, request.FILES or None) if request.method == "POST" else ImagesForm()
    if request.method == "POST" and form.is_valid() and _keep_images(case, form):
        return redirect("kyc_images")
    context = {"form": form, "rows": _stated_rows(case), "images": case.documents.order_by("uploaded_at")}
    return render(request, "portal/kyc_images.html", context, status=_form_status(request))


@require_POST
@signed_in
def remove_images(request: AccountRequest) -> HttpResponse:
    kyc.remove_documents(_open_case(request))
    return redirect("kyc_images")


@require_POST
@signed_in
def submit_case(request: AccountRequest) -> HttpResponse:
    try:
        kyc.submit(_open_case(request))
    except InvalidInputError as error:
        for message in error.fields.get("images", [_("State your identity first")]):
            messages.error(request, message)
        return redirect("kyc_images")
    return redirect("kyc")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def prove_by_demo(request: AccountRequest) -> HttpResponse:
    """The demonstration's shortcut: what is typed is believed."""
    form = IdentityForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _accept_demo(request, form):
        return redirect("weid")
    return render(request, "portal/kyc_demo.html", {"form": form}, status=_form_status(request))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def prove_by_openid(request: AccountRequest) -> HttpResponse:
    """Back from the upstream provider: show what it said, and take it over when the applicant confirms."""
    if request.method != "POST":
        return render(request, "portal/kyc_openid.html", {"rows": identity_rows(_said(request))})
    claims = take_claims(request.session)
    kyc.accept_provider(
        applicant=request.user,
        agency=kyc.recording_agency(),
        provider="openid",
        identity=identity_from_claims(claims),
        evidence={"acr": claims.get("acr", "")},
    )
    return redirect("weid")


@require_GET
@wallet_page
@citizen
def show_weid(request: CitizenRequest) -> HttpResponse:
    """The page on which this device makes its key. The key itself never comes here, only its public half."""
    registered = weid.weid_of(request.person)
    devices = weid.device_keys(registered) if registered else []
    registration = {
        "nonce": weid.registration_nonce(request.user),
        "audience": settings.PUBLIC_URL,
        "register_url": reverse("weid_register"),
        "csrf": get_token(request),
        "now": int(time.time()),
        "next_url": reverse("weid"),
    }
    must_confirm = registered is not None and not is_recently_confirmed(request)
    context = {
        "weid": registered,
        "devices": devices,
        "registration": registration,
        "failures": _failures(),
        "confirm_href": confirmation_address(request, back=reverse("weid")) if must_confirm else "",
    }
    return render(request, "portal/weid.html", context)


@require_POST
@citizen
def register_device(request: CitizenRequest) -> HttpResponse:
    """JSON {public_jwk, proof} → 201 {did, thumbprint}."""
    body = json_object(request.body, max_bytes=16384)
    public_jwk, proof = body.get("public_jwk"), body.get("proof")
    if not isinstance(public_jwk, dict) or not isinstance(proof, str):
        raise InvalidInputError("registration", fields={"proof": [_("Send public_jwk and proof")]})
    if weid.weid_of(request.person) is not None:
        require_recent_confirmation(request)
    registered = weid.register_device(person=request.person, public_jwk=public_jwk, proof=proof)
    device = weid.device_keys(registered)[0]
    account_mail.tell_of_registered_device(request.user)
    return JsonResponse({"did": registered.did, "thumbprint": device.thumbprint}, status=201)


@require_GET
@citizen
def list_devices(request: CitizenRequest) -> HttpResponse:
    registered = weid.weid_of(request.person)
    methods = registered.verification_methods.order_by("-added_at") if registered else VerificationMethod.objects.none()
    return render(request, "portal/devices.html", {"weid": registered, "devices": methods})


@require_http_methods(["GET", "HEAD", "POST"])
@citizen
def revoke_device(request: CitizenRequest, fragment: str) -> HttpResponse:
    """Ask, then revoke one device's key. Whoever signed in a while ago confirms that it is them before they are asked."""
    registered = weid.weid_of(request.person)
    device = registered.verification_methods.filter(fragment=fragment).first() if registered else None
    if registered is None or device is None:
        raise NotFoundError("device")
    if request.method == "POST":
        require_recent_confirmation(request)
        weid.revoke_device(weid=registered, person=request.person, fragment=fragment)
        account_mail.tell_of_revoked_device(request.user)
        messages.success(request, _("The device can no longer use your certificates."))
        return redirect("devices")
    if not is_recently_confirmed(request):
        return redirect(confirmation_address(request, back=request.path))
    return render(request, "portal/devices_revoke.html", {"device": device})


def _failures() -> list[tuple[str, str]]:
    """What the page's script shows when registration fails, by the names it knows."""
    return [
        ("failed", _("The connection failed. Try again.")),
        ("refused", _("The service refused the key. Load the page again and try once more.")),
        ("unsupported", _("This browser cannot keep a key. Update it, or use another browser.")),
    ]


def _ways() -> list[Way]:
    return [way for provider in providers() for way in provider.ways()]


def _form_status(request: HttpRequest) -> int:
    # A form comes back only when something in it was refused.
    return 422 if request.method == "POST" else 200


def _open_case(request: AccountRequest) -> KycCase:
    case = kyc.undecided_case(request.user)
    if case is None or case.state != KycCase.State.OPEN or not case.stated_ciphertext:
        raise NotFoundError("open case")
    return case


def _stated(case: KycCase | None) -> dict[str, Any]:
    """What the applicant stated before, to change it. Raises CaseStateError while the case waits for its decision."""
    if case and case.state != KycCase.State.OPEN:
        raise CaseStateError("waits for a decision")
    stated = kyc.read_stated_identity(case) if case else None
    return {**stated, "agency": case.agency.slug} if case and stated else {}


def _keep_stated(request: AccountRequest, form: IdentityForm) -> bool:
    try:
        with transaction.atomic():
            case = kyc.open_case(applicant=request.user, agency=form.cleaned_data["agency"], provider="desk")
            kyc.state_identity(case, form.identity())
    except InvalidInputError as error:
        form.refuse(error)
        return False
    return True


def _keep_images(case: KycCase, form: ImagesForm) -> bool:
    try:
        with transaction.atomic():
            for content in form.contents():
                kyc.attach_document(case, kind=form.cleaned_data["kind"], content=content)
    except DocumentImageError as error:
        form.refuse(error)
        return False
    return True


def _accept_demo(request: AccountRequest, form: IdentityForm) -> bool:
    try:
        kyc.accept_provider(
            applicant=request.user,
            agency=form.cleaned_data["agency"],
            provider="demo",
            identity=form.identity(),
            evidence={},
        )
    except InvalidInputError as error:
        form.refuse(error)
        return False
    return True


def _said(request: AccountRequest) -> dict[str, str]:
    return identity_from_claims(peek_claims(request.session))


def _stated_rows(case: KycCase) -> list[dict[str, Any]]:
    change = {"href": reverse("kyc_desk"), "action": _("Change")}
    rows = [{**row, **change} for row in identity_rows(kyc.read_stated_identity(case) or {})]
    return [*rows, {"key": _("Department that checks it"), "value": localised(case.agency.name), **change}]

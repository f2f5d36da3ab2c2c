"""Citizens: an invitation for another wallet, which wallets hold a certificate, and taking it away from one of them."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from credentials.holdings import credentials_of
from credentials.models import Credential, WalletGrant
from credentials.openid4vci import offers
from credentials.openid4vci.instances import withdraw_copies
from credentials.openid4vci.offers import Options, make_offer
from credentials.views.gates import open_to_all
from credentials.views.openid4vci.answers import NO_STORE, count, find_agency
from identity.audit import account_actor
from identity.views.access import (
    CitizenRequest,
    citizen_with_weid,
    confirmation_address,
    is_recently_confirmed,
    require_recent_confirmation,
)
from protocol.errors import NotFoundError


@require_GET
@citizen_with_weid
def list_wallets(request: CitizenRequest, credential_id: UUID) -> HttpResponse:
    credential = _held(request, credential_id)
    must_confirm = not is_recently_confirmed(request)
    context = {
        "credential": credential,
        "wallets": _wallets(credential),
        "confirm_href": confirmation_address(request, back=request.path) if must_confirm else "",
    }
    return render(request, "portal/wallets.html", context)


@require_POST
@citizen_with_weid
def invite_wallet(request: CitizenRequest, credential_id: UUID) -> HttpResponse:
    """Link and code are shown in this one answer: only their digests are stored. A session left open is not enough."""
    require_recent_confirmation(request)
    credential = _held(request, credential_id)
    made = make_offer(
        application=credential.application,
        options=Options(tx_code=True, by_reference=True),
        actor=account_actor(request.user),
    )
    return render(request, "portal/wallet_invitation.html", {"credential": credential, "made": made}, status=201)


@require_http_methods(["GET", "HEAD", "POST"])
@citizen_with_weid
def withdraw_wallet(request: CitizenRequest, grant_id: UUID) -> HttpResponse:
    grant, credential = _grant(request, grant_id)
    if request.method != "POST":
        return render(request, "portal/wallet_withdraw.html", {"grant": grant, "credential": credential})
    withdraw_copies(grant=grant, weid=request.weid, actor=account_actor(request.user))
    messages.success(request, _("The copies in that wallet are no longer valid."))
    return redirect("certificate_wallets", credential_id=credential.pk)


@open_to_all
@require_http_methods(["GET", "HEAD"])
def show_invitation(request: HttpRequest, slug: str, reference: str) -> HttpResponse:
    """Where a link in a mail leads: the address is the secret, and the code that goes with it was told otherwise."""
    count(request)
    agency = find_agency(slug)
    offer = offers.read_offer(agency=agency, reference=reference)
    context = {"agency": agency, "uri": offers.reference_uri(agency, reference), "offer": offer}
    response = render(request, "wallet_invitation.html", context)
    response["Cache-Control"] = NO_STORE
    response["Referrer-Policy"] = "no-referrer"
    return response


def _held(request: CitizenRequest, credential_id: UUID) -> Credential:
    held = credentials_of(request.weid).select_related("application__agency", "application__credential_type")
    credential = held.filter(pk=credential_id).first()
    if credential is None:
        raise NotFoundError("credential")
    return credential


def _wallets(credential: Credential) -> QuerySet[WalletGrant]:
    """Return who received copies of this certificate, the latest first, with how many and until when they count."""
    given = WalletGrant.objects.filter(instances__credential=credential, instances__released_at__isnull=False)
    return given.annotate(copies=Count("instances")).order_by("-created_at", "pk")


def _grant(request: CitizenRequest, grant_id: UUID) -> tuple[WalletGrant, Credential]:
    """Return one of the citizen's own. Raises NotFoundError for anyone else's."""
    held = credentials_of(request.weid).filter(instances__grant_id=grant_id).first()
    grant = WalletGrant.objects.filter(pk=grant_id).first()
    if held is None or grant is None:
        raise NotFoundError("wallet")
    return grant, held

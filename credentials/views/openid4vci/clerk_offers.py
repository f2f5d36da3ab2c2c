"""Clerks: an issued certificate offered to the citizen's wallet. The link goes by mail, the code is told at the desk."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from credentials.models import Application, Credential
from credentials.openid4vci.invitation_mail import send_invitation
from credentials.openid4vci.offers import MadeOffer, Options, is_offerable, make_offer
from identity.audit import account_actor
from identity.models import Role
from identity.views.access import StaffRequest, staff
from protocol.errors import NotFoundError

LIFETIME = timedelta(days=7)


@require_http_methods(["GET", "HEAD", "POST"])
@staff(Role.Name.MAKER, Role.Name.CHECKER)
def offer_credential(request: StaffRequest, credential_id: UUID) -> HttpResponse:
    """First what will happen, then the code, shown in that one answer."""
    credential, application = _credential(request, credential_id)
    context = {"credential": credential, "days": LIFETIME.days}
    if request.method != "POST":
        context["can_offer"] = is_offerable(application)
        return render(request, "clerk/credentials_offer.html", context)
    options = Options(tx_code=True, by_reference=True, lifetime=LIFETIME)
    made = make_offer(application=application, options=options, actor=account_actor(request.user))
    context |= {"made": made, "was_mailed": _mail(made, application)}
    return render(request, "clerk/credentials_offered.html", context, status=201)


def _mail(made: MadeOffer, application: Application) -> bool:
    account = application.person.account
    return account is not None and send_invitation(made=made, account=account)


def _credential(request: StaffRequest, credential_id: UUID) -> tuple[Credential, Application]:
    joined = ("credential_type", "agency", "application__agency", "application__credential_type")
    rows = Credential.objects.filter(agency=request.agency, application__isnull=False).select_related(*joined)
    found = rows.defer("sd_jwt_ciphertext").filter(pk=credential_id).first()
    if found is None or found.application is None:
        raise NotFoundError("credential")
    return found, found.application

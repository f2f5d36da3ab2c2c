"""Where an organisation registers its systems for sign-in by presentation."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from authorization.errors import RelyingPartyInvalidError
from authorization.items import label_of
from authorization.lookup import find_template_of
from authorization.models import RelyingParty, RequestTemplate
from authorization.oidc.parties import (
    SUBJECT_PATH,
    claim_names_of,
    find_party_of,
    register_party,
    remove_party,
    renew_secret,
)
from authorization.oidc.provider import endpoints, issuer
from authorization.party_form import PartyForm
from authorization.views.pages import page_of
from identity.views.access import MemberRequest, verifier_member


@require_safe
@verifier_member
def list_parties(request: MemberRequest) -> HttpResponse:
    rows = request.organisation.relying_parties.filter(removed_at__isnull=True).select_related("template")
    usable = request.organisation.request_templates.filter(approved_at__isnull=False, retired_at__isnull=True)
    fitting = [template for template in usable.order_by("name") if list(SUBJECT_PATH) in template.required_claims]
    context = {"page_obj": page_of(request, rows.order_by("-created_at")), "templates": fitting, "issuer": issuer()}
    return render(request, "verifier/parties.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@verifier_member
def create_party(request: MemberRequest, template_id: uuid.UUID) -> HttpResponse:
    template = find_template_of(request.organisation, template_id)
    form = PartyForm(request.POST or None, template=template)
    if request.method == "POST" and form.is_valid():
        registered = _register(request, form, template)
        if registered:
            return _show(request, *registered, status=201)
    return render(
        request, "verifier/party_form.html", {"form": form, "template": template}, status=422 if form.errors else 200
    )


@require_safe
@verifier_member
def show_party(request: MemberRequest, party_id: uuid.UUID) -> HttpResponse:
    return _show(request, find_party_of(request.organisation, party_id), None)


@require_POST
@verifier_member
def renew_party_secret(request: MemberRequest, party_id: uuid.UUID) -> HttpResponse:
    party = find_party_of(request.organisation, party_id)
    return _show(request, party, renew_secret(party=party, account=request.user))


@require_POST
@verifier_member
def remove_own_party(request: MemberRequest, party_id: uuid.UUID) -> HttpResponse:
    remove_party(party=find_party_of(request.organisation, party_id), account=request.user)
    return redirect("verifier_parties")


def _show(request: MemberRequest, party: RelyingParty, secret: str | None, status: int = 200) -> HttpResponse:
    """With a *secret*, in this one answer and never again: only its digest is stored."""
    names = [(label_of(party.template.credential_type, path), name) for path, name in claim_names_of(party).items()]
    context = {
        "party": party,
        "secret": secret,
        "names": names,
        "issuer": issuer(),
        "endpoints": endpoints(),
        "is_secret_held": party.method == RelyingParty.Method.SECRET,
    }
    response = render(request, "verifier/party.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _register(
    request: MemberRequest, form: PartyForm, template: RequestTemplate
) -> tuple[RelyingParty, str | None] | None:
    try:
        return register_party(
            organisation=request.organisation,
            account=request.user,
            name=form.cleaned_data["name"],
            template=template,
            method=form.cleaned_data["method"],
            redirect_uris=form.cleaned_data["redirect_uris"],
            claim_names=form.claim_names(),
            keys=form.cleaned_data["keys"],
        )
    except RelyingPartyInvalidError as error:
        form.show_errors(error.fields)
        return None

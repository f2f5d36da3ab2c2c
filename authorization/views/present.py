"""The portal as a wallet: follow a link, see what it asks, and answer from this browser."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from authorization import consent
from authorization.errors import WalletLinkError
from authorization.forms import WalletLinkForm
from authorization.models import PresentationRequest, PresentationSession
from authorization.openid4vp.judgement import transaction_data_for
from authorization.openid4vp.portal_wallet import Answer, WalletOffer, prepare_answer, read_link
from authorization.views.consent_page import FAILURES
from authorization.views.pages import active_recipient_keys, wallet_page
from identity.views.access import CitizenRequest, citizen_with_weid


@require_http_methods(["GET", "HEAD", "POST"])
@citizen_with_weid
def enter_link(request: CitizenRequest) -> HttpResponse:
    form = WalletLinkForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            session_id, client_id = read_link(form.cleaned_data["link"])
        except WalletLinkError:
            form.add_error("link", _("Paste the whole link of a request that was made here."))
        else:
            return redirect(_url(session_id, client_id))
    return render(request, "portal/present_link.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
@wallet_page
@citizen_with_weid
def show_presentation(request: CitizenRequest, session_id: uuid.UUID) -> HttpResponse:
    """What a wallet shows before it answers. The first citizen who opens it is the one who may."""
    client_id = request.GET.get("client_id", "")
    offer = prepare_answer(session_id=session_id, client_id=client_id, person=request.person, weid=request.weid)
    consent.open_request(request=offer.session.request, weid=request.weid)
    context = {
        "asked": offer.session.request,
        "offer": offer,
        "ends_at": datetime.fromtimestamp(offer.terms["expires_at"], UTC) if offer.terms else None,
        "failures": FAILURES,
        "present": _script_data(offer),
    }
    return render(request, "portal/present.html", context)


def is_for_wallets_only(asked: PresentationRequest) -> bool:
    """Whether nobody could open what the consent page would seal."""
    return hasattr(asked, "session") and not active_recipient_keys(asked).exists()


def presentation_url(session: PresentationSession) -> str:
    return _url(session.pk, session.client_id)


def _url(session_id: uuid.UUID, client_id: str) -> str:
    return f"{reverse('present', args=[session_id])}?{urlencode({'client_id': client_id})}"


def _script_data(offer: WalletOffer) -> dict[str, Any]:
    """Return what present.js answers with: the verified request, and which certificates may be shown how."""
    asked = offer.asked
    keys = asked.client_metadata.get("jwks", {}).get("keys", [])
    return {
        "now": int(timezone.now().timestamp()),
        "collect_url": reverse("wallet_credentials"),
        "done_url": reverse("activity"),
        # Of this service, whatever name the browser knows it by.
        "response_url": reverse("openid4vp_response", args=[offer.session.pk]),
        "client_id": asked.client_id,
        "nonce": asked.nonce,
        "state": asked.state,
        "encryption_key": keys[0] if keys else None,
        "answers": [_describe_answer(offer, answer) for answer in offer.answers],
    }


def _describe_answer(offer: WalletOffer, answer: Answer) -> dict[str, Any]:
    return {
        "query_id": answer.query_id,
        "credential_id": str(answer.held.credential.pk),
        "key_thumbprint": answer.held.key_thumbprint,
        "choices": [[list(path) for path in choice.paths] for choice in answer.choices],
        "transaction_data": transaction_data_for(offer.session, answer.query_id),
    }

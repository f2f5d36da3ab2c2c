"""What the wallet's scripts and the consent page are given."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from authorization.models import Authorization
from authorization.offers import ConsentOffer, CredentialOffer
from authorization.requests import audience_of
from authorization.terms import access_ends_at
from authorization.views.pages import active_recipient_keys, recipient_jwk
from identity.models import WeID
from identity.weid import device_keys

FAILURES: tuple[tuple[str, str | Promise], ...] = (
    ("missing-key", _("This device does not hold the key of your certificates. Register it, or use the other device.")),
    ("missing-certificate", _("The certificate could not be brought to this device. Load the page again.")),
    ("refused", _("The service did not accept it. Load the page again; if you ask for help, give this code:")),
    ("failed", _("Something went wrong on the way. Check your connection and try again.")),
    ("unsupported", _("This browser cannot keep a key. Use a current version of another one.")),
)


def consent_context(request: HttpRequest, offer: ConsentOffer, chosen: CredentialOffer | None) -> dict[str, Any]:
    return {
        "asked": offer.request,
        "offer": offer,
        "chosen": chosen,
        "ends_at": access_ends_at(offer.request),
        "failures": FAILURES,
        "count_element": format_html("<span data-wallet-count>{}</span>", len(chosen.required) if chosen else 0),
        "consent": _consent_data(request, chosen, offer) if chosen and chosen.is_bound_to_device else None,
    }


def _consent_data(request: HttpRequest, chosen: CredentialOffer, offer: ConsentOffer) -> dict[str, Any]:
    """Return what consent.js needs to make the very grant that this page describes."""
    return {
        "now": int(timezone.now().timestamp()),
        "csrf": get_token(request),
        "grant_url": reverse("grant_request", args=[offer.request.pk]),
        "collect_url": reverse("wallet_credentials"),
        "credential_id": str(chosen.credential.pk),
        "key_thumbprint": chosen.key_thumbprint,
        "audience": audience_of(offer.request.organisation),
        "nonce": offer.request.nonce,
        "terms": chosen.terms,
        "required": [list(item.path) for item in chosen.required],
        "optional": [list(item.path) for item in chosen.optional],
        "recipients": [recipient_jwk(key) for key in active_recipient_keys(offer.request)],
    }


def withdrawal_data(authorization: Authorization, weid: WeID, audience: str) -> dict[str, Any]:
    return {
        "now": int(timezone.now().timestamp()),
        "authorization_id": str(authorization.pk),
        "terms_digest": authorization.terms_digest,
        "audience": audience,
        "thumbprints": [method.thumbprint for method in device_keys(weid)],
    }

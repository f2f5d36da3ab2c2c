"""The sandbox for integrators: keys that may be shown, and an inbox for webhooks. Nothing here exists but with DEMO=1.

Its keys are real ones of a department and a bank that are invented. They are kept readable in one file, because the page
shows them to whoever comes; everything else goes through the verbs that anyone's software would use.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from authorization.models import PresentationSession, RequestTemplate, WebhookEndpoint
from authorization.openid4vp.sessions import WalletOptions, ask_wallet
from authorization.webhooks import endpoints
from authorization.webhooks.catalogue import subscribable
from config import demo
from credentials.openid4vci.offers import MadeOffer, Options, make_offer
from identity.api_keys import create_agency_key, create_api_key, find_api_key
from identity.errors import ApiKeyInvalidError
from identity.models import Agency, Organisation
from identity.trust import authority_certificates

AGENCY = "identification"
ORGANISATION = "daiwan"
LABEL = "sandbox"
INBOX_PATH = "/sandbox/inbox/"
INBOX_SIZE = 20
MAX_MESSAGE_BYTES = 20_000
# Every checkpoint would be a message, every few seconds.
_LEFT_OUT = "anchor.final"
_CACHE_KEY = "sandbox-inbox"
_inbox_lock = Lock()


@dataclass(frozen=True, slots=True)
class Keys:
    """What a developer needs: API keys of the department and the bank, and the secrets of their webhooks."""

    agency_key: str
    organisation_key: str
    agency_secret: str
    organisation_secret: str


@dataclass(frozen=True, slots=True)
class Message:
    """One webhook as it arrived; *is_verified* says whether a secret of the sandbox signed it."""

    webhook_id: str
    received_at: datetime
    body: str
    is_verified: bool


def prepare() -> Keys:
    """Make the keys and the endpoints that the page shows, unless those of the last start are still good."""
    known = keys()
    if known is not None and _are_good(known):
        return known
    agency, bank = Agency.objects.get(slug=AGENCY), Organisation.objects.get(slug=ORGANISATION)
    made = Keys(
        agency_key=create_agency_key(agency=agency, label=LABEL)[1],
        organisation_key=create_api_key(organisation=bank, label=LABEL)[1],
        agency_secret=_subscribe(agency),
        organisation_secret=_subscribe(bank),
    )
    _write(made)
    return made


def keys() -> Keys | None:
    """Return the keys that were prepared, or None before that."""
    with suppress(FileNotFoundError, ValueError, TypeError):
        return Keys(**json.loads(_path().read_text(encoding="utf-8")))
    return None


def offer() -> MadeOffer | None:
    """Offer the certificate of the demonstration to whatever wallet comes; None before it is seeded."""
    seeded = demo.find()
    if seeded is None or seeded.application is None:
        return None
    return make_offer(application=seeded.application, options=Options(), actor=f"agency:{AGENCY}")


def ask() -> PresentationSession | None:
    """Ask any wallet for what the bank's first template says; None before there is one."""
    asked = template()
    if asked is None:
        return None
    return ask_wallet(template=asked, organisation=asked.organisation, options=WalletOptions(), reference=LABEL)


def template() -> RequestTemplate | None:
    """Return what the bank may ask for, by its oldest template that is in use."""
    usable = RequestTemplate.objects.filter(
        organisation__slug=ORGANISATION, approved_at__isnull=False, retired_at__isnull=True
    )
    return usable.select_related("organisation").order_by("created_at").first()


def authorities() -> bytes:
    """Return the certificates of our authorities as PEM."""
    found = [load_der_x509_certificate(b64decode(each)) for each in authority_certificates()]
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in found)


def receive(*, webhook_id: str, headers: dict[str, str], body: bytes) -> bool:
    """Put a webhook into the inbox, and return whether it was verified, as a receiver should before believing it."""
    text = body[:MAX_MESSAGE_BYTES].decode("utf-8", "replace")
    message = Message(webhook_id, timezone.now(), text, _is_verified(headers, body))
    # One process serves the demonstration, in several threads.
    with _inbox_lock:
        cache.set(_CACHE_KEY, [message, *inbox()][:INBOX_SIZE], timeout=None)
    return message.is_verified


def inbox() -> list[Message]:
    """Return the newest messages, newest first."""
    messages: list[Message] = cache.get(_CACHE_KEY, [])
    return messages


def _is_verified(headers: dict[str, str], body: bytes) -> bool:
    known = keys()
    for secret in (known.agency_secret, known.organisation_secret) if known else ():
        with suppress(WebhookVerificationError, ValueError):
            Webhook(secret).verify(body, headers)
            return True
    return False


def _subscribe(owner: Agency | Organisation) -> str:
    """Return the secret of the owner's endpoint at the inbox, which is made or given a new one."""
    url, actor = f"{settings.PUBLIC_URL}{INBOX_PATH}", "system"
    known: WebhookEndpoint | None = owner.webhook_endpoints.filter(url=url, disabled_at__isnull=True).first()
    if known is not None:
        return endpoints.rotate(endpoint=known, actor=actor)
    events = [event for event in subscribable(endpoints.audience_of(owner)) if event != _LEFT_OUT]
    return endpoints.add(owner=owner, url=url, events=events, actor=actor)[1]


def _are_good(known: Keys) -> bool:
    url = f"{settings.PUBLIC_URL}{INBOX_PATH}"
    try:
        find_api_key(known.agency_key)
        find_api_key(known.organisation_key)
    except ApiKeyInvalidError:
        return False
    return WebhookEndpoint.objects.filter(url=url, disabled_at__isnull=True).count() == 2


def _path() -> Path:
    return Path(settings.VAR_DIR) / "sandbox.json"


def _write(made: Keys) -> None:
    path = _path()
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(made), file)

"""The public keys to which envelopes for an organisation are sealed. The private halves never come here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from authorization import audit
from authorization.errors import RecipientKeyInvalidError
from identity.audit import account_actor
from identity.models import Account, Organisation, RecipientKey
from protocol.envelope import MAX_RECIPIENTS
from protocol.errors import ProtocolError
from protocol.keys import jwk_thumbprint, p256_from_jwk
from protocol.keys import public_jwk as required_members

MAX_LABEL = 80


@transaction.atomic
def add_recipient_key(
    *, organisation: Organisation, account: Account, label: str, public_jwk: Mapping[str, Any]
) -> RecipientKey:
    """Seal to this key too from now on. Raises RecipientKeyInvalidError with ``fields``.

    What was deposited before was sealed without it and cannot be opened with it.
    """
    # The lock makes the count below hold for two members who add keys at once.
    locked = Organisation.objects.select_for_update().get(pk=organisation.pk)
    if not 1 <= len(label.strip()) <= MAX_LABEL:
        raise _invalid("label", _("Enter a name of at most %(most)d characters.") % {"most": MAX_LABEL})
    jwk = _read_key(public_jwk)
    thumbprint = jwk_thumbprint(jwk)
    if locked.recipient_keys.filter(thumbprint=thumbprint).exists():
        raise _invalid("public_jwk", _("This key has been registered before."))
    if locked.recipient_keys.filter(revoked_at__isnull=True).count() >= MAX_RECIPIENTS:
        raise _invalid("public_jwk", _("Revoke a key first: there can be %(most)d.") % {"most": MAX_RECIPIENTS})
    key = RecipientKey.objects.create(organisation=locked, label=label.strip(), public_jwk=jwk, thumbprint=thumbprint)
    _record(key, account, "recipient_key.added")
    return key


@transaction.atomic
def revoke_recipient_key(*, key: RecipientKey, account: Account) -> None:
    """Seal to this key no more. Revoking twice is harmless."""
    if RecipientKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
        _record(key, account, "recipient_key.revoked")


def _read_key(jwk: Mapping[str, Any]) -> dict[str, str]:
    try:
        return dict(required_members(p256_from_jwk(jwk, use="enc")))
    except ProtocolError:
        raise _invalid("public_jwk", _("Paste a public P-256 key for encryption, as a JWK.")) from None


def _invalid(field: str, message: str) -> RecipientKeyInvalidError:
    return RecipientKeyInvalidError(field, fields={field: [message]})


def _record(key: RecipientKey, account: Account, action: str) -> None:
    audit.record(
        actor=account_actor(account),
        action=action,
        subject=f"recipient_key:{key.thumbprint}",
        organisation=key.organisation,
    )

"""The service's private keys: made, wrapped, used, rotated and disabled here, and nowhere else in clear.

A key is active (signs), retired (verifies, signs no more) or disabled (verifies no more). Every signature is verified
before it is released, so that a fault in memory or hardware never leaves this module.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from django.db import IntegrityError, transaction
from django.utils import timezone, translation

from identity.audit import report
from identity.certificates import certify_authority, certify_key, decode_certificate, encode_certificate, expiry_of
from identity.errors import KeyFaultError, KeyStateError, UnreadableError
from identity.key_events import KeyEvent, record_event
from identity.languages import localised
from identity.models import Agency, Organisation, SigningKey
from identity.trust import bump_trust, issuer_identifier, verifier_identifier
from identity.vault import unwrap, wrap
from protocol.errors import KeyFormatError
from protocol.keys import ES256, SoftwareSigner, generate_p256, p256_from_jwk, public_jwk

__all__ = [
    "KeyBackend",
    "StoredSigner",
    "bridge_signer",
    "create_authority",
    "create_key",
    "disable",
    "expiring_keys",
    "issuer_identifier",
    "request_keys",
    "request_signer",
    "rotate",
    "signer_for",
    "signer_of",
    "unreadable_keys",
    "unsound_keys",
]

_ALGORITHM = "ES256"
_NEVER, _LONG_AGO = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
_HALF = 32


class KeyBackend(Protocol):
    """Where private keys live. Neither method may ever return, log or show a private key in clear."""

    def create(self, *, key_id: str, purpose: str) -> tuple[dict[str, str], bytes]:
        """Make a P-256 key that survives this process; return its public JWK and what finds or unwraps it again."""
        ...

    def sign(self, *, signing_key: SigningKey, data: bytes) -> bytes:
        """Return r and s of ES256 over *data*."""
        ...


class SoftwareKeys:
    """Keys wrapped under KEY_ENCRYPTION_KEY in the database, unwrapped once per process."""

    def __init__(self) -> None:
        self._unwrapped: dict[str, ec.EllipticCurvePrivateKey] = {}
        self._signers: dict[str, SoftwareSigner] = {}

    def create(self, *, key_id: str, purpose: str) -> tuple[dict[str, str], bytes]:
        key = generate_p256()
        plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return public_jwk(key.public_key()), wrap(plain, context=_wrapping_context(key_id, purpose))

    def sign(self, *, signing_key: SigningKey, data: bytes) -> bytes:
        signer = self._signers.get(signing_key.key_id)
        if signer is None:
            signer = SoftwareSigner(self.private_key(signing_key), signing_key.key_id)
            self._signers[signing_key.key_id] = signer
        return signer.sign(data)

    def private_key(self, signing_key: SigningKey) -> ec.EllipticCurvePrivateKey:
        """The key itself, for certificate signing, which `cryptography` does only with the key in hand."""
        held = self._unwrapped.get(signing_key.key_id)
        if held is None:
            context = _wrapping_context(signing_key.key_id, signing_key.purpose)
            loaded = load_der_private_key(unwrap(signing_key.wrapped_private_key, context=context), password=None)
            if not isinstance(loaded, ec.EllipticCurvePrivateKey):
                raise KeyFaultError("not an EC key")
            held = self._unwrapped[signing_key.key_id] = loaded
        return held

    def __repr__(self) -> str:
        return f"SoftwareKeys({len(self._unwrapped)} in use)"


_BACKEND = SoftwareKeys()


@dataclass(frozen=True, slots=True)
class StoredSigner:
    """A protocol Signer over a stored key. Shows names, never keys."""

    key_id: str
    x5c: list[str]
    public_jwk: dict[str, str]
    _row: SigningKey = field(repr=False)
    _public_key: ec.EllipticCurvePublicKey = field(repr=False)
    algorithm: str = _ALGORITHM

    def sign(self, data: bytes) -> bytes:
        """Sign *data*, verify the signature with the published key, and only then return it."""
        signature = _BACKEND.sign(signing_key=self._row, data=data)
        r, s = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
        try:
            self._public_key.verify(encode_dss_signature(r, s), data, ES256)
        except InvalidSignature:
            raise KeyFaultError(self.key_id) from None
        return signature


@transaction.atomic
def create_authority() -> SigningKey:
    """Make the certificate authority of our x5c chains, once. Raises KeyStateError when there is one."""
    authority = _create_row(purpose=SigningKey.Purpose.AUTHORITY)
    certificate = certify_authority(_BACKEND.private_key(authority))
    authority.x5c = [encode_certificate(certificate)]
    authority.save(update_fields=["x5c"])
    bump_trust()
    record_event(authority, KeyEvent.CREATED)
    _report("signing_key.created", authority)
    return authority


@transaction.atomic
def create_key(*, purpose: str, agency: Agency | None = None, organisation: Organisation | None = None) -> SigningKey:
    """Make the active key for *purpose*, certified by the authority. Raises KeyStateError when there is one already."""
    authority = _active_key(SigningKey.Purpose.AUTHORITY)
    key = _create_row(purpose=purpose, agency=agency, organisation=organisation)
    certificate = certify_key(
        public_key=p256_from_jwk(key.public_jwk),
        subject=key.key_id,
        **_named_as(agency, organisation),
        authority_key=_BACKEND.private_key(authority),
        authority_certificate=authority.x5c[0],
    )
    # The root is the trust anchor and stays out of x5c (HAIP 1.0 §6.1.1).
    key.x5c = [encode_certificate(certificate)]
    key.save(update_fields=["x5c"])
    bump_trust()
    record_event(key, KeyEvent.CREATED)
    _report("signing_key.created", key)
    return key


def signer_for(*, purpose: str, agency: Agency | None = None, organisation: Organisation | None = None) -> StoredSigner:
    """Return the signer of the active key. Raises KeyStateError when there is none."""
    return signer_of(_active_key(purpose, agency, organisation))


def request_signer(organisation: Organisation) -> StoredSigner:
    """Return the signer of what *organisation* asks of wallets; its key is made when it first asks."""
    return _signer_when_needed(SigningKey.Purpose.REQUEST, organisation)


def bridge_signer() -> StoredSigner:
    """Return the signer of what the service itself says over OpenID Connect; its key is made when it is first needed."""
    return _signer_when_needed(SigningKey.Purpose.BRIDGE)


def signer_of(signing_key: SigningKey) -> StoredSigner:
    """Raises KeyStateError for a key that signs no more, or whose certificate has expired."""
    if signing_key.state != SigningKey.State.ACTIVE:
        raise KeyStateError(f"{signing_key.key_id} is {signing_key.state}")
    # Wallets refuse what is signed under an expired certificate, and nobody could correct it afterwards.
    if _expires_at(signing_key) <= timezone.now():
        raise KeyStateError(f"the certificate of {signing_key.key_id} has expired")
    return StoredSigner(
        key_id=signing_key.key_id,
        x5c=list(signing_key.x5c),
        public_jwk=dict(signing_key.public_jwk),
        _row=signing_key,
        _public_key=p256_from_jwk(signing_key.public_jwk),
    )


def request_keys(organisation: Organisation) -> dict[str, dict[str, str]]:
    """Return the public halves by key id, of every key that still verifies what *organisation* asked."""
    keys = SigningKey.objects.filter(organisation=organisation, purpose=SigningKey.Purpose.REQUEST)
    usable = keys.exclude(state=SigningKey.State.DISABLED).order_by("-pk")
    return {key.key_id: dict(key.public_jwk) for key in usable}


@transaction.atomic
def rotate(*, purpose: str, agency: Agency | None = None, organisation: Organisation | None = None) -> SigningKey:
    """Retire the active key and make the next one. What the old key signed goes on verifying."""
    current = _active_key(purpose, agency, organisation, is_locked=True)
    _set_state(current, SigningKey.State.RETIRED)
    record_event(current, KeyEvent.RETIRED)
    successor = create_key(purpose=purpose, agency=agency, organisation=organisation)
    _report("signing_key.rotated", current, successor=successor.key_id)
    return successor


@transaction.atomic
def disable(*, signing_key: SigningKey) -> None:
    """Withdraw all trust in a key, as after a compromise: from now on nothing that it signed verifies."""
    _set_state(signing_key, SigningKey.State.DISABLED)
    bump_trust()
    record_event(signing_key, KeyEvent.DISABLED)
    _report("signing_key.disabled", signing_key)


def expiring_keys(*, within: timedelta) -> list[str]:
    """Return the ids of active keys whose certificate ends *within* that time, or has ended."""
    active = SigningKey.objects.filter(state=SigningKey.State.ACTIVE).order_by("key_id")
    return [key.key_id for key in active if _expires_at(key) <= timezone.now() + within]


def unreadable_keys() -> list[str]:
    """Return the ids of active keys that KEY_ENCRYPTION_KEY does not open: the wrong one is configured."""
    unreadable = []
    for key in SigningKey.objects.filter(state=SigningKey.State.ACTIVE).order_by("key_id"):
        try:
            unwrap(key.wrapped_private_key, context=_wrapping_context(key.key_id, key.purpose))
        except UnreadableError:
            unreadable.append(key.key_id)
    return unreadable


def unsound_keys() -> list[str]:
    """Return the ids of keys whose private half, public half and certificate are not of one key."""
    return [key.key_id for key in SigningKey.objects.order_by("key_id") if not _is_sound(key)]


def _is_sound(key: SigningKey) -> bool:
    try:
        # A backend of its own: what is cached may be what the row held before.
        private = SoftwareKeys().private_key(key).public_key()
        certified = decode_certificate(key.x5c[0]).public_key()
        return private == certified == p256_from_jwk(key.public_jwk)
    except (UnreadableError, KeyFaultError, KeyFormatError, LookupError, TypeError, ValueError):
        return False


def _signer_when_needed(purpose: str, organisation: Organisation | None = None) -> StoredSigner:
    try:
        return signer_for(purpose=purpose, organisation=organisation)
    except KeyStateError:
        # Of two that find no key, the index lets one make it, and the other finds it then.
        with suppress(KeyStateError):
            create_key(purpose=purpose, organisation=organisation)
        return signer_for(purpose=purpose, organisation=organisation)


def _named_as(agency: Agency | None, organisation: Organisation | None) -> dict[str, str]:
    if organisation is None:
        return {"identifier": issuer_identifier(agency)}
    with translation.override("en"):
        return {"identifier": verifier_identifier(organisation), "organisation": localised(organisation.name)}


def _create_row(*, purpose: str, agency: Agency | None = None, organisation: Organisation | None = None) -> SigningKey:
    owner = agency or organisation
    key_id = ".".join(part for part in (owner.slug if owner else "", purpose, secrets.token_hex(6)) if part)
    jwk, wrapped = _BACKEND.create(key_id=key_id, purpose=purpose)
    try:
        with transaction.atomic():
            return SigningKey.objects.create(
                key_id=key_id,
                agency=agency,
                organisation=organisation,
                purpose=purpose,
                algorithm=_ALGORITHM,
                public_jwk=jwk,
                wrapped_private_key=wrapped,
            )
    except IntegrityError:
        raise KeyStateError(f"{purpose} has an active key already") from None


def _active_key(
    purpose: str, agency: Agency | None = None, organisation: Organisation | None = None, *, is_locked: bool = False
) -> SigningKey:
    keys = SigningKey.objects.select_for_update() if is_locked else SigningKey.objects.all()
    owned = keys.filter(purpose=purpose, agency=agency, organisation=organisation)
    key = owned.filter(state=SigningKey.State.ACTIVE).first()
    if key is None:
        raise KeyStateError(f"no active key for {purpose}")
    return key


def _set_state(signing_key: SigningKey, state: str) -> None:
    signing_key.state, signing_key.state_changed_at = state, timezone.now()
    signing_key.save(update_fields=["state", "state_changed_at"])


def _expires_at(signing_key: SigningKey) -> datetime:
    try:
        return min((expiry_of(certificate) for certificate in signing_key.x5c), default=_NEVER)
    except (TypeError, ValueError):
        # What cannot be read certifies nothing.
        return _LONG_AGO


def _report(action: str, key: SigningKey, **more: str) -> None:
    details = {"purpose": key.purpose, "agency": key.agency.slug if key.agency else "", **more}
    subject = f"signing_key:{key.key_id}"
    report(actor="system", action=action, subject=subject, organisation=key.organisation, details=details)


def _wrapping_context(key_id: str, purpose: str) -> str:
    return f"{key_id}|{_ALGORITHM}|{purpose}"

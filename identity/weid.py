"""WeIDs: a citizen's own key, registered with proof of possession, its document published and logged.

Accountable pseudonymity: nothing public leads from a WeID to its person. The link is sealed, found only by a keyed
digest from the person's side, and opened from the WeID's side by ``person_of`` alone, which leaves a trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from anchoring import outbox
from anchoring.models import LogEntry
from identity import onetime, vault
from identity.audit import report
from identity.errors import (
    KeyRegisteredError,
    UnreadableError,
    WeidDeactivatedError,
    WeidExistsError,
    WeidPersonError,
    WeidProofError,
)
from identity.models import Account, DidVersion, Person, VerificationMethod, WeID
from protocol import did as dids
from protocol.encoding import canonical_json, json_object
from protocol.errors import EncodingError
from protocol.jose import verify_compact
from protocol.keys import jwk_thumbprint, p256_from_jwk
from protocol.keys import public_jwk as required_members

PROOF_TYPE = "weid-proof+jwt"
NONCE_LIFETIME = timedelta(minutes=10)
PROOF_WINDOW = timedelta(minutes=5)

_NONCE_PURPOSE = "weid-registration"
_LINK_CONTEXT = "weid-person"


def registration_nonce(account: Account) -> str:
    """Return the value that this account's next proof must hold."""
    return onetime.issue(purpose=_NONCE_PURPOSE, subject=_nonce_subject(account.pk), lifetime=NONCE_LIFETIME)


def register_device(*, person: Person, public_jwk: Mapping[str, Any], proof: str) -> WeID:
    """Register the person's WeID, or, where there is one, make this device's key the only active one."""
    existing = weid_of(person)
    if existing is None:
        return register(person=person, public_jwk=public_jwk, proof=proof)
    return rotate(weid=existing, person=person, public_jwk=public_jwk, proof=proof)


def register(*, person: Person, public_jwk: Mapping[str, Any], proof: str) -> WeID:
    """Register a WeID whose address is that of the device key, publish version 1 of its document, and log it.

    *proof* is a JWS of typ ``weid-proof+jwt`` by the key itself over ``aud``, ``nonce`` and ``iat``. Raises
    ProtocolError for a bad key or signature, WeidProofError, OneTimeValueError, WeidExistsError, KeyRegisteredError.
    """
    jwk, nonce = _check_proof(public_jwk, proof)
    did = dids.weid(settings.WEID_CHAIN, p256_from_jwk(jwk))
    with transaction.atomic():
        locked = Person.objects.select_for_update().get(pk=person.pk)
        if weid_of(locked) is not None:
            raise WeidExistsError("an active WeID")
        weid = _create(did, locked)
        _add_method(weid, jwk)
        _publish(weid)
        _consume_nonce(locked, nonce)
    return weid


def rotate(*, weid: WeID, person: Person, public_jwk: Mapping[str, Any], proof: str) -> WeID:
    """Add the new device's key and revoke the others; the DID stays, and its history tells which key held when."""
    jwk, nonce = _check_proof(public_jwk, proof)
    with transaction.atomic():
        locked = _lock(weid)
        if locked.person_hmac != _person_hmac(person):
            raise WeidPersonError(weid.did)
        locked.verification_methods.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())
        _add_method(locked, jwk)
        _publish(locked)
        _consume_nonce(person, nonce)
    return locked


@transaction.atomic
def revoke_device(*, weid: WeID, person: Person, fragment: str) -> None:
    """Revoke one device key, as after a loss. Raises WeidPersonError. Revoking twice is harmless."""
    locked = _lock(weid)
    if locked.person_hmac != _person_hmac(person):
        raise WeidPersonError(weid.did)
    active = locked.verification_methods.filter(fragment=fragment, revoked_at__isnull=True)
    if active.update(revoked_at=timezone.now()):
        _publish(locked)


@transaction.atomic
def deactivate(*, weid: WeID) -> None:
    """End a WeID for good: its document has no keys any more. Raises WeidDeactivatedError when it ended before."""
    locked = _lock(weid)
    now = timezone.now()
    locked.verification_methods.filter(revoked_at__isnull=True).update(revoked_at=now)
    locked.deactivated_at = now
    locked.save(update_fields=["deactivated_at"])
    _publish(locked)


@transaction.atomic
def sever(*, person: Person) -> None:
    """Deactivate every WeID of *person* and destroy the links: nobody can tell any more whose they were."""
    linked = WeID.objects.filter(person_hmac=_person_hmac(person))
    for weid in linked.filter(deactivated_at__isnull=True):
        deactivate(weid=weid)
    linked.update(person_hmac="", person_ciphertext=b"")


def weid_of(person: Person) -> WeID | None:
    return WeID.objects.filter(person_hmac=_person_hmac(person), deactivated_at__isnull=True).first()


def weid_ids_of(people: Iterable[Person]) -> dict[UUID, int]:
    """Return the ids of the active WeIDs of many people by person, in one query; who has none is left out."""
    by_hmac = {_person_hmac(person): person.pk for person in people}
    found = WeID.objects.filter(person_hmac__among=list(by_hmac), deactivated_at__isnull=True)
    return {by_hmac[person_hmac]: weid_id for person_hmac, weid_id in found.values_list("person_hmac", "pk")}


def person_of(weid: WeID, *, actor: str, reason: str) -> Person:
    """Open the link from WeID to person. Every opening is an audit event that the citizen can see.

    *actor* is an audit actor such as ``account:7`` or ``system``. Raises UnreadableError after erasure.
    """
    report(actor=actor, action="weid.open_link", subject=f"weid:{weid.did}", weid=weid, details={"reason": reason})
    plain = vault.unseal_for_service(weid.person_ciphertext, context=f"{_LINK_CONTEXT}:{weid.did}")
    return Person.objects.get(pk=plain.decode())


def is_link_sound(weid: WeID) -> bool:
    """Whether the sealed link opens and agrees with its look-up, or was severed whole. Tells nobody whose it is."""
    if not weid.person_hmac and not weid.person_ciphertext:
        return weid.deactivated_at is not None
    try:
        plain = vault.unseal_for_service(weid.person_ciphertext, context=f"{_LINK_CONTEXT}:{weid.did}")
    except UnreadableError:
        return False
    return vault.lookup_hmac(_LINK_CONTEXT, plain.decode()) == weid.person_hmac


def device_keys(weid: WeID) -> list[VerificationMethod]:
    """Return the active device keys, newest first."""
    return list(weid.verification_methods.filter(revoked_at__isnull=True).order_by("-added_at", "-pk"))


def record_id(version: DidVersion) -> str:
    """Return the name under which a version of a document stands in the log."""
    return f"weid:{version.weid.did}:{version.version_id}"


def leaf_digest(document: Mapping[str, Any]) -> bytes:
    """Unsalted: the document is public, and of high entropy through its key's address."""
    return sha256(canonical_json(document)).digest()


def _check_proof(public_jwk: Mapping[str, Any], proof: str) -> tuple[dict[str, str], str]:
    """Return the key's required members and the nonce, once the proof is by this key, for us, and of now."""
    key = p256_from_jwk(public_jwk)
    jws = verify_compact(proof, key=key, allowed_types=frozenset({PROOF_TYPE}), max_bytes=8192)
    try:
        claims = json_object(jws.payload)
    except EncodingError:
        raise WeidProofError("payload is not a JSON object") from None
    issued_at, nonce = claims.get("iat"), claims.get("nonce")
    if claims.get("aud") != settings.PUBLIC_URL:
        raise WeidProofError("made for another service")
    if type(issued_at) is not int or abs(issued_at - timezone.now().timestamp()) > PROOF_WINDOW.total_seconds():
        raise WeidProofError("made at another time")
    if not isinstance(nonce, str):
        raise WeidProofError("no nonce")
    return required_members(key), nonce


def _consume_nonce(person: Person, nonce: str) -> None:
    onetime.consume(purpose=_NONCE_PURPOSE, subject=_nonce_subject(person.account_id), value=nonce)


def _create(did: str, person: Person) -> WeID:
    sealed = vault.seal_for_service(str(person.pk).encode(), context=f"{_LINK_CONTEXT}:{did}")
    try:
        with transaction.atomic():
            return WeID.objects.create(did=did, person_hmac=_person_hmac(person), person_ciphertext=sealed)
    except IntegrityError:
        # The row lock keeps the person to one WeID, so it is the address that is taken, perhaps at this very moment.
        raise KeyRegisteredError("the address of this key") from None


def _add_method(weid: WeID, jwk: dict[str, str]) -> None:
    thumbprint = jwk_thumbprint(jwk)
    number = weid.verification_methods.count() + 1
    try:
        with transaction.atomic():
            VerificationMethod.objects.create(
                weid=weid, fragment=f"keys-{number}", public_jwk=jwk, thumbprint=thumbprint
            )
    except IntegrityError:
        raise KeyRegisteredError("one key, one WeID, once") from None


def _publish(weid: WeID) -> None:
    """Store the next version of the document, and its digest as a leaf in the same transaction."""
    active = weid.verification_methods.filter(revoked_at__isnull=True).order_by("pk")
    methods = [dids.VerificationMethod(method.fragment, method.public_jwk) for method in active]
    document = dids.weid_document(weid.did, methods)
    version_id = weid.versions.count() + 1
    version = DidVersion.objects.create(weid=weid, version_id=version_id, document=document)
    outbox.append(record_id=record_id(version), kind=LogEntry.Kind.WEID, digest=leaf_digest(document))


def _lock(weid: WeID) -> WeID:
    locked = WeID.objects.select_for_update().get(pk=weid.pk)
    if locked.deactivated_at is not None:
        raise WeidDeactivatedError(weid.did)
    return locked


def _person_hmac(person: Person) -> str:
    return vault.lookup_hmac(_LINK_CONTEXT, str(person.pk))


def _nonce_subject(account_id: int | None) -> str:
    return f"account:{account_id}"

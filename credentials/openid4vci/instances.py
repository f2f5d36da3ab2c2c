"""Copies of a certificate for a wallet, each released at most once, whatever is killed on the way.

1. Rows are committed: identity, status entry and signing key of every copy. The nonces of the request are used up with
   them. Nothing has been signed.
2. The copies are signed, each with fresh salts and the key that the wallet proved. A crash here loses signatures that
   nobody has seen.
3. Digests and log leaves are stored in one transaction, under the lock on the certificate; only then is the answer sent.

An answer that is lost is not sent again: the wallet asks for new copies, and these rows stay for the record.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from anchoring import outbox
from anchoring.crashpoint import reach
from anchoring.models import LogEntry
from credentials.applications import read_claims
from credentials.issuance import copy_record_id
from credentials.models import Credential, CredentialInstance, WalletGrant
from credentials.openid4vci.formats import CredentialFormat
from credentials.revocation import STATUS_BITS
from credentials.signing import Plan, Signed, validity
from credentials.status import draw_indices, list_uri, set_statuses
from identity.audit import report
from identity.keystore import StoredSigner, signer_for
from identity.models import SigningKey, WeID
from identity.trust import issuer_identifier
from protocol.errors import CredentialDeniedError

Jwk = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Handover:
    """The copies of one answer; the wallet reports on them under ``id``."""

    id: uuid.UUID
    credentials: list[str]


class _Order(NamedTuple):
    """What all steps need to know."""

    grant: WalletGrant
    credential: Credential
    form: CredentialFormat
    signer: StoredSigner


def hand_over(
    *,
    grant: WalletGrant,
    credential: Credential,
    form: CredentialFormat,
    holder_jwks: Sequence[Jwk],
    use_up: Callable[[], None],
    is_early: bool = True,
) -> Handover:
    """Return one copy for each of *holder_jwks*. Must not run inside a transaction.

    *use_up* consumes what the request may serve once: with the first step, or, unless *is_early*, with the release.
    Raises what it raises, CredentialDeniedError, KeyStateError and UnreadableError.
    """
    signer = signer_for(purpose=SigningKey.Purpose.CREDENTIAL, agency=credential.agency)
    order = _Order(grant, credential, form, signer)
    copies = _reserve(order, len(holder_jwks), use_up if is_early else _nothing)
    reach("handover.reserved")
    signed = _sign(order, copies, holder_jwks)
    reach("handover.signed")
    _release(order, copies, signed, _nothing if is_early else use_up)
    reach("handover.released")
    return Handover(copies[0].handover, [one.text for one in signed])


@transaction.atomic
def withdraw_copies(*, grant: WalletGrant, weid: WeID, actor: str) -> int:
    """Make every copy of one wallet invalid for good and end its tokens, as for a lost phone; return how many there were.

    The certificate of *weid*, and its copies in other wallets, stay as they are. Doing so twice is harmless.
    """
    WalletGrant.objects.filter(pk=grant.pk, ended_at__isnull=True).update(ended_at=timezone.now())
    # Behind the lock on the certificate, as every other change of its copies' entries.
    for credential in Credential.objects.filter(instances__grant=grant).distinct().order_by("pk").only("pk"):
        Credential.objects.select_for_update(no_key=True).only("pk").get(pk=credential.pk)
    copies = CredentialInstance.objects.filter(grant=grant, withdrawn_at__isnull=True)
    places = list(copies.values_list("status_list_id", "status_index"))
    set_statuses(places, status=STATUS_BITS[Credential.State.REVOKED])
    copies.update(withdrawn_at=timezone.now())
    if places:
        details, subject = {"copies": len(places)}, f"wallet_grant:{grant.pk}"
        report(actor=actor, action="wallet.withdrawn", subject=subject, weid=weid, details=details)
    return len(places)


@transaction.atomic(durable=True)
def _reserve(order: _Order, count: int, use_up: Callable[[], None]) -> list[CredentialInstance]:
    _check_valid(order)
    key = SigningKey.objects.only("pk").get(key_id=order.signer.key_id)
    issued_at, _ = validity(order.credential.credential_type, timezone.now())
    handover = uuid.uuid4()
    copies = [
        CredentialInstance(
            credential=order.credential,
            grant=order.grant,
            handover=handover,
            format=order.form.name,
            signing_key=key,
            status_list=status_list,
            status_index=status_index,
            issued_at=issued_at,
            expires_at=order.credential.expires_at,
        )
        for status_list, status_index in draw_indices(order.credential.agency, count=count)
    ]
    CredentialInstance.objects.bulk_create(copies)
    use_up()
    return copies


def _sign(order: _Order, copies: Sequence[CredentialInstance], holder_jwks: Sequence[Jwk]) -> list[Signed]:
    if order.credential.application is None:
        raise CredentialDeniedError("nothing is known of its claims")
    claims = read_claims(order.credential.application)
    pairs = zip(copies, holder_jwks, strict=True)
    return [order.form.sign(_plan(copy, order.credential, claims, jwk), order.signer) for copy, jwk in pairs]


def _plan(copy: CredentialInstance, credential: Credential, claims: Mapping[str, Any], holder_jwk: Jwk) -> Plan:
    return Plan(
        credential_id=copy.pk,
        number=credential.number,
        issuer=issuer_identifier(credential.agency),
        credential_type=credential.credential_type,
        holder_jwk=holder_jwk,
        claims=claims,
        status_list_id=copy.status_list_id,
        status_uri=list_uri(copy.status_list_id),
        status_index=copy.status_index,
        issued_at=copy.issued_at,
        expires_at=copy.expires_at,
    )


@transaction.atomic(durable=True)
def _release(
    order: _Order, copies: Sequence[CredentialInstance], signed: Iterable[Signed], use_up: Callable[[], None]
) -> None:
    _check_valid(order)
    now = timezone.now()
    for copy, one in zip(copies, signed, strict=True):
        copy.digest, copy.released_at = one.digest, now
    CredentialInstance.objects.bulk_update(copies, ["digest", "released_at"])
    # No copy without its leaf, no leaf without its copy.
    outbox.append_many(
        (copy_record_id(copy.pk), LogEntry.Kind.CREDENTIAL, bytes(copy.digest or b"")) for copy in copies
    )
    use_up()
    report(
        actor=f"wallet_grant:{order.grant.pk}",
        action="credential.handed_over",
        subject=f"credential:{order.credential.pk}",
        weid=order.credential.weid,
        details={"copies": len(copies), "format": order.form.name},
    )


def _check_valid(order: _Order) -> None:
    """Under its lock: whoever changes its status waits, and then finds every row of its copies."""
    rows = Credential.objects.select_for_update(no_key=True)
    locked = rows.only("state", "expires_at").get(pk=order.credential.pk)
    if locked.state != Credential.State.VALID or locked.expires_at <= timezone.now():
        raise CredentialDeniedError("not valid any more")
    if WalletGrant.objects.filter(pk=order.grant.pk, ended_at__isnull=False).exists():
        raise CredentialDeniedError("ended by the holder")


def _nothing() -> None:
    """Use up nothing at this step."""

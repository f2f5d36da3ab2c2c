"""Many certificates of one type: the same steps as one by one, each taken for a whole chunk.

A chunk is one unit: all its claims are checked first; then its applications and intents are committed; then everything
is signed, in a thread of its own; then credentials, leaves and states are stored in one transaction. What a crash leaves
approved, the sweeper of `credentials.issuance` issues from the intents, with the same identities.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from anchoring import events, outbox
from anchoring.copying import copy_rows
from anchoring.crashpoint import reach
from anchoring.models import LogEntry
from credentials.applications import claims_context
from credentials.errors import AgencyMismatchError, ClaimsInvalidError, OwnWorkError, WeidMissingError
from credentials.issuance import issued_event, record_id, sd_jwt_context
from credentials.models import Application, Credential, CredentialType, IssuanceIntent
from credentials.schemas import check_claims
from credentials.signing import Plan, draw_number, sign_credential, validity
from credentials.status import draw_indices, list_uri
from credentials.subject import seal_subject, subject_hmac
from identity import vault
from identity.access import has_role
from identity.audit import account_actor, report
from identity.keystore import StoredSigner, signer_for
from identity.models import Account, Person, Role, SigningKey, VerificationMethod
from identity.people import read_identity
from identity.trust import issuer_identifier
from identity.weid import weid_ids_of
from protocol.encoding import json_dumps

# Large enough that a task, a commit and a look-up cost little per certificate; small enough to lose little.
CHUNK = 1000


class Entry(NamedTuple):
    """One certificate to issue; ``person`` must have an active WeID."""

    person: Person
    claims: Mapping[str, Any]


class _Item(NamedTuple):
    """An entry with everything that its intent fixes."""

    entry: Entry
    data_key: vault.DataKey
    application_id: uuid.UUID
    weid_id: int
    plan: Plan


class _Sealed(NamedTuple):
    """A signed certificate as it is stored: its leaf, and its text under the person's key."""

    digest: bytes
    ciphertext: bytes


def issue_many(
    *, credential_type: CredentialType, maker: Account, checker: Account, entries: Iterable[Entry], chunk: int = CHUNK
) -> int:
    """Issue *entries*, prepared by *maker* and approved by *checker*, and return how many certificates there are now.

    Raises ClaimsInvalidError, whose fields begin with the entry's number, and WeidMissingError, before anything of that
    chunk is stored; OwnWorkError, AgencyMismatchError, KeyStateError. Must not run inside a transaction.
    """
    _check_roles(credential_type, maker, checker)
    signer = signer_for(purpose=SigningKey.Purpose.CREDENTIAL, agency=credential_type.agency)
    key = SigningKey.objects.only("pk").get(key_id=signer.key_id)
    # One thread signs while PostgreSQL works; a second would only fight with it, and with us, for the interpreter.
    with ThreadPoolExecutor(1) as signing:
        line = _Line(_Batch(credential_type, maker, checker, signer, key.pk), signing)
        try:
            for entries_of_chunk in _chunks(entries, chunk):
                line.take(entries_of_chunk)
        finally:
            line.finish()
    return line.issued


@dataclass(frozen=True, slots=True)
class _Batch:
    """What all chunks have in common."""

    credential_type: CredentialType
    maker: Account
    checker: Account
    signer: StoredSigner
    signing_key_id: int


class _Line:
    """While one chunk is signed, whose intents are committed, this thread stores the chunk before and plans the next."""

    def __init__(self, batch: _Batch, signing: Executor) -> None:
        self.issued = 0
        self._taken = 0
        self._batch, self._signing = batch, signing
        self._begun: tuple[list[_Item], Future[list[_Sealed]]] | None = None

    def take(self, entries: Sequence[Entry]) -> None:
        # Unwrapped once a chunk: three things are opened or sealed under each.
        data_keys = [vault.DataKey(entry.person.wrapped_data_key) for entry in entries]
        _check_entries(self._batch.credential_type, entries, data_keys, first=self._taken)
        self._taken += len(entries)
        items = _commit_intents(self._batch, entries, data_keys)
        reach("issue_many.intents_committed")
        begun = items, self._signing.submit(_sign, items, self._batch.signer)
        self.finish()
        self._begun = begun

    def finish(self) -> None:
        """Store the chunk that is being signed, if there is one."""
        if self._begun is None:
            return
        (items, signing), self._begun = self._begun, None
        sealed = signing.result()
        reach("issue_many.signed")
        _store(self._batch, items, sealed)
        reach("issue_many.stored")
        self.issued += len(items)


def _sign(items: Sequence[_Item], signer: StoredSigner) -> list[_Sealed]:
    """Runs beside the thread that stores, and touches no database."""
    sealed = []
    for item in items:
        signed = sign_credential(item.plan, signer=signer)
        context = sd_jwt_context(item.plan.credential_id)
        sealed.append(_Sealed(signed.digest, item.data_key.seal(signed.text.encode("ascii"), context=context)))
    return sealed


def _check_roles(credential_type: CredentialType, maker: Account, checker: Account) -> None:
    if maker.pk == checker.pk:
        raise OwnWorkError("maker and checker are one")
    for account, name in ((maker, Role.Name.MAKER), (checker, Role.Name.CHECKER)):
        if not has_role(account, agency=credential_type.agency, names=[name]):
            raise AgencyMismatchError(f"not a {name} of this agency")


def _check_entries(
    credential_type: CredentialType, entries: Sequence[Entry], data_keys: Sequence[vault.DataKey], first: int
) -> None:
    today = timezone.localdate()
    for number, (entry, data_key) in enumerate(zip(entries, data_keys, strict=True), first):
        identity = read_identity(entry.person, data_key)
        try:
            check_claims(credential_type, entry.claims, identity=identity, today=today)
        except ClaimsInvalidError as error:
            fields = {f"{number}.{name}": texts for name, texts in error.fields.items()}
            raise ClaimsInvalidError(f"entry {number}: {error.detail}", fields=fields) from None


@transaction.atomic(durable=True)
def _commit_intents(batch: _Batch, entries: Sequence[Entry], data_keys: Sequence[vault.DataKey]) -> list[_Item]:
    now = timezone.now()
    items = _plan(batch.credential_type, entries, data_keys, now)
    _copy_applications(batch, items, now)
    columns = (
        "application_id", "credential_id", "weid_id", "signing_key_id", "number", "status_list_id", "status_index",
        "created_at",
    )  # fmt: skip
    rows = [
        (
            item.application_id, item.plan.credential_id, item.weid_id, batch.signing_key_id, item.plan.number,
            item.plan.status_list_id, item.plan.status_index, now,
        )
        for item in items
    ]  # fmt: skip
    copy_rows(IssuanceIntent, columns, rows)
    return items


def _plan(
    credential_type: CredentialType, entries: Sequence[Entry], data_keys: Sequence[vault.DataKey], now: datetime
) -> list[_Item]:
    """Settle everything about each certificate. Raises WeidMissingError."""
    weids = weid_ids_of(entry.person for entry in entries)
    keys = _device_keys(weids.values())
    if any(weids.get(entry.person.pk) not in keys for entry in entries):
        raise WeidMissingError("no active device key")
    issued_at, expires_at = validity(credential_type, now)
    issuer = issuer_identifier(credential_type.agency)
    places = draw_indices(credential_type.agency, count=len(entries))
    items = []
    for entry, data_key, (status_list, status_index) in zip(entries, data_keys, places, strict=True):
        weid_id = weids[entry.person.pk]
        plan = Plan(
            credential_id=uuid.uuid4(),
            number=draw_number(credential_type, now),
            issuer=issuer,
            credential_type=credential_type,
            holder_jwk=keys[weid_id],
            claims=entry.claims,
            status_list_id=status_list.pk,
            status_uri=list_uri(status_list.pk),
            status_index=status_index,
            issued_at=issued_at,
            expires_at=expires_at,
        )
        items.append(_Item(entry, data_key, uuid.uuid4(), weid_id, plan))
    return items


def _device_keys(weid_ids: Iterable[int]) -> dict[int, Mapping[str, Any]]:
    """Return the newest active device key of each WeID."""
    active = VerificationMethod.objects.filter(weid__id__among=list(weid_ids), revoked_at__isnull=True)
    return dict(active.order_by("added_at", "pk").values_list("weid_id", "public_jwk"))


def _copy_applications(batch: _Batch, items: Sequence[_Item], now: datetime) -> None:
    kind = batch.credential_type
    columns = (
        "id", "person_hmac", "person_ciphertext", "claims_ciphertext", "credential_type_id", "agency_id", "state",
        "maker_id", "checker_id", "return_reason", "created_at", "submitted_at", "decided_at",
    )  # fmt: skip
    same = (
        kind.pk, kind.agency_id, Application.State.APPROVED.value, batch.maker.pk, batch.checker.pk, "", now, now, now,
    )  # fmt: skip
    rows = [
        (
            item.application_id, subject_hmac(item.entry.person), seal_subject(item.application_id, item.entry.person),
            _sealed_claims(item), *same,
        )
        for item in items
    ]  # fmt: skip
    copy_rows(Application, columns, rows)


def _sealed_claims(item: _Item) -> bytes:
    context = claims_context(item.application_id)
    return item.data_key.seal(json_dumps(dict(item.entry.claims)), context=context)


@transaction.atomic(durable=True)
def _store(batch: _Batch, items: Sequence[_Item], sealed: Sequence[_Sealed]) -> None:
    """Credentials, leaves and states, or none of them. A sweeper that came first has locked and issued what it took."""
    ours = _mark_issued(items)
    kept = [pair for pair in zip(items, sealed, strict=True) if pair[0].application_id in ours]
    _copy_credentials(batch, kept)
    outbox.append_many((record_id(item.plan.credential_id), LogEntry.Kind.CREDENTIAL, one.digest) for item, one in kept)
    events.emit(*(_event(item) for item, _ in kept))
    report(
        actor=account_actor(batch.checker),
        action="credential.issued_many",
        subject=f"credential_type:{batch.credential_type.slug}",
        details={"count": len(kept)},
    )


def _event(item: _Item) -> events.Event:
    plan = item.plan
    return issued_event(
        credential_id=plan.credential_id,
        application_id=item.application_id,
        credential_type=plan.credential_type,
        dates=(plan.issued_at, plan.expires_at),
    )


def _mark_issued(items: Sequence[_Item]) -> set[uuid.UUID]:
    """Take the applications that are still approved, and return which they were."""
    ids = [item.application_id for item in items]
    applications = Application.objects.filter(pk__among=ids)
    # The update locks each row and looks at its state again: no need to lock and read them all first.
    if applications.filter(state=Application.State.APPROVED).update(state=Application.State.ISSUED) == len(ids):
        return set(ids)
    # What the sweeper issued has its credential already; what is marked and has none was marked here.
    marked = applications.filter(state=Application.State.ISSUED, credential=None)
    return set(marked.values_list("pk", flat=True))


def _copy_credentials(batch: _Batch, kept: Sequence[tuple[_Item, _Sealed]]) -> None:
    kind = batch.credential_type
    columns = (
        "id", "application_id", "weid_id", "number", "sd_jwt_ciphertext", "digest", "status_list_id", "status_index",
        "issued_at", "expires_at", "credential_type_id", "agency_id", "signing_key_id", "state",
    )  # fmt: skip
    same = (kind.pk, kind.agency_id, batch.signing_key_id, Credential.State.VALID.value)
    rows = [
        (
            item.plan.credential_id, item.application_id, item.weid_id, item.plan.number, one.ciphertext, one.digest,
            item.plan.status_list_id, item.plan.status_index, item.plan.issued_at, item.plan.expires_at, *same,
        )
        for item, one in kept
    ]  # fmt: skip
    copy_rows(Credential, columns, rows)


def _chunks(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    iterator = iter(entries)
    while batch := list(islice(iterator, size)):
        yield batch

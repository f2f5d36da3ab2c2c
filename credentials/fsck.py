"""What must agree between credentials, their intents, the status lists and the log. Changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet

from anchoring.fsck import Finding
from anchoring.models import LogEntry
from credentials import redemption, revocation
from credentials.issuance import copy_record_id, record_id
from credentials.models import (
    Application,
    Credential,
    CredentialInstance,
    IssuanceIntent,
    Redemption,
    StatusChange,
    StatusList,
)
from protocol.status_list import StatusList as PackedList

_CHUNK = 2000
_STATUS_NAME = re.compile(r"status:[0-9]{1,18}\Z", re.ASCII)
_Row = TypeVar("_Row")


def check() -> list[Finding]:
    return [
        *_check_leaves(),
        *_check_changes(),
        *_check_orphans(),
        *_check_states(),
        *_check_replacements(),
        *_check_redemptions(),
        *_check_copies(),
        *_check_bits(),
    ]


def _check_leaves() -> Iterator[Finding]:
    """No credential without its leaf, and no other leaf under its name."""
    rows = Credential.objects.order_by("pk").only("pk", "digest").iterator(_CHUNK)
    for batch in _batches(rows):
        yield from _compare({record_id(row.pk): bytes(row.digest) for row in batch}, "credential")
    released = CredentialInstance.objects.filter(digest__isnull=False).order_by("pk").only("pk", "digest")
    for copies in _batches(released.iterator(_CHUNK)):
        yield from _compare({copy_record_id(row.pk): bytes(row.digest or b"") for row in copies}, "instance")


def _check_changes() -> Iterator[Finding]:
    for batch in _batches(StatusChange.objects.order_by("pk").iterator(_CHUNK)):
        expected = {revocation.record_id(row): revocation.leaf_digest(row) for row in batch}
        yield from _compare(expected, "status_change")


def _check_redemptions() -> Iterator[Finding]:
    """Each redemption and each reversal has its leaf, and nothing was taken beyond what its type grants."""
    for batch in _batches(Redemption.objects.order_by("pk").iterator(_CHUNK)):
        expected = {redemption.record_id(row): redemption.leaf_digest(row) for row in batch}
        reversed_rows = [row for row in batch if row.reversed_at is not None]
        expected |= {redemption.reversal_record_id(row): redemption.reversal_digest(row) for row in reversed_rows}
        yield from _compare(expected, "redemption")
    used = Credential.objects.filter(redemptions__isnull=False).distinct().select_related("credential_type")
    for row in used.defer("sd_jwt_ciphertext").iterator(_CHUNK):
        left = redemption.units_left(row)
        if left is None or left < 0:
            yield Finding("redeemed_too_often", f"credential:{row.pk}")


def _check_orphans() -> Iterator[Finding]:
    """No leaf without its certificate or change; what was recovered after a restore, the log's own check notes."""
    leaves = LogEntry.objects.exclude(record_id__startswith=LogEntry.RECOVERED).order_by("id")
    for names in _batches(_names(leaves, LogEntry.Kind.CREDENTIAL)):
        keys = [key for name in names if (key := _uuid_of(name))]
        known = {record_id(pk) for pk in Credential.objects.filter(pk__in=keys).values_list("pk", flat=True)}
        released = CredentialInstance.objects.filter(pk__in=keys, digest__isnull=False)
        known |= {copy_record_id(pk) for pk in released.values_list("pk", flat=True)}
        yield from (Finding("leaf_without_credential", name) for name in names if name not in known)
    for names in _batches(_names(leaves, LogEntry.Kind.STATUS)):
        numbers = [int(name.removeprefix("status:")) for name in names if _STATUS_NAME.match(name)]
        known = {revocation.record_id(row) for row in StatusChange.objects.filter(pk__in=numbers).only("pk")}
        yield from (Finding("leaf_without_status_change", name) for name in names if name not in known)
    for names in _batches(_names(leaves, LogEntry.Kind.REDEMPTION)):
        keys = [key for name in names if (key := _uuid_of(name.removesuffix(":reversed")))]
        rows = Redemption.objects.filter(pk__in=keys)
        known = {redemption.record_id(row) for row in rows}
        known |= {redemption.reversal_record_id(row) for row in rows if row.reversed_at is not None}
        yield from (Finding("leaf_without_redemption", name) for name in names if name not in known)


def _names(leaves: QuerySet[LogEntry], kind: str) -> Iterator[str]:
    return leaves.filter(kind=kind).values_list("record_id", flat=True).iterator(_CHUNK)


def _uuid_of(name: str) -> UUID | None:
    try:
        return UUID(name.partition(":")[2])
    except ValueError:
        return None


def _compare(expected: dict[str, bytes], what: str) -> Iterator[Finding]:
    found = dict(LogEntry.objects.filter(record_id__in=list(expected)).values_list("record_id", "digest"))
    for name, digest in expected.items():
        if name not in found:
            yield Finding(f"{what}_without_leaf", name)
        elif bytes(found[name]) != digest:
            yield Finding(f"{what}_leaf_differs", name)


def _check_states() -> Iterator[Finding]:
    """An application says that it is issued exactly when its credential exists, and as its intent fixed it."""
    issued = Application.objects.filter(state=Application.State.ISSUED, credential__isnull=True)
    for pk in issued.values_list("pk", flat=True):
        yield Finding("application_without_credential", f"application:{pk}")
    early = Credential.objects.filter(application__isnull=False).exclude(application__state=Application.State.ISSUED)
    for pk in early.values_list("pk", flat=True):
        yield Finding("credential_before_application", f"credential:{pk}")
    kept = (
        Credential.objects.filter(application__isnull=False)
        .select_related("application__intent")
        .defer("sd_jwt_ciphertext", "application__claims_ciphertext")
    )
    for row in kept.iterator(_CHUNK):
        intent = getattr(row.application, "intent", None)
        if intent is None or _facts(intent) != _facts(row) or intent.credential_id != row.pk:
            yield Finding("credential_differs_from_intent", f"credential:{row.pk}")


def _facts(row: object) -> tuple[object, ...]:
    names = ("number", "weid_id", "signing_key_id", "status_list_id", "status_index")
    return tuple(getattr(row, name) for name in names)


def _check_replacements() -> Iterator[Finding]:
    """What was issued again for another device is revoked, and its replacement ends no later."""
    issued = Credential.objects.filter(application__replaces__isnull=False)
    unrevoked = issued.exclude(application__replaces__state=Credential.State.REVOKED)
    for pk in unrevoked.values_list("application__replaces_id", flat=True):
        yield Finding("replaced_credential_not_revoked", f"credential:{pk}")
    longer = issued.filter(expires_at__gt=F("application__replaces__expires_at"))
    for pk in longer.values_list("pk", flat=True):
        yield Finding("replacement_outlives_original", f"credential:{pk}")


def _check_copies() -> Iterator[Finding]:
    """No copy outlives its certificate, is another's than its grant says, or shares a status entry with a certificate."""
    copies = CredentialInstance.objects.order_by("pk")
    longer = copies.filter(expires_at__gt=F("credential__expires_at"))
    yield from (Finding("instance_outlives_credential", f"instance:{pk}") for pk in longer.values_list("pk", flat=True))
    foreign = copies.exclude(credential__agency=F("grant__agency"))
    yield from (Finding("instance_of_another_agency", f"instance:{pk}") for pk in foreign.values_list("pk", flat=True))
    same_entry = IssuanceIntent.objects.filter(
        status_list=OuterRef("status_list"), status_index=OuterRef("status_index")
    )
    shared = copies.filter(Exists(same_entry))
    yield from (Finding("status_entry_shared", f"instance:{pk}") for pk in shared.values_list("pk", flat=True))


def _check_bits() -> Iterator[Finding]:
    """Every bit of a status list says what its credential's row says, and every other entry is valid."""
    for row in StatusList.objects.iterator():
        packed = PackedList(row.bits, bytearray(row.array))
        for index, bits in _expected_bits(row).items():
            if packed.get(index) != bits:
                yield Finding("status_bit_differs", f"status_list:{row.pk}", f"entry {index}")
            packed.set(index, 0)
        if any(packed.array):
            yield Finding("status_bit_unaccounted", f"status_list:{row.pk}")


def _expected_bits(status_list: StatusList) -> dict[int, int]:
    """Return every entry that is not valid: of certificates, and of copies, which are what their certificate is."""
    marked = Credential.objects.filter(status_list=status_list).exclude(state=Credential.State.VALID)
    copies = CredentialInstance.objects.filter(status_list=status_list)
    followed = copies.filter(withdrawn_at__isnull=True).exclude(credential__state=Credential.State.VALID)
    states = [
        *marked.values_list("status_index", "state"),
        *followed.values_list("status_index", "credential__state"),
        *((index, Credential.State.REVOKED) for index in _withdrawn(copies)),
    ]
    return {index: revocation.STATUS_BITS[Credential.State(state)] for index, state in states}


def _withdrawn(copies: QuerySet[CredentialInstance]) -> QuerySet[CredentialInstance, int]:
    return copies.filter(withdrawn_at__isnull=False).values_list("status_index", flat=True)


def _batches(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, _CHUNK)):
        yield batch

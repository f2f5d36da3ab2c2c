"""Token Status Lists of our agencies: one entry a credential, drawn at random, published whole.

A list is far larger than its use on any day and every index is drawn at random, so neither the list nor a fetch of it
tells which credential is asked about, how many there are, or which were issued together.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from credentials.models import CredentialInstance, IssuanceIntent, StatusList
from identity.keystore import signer_for
from identity.models import Agency, SigningKey
from protocol import status_list as protocol_list
from protocol.errors import NotFoundError

# Above this share of entries in use, drawing slows and the crowd to hide in no longer grows: a new list begins.
FILL_LIMIT = 0.8
TOKEN_LIFETIME_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class StatusToken:
    """A signed token with what HTTP caches need: it is good for ``max_age`` seconds from now."""

    text: str
    etag: str
    max_age: int


def list_uri(list_id: uuid.UUID) -> str:
    return f"{settings.PUBLIC_URL}/status/{list_id}"


def draw_index(agency: Agency) -> tuple[StatusList, int]:
    """Return one free entry. Must run in the transaction that stores the intent."""
    return draw_indices(agency, count=1)[0]


def draw_indices(agency: Agency, *, count: int) -> list[tuple[StatusList, int]]:
    """Return *count* free entries. The lock on the list makes two draws of one entry impossible, not merely rare."""
    drawn: list[tuple[StatusList, int]] = []
    while len(drawn) < count:
        status_list = _open_list(agency)
        room = int(status_list.size * FILL_LIMIT) - status_list.used
        indices = _draw_free(status_list, min(count - len(drawn), room))
        drawn += [(status_list, index) for index in indices]
        status_list.used += len(indices)
        status_list.save(update_fields=["used"])
    return drawn


def _open_list(agency: Agency) -> StatusList:
    # Locking the agency serialises the opening of a new list; a list once open is never deleted.
    Agency.objects.select_for_update(no_key=True).get(pk=agency.pk)
    lists = StatusList.objects.select_for_update(no_key=True).filter(agency=agency)
    newest = lists.defer("array").order_by("-created_at", "-pk").first()
    if newest is not None and newest.used < int(newest.size * FILL_LIMIT):
        return newest
    empty = protocol_list.StatusList.of_size(settings.STATUS_LIST_SIZE, bits=2)
    return StatusList.objects.create(agency=agency, bits=2, size=settings.STATUS_LIST_SIZE, array=bytes(empty.array))


def _draw_free(status_list: StatusList, count: int) -> list[int]:
    chosen: dict[int, None] = {}
    while len(chosen) < count:
        missing = count - len(chosen)
        # As many as the share in use will refuse, and a few more: one round is nearly always enough.
        wanted = missing * status_list.size // (status_list.size - status_list.used) + missing // 16 + 8
        candidates = dict.fromkeys(_random_indices(status_list.size, wanted))
        taken = _taken(status_list, list(candidates)) | chosen.keys()
        free = [index for index in candidates if index not in taken]
        chosen.update(dict.fromkeys(free[:missing]))
    return list(chosen)


def _taken(status_list: StatusList, indices: list[int]) -> set[int]:
    """Return those of *indices* that a certificate or a copy of one has."""
    at = {"status_list": status_list, "status_index__among": indices}
    intents = IssuanceIntent.objects.filter(**at).values_list("status_index", flat=True)
    return set(intents.union(CredentialInstance.objects.filter(**at).values_list("status_index", flat=True)))


def _random_indices(size: int, count: int) -> list[int]:
    # One draw for all, each index from 64 bits: the remainder favours none by more than one part in 2^32.
    return [word % size for word in memoryview(secrets.token_bytes(8 * count)).cast("Q")]


def set_statuses(places: Iterable[tuple[uuid.UUID, int]], *, status: int) -> None:
    """Write the entries at *places* (list, index) and raise their lists' versions, in the caller's transaction.

    No key is locked: whoever issues shares the list's at commit, holding the audit trail that our caller locks next.
    """
    by_list: dict[uuid.UUID, list[int]] = {}
    for list_id, index in places:
        by_list.setdefault(list_id, []).append(index)
    # In one order, so that two who change entries of the same lists never wait for each other.
    for row in StatusList.objects.select_for_update(no_key=True).filter(pk__in=by_list).order_by("pk"):
        packed = protocol_list.StatusList(row.bits, bytearray(row.array))
        for index in by_list[row.pk]:
            packed.set(index, status)
        row.array, row.version = bytes(packed.array), row.version + 1
        row.save(update_fields=["array", "version"])


def bit_of(*, status_list_id: uuid.UUID, index: int) -> int:
    row = StatusList.objects.get(pk=status_list_id)
    return protocol_list.StatusList(row.bits, bytearray(row.array)).get(index)


_tokens: dict[uuid.UUID, tuple[int, int, str]] = {}


def status_token(list_id: uuid.UUID) -> StatusToken:
    """Return the token of a list, signed again when an entry changed or its period has passed.

    Every token of one period and version is the same text. Raises NotFoundError for an unknown list.
    """
    version = StatusList.objects.filter(pk=list_id).values_list("version", flat=True).first()
    if version is None:
        raise NotFoundError("no such status list")
    now, ttl = int(time.time()), settings.STATUS_TOKEN_TTL
    period = now - now % ttl
    held = _tokens.get(list_id)
    if held is None or held[:2] != (version, period):
        held = _tokens[list_id] = (version, period, _sign(list_id, period, ttl))
    return StatusToken(held[2], f'"{version}-{period}"', period + ttl - now)


def _sign(list_id: uuid.UUID, issued_at: int, ttl: int) -> str:
    # Read with its version inside one row: a change between the two queries only makes the next request sign again.
    row = StatusList.objects.select_related("agency").get(pk=list_id)
    signer = signer_for(purpose=SigningKey.Purpose.STATUS, agency=row.agency)
    return protocol_list.encode_token(
        protocol_list.StatusList(row.bits, bytearray(row.array)),
        uri=list_uri(list_id),
        signer=signer,
        iat=issued_at,
        exp=issued_at + TOKEN_LIFETIME_SECONDS,
        ttl=ttl,
        x5c=signer.x5c,
    )


@transaction.atomic
def open_list(agency: Agency) -> StatusList:
    """Make sure that *agency* has a list to draw from."""
    return _open_list(agency)

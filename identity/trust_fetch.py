"""Fetch the lists under a pinned root, level by level, and keep of each the last good one.

1. Ask for the root's list, then for the list of every body that it names, and so on: bounded in number, depth, bytes and
   time. A list that cannot be had, or must not be believed, leaves the one before it in use until its own end.
2. In one transaction, under a lock on the root: compare each new list with what is remembered of its address, store it,
   note what went wrong, and forget lists that nobody names any more. Two fetches at once come to the same.

A crash between the two loses nothing but the fetching.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import transaction
from django.utils import timezone

from anchoring.errors import FetchError
from anchoring.fetch import get
from identity.models import TrustAnchor, TrustList
from identity.trust import bump_trust
from identity.trust_anchors import protocol_anchor
from protocol.errors import CodedError, TrustListFormatError
from protocol.trust_chain import Refusal, resolve
from protocol.trust_list import (
    MAX_LIST_BYTES,
    MEDIA_TYPE,
    Publisher,
    Seen,
    SignedList,
    check_current,
    check_succession,
    verify_list,
)
from protocol.trust_list import TrustList as Content

logger = logging.getLogger(__name__)

# For all lists under one root together: a root is believed in what it signs, not trusted with our time and memory.
MAX_CHAIN_BYTES = 1 << 24
MAX_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one root: addresses with a newer list, addresses with the code of what was wrong, and entries cut."""

    renewed: tuple[str, ...]
    findings: dict[str, str]
    refusals: tuple[Refusal, ...]


@dataclass(slots=True)
class _Candidate:
    """A list as it was served just now: sound by itself, not yet compared with the one before."""

    publisher: Publisher
    token: str = ""
    signed: SignedList | None = None
    finding: str = ""


@dataclass(slots=True)
class _Walk:
    """The lists asked for on one way through a chain."""

    held: dict[str, TrustList]
    now: float
    candidates: dict[str, _Candidate] = field(default_factory=dict)
    bytes_left: int = field(default_factory=lambda: MAX_CHAIN_BYTES)
    deadline: float = field(default_factory=lambda: time.monotonic() + MAX_SECONDS)

    def obtain(self, publisher: Publisher) -> Content | None:
        """Return what the address serves if it may follow what is held, else what is held."""
        row = self.held.get(publisher.list_uri)
        candidate = self.candidates[publisher.list_uri] = _Candidate(publisher)
        try:
            candidate.token = self._download(publisher.list_uri)
            signed = verify_list(candidate.token, publisher=publisher)
            check_current(signed.content, now=self.now)
            check_succession(signed, last=_seen(row), publisher=publisher)
        except CodedError as error:
            candidate.finding = error.code
        else:
            candidate.signed = signed
            return signed.content
        if row is None or not row.token:
            return None
        return verify_list(row.token, publisher=publisher).content

    def _download(self, uri: str) -> str:
        """Raises FetchError, also when the chain as a whole has used up its time."""
        if time.monotonic() > self.deadline:
            raise FetchError("the chain took too long")
        bound = min(MAX_LIST_BYTES, self.bytes_left)
        document = get(uri, purpose="trust-list", max_bytes=bound, accept={MEDIA_TYPE})
        self.bytes_left -= len(document.content)
        try:
            return document.content.decode("ascii").strip()
        except UnicodeDecodeError:
            raise TrustListFormatError("not ASCII") from None


def fetch_anchor(anchor: TrustAnchor) -> Fetched:
    """Fetch every list under *anchor* and keep what may be kept. Raises nothing for what others serve."""
    walk = _Walk({row.uri: row for row in anchor.lists.all()}, timezone.now().timestamp())
    found = resolve(protocol_anchor(anchor), obtain=walk.obtain)
    renewed = _keep(anchor, walk.candidates.values())
    findings = {uri: candidate.finding for uri, candidate in walk.candidates.items() if candidate.finding}
    for uri, code in findings.items():
        logger.warning("trust list %s not taken: %s", uri, code)
    return Fetched(tuple(renewed), findings, tuple(found.refusals))


@transaction.atomic
def _keep(anchor: TrustAnchor, candidates: Iterable[_Candidate]) -> list[str]:
    """Return the addresses of which a newer list was stored."""
    TrustAnchor.objects.select_for_update().get(pk=anchor.pk)
    held = {row.uri: row for row in anchor.lists.all()}
    renewed = []
    for candidate in candidates:
        uri, publisher = candidate.publisher.list_uri, candidate.publisher
        row = held.pop(uri, None) or TrustList(anchor=anchor, uri=uri)
        row.publisher = publisher.identifier
        renewed += [uri] if _enter(row, candidate) else []
        row.save()
    TrustList.objects.filter(pk__in=[row.pk for row in held.values()]).delete()
    if renewed or held:
        bump_trust()
    return renewed


def _enter(row: TrustList, candidate: _Candidate) -> bool:
    """Write into *row* what came of the attempt; whether a newer list did."""
    row.tried_at = timezone.now()
    if candidate.signed is not None:
        try:
            # Once more, under the lock: another fetch may have stored a newer one meanwhile.
            is_newer = check_succession(candidate.signed, last=_seen(row), publisher=candidate.publisher)
        except CodedError as error:
            candidate.finding = error.code
        else:
            row.finding, row.fetched_at = "", row.tried_at
            return is_newer and _store(row, candidate.token, candidate.signed)
    row.finding = candidate.finding
    return False


def _store(row: TrustList, token: str, signed: SignedList) -> bool:
    row.token, row.version = token, signed.seen.version
    row.digest, row.signed_by = signed.seen.digest, signed.seen.signed_by
    row.expires_at = datetime.fromtimestamp(signed.content.expires_at, UTC)
    return True


def _seen(row: TrustList | None) -> Seen | None:
    return Seen(row.version, bytes(row.digest), row.signed_by) if row is not None and row.token else None

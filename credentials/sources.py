"""The facts that verification asks for, out of the database and kept in process memory by version.

A warm verification makes no query between two polls, and one at a poll: a single row tells whether keys, trust, types or
any status list changed. Status bits are read from the same lists that we publish. While the database is down, what is
held goes on serving, statuses no longer than the lists that we publish may be kept.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models import BigIntegerField, F, Func, Subquery
from django.db.models.functions import Coalesce
from django.utils.module_loading import import_string

from anchoring.log_key import log_key, log_origin
from credentials.attestations import QuorumFact
from credentials.catalog import types_by_vct
from credentials.facts import (
    AnchorFact,
    AuthorizationFact,
    CouldNotCheckError,
    IssuerTrust,
    Sources,
    StatusFact,
)
from credentials.log_evidence import find_quorum, receipt_of, receipts_of
from credentials.models import CredentialType, StatusList
from credentials.remote_status import RemoteStatuses
from credentials.status import list_uri
from credentials.trust_bundle import leaf_of
from identity import trust as registry
from identity.models import TrustVersion
from identity.trust_anchors import imported_issuers
from protocol.errors import ProtocolError
from protocol.proof import Receipt, verify_receipt
from protocol.quorum import QuorumPolicy
from protocol.status_list import StatusList as PackedList
from protocol.trust_chain import narrow

_ANCHORS_KEPT = 100_000
# What settings.AUTHORIZATION_SOURCE names (see authorization.consent.authorization_facts).
AskAuthorizations = Callable[[Collection[str]], Mapping[str, Mapping[str, Any]]]
_DATABASE_DOWN = {"reason": "database_unavailable"}


@dataclass(frozen=True, slots=True)
class Versions:
    """What the poll reads. ``statuses`` is the sum of all lists' versions: it rises with every change of any entry."""

    trust: int
    statuses: int


@dataclass(frozen=True, slots=True)
class TrustSnapshot:
    """Issuers and types as of one trust version."""

    issuers: Mapping[str, IssuerTrust]
    own: frozenset[str]
    types: Mapping[str, CredentialType]


class DatabaseSources:
    """All four sources. One object serves a whole process; its lock is held only while something is reloaded."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._remote = RemoteStatuses()
        self.forget()

    def forget(self) -> None:
        """Drop everything held, as a new process would start."""
        self._polled_at = -1.0
        self._current_at = 0.0
        self._versions: Versions | None = None
        self._trust: TrustSnapshot | None = None
        self._lists: dict[str, tuple[int, str, PackedList]] = {}
        self._lists_as_of = -1
        self._anchors: OrderedDict[bytes, AnchorFact] = OrderedDict()

    def as_sources(self) -> Sources:
        return Sources(trust=self, statuses=self, anchors=self, authorizations=self, quorums=self)

    def refresh(self) -> TrustSnapshot:
        """Return the current snapshot, after a poll when the last one is too long ago."""
        now = time.monotonic()
        if self._trust is not None and now - self._polled_at < settings.VERIFY_TRUST_POLL_SECONDS:
            return self._trust
        with self._lock:
            self._polled_at = now
            try:
                return self._reload()
            except DatabaseError:
                if self._trust is None:
                    raise CouldNotCheckError("issuer_key_unavailable", _DATABASE_DOWN) from None
                return self._trust

    def trust_version(self) -> int:
        """Return the version of what is held, after the same poll. Raises CouldNotCheckError when nothing is."""
        self.refresh()
        return self._versions.trust if self._versions else -1

    def _reload(self) -> TrustSnapshot:
        as_of, versions = time.time(), read_versions()
        if self._trust is None or self._versions is None or self._versions.trust != versions.trust:
            self._trust = load_trust()
        self._versions, self._current_at = versions, as_of
        return self._trust

    def find_issuer(self, identifier: str) -> IssuerTrust | None:
        return self.refresh().issuers.get(identifier)

    def find_type(self, vct: str) -> CredentialType | None:
        return self.refresh().types.get(vct)

    def find_status(
        self, *, index: int, uri: str, issuer: IssuerTrust, now: float, max_age: float | None
    ) -> StatusFact:
        if not uri.startswith(_own_prefix()):
            return self._remote.find_status(index=index, uri=uri, issuer=issuer, now=now, max_age=max_age)
        if time.time() - self._current_at > settings.STATUS_TOKEN_TTL + settings.VERIFY_TRUST_POLL_SECONDS:
            raise CouldNotCheckError("status_unavailable", _DATABASE_DOWN)
        packed, owner = self._own_list(uri)
        # Another issuer's credential must not be vouched for by a list that is not that issuer's.
        if owner != issuer.identifier:
            raise CouldNotCheckError("status_unavailable", {"reason": "status_list_of_another_issuer"})
        return StatusFact(packed.get(index), self._current_at)

    def find_anchor(self, *, digest: bytes, issuer: IssuerTrust) -> AnchorFact:
        held = self._anchors.get(digest)
        if held is not None:
            return held
        if self._trust is None or issuer.identifier not in self._trust.own:
            return AnchorFact("foreign")
        try:
            fact = _find_anchor(digest)
        except DatabaseError:
            raise CouldNotCheckError("anchor_unavailable", _DATABASE_DOWN) from None
        if fact.state == "published":
            self._hold_anchor(digest, fact)
        return fact

    def load_anchors(self, digests: Collection[bytes]) -> dict[bytes, AnchorFact]:
        """Load the places of many certificates at once, and return those of ours that have none yet.

        Raises CouldNotCheckError.
        """
        try:
            facts = _find_anchors([digest for digest in digests if digest not in self._anchors])
        except DatabaseError:
            raise CouldNotCheckError("anchor_unavailable", _DATABASE_DOWN) from None
        for digest, fact in facts.items():
            if fact.state == "published":
                self._hold_anchor(digest, fact)
        return {digest: fact for digest, fact in facts.items() if fact.state == "pending"}

    def _hold_anchor(self, digest: bytes, fact: AnchorFact) -> None:
        # A leaf never leaves the log, so a proof found once holds for ever.
        self._anchors[digest] = fact
        if len(self._anchors) > _ANCHORS_KEPT:
            self._anchors.popitem(last=False)

    def find_quorum(self, *, digest: bytes, issuer: IssuerTrust, quorum: QuorumPolicy) -> QuorumFact:
        # Asked every time: attestations come in for as long as there are ledgers.
        if self._trust is None or issuer.identifier not in self._trust.own:
            raise CouldNotCheckError("anchor_foreign")
        try:
            return find_quorum(digest, quorum)
        except DatabaseError:
            raise CouldNotCheckError("anchor_unavailable", _DATABASE_DOWN) from None

    def find_authorization(self, terms_digest: str) -> AuthorizationFact | None:
        return self.find_authorizations([terms_digest]).get(terms_digest)

    def find_authorizations(self, terms_digests: Collection[str]) -> dict[str, AuthorizationFact]:
        """Return what is known of each. Raises CouldNotCheckError."""
        # Asked every time: a withdrawal takes effect with the next request.
        ask: AskAuthorizations = import_string(settings.AUTHORIZATION_SOURCE)
        try:
            facts = ask(terms_digests)
        except DatabaseError:
            raise CouldNotCheckError("authorization_unavailable", _DATABASE_DOWN) from None
        return {digest: _authorization_fact(fact) for digest, fact in facts.items()}

    def _own_list(self, uri: str) -> tuple[PackedList, str]:
        try:
            if self._versions is not None and self._versions.statuses != self._lists_as_of:
                with self._lock:
                    self._drop_changed_lists(self._versions.statuses)
            held = self._lists.get(uri)
            if held is None:
                held = self._lists[uri] = _load_list(uri)
        except DatabaseError:
            raise CouldNotCheckError("status_unavailable", _DATABASE_DOWN) from None
        return held[2], held[1]

    def _drop_changed_lists(self, statuses: int) -> None:
        current = dict(StatusList.objects.values_list("id", "version"))
        versions = {list_uri(list_id): version for list_id, version in current.items()}
        self._lists = {uri: held for uri, held in self._lists.items() if versions.get(uri) == held[0]}
        self._lists_as_of = statuses


def _authorization_fact(fact: Mapping[str, Any]) -> AuthorizationFact:
    claims = tuple(tuple(path) for path in fact["claims"])
    return AuthorizationFact(
        fact["state"], claims, fact["organisation"], str(fact["expires_at"]), str(fact["keep_until"])
    )


@lru_cache(maxsize=1)
def database_sources() -> DatabaseSources:
    """Return this process's one set of sources."""
    return DatabaseSources()


def load_trust() -> TrustSnapshot:
    """Read issuers, keys and types: our own agencies issue their own types, others what they are registered for.

    Our own keys come before those pinned here, and both before what lists from elsewhere say of the same name.
    """
    types = types_by_vct()
    own = {
        identifier: replace(issuer, types=narrow(issuer.types, _types_of(identifier, types)))
        for identifier, issuer in registry.agency_issuers().items()
    }
    issuers = {**imported_issuers(), **registry.trusted_issuers(), **own}
    return TrustSnapshot(issuers, frozenset(own), types)


def _types_of(identifier: str, types: Mapping[str, CredentialType]) -> frozenset[str]:
    return frozenset(vct for vct, row in types.items() if registry.issuer_identifier(row.agency) == identifier)


def read_versions() -> Versions:
    """Return what tells whether anything held in memory is out of date, in one query."""
    # A plain function, not an aggregate, keeps this one row: no GROUP BY.
    total = StatusList.objects.annotate(total=Func(F("version"), function="SUM", output_field=BigIntegerField()))
    statuses = Coalesce(Subquery(total.values("total")), 0)
    row = TrustVersion.objects.annotate(statuses=statuses).values_list("version", "statuses").first()
    return Versions(*row) if row else Versions(-1, -1)


def _own_prefix() -> str:
    return f"{settings.PUBLIC_URL}/status/"


def _load_list(uri: str) -> tuple[int, str, PackedList]:
    try:
        list_id = uuid.UUID(uri.removeprefix(_own_prefix()))
        row = StatusList.objects.select_related("agency").get(pk=list_id)
    except (ValueError, StatusList.DoesNotExist):
        raise CouldNotCheckError("status_unavailable", {"reason": "status_list_unknown"}) from None
    packed = PackedList(row.bits, bytearray(row.array))
    return row.version, registry.issuer_identifier(row.agency), packed


def _find_anchor(digest: bytes) -> AnchorFact:
    receipt = receipt_of(digest)
    return AnchorFact("pending", log_origin()) if receipt is None else _place(digest, receipt)


def _find_anchors(digests: Collection[bytes]) -> dict[bytes, AnchorFact]:
    """Return where each certificate of ours stands; of others, and of what cannot be proven, nothing."""
    places: dict[bytes, AnchorFact] = {}
    for digest, receipt in receipts_of(digests).items():
        # One that contradicts our log is left to find_anchor, which says so.
        with suppress(CouldNotCheckError):
            places[digest] = AnchorFact("pending", log_origin()) if receipt is None else _place(digest, receipt)
    return places


def _place(digest: bytes, receipt: Receipt) -> AnchorFact:
    try:
        checkpoint = verify_receipt(receipt, leaf_hash=leaf_of(digest), keys=[log_key()], origin=log_origin())
    except ProtocolError as error:
        # Our own stored log contradicts itself: an operator's matter, never the holder's fault.
        raise CouldNotCheckError("anchor_unavailable", {"reason": error.code}) from None
    return AnchorFact("published", checkpoint.origin, receipt.index, checkpoint.size)

"""From a root that the operator pinned, through the lists of accrediting bodies, to the issuers and verifiers they name.

Whatever a list says, nobody gets more than whoever names them holds: types, kinds and time are cut to the grantor's, and
what was cut is told. The nearest word counts: lists are read level by level, in the order of their entries, and a name
that has an entry keeps it, so that no body speaks over one that is nearer to the root. A body that is withdrawn is not
read at all. How current a chain is goes along with every party; whoever relies on it compares it with the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from protocol.errors import (
    ProtocolError,
    TrustChainCycleError,
    TrustChainLimitError,
    TrustGrantError,
    TrustIdentifierError,
)
from protocol.trust_list import Publisher, TrustList, verify_list
from protocol.trust_party import ANY_TYPE, Kind, Party, Registration

MAX_DEPTH: Final = 4
MAX_LISTS: Final = 64

# Returns the list of a publisher, verified, or None when it cannot be had; raises ProtocolError when it is unsound.
Obtain = Callable[[Publisher], TrustList | None]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A root as the operator pinned it, and the *types* for which its word counts here."""

    publisher: Publisher
    types: frozenset[str]


class Standing(NamedTuple):
    """Why a party counts: the addresses of its lists, the root's first, and times in seconds since 1970.

    Past *fresh_until* one of the lists may have changed unseen: nothing can be said. *withdrawn_at* is None while the
    accreditation stands.
    """

    lists: tuple[str, ...]
    valid_from: float
    valid_until: float
    fresh_until: float
    withdrawn_at: float | None = None


@dataclass(frozen=True, slots=True)
class Accredited:
    """A party with the *types* that are left after every cut."""

    party: Party
    types: frozenset[str]
    standing: Standing

    @property
    def registrations(self) -> tuple[Registration, ...]:
        """What a verifier may ask for, as far as those who registered it may say so."""
        return tuple(item for item in self.party.registrations if item.vct in self.types)


class Refusal(NamedTuple):
    """What was not taken from the list at *uri*: the entry of *identifier*, or the body's list itself."""

    uri: str
    identifier: str
    error: ProtocolError


@dataclass(slots=True)
class Resolution:
    """What a chain comes to: parties by identifier, lists by address in the order read, and what is missing or refused."""

    issuers: dict[str, Accredited] = field(default_factory=dict)
    verifiers: dict[str, Accredited] = field(default_factory=dict)
    lists: dict[str, TrustList] = field(default_factory=dict)
    missing: list[Publisher] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


class _Grant(NamedTuple):
    """What a publisher holds, and may therefore pass on."""

    publisher: Publisher
    types: frozenset[str]
    accredits: frozenset[Kind]
    standing: Standing


def resolve(anchor: Anchor, *, obtain: Obtain) -> Resolution:
    """Return everyone whom the chain under *anchor* accredits. Whatever the lists hold, nothing is raised."""
    found = Resolution()
    standing = Standing((), 0.0, float("inf"), float("inf"))
    waiting = deque([_Grant(anchor.publisher, anchor.types, frozenset(Kind), standing)])
    while waiting:
        grant = waiting.popleft()
        try:
            content = _read(grant, found, obtain)
        except ProtocolError as error:
            found.refusals.append(Refusal(grant.publisher.list_uri, grant.publisher.identifier, error))
            continue
        if content is not None:
            waiting.extend(_take_entries(content, _beneath(grant, content), found))
    return found


def narrow(held: frozenset[str], asked: frozenset[str]) -> frozenset[str]:
    """Return the types of *asked* that whoever holds *held* may grant."""
    if ANY_TYPE in held:
        return asked
    return held if ANY_TYPE in asked else held & asked


def _read(grant: _Grant, found: Resolution, obtain: Obtain) -> TrustList | None:
    uri = grant.publisher.list_uri
    if uri in found.lists:
        raise TrustChainCycleError(uri)
    if len(grant.standing.lists) >= MAX_DEPTH or len(found.lists) >= MAX_LISTS:
        raise TrustChainLimitError(f"at most {MAX_DEPTH} above one another and {MAX_LISTS} in all")
    content = obtain(grant.publisher)
    if content is None:
        found.missing.append(grant.publisher)
    else:
        found.lists[uri] = content
    return content


def _beneath(grant: _Grant, content: TrustList) -> _Grant:
    """The same grant, as far as this list of it may be relied on."""
    standing = grant.standing
    fresh_until = min(standing.fresh_until, content.expires_at)
    return grant._replace(standing=standing._replace(lists=(*standing.lists, content.uri), fresh_until=fresh_until))


def _take_entries(content: TrustList, grant: _Grant, found: Resolution) -> list[_Grant]:
    """Take the parties of one list in; return the bodies whose lists come next."""
    bodies = []
    for party in content.entries:
        try:
            accredited = _cut(party, grant)
            if party.kind is Kind.BODY:
                bodies += [_pass_on(accredited, grant)] if party.is_granted else []
            else:
                _enter(accredited, found.issuers if party.kind is Kind.ISSUER else found.verifiers)
            _tell_excess(accredited, grant)
        except ProtocolError as error:
            found.refusals.append(Refusal(content.uri, party.identifier, error))
    return bodies


def _cut(party: Party, grant: _Grant) -> Accredited:
    """Raises TrustGrantError when nothing is left."""
    types = narrow(grant.types, party.asked_types)
    if party.kind not in grant.accredits or not types:
        raise TrustGrantError(f"{party.kind} for {', '.join(sorted(party.asked_types))[:200]}")
    standing = grant.standing._replace(
        valid_from=max(grant.standing.valid_from, party.valid_from),
        valid_until=min(grant.standing.valid_until, party.valid_until),
        withdrawn_at=None if party.is_granted else float(party.status_since),
    )
    return Accredited(party, types, standing)


def _pass_on(body: Accredited, grant: _Grant) -> _Grant:
    publisher = Publisher(body.party.identifier, body.party.list_uri, body.party.keys)
    return _Grant(publisher, body.types, grant.accredits & body.party.accredits, body.standing)


def _enter(accredited: Accredited, taken: dict[str, Accredited]) -> None:
    if accredited.party.identifier in taken:
        raise TrustIdentifierError(accredited.party.identifier)
    taken[accredited.party.identifier] = accredited


def _tell_excess(accredited: Accredited, grant: _Grant) -> None:
    """A grant that was cut stands as far as it goes, and is told: someone believes that it goes further."""
    excess = accredited.party.asked_types - accredited.types - {ANY_TYPE}
    if excess:
        raise TrustGrantError(f"beyond {grant.publisher.identifier}: {', '.join(sorted(excess))[:200]}")


def stored_lists(tokens: Mapping[str, str]) -> Obtain:
    """Return an Obtain that reads *tokens* by address, and verifies each anew by verify_list."""

    def obtain(publisher: Publisher) -> TrustList | None:
        token = tokens.get(publisher.list_uri)
        return None if token is None else verify_list(token, publisher=publisher).content

    return obtain

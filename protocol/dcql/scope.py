"""Whether a query asks more than was registered (OpenID4VP §6, judged for a registrar rather than a wallet)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from protocol.dcql.paths import is_within
from protocol.dcql.query import ClaimQuery, CredentialQuery, Query
from protocol.disclosure import Path

Kind = Literal["format", "type", "claim", "value", "combination", "multiple", "holder_binding", "authority"]


@dataclass(frozen=True, slots=True)
class Excess:
    """One thing that was not registered, in the credential query of that id."""

    credential_id: str
    kind: Kind
    path: Path | None = None


def find_excess(*, registered: Query, asked: Query) -> tuple[Excess, ...]:
    """Return what of *asked* lies outside *registered*, nothing when it is covered.

    Each credential asked for must lie within one registered credential query, for every type it admits: its claims,
    together as it asks for them, and no other values, authorities, number or kind of proof. Ids need not be equal. No
    more credentials may be asked for than are registered; which of them beside each other is not compared.
    """
    found = [excess for credential in asked.credentials for excess in _beyond_all(credential, registered.credentials)]
    found += [Excess(credential.id, "multiple") for credential in asked.credentials[len(registered.credentials) :]]
    return tuple(dict.fromkeys(found))


def _beyond_all(asked: CredentialQuery, registered: Sequence[CredentialQuery]) -> Iterator[Excess]:
    same_format = [known for known in registered if known.format == asked.format]
    if not same_format:
        yield Excess(asked.id, "format")
        return
    types = _types(asked)
    # A format unknown here names no types, so nothing says that it was registered.
    if not types:
        yield Excess(asked.id, "type")
    for names in types:
        fitting = [known for known in same_format if any(other <= names for other in _types(known))]
        if fitting:
            # Of several, the one that says most plainly what is too much.
            yield from min((list(_beyond(asked, known)) for known in fitting), key=len)
        else:
            yield Excess(asked.id, "type")


def _types(credential: CredentialQuery) -> list[frozenset[str]]:
    return [*(frozenset({vct}) for vct in credential.vct_values), *credential.type_values]


def _beyond(asked: CredentialQuery, known: CredentialQuery) -> Iterator[Excess]:
    if asked.multiple and not known.multiple:
        yield Excess(asked.id, "multiple")
    if known.requires_holder_binding and not asked.requires_holder_binding:
        yield Excess(asked.id, "holder_binding")
    if not _authorities(known).issuperset(_authorities(asked)) or (
        known.trusted_authorities and not asked.trusted_authorities
    ):
        yield Excess(asked.id, "authority")
    claims = list(_claims_beyond(asked, known))
    yield from claims
    if not claims and not all(_is_registered(wanted, known) for wanted in asked.combinations):
        yield Excess(asked.id, "combination")


def _authorities(credential: CredentialQuery) -> set[tuple[str, str]]:
    return {(authority.type, value) for authority in credential.trusted_authorities for value in authority.values}


def _claims_beyond(asked: CredentialQuery, known: CredentialQuery) -> Iterator[Excess]:
    for claim in asked.claims:
        around = [outer for outer in known.claims if is_within(claim.path, outer.path)]
        if not around:
            yield Excess(asked.id, "claim", claim.path)
        elif not any(_admits(outer, claim) for outer in around):
            yield Excess(asked.id, "value", claim.path)


def _is_registered(wanted: Iterable[ClaimQuery], known: CredentialQuery) -> bool:
    claims = tuple(wanted)
    return any(all(_is_covered(claim, combination) for claim in claims) for combination in known.combinations)


def _is_covered(claim: ClaimQuery, combination: Iterable[ClaimQuery]) -> bool:
    return any(is_within(claim.path, outer.path) and _admits(outer, claim) for outer in combination)


def _admits(outer: ClaimQuery, claim: ClaimQuery) -> bool:
    if outer.values is None:
        return True
    allowed = {(type(value), value) for value in outer.values}
    return claim.values is not None and allowed.issuperset((type(value), value) for value in claim.values)

"""What a wallet holds against what is asked (OpenID4VP §6.4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from protocol.dcql.paths import select_values
from protocol.dcql.query import AUTHORITY_TYPES, TYPED_FORMATS, ClaimQuery, CredentialQuery, Query
from protocol.disclosure import Path
from protocol.errors import DcqlNotSatisfiedError
from protocol.sd_jwt_vc import CREDENTIAL_TYPE

# The type of a trusted authority and its value, as in a query.
Authority = tuple[str, str]


@dataclass(frozen=True, slots=True)
class HeldCredential:
    """One credential in a wallet. ``handle`` is the wallet's own name for it.

    ``claims`` is everything in it, type included. ``authorities`` is whoever is known to stand behind its issuer.
    """

    handle: str
    format: str
    claims: Mapping[str, Any]
    authorities: frozenset[Authority] = frozenset()
    can_bind: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """A credential that can answer, and the paths to show of it."""

    handle: str
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class SetChoice:
    """One credential set, with only those options that can be met."""

    is_required: bool
    purpose: str
    options: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """What can answer a query: by query id, the fitting credentials in the order they were given."""

    candidates: dict[str, tuple[Candidate, ...]]
    sets: tuple[SetChoice, ...]

    @property
    def can_be_met(self) -> bool:
        """Whether every required set has an option left; if not, nothing may be returned (§6.4.2)."""
        return all(choice.options for choice in self.sets if choice.is_required)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The ids to answer unless the citizen chooses otherwise: the first option of each required set."""
        if not self.can_be_met:
            return ()
        wanted = {query_id for choice in self.sets if choice.is_required for query_id in choice.options[0]}
        return tuple(query_id for query_id in self.candidates if query_id in wanted)


def match(query: Query, held: Sequence[HeldCredential]) -> Selection:
    """Return which of the *held* credentials can answer *query*, and with which claims (§6.4)."""
    candidates = {asked.id: tuple(_candidates(asked, held)) for asked in query.credentials}
    sets = tuple(
        SetChoice(
            is_required=wanted.is_required,
            purpose=wanted.purpose,
            options=tuple(option for option in wanted.options if all(candidates[query_id] for query_id in option)),
        )
        for wanted in query.sets
    )
    return Selection(candidates, sets)


def match_credential(asked: CredentialQuery, claims: Mapping[str, Any]) -> tuple[Path, ...]:
    """Return the paths that *asked* wants of a credential of its format with these *claims* (§6.4.1).

    Without ``claim_sets`` every claim is needed; with them, the first set that the credential can satisfy. Raises
    DcqlNotSatisfiedError for a type outside the query, or claims that are missing or have other values.
    """
    if not is_of_type(asked, claims):
        raise DcqlNotSatisfiedError("another type of credential")
    possible = satisfied_combinations(asked, claims)
    if not possible:
        raise DcqlNotSatisfiedError("a claim is missing or has another value")
    return tuple(claim.path for claim in possible[0])


def satisfied_combinations(asked: CredentialQuery, claims: Mapping[str, Any]) -> tuple[tuple[ClaimQuery, ...], ...]:
    """Return the combinations of claims asked for that *claims* hold in full, in the verifier's order."""
    satisfied = {claim for claim in asked.claims if is_satisfied(claim, claims)}
    return tuple(wanted for wanted in asked.combinations if satisfied.issuperset(wanted))


def is_satisfied(claim: ClaimQuery, claims: Mapping[str, Any]) -> bool:
    """Whether *claims* hold what *claim* asks, and one of its values where it names some (§6.4.1)."""
    found = select_values(claims, claim.path)
    if claim.values is None:
        return bool(found)
    # JSON true is not the number 1, though Python says so.
    return any(type(value) is type(wanted) and value == wanted for value in found for wanted in claim.values)


def is_of_type(asked: CredentialQuery, claims: Mapping[str, Any]) -> bool:
    """Whether the type in *claims* is one that *asked* names; never so for a format unknown here (§B.1.1, §B.3.5)."""
    if asked.format == CREDENTIAL_TYPE:
        return claims.get("vct") in asked.vct_values
    if asked.format in TYPED_FORMATS:
        return any(wanted <= _types_in(claims) for wanted in asked.type_values)
    return False


def has_authority(asked: CredentialQuery, authorities: Collection[Authority]) -> bool:
    """Whether one of the trusted authorities asked for is known to stand behind the issuer (§6.1.1).

    A kind of authority that is not known here is met by nothing: it must not admit an issuer that it was to exclude.
    """
    wanted = {
        (authority.type, value)
        for authority in asked.trusted_authorities
        if authority.type in AUTHORITY_TYPES
        for value in authority.values
    }
    return not asked.trusted_authorities or not wanted.isdisjoint(authorities)


def _candidates(asked: CredentialQuery, held: Iterable[HeldCredential]) -> Iterable[Candidate]:
    for credential in held:
        if credential.format != asked.format or (asked.requires_holder_binding and not credential.can_bind):
            continue
        if not has_authority(asked, credential.authorities):
            continue
        try:
            yield Candidate(credential.handle, match_credential(asked, credential.claims))
        except DcqlNotSatisfiedError:
            continue


def _types_in(claims: Mapping[str, Any]) -> set[str]:
    found = claims.get("type")
    names = found if isinstance(found, list) else [found]
    return {name for name in names if isinstance(name, str)}

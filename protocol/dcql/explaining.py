"""A query as plain data for a page: what is asked, what instead of it will do, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.dcql.query import CredentialQuery, Query, TrustedAuthority
from protocol.disclosure import Path


@dataclass(frozen=True, slots=True)
class AskedCredential:
    """One credential, with ``required`` claims in every alternative and ``optional`` ones in some.

    ``alternatives`` are the combinations of claims that will do, the favourite first. ``values`` are the only ones
    that will do for a claim.
    """

    id: str
    format: str
    types: tuple[str, ...]
    required: tuple[Path, ...]
    optional: tuple[Path, ...]
    alternatives: tuple[tuple[Path, ...], ...]
    values: dict[Path, tuple[str | int | bool, ...]]
    multiple: bool
    requires_holder_binding: bool
    authorities: tuple[TrustedAuthority, ...]


@dataclass(frozen=True, slots=True)
class AskedSet:
    """Credentials of which one option is wanted, by the ids of the credentials."""

    is_required: bool
    purpose: str
    options: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A whole query. A credential in no set is asked of nobody."""

    credentials: tuple[AskedCredential, ...]
    sets: tuple[AskedSet, ...]


def explain(query: Query) -> Explanation:
    """Return what *query* asks, for showing to the person who is asked."""
    return Explanation(
        credentials=tuple(_explain_credential(asked) for asked in query.credentials),
        sets=tuple(AskedSet(item.is_required, item.purpose, item.options) for item in query.sets),
    )


def _explain_credential(asked: CredentialQuery) -> AskedCredential:
    alternatives = tuple(tuple(claim.path for claim in wanted) for wanted in asked.combinations)
    required = tuple(path for path in alternatives[0] if all(path in other for other in alternatives))
    types = (*asked.vct_values, *(" + ".join(sorted(names)) for names in asked.type_values))
    return AskedCredential(
        id=asked.id,
        format=asked.format,
        types=types,
        required=required,
        optional=_without(required, [claim.path for claim in asked.claims], alternatives),
        alternatives=alternatives,
        values={claim.path: claim.values for claim in asked.claims if claim.values is not None},
        multiple=asked.multiple,
        requires_holder_binding=asked.requires_holder_binding,
        authorities=asked.trusted_authorities,
    )


def _without(
    required: Sequence[Path], paths: Sequence[Path], alternatives: Sequence[Sequence[Path]]
) -> tuple[Path, ...]:
    """A claim that stands in no combination is never asked for."""
    return tuple(
        path for path in paths if path not in required and any(path in alternative for alternative in alternatives)
    )

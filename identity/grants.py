"""What our own accreditations come to: who holds what by whose word, cut to what the grantor holds.

The newest word about a party as what it is counts, whoever gave it. The same rules as protocol.trust_chain, so that a
certificate has one verdict here and abroad.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from identity.models import Accreditation
from protocol.claims import MAX_NUMERIC_DATE
from protocol.trust_chain import MAX_DEPTH, Standing, narrow
from protocol.trust_party import ANY_TYPE

EVERY_TYPE = frozenset({ANY_TYPE})
_NO_END = float(MAX_NUMERIC_DATE)
Kind = Accreditation.Kind


class Grant(NamedTuple):
    """An accreditation with the *types* and the time that are left of it; ``"*"`` is whatever the catalogue says."""

    accreditation: Accreditation
    types: frozenset[str]
    standing: Standing


def grants() -> list[Grant]:
    """Return the newest accreditation of every party, in the order in which they were given, withdrawn ones included."""
    rows = Accreditation.objects.select_related("agency", "grantor").order_by("pk")
    newest = {(row.kind, row.agency_id or row.identifier): row for row in rows}
    bodies = {row.agency_id: row for row in newest.values() if row.kind == Kind.BODY and row.agency_id is not None}
    return [Grant(row, *_held(row, bodies)) for row in sorted(newest.values(), key=lambda row: row.pk)]


def agency_grants(kind: str) -> dict[int, Grant]:
    """Return the grants of our own agencies as *kind*, by primary key of the agency."""
    found = {grant.accreditation.agency_id: grant for grant in grants() if grant.accreditation.kind == kind}
    return {agency_id: grant for agency_id, grant in found.items() if agency_id is not None}


def is_in_force(grant: Grant, *, now: float) -> bool:
    standing = grant.standing
    return bool(grant.types) and standing.withdrawn_at is None and now < standing.valid_until


def end_of(row: Accreditation) -> float:
    """Return when the row itself ends, in seconds since 1970; without an end, the last day that a date can say."""
    return _seconds(row.valid_until) if row.valid_until else _NO_END


def _held(row: Accreditation, bodies: Mapping[int, Accreditation], depth: int = 1) -> tuple[frozenset[str], Standing]:
    # What is granted here counts once it is stored; its beginning is for readers elsewhere.
    own = Standing((), 0.0, end_of(row), float("inf"), _withdrawn_at(row))
    if row.grantor_id is None:
        return frozenset(row.types), own
    body = bodies.get(row.grantor_id)
    if body is None or depth >= MAX_DEPTH:
        return frozenset(), own
    types, above = _held(body, bodies, depth + 1)
    cut = own._replace(
        valid_until=min(own.valid_until, above.valid_until),
        withdrawn_at=own.withdrawn_at if above.withdrawn_at is None else above.withdrawn_at,
    )
    return narrow(types, frozenset(row.types)), cut


def _withdrawn_at(row: Accreditation) -> float | None:
    return _seconds(row.withdrawn_at) if row.withdrawn_at else None


def _seconds(moment: datetime) -> float:
    return moment.timestamp()

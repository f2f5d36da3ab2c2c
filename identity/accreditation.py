"""Accredit, and withdraw: who may issue which types, or accredit others for them. Every change is a list's new version.

An accreditation is never edited: what follows it takes its place, and it stays as the record of what was so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from identity import keystore
from identity.audit import account_actor, report
from identity.errors import AccreditationExceededError, AccreditationInvalidError, AccreditationUnknownError
from identity.grants import Kind, agency_grants, end_of, is_in_force
from identity.models import Account, Accreditation, Agency, SigningKey
from identity.trust import bump_trust, check_external, check_types
from protocol.errors import ProtocolError
from protocol.trust_chain import MAX_DEPTH, narrow
from protocol.trust_party import check_uri, read_texts

_SHORTEST = timedelta(minutes=1)
# Addresses of lists that belong to no agency.
RESERVED_SLUGS = frozenset({"root", "verifiers"})


@dataclass(frozen=True, slots=True)
class ExternalParty:
    """Someone who is not an agency of this deployment: *names* by language code; *list_uri* for an accrediting body."""

    identifier: str
    names: Mapping[str, str]
    public_jwks: tuple[Mapping[str, Any], ...]
    list_uri: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is granted: exact ``vct`` values or ``"*"``, by which of our bodies (None: this government), until when."""

    types: Iterable[str]
    grantor: Agency | None = None
    valid_until: datetime | None = None
    by: Account | None = field(default=None)


@transaction.atomic
def accredit(*, party: Agency | ExternalParty, kind: str, terms: Terms) -> Accreditation:
    """Accredit *party* as issuer or body, in place of what it was accredited for before as the same.

    An agency that becomes a body gets the key that signs its list. Raises AccreditationInvalidError,
    AccreditationExceededError for what the grantor does not hold, and IssuerFormatError.
    """
    types = check_types(terms.types)
    _check_terms(terms, frozenset(types), party, kind)
    described = {"agency": party} if isinstance(party, Agency) else _described(party, kind)
    if isinstance(party, Agency) and kind == Kind.BODY:
        _make_list_key(party)
    _standing_of(party, kind).update(withdrawn_at=timezone.now())
    row = Accreditation.objects.create(
        kind=Kind(kind),
        grantor=terms.grantor,
        types=types,
        valid_until=terms.valid_until,
        granted_by=terms.by,
        **described,
    )
    _report("accreditation.granted", row, terms.by)
    bump_trust()
    return row


@transaction.atomic
def withdraw(*, party: Agency | str, kind: str, by: Account | None = None) -> Accreditation:
    """End what *party*, an agency or an identifier, holds, and all that rests on it. Raises AccreditationUnknownError."""
    row = _standing_of(party, kind).select_for_update(of=("self",)).first()
    if row is None:
        raise AccreditationUnknownError(str(party))
    row.withdrawn_at = timezone.now()
    row.save(update_fields=["withdrawn_at"])
    _report("accreditation.withdrawn", row, by)
    bump_trust()
    return row


def _standing_of(party: Agency | ExternalParty | str, kind: str) -> QuerySet[Accreditation]:
    standing = Accreditation.objects.filter(kind=kind, withdrawn_at__isnull=True)
    if isinstance(party, Agency):
        return standing.filter(agency=party)
    return standing.filter(agency=None, identifier=party if isinstance(party, str) else party.identifier)


def _check_terms(terms: Terms, types: frozenset[str], party: Agency | ExternalParty, kind: str) -> None:
    now = timezone.now()
    if terms.valid_until is not None and terms.valid_until <= now + _SHORTEST:
        raise AccreditationInvalidError("ends in the past", fields={"valid_until": ["a date to come"]})
    if terms.grantor is None:
        return
    if party == terms.grantor:
        raise AccreditationExceededError("nobody accredits themselves")
    held = agency_grants(Kind.BODY).get(terms.grantor.pk)
    if held is None or not is_in_force(held, now=now.timestamp()):
        raise AccreditationExceededError(f"{terms.grantor.slug} is not an accrediting body")
    if narrow(held.types, types) != types:
        raise AccreditationExceededError(f"{terms.grantor.slug} does not hold every one of these types")
    if terms.valid_until is not None and terms.valid_until.timestamp() > end_of(held.accreditation):
        raise AccreditationExceededError(f"{terms.grantor.slug} itself ends before")
    if isinstance(party, Agency):
        _check_chain(party, kind, terms.grantor)


def _check_chain(party: Agency, kind: str, grantor: Agency) -> None:
    """Raises AccreditationExceededError when *party* stands above *grantor* already, or the chain would be too long."""
    bodies = agency_grants(Kind.BODY)
    above: list[Agency] = []
    following: Agency | None = grantor
    while following is not None and len(above) < MAX_DEPTH:
        above.append(following)
        held = bodies.get(following.pk)
        following = held.accreditation.grantor if held else None
    # The root's list stands above theirs, and that of a new body below.
    if party in above or len(above) > MAX_DEPTH - (2 if kind == Kind.BODY else 1):
        raise AccreditationExceededError("the chain would lead back to its beginning, or be too long")


def _described(party: ExternalParty, kind: str) -> dict[str, Any]:
    """Return the columns of a party from elsewhere, checked as the readers of our lists will check them."""
    jwks = check_external(party.identifier, party.public_jwks)
    try:
        read_texts(dict(party.names), "names")
        list_uri = check_uri(party.list_uri, "list") if kind == Kind.BODY else ""
    except ProtocolError as error:
        raise AccreditationInvalidError(error.detail, fields={"party": [error.detail]}) from None
    return {"identifier": party.identifier, "name": dict(party.names), "public_jwks": jwks, "list_uri": list_uri}


def _make_list_key(agency: Agency) -> None:
    if agency.slug in RESERVED_SLUGS:
        raise AccreditationInvalidError("the address of its list is taken", fields={"party": [agency.slug]})
    purpose = SigningKey.Purpose.TRUST
    if not SigningKey.objects.filter(agency=agency, purpose=purpose, state=SigningKey.State.ACTIVE).exists():
        keystore.create_key(purpose=purpose, agency=agency)


def _report(action: str, row: Accreditation, by: Account | None) -> None:
    party = row.agency.slug if row.agency else row.identifier
    grantor = row.grantor.slug if row.grantor else "root"
    details = {"party": party, "kind": row.kind, "types": row.types, "grantor": grantor}
    actor = account_actor(by) if by else "system"
    report(actor=actor, action=action, subject=f"accreditation:{row.pk}", details=details)

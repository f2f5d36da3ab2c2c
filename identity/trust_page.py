"""Our trust lists, and those from elsewhere that we rely on, as a person reads them: exactly what the signed lists say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, gettext_lazy

from identity.grants import EVERY_TYPE
from identity.languages import by_code, localised
from identity.models import Accreditation, Agency, SigningKey
from identity.trust import issuer_identifier, trust_version
from identity.trust_anchors import stored_chains
from identity.trust_publishing import ROOT, list_address, published_lists
from identity.type_catalogue import known_types
from protocol.claims import MAX_NUMERIC_DATE
from protocol.trust_chain import Anchor, Resolution, resolve, stored_lists
from protocol.trust_list import Publisher, TrustList
from protocol.trust_party import ANY_TYPE, Kind, Party, Registration

KINDS: Mapping[Kind, Promise] = {
    Kind.BODY: gettext_lazy("Accredits others"),
    Kind.ISSUER: gettext_lazy("Issues certificates"),
    Kind.VERIFIER: gettext_lazy("Asks for certificates"),
}


@dataclass(frozen=True, slots=True)
class AskedFor:
    """What an organisation may ask for: claims as written in the list, of one type, and why."""

    type_name: str
    claims: str
    purpose: str
    retention_days: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A party in one list. *until* is None for a party without an end."""

    name: str
    identifier: str
    kind: Promise
    types: tuple[str, ...]
    asks_for: tuple[AskedFor, ...]
    since: datetime
    until: datetime | None
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Section:
    """One list. *finding* is the code of what was wrong with the last attempt to fetch a newer one."""

    publisher: str
    uri: str
    version: int
    issued_at: datetime
    expires_at: datetime
    is_overdue: bool
    entries: tuple[Entry, ...]
    finding: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """What one of our agencies holds, or held. *grantor* is empty where this government itself gave it."""

    kind: Promise
    types: tuple[str, ...]
    grantor: str
    since: datetime
    until: datetime | None
    withdrawn_at: datetime | None


def held_by(agency: Agency) -> list[Held]:
    """Return every accreditation of *agency*, the newest first."""
    known = known_types()
    names = {one.vct: localised(one.name) for one in known}
    own = sorted(one.vct for one in known if one.agency_id == agency.pk)
    rows = Accreditation.objects.filter(agency=agency).select_related("grantor").order_by("-pk")
    return [_held(row, names, own) for row in rows]


def _held(row: Accreditation, names: Mapping[str, str], own: list[str]) -> Held:
    is_every_own = row.kind == Accreditation.Kind.ISSUER and row.types == [ANY_TYPE]
    return Held(
        kind=KINDS[Kind(row.kind)],
        types=tuple(_type_name(vct, names) for vct in (own if is_every_own else row.types)),
        grantor=localised(row.grantor.name) if row.grantor else "",
        since=row.valid_from,
        until=row.valid_until,
        withdrawn_at=row.withdrawn_at,
    )


class Lists(NamedTuple):
    """Our own lists, the root's first, and those from elsewhere as they were last accepted."""

    ours: list[Section]
    abroad: list[Section]


# At most one a language. To read long lists takes a while, and the page is open to everyone.
_read: dict[str | None, tuple[tuple[int, int], Lists]] = {}


def forget() -> None:
    """Read afresh the next time."""
    _read.clear()


def read_lists(*, now: datetime) -> Lists:
    """Return what the page shows, read anew with every change of trust and every minute."""
    language, as_of = get_language(), (trust_version(), int(now.timestamp()) // 60)
    held = _read.get(language)
    if held is None or held[0] != as_of:
        held = _read[language] = as_of, Lists(_published_sections(now=now), _imported_sections(now=now))
    return held[1]


def _published_sections(*, now: datetime) -> list[Section]:
    keys = SigningKey.objects.filter(purpose=SigningKey.Purpose.TRUST, agency=None)
    usable = keys.exclude(state=SigningKey.State.DISABLED)
    root = Publisher(issuer_identifier(None), list_address(ROOT), tuple(key.public_jwk for key in usable))
    tokens = {list_address(row.slug): row.token for row in published_lists()}
    return list(_sections(resolve(Anchor(root, EVERY_TYPE), obtain=stored_lists(tokens)), now=now, findings={}))


def _imported_sections(*, now: datetime) -> list[Section]:
    found: list[Section] = []
    for chain in stored_chains():
        findings = {row.uri: row.finding for row in chain.anchor.lists.all()}
        found += _sections(chain.resolution, now=now, findings=findings)
    return found


def _sections(found: Resolution, *, now: datetime, findings: Mapping[str, str]) -> Iterator[Section]:
    type_names = {known.vct: localised(known.name) for known in known_types()}
    names = {entry.list_uri: _name(entry) for content in found.lists.values() for entry in content.entries}
    for uri, content in found.lists.items():
        yield Section(
            publisher=names.get(uri, content.issuer),
            uri=uri,
            version=content.version,
            issued_at=_moment(content.issued_at),
            expires_at=_moment(content.expires_at),
            is_overdue=now >= _moment(content.expires_at),
            entries=tuple(_entry(party, type_names) for party in _in_order(content)),
            finding=findings.get(uri, ""),
        )


def _in_order(content: TrustList) -> Iterable[Party]:
    return sorted(content.entries, key=lambda party: (party.kind != Kind.ISSUER, not party.is_granted))


def _entry(party: Party, type_names: Mapping[str, str]) -> Entry:
    return Entry(
        name=_name(party),
        identifier=party.identifier,
        kind=KINDS[party.kind],
        types=tuple(_type_name(vct, type_names) for vct in sorted(party.types)),
        asks_for=tuple(_asked_for(item, type_names) for item in party.registrations),
        since=_moment(party.valid_from),
        until=None if party.valid_until >= MAX_NUMERIC_DATE else _moment(party.valid_until),
        withdrawn_at=None if party.is_granted else _moment(party.status_since),
    )


def _asked_for(item: Registration, type_names: Mapping[str, str]) -> AskedFor:
    claims = ", ".join(".".join("*" if step is None else str(step) for step in path) for path in item.claims)
    purpose = localised(by_code(item.purpose))
    return AskedFor(_type_name(item.vct, type_names), claims, purpose, item.retention_days)


def _name(party: Party) -> str:
    return localised(by_code(party.names)) or party.identifier


def _type_name(vct: str, type_names: Mapping[str, str]) -> str:
    return gettext("Every type") if vct == ANY_TYPE else type_names.get(vct, vct)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

"""One entry of a trust list: a party, what it is accredited for, by which keys it is known, and until when.

Read as strictly as written: no member may be missing, none may be added, every bound is stated. What an entry says is
its publisher's word; how far that word goes is for ``trust_chain`` to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from protocol.claims import MAX_NUMERIC_DATE
from protocol.disclosure import Path
from protocol.errors import KeyFormatError, TrustListFormatError
from protocol.keys import p256_from_jwk

ANY_TYPE: Final = "*"
MAX_TEXT: Final = 300
MAX_PURPOSE: Final = 1000
MAX_URI: Final = 500
MAX_KEYS: Final = 16
MAX_TYPES: Final = 500
MAX_LANGUAGES: Final = 16
MAX_CLAIMS: Final = 200
MAX_DEPTH_OF_CLAIM: Final = 16
MAX_DAYS: Final = 36_600

_STATUSES: Final = ("granted", "withdrawn")
_SCHEMES: Final = frozenset({"https", "http"})
_JWK_MEMBERS: Final = frozenset({"kty", "crv", "x", "y", "kid"})


class Kind(StrEnum):
    """What a party is accredited as."""

    BODY = "body"
    ISSUER = "issuer"
    VERIFIER = "verifier"


@dataclass(frozen=True, slots=True)
class Registration:
    """What a verifier may ask for: *claims*, as paths, of the type *vct*; why, by BCP 47 tag; for how long it keeps them."""

    vct: str
    claims: tuple[Path, ...]
    purpose: Mapping[str, str]
    retention_days: int


@dataclass(frozen=True, slots=True)
class Party:
    """An accredited party. *names* are by BCP 47 tag, *keys* are P-256 JWKs with a ``kid``, times seconds since 1970.

    *types* holds exact ``vct`` values, or ``"*"`` for every type of whoever grants them: those that an issuer may issue,
    and those for which a body may accredit others of the kinds in *accredits*. *status_keys* sign an issuer's status
    lists. A verifier has *registrations* instead of types. *status_since* is when *is_granted* began to be so.
    """

    identifier: str
    kind: Kind
    names: Mapping[str, str]
    keys: tuple[Mapping[str, str], ...]
    valid_from: int
    valid_until: int
    status_since: int
    is_granted: bool = True
    types: frozenset[str] = frozenset()
    status_keys: tuple[Mapping[str, str], ...] = ()
    list_uri: str = ""
    accredits: frozenset[Kind] = frozenset()
    registrations: tuple[Registration, ...] = ()

    @property
    def asked_types(self) -> frozenset[str]:
        """The types that this entry is about, whatever its kind."""
        return self.types or frozenset(item.vct for item in self.registrations)


def write_party(party: Party) -> dict[str, Any]:
    """Return the entry as a JSON object; the order of keys, types and kinds never depends on how they were gathered."""
    return {
        "identifier": party.identifier,
        "kind": str(party.kind),
        "names": dict(sorted(party.names.items())),
        "jwks": _write_keys(party.keys),
        **_write_powers(party),
        "valid_from": party.valid_from,
        "valid_until": party.valid_until,
        "status": _STATUSES[not party.is_granted],
        "status_since": party.status_since,
    }


def read_party(value: Any) -> Party:
    """Return the party in the JSON object *value*. Raises TrustListFormatError naming the member that is wrong."""
    entry = _object(value, "entry")
    kind = _kind(entry.get("kind"))
    _check_members(entry, _COMMON | _POWERS[kind])
    valid_from, valid_until = _time(entry, "valid_from"), _time(entry, "valid_until")
    if valid_from >= valid_until:
        raise TrustListFormatError("valid_until is not after valid_from")
    return Party(
        identifier=text(entry, "identifier"),
        kind=kind,
        names=read_texts(entry["names"], "names"),
        keys=_keys(entry["jwks"], "jwks", at_least=0 if kind is Kind.VERIFIER else 1),
        valid_from=valid_from,
        valid_until=valid_until,
        is_granted=_status(entry["status"]),
        status_since=_time(entry, "status_since"),
        **_read_powers(kind, entry),
    )


def claims_beyond(registrations: Iterable[Registration], *, vct: str, claims: Iterable[Path]) -> list[Path]:
    """Return those of *claims* of the type *vct* that no registration covers: what a verifier asks for too much.

    A registered path covers itself and all beneath it; ``None`` in it stands for every element of an array.
    """
    granted = [path for item in registrations if item.vct == vct for path in item.claims]
    return [path for path in claims if not any(_covers(wide, path) for wide in granted)]


def check_uri(value: Any, name: str) -> str:
    """Return an absolute web address without credentials, query and fragment. Raises TrustListFormatError."""
    uri = _bounded(value, name, MAX_URI)
    try:
        parts = urlsplit(uri)
        is_plain = bool(parts.hostname) and parts.username is None and not parts.query and not parts.fragment
    except ValueError:
        is_plain = False
    if not is_plain or parts.scheme not in _SCHEMES or not uri.isascii():
        raise TrustListFormatError(f"{name} is not a web address")
    return uri


def text(entry: Mapping[str, Any], name: str) -> str:
    """Return the short printable text of member *name*. Raises TrustListFormatError."""
    return _bounded(entry.get(name), name, MAX_TEXT)


def read_texts(value: Any, name: str, *, longest: int = MAX_TEXT) -> dict[str, str]:
    """Return texts by BCP 47 tag, at least one. Raises TrustListFormatError."""
    texts = _object(value, name)
    if not 1 <= len(texts) <= MAX_LANGUAGES:
        raise TrustListFormatError(f"{name}: 1 to {MAX_LANGUAGES} languages")
    return {_bounded(tag, name, 35): _bounded(words, name, longest) for tag, words in texts.items()}


def _covers(wide: Sequence[Any], path: Sequence[Any]) -> bool:
    return len(wide) <= len(path) and all(
        step == asked or (step is None and isinstance(asked, int)) for step, asked in zip(wide, path, strict=False)
    )


def _write_keys(keys: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    return {"keys": sorted((dict(key) for key in keys), key=lambda key: key["kid"])}


def _write_powers(party: Party) -> dict[str, Any]:
    if party.kind is Kind.BODY:
        accredits = sorted(map(str, party.accredits))
        return {"types": sorted(party.types), "accredits": accredits, "list": party.list_uri}
    if party.kind is Kind.ISSUER:
        return {"types": sorted(party.types), "status_jwks": _write_keys(party.status_keys)}
    return {"registrations": [_write_registration(item) for item in party.registrations]}


def _write_registration(item: Registration) -> dict[str, Any]:
    return {
        "vct": item.vct,
        "claims": [list(path) for path in item.claims],
        "purpose": dict(sorted(item.purpose.items())),
        "retention_days": item.retention_days,
    }


_COMMON: Final = frozenset(
    {"identifier", "kind", "names", "jwks", "valid_from", "valid_until", "status", "status_since"}
)
_POWERS: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.BODY: frozenset({"types", "accredits", "list"}),
    Kind.ISSUER: frozenset({"types", "status_jwks"}),
    Kind.VERIFIER: frozenset({"registrations"}),
}
_REGISTRATION: Final = frozenset({"vct", "claims", "purpose", "retention_days"})


def _read_powers(kind: Kind, entry: Mapping[str, Any]) -> dict[str, Any]:
    if kind is Kind.BODY:
        accredits = frozenset(_kind(item) for item in _array(entry["accredits"], "accredits", len(Kind)))
        list_uri = check_uri(entry["list"], "list")
        return {"types": _types(entry["types"]), "accredits": accredits, "list_uri": list_uri}
    if kind is Kind.ISSUER:
        return {
            "types": _types(entry["types"]),
            "status_keys": _keys(entry["status_jwks"], "status_jwks", at_least=1),
        }
    items = _array(entry["registrations"], "registrations", MAX_TYPES)
    return {"registrations": tuple(_registration(item) for item in items)}


def _registration(value: Any) -> Registration:
    item = _object(value, "registration")
    _check_members(item, _REGISTRATION)
    days = item["retention_days"]
    if type(days) is not int or not 0 <= days <= MAX_DAYS:
        raise TrustListFormatError("retention_days is not a number of days")
    return Registration(
        vct=text(item, "vct"),
        claims=tuple(_path(path) for path in _array(item["claims"], "claims", MAX_CLAIMS)),
        purpose=read_texts(item["purpose"], "purpose", longest=MAX_PURPOSE),
        retention_days=days,
    )


def _path(value: Any) -> Path:
    steps = _array(value, "claim", MAX_DEPTH_OF_CLAIM)
    if not all(step is None or (type(step) is int and step >= 0) or isinstance(step, str) for step in steps):
        raise TrustListFormatError("a claim is a path of names, positions and nulls")
    return tuple(steps)


def _keys(value: Any, name: str, *, at_least: int) -> tuple[dict[str, str], ...]:
    key_set = _object(value, name)
    _check_members(key_set, {"keys"})
    keys = _array(key_set["keys"], name, MAX_KEYS, at_least=at_least)
    found = [_key(key, name) for key in keys]
    if len({key["kid"] for key in found}) != len(found):
        raise TrustListFormatError(f"{name} names a key twice")
    return tuple(found)


def _key(value: Any, name: str) -> dict[str, str]:
    key = _object(value, name)
    _check_members(key, _JWK_MEMBERS)
    text(key, "kid")
    try:
        p256_from_jwk(key)
    except KeyFormatError as error:
        raise TrustListFormatError(f"{name}: {error.detail}") from None
    return dict(key)


def _types(value: Any) -> frozenset[str]:
    types = [_bounded(item, "types", MAX_TEXT) for item in _array(value, "types", MAX_TYPES)]
    if len(set(types)) != len(types) or (ANY_TYPE in types and len(types) > 1):
        raise TrustListFormatError("types repeat or contradict each other")
    return frozenset(types)


def _status(value: Any) -> bool:
    if value not in _STATUSES:
        raise TrustListFormatError(f"status is not one of {', '.join(_STATUSES)}")
    return bool(value == "granted")


def _kind(value: Any) -> Kind:
    if not isinstance(value, str) or value not in set(Kind):
        raise TrustListFormatError(f"kind is not one of {', '.join(Kind)}")
    return Kind(value)


def _time(entry: Mapping[str, Any], name: str) -> int:
    value = entry.get(name)
    if type(value) is not int or not 0 <= value <= MAX_NUMERIC_DATE:
        raise TrustListFormatError(f"{name} is not a whole number of seconds")
    return value


def _array(value: Any, name: str, most: int, *, at_least: int = 1) -> list[Any]:
    if not isinstance(value, list) or not at_least <= len(value) <= most:
        raise TrustListFormatError(f"{name} is not an array of {at_least} to {most}")
    return value


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TrustListFormatError(f"{name} is not an object")
    return value


def _check_members(value: Mapping[str, Any], expected: Collection[str]) -> None:
    differing = sorted(value.keys() ^ set(expected))
    if differing:
        raise TrustListFormatError(f"missing or unknown: {', '.join(differing)[:200]}")


def _bounded(value: Any, name: str, longest: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise TrustListFormatError(f"{name} is not printable text of 1 to {longest} characters")
    return value

"""A signed trust list, and whether it may follow the one before it.

A list is a compact JWS of type ``trust-list+jwt`` (RFC 7515, RFC 8725 §3.11): whom its publisher accredits, and for what.
``iss`` is the publisher, ``sub`` the list's own address, ``version`` rises with every list, ``exp`` ends it, and
``next_update`` says when to fetch again. The publisher's keys come from whoever accredits it, never from the list.

The attacks are those that The Update Framework names (TUF 1.0 §1.5.2): rollback, freeze, fast-forward, mix-and-match,
endless data, wrong key. Each has an error of its own, because each needs another answer of the operator. Nothing here
performs I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from protocol.claims import MAX_NUMERIC_DATE
from protocol.encoding import json_dumps, json_object
from protocol.errors import (
    SignatureError,
    TrustListExpiredError,
    TrustListFastForwardError,
    TrustListForkError,
    TrustListFormatError,
    TrustListIssuerError,
    TrustListNotYetValidError,
    TrustListRollbackError,
    TrustListSubjectError,
)
from protocol.jose import Jws, parse_compact, sign_compact, verify_es256
from protocol.keys import Signer, jwk_thumbprint, p256_from_jwk
from protocol.trust_party import Party, check_uri, read_party, text, write_party

TOKEN_TYPE: Final = "trust-list+jwt"  # noqa: S105 a media type
# The registered type of any JWT (RFC 7519 §10.3.1): `typ` inside says which.
MEDIA_TYPE: Final = "application/jwt"
MAX_LIST_BYTES: Final = 1 << 22
MAX_ENTRIES: Final = 5000
MAX_VERSION: Final = (1 << 53) - 1
# More changes than any publisher makes while nobody looks, far fewer than it takes to use versions up.
MAX_VERSION_STEP: Final = 100_000
# Half a year, as ETSI TS 119 612 §5.3.15 has it: a list that never ends could be kept from its readers for ever.
MAX_LIFETIME: Final = 184 * 86_400
CLOCK_LEEWAY: Final = 60

_TYPES: Final = frozenset({TOKEN_TYPE})
_MEMBERS: Final = frozenset({"iss", "sub", "version", "iat", "exp", "next_update", "entries"})


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who publishes a list, as whoever accredits it knows: exact identifier, the list's address, the keys that may sign."""

    identifier: str
    list_uri: str
    keys: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class TrustList:
    """What a list says. Times are seconds since 1970."""

    issuer: str
    uri: str
    version: int
    issued_at: int
    expires_at: int
    next_update: int
    entries: tuple[Party, ...]


class Seen(NamedTuple):
    """What is remembered of the last list accepted from an address.

    *digest* is SHA-256 of what was signed, never of the token: a signature has a second spelling that is as good.
    *signed_by* is the RFC 7638 thumbprint of the key.
    """

    version: int
    digest: bytes
    signed_by: str


class SignedList(NamedTuple):
    """A list whose signature, publisher and address were checked, with what to remember of it."""

    content: TrustList
    seen: Seen


def write_list(content: TrustList, *, signer: Signer) -> str:
    """Return *content* as a signed token. Raises TrustListFormatError for what verify_list would refuse."""
    claims = {
        "iss": content.issuer,
        "sub": content.uri,
        "version": content.version,
        "iat": content.issued_at,
        "exp": content.expires_at,
        "next_update": content.next_update,
        "entries": [write_party(party) for party in content.entries],
    }
    payload = json_dumps(claims)
    _read(payload)
    return sign_compact(payload, signer=signer, header={"typ": TOKEN_TYPE, "kid": signer.key_id})


def verify_list(token: str, *, publisher: Publisher) -> SignedList:
    """Return the list in *token* if *publisher* signed it as this list, whatever the time.

    The steps: bounds, form, type and algorithm; a signature by one of the publisher's keys, to which ``kid`` and ``x5c``
    add nothing; then what is signed. Raises as parse_compact, SignatureError, TrustListFormatError,
    TrustListIssuerError and TrustListSubjectError.
    """
    jws = parse_compact(token, allowed_types=_TYPES, max_bytes=MAX_LIST_BYTES)
    signed_by = _signer_of(jws, publisher.keys)
    content = _read(jws.payload)
    if content.issuer != publisher.identifier:
        raise TrustListIssuerError(f"the list of {content.issuer}")
    if content.uri != publisher.list_uri:
        raise TrustListSubjectError(f"the list at {content.uri}")
    return SignedList(content, Seen(content.version, jws.digest, signed_by))


def check_current(content: TrustList, *, now: float) -> None:
    """Raises TrustListNotYetValidError, and TrustListExpiredError for a list that is kept alive past its end."""
    if content.issued_at > now + CLOCK_LEEWAY:
        raise TrustListNotYetValidError(f"from {content.issued_at}")
    if now >= content.expires_at:
        raise TrustListExpiredError(f"since {content.expires_at}")


def check_succession(new: SignedList, *, last: Seen | None, publisher: Publisher) -> bool:
    """Return whether *new* is newer than *last*; False says that it is the same list again.

    What a key signed that its owner has since replaced binds nobody: so a publisher whose key was stolen recovers from
    versions that the thief used up. Raises TrustListRollbackError, TrustListForkError, TrustListFastForwardError.
    """
    if last is None or last.signed_by not in {jwk_thumbprint(key) for key in publisher.keys}:
        return True
    version = new.seen.version
    if version < last.version:
        raise TrustListRollbackError(f"version {version} after {last.version}")
    if version == last.version:
        if new.seen.digest != last.digest:
            raise TrustListForkError(f"two lists of version {version}")
        return False
    if version > last.version + MAX_VERSION_STEP:
        raise TrustListFastForwardError(f"version {version} after {last.version}")
    return True


def _signer_of(jws: Jws, keys: Iterable[Mapping[str, str]]) -> str:
    for key in keys:
        try:
            verify_es256(jws, p256_from_jwk(key))
        except SignatureError:
            continue
        return jwk_thumbprint(key)
    raise SignatureError("made by none of the publisher's keys")


def _read(payload: bytes) -> TrustList:
    claims = json_object(payload, max_bytes=MAX_LIST_BYTES)
    if claims.keys() != _MEMBERS:
        raise TrustListFormatError(f"missing or unknown: {', '.join(sorted(claims.keys() ^ _MEMBERS))[:200]}")
    issued_at, next_update, expires_at = (_whole(claims, name) for name in ("iat", "next_update", "exp"))
    if not issued_at < next_update <= expires_at:
        raise TrustListFormatError("iat, next_update and exp are not in this order")
    if expires_at - issued_at > MAX_LIFETIME:
        raise TrustListFormatError(f"in force for more than {MAX_LIFETIME} seconds")
    return TrustList(
        issuer=text(claims, "iss"),
        uri=check_uri(claims["sub"], "sub"),
        version=_version(claims["version"]),
        issued_at=issued_at,
        expires_at=expires_at,
        next_update=next_update,
        entries=_entries(claims["entries"]),
    )


def _entries(value: Any) -> tuple[Party, ...]:
    if not isinstance(value, list) or len(value) > MAX_ENTRIES:
        raise TrustListFormatError(f"entries is not an array of at most {MAX_ENTRIES}")
    entries = tuple(read_party(item) for item in value)
    if len({(party.kind, party.identifier) for party in entries}) != len(entries):
        raise TrustListFormatError("entries name a party twice")
    return entries


def _version(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_VERSION:
        raise TrustListFormatError("version is not a whole number from 1")
    return value


def _whole(claims: Mapping[str, Any], name: str) -> int:
    value = claims[name]
    if type(value) is not int or not 0 <= value <= MAX_NUMERIC_DATE:
        raise TrustListFormatError(f"{name} is not a whole number of seconds")
    return value

"""The verifying core of SD-JWT (RFC 9901): split a presentation, and turn what the issuer signed plus disclosures into claims.

A *path* is a tuple of member names and array positions, as in DCQL (OpenID4VP §7): ``("address", "street")``,
``("nationalities", 0)``; ``None`` stands for every element of an array. Positions count the elements of the array as
signed, withheld ones included, so that a path means the same whatever is disclosed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from protocol.encoding import b64u_decode, b64u_encode, json_loads
from protocol.errors import (
    Base64UrlError,
    ClaimCollisionError,
    DigestFormatError,
    DigestRepeatedError,
    DisclosureFormatError,
    DisclosureUnreferencedError,
    HashAlgorithmError,
    JsonError,
    ReservedNameError,
    SdJwtFormatError,
    SdJwtLimitError,
    TooLargeError,
)

Path = tuple[str | int | None, ...]
Claims = dict[str, Any]
Hasher = Callable[[bytes], Any]

MAX_PRESENTATION_BYTES = 1 << 20
MAX_DISCLOSURES = 2000
MAX_CLAIM_DEPTH = 64
# Stands where an element of an array was withheld, in the claims of reveal_in_place.
WITHHELD: Any = object()
DEFAULT_HASH = "sha-256"
DIGESTS_NAME = "_sd"
PLACEHOLDER_NAME = "..."
HASH_NAME = "_sd_alg"
_TEXT = frozenset({str})
# What json makes is exactly one of these, and asking for the type is quicker than isinstance.
_CONTAINERS = frozenset({dict, list})
_LENGTHS = frozenset({2, 3})
_NEVER_DISCLOSED = frozenset({DIGESTS_NAME, PLACEHOLDER_NAME})
RESERVED_NAMES = frozenset({DIGESTS_NAME, PLACEHOLDER_NAME, HASH_NAME})
HASHES: dict[str, Hasher] = {
    "sha-256": hashlib.sha256,
    "sha-384": hashlib.sha384,
    "sha-512": hashlib.sha512,
}


class Disclosure(NamedTuple):
    """One hidden value. ``name`` is None for an array element; ``encoded`` is the exact text that was hashed."""

    salt: str
    name: str | None
    value: Any
    encoded: str
    digest: str


@dataclass(frozen=True, slots=True)
class SdJwt:
    """An SD-JWT held in full: the issuer's JWT, the payload it signs, and every disclosure."""

    issuer_jwt: str
    payload: Claims
    disclosures: tuple[Disclosure, ...]

    @property
    def text(self) -> str:
        """The compact form with all disclosures and without key binding (RFC 9901 §4)."""
        return join(self.issuer_jwt, [disclosure.encoded for disclosure in self.disclosures])


def join(issuer_jwt: str, disclosures: Iterable[str]) -> str:
    """Return issuer JWT and encoded disclosures, each followed by a tilde (RFC 9901 §4)."""
    return "~".join([issuer_jwt, *disclosures, ""])


def split(presentation: str) -> tuple[str, tuple[str, ...], str | None]:
    """Return issuer JWT, encoded disclosures and key binding JWT or None (RFC 9901 §4).

    Raises TooLargeError past 1 MiB, SdJwtLimitError past 2,000 disclosures, and SdJwtFormatError when a tilde is
    missing or a part is empty.
    """
    if not isinstance(presentation, str):
        raise SdJwtFormatError("a presentation is text")
    if not presentation.isascii():
        raise SdJwtFormatError("not ASCII")
    if len(presentation) > MAX_PRESENTATION_BYTES:
        raise TooLargeError(f"presentation longer than {MAX_PRESENTATION_BYTES} bytes")
    issuer_jwt, tilde, rest = presentation.partition("~")
    parts = rest.split("~", MAX_DISCLOSURES + 1)
    if len(parts) > MAX_DISCLOSURES + 1:
        raise SdJwtLimitError(f"more than {MAX_DISCLOSURES} disclosures")
    last = parts.pop()
    if not issuer_jwt or not tilde or "" in parts:
        raise SdJwtFormatError("no tilde, or nothing between two of them")
    return issuer_jwt, tuple(parts), last or None


def without_key_binding(presentation: str) -> str:
    """Return everything up to and including the last tilde: what ``sd_hash`` covers (RFC 9901 §4.3.1)."""
    return presentation[: presentation.rfind("~") + 1]


def hash_of(payload: Claims) -> str:
    """Return the name of the hash that *payload* states, sha-256 by default (RFC 9901 §4.1.1).

    Raises HashAlgorithmError for anything but sha-256, sha-384 and sha-512.
    """
    name = payload.get(HASH_NAME, DEFAULT_HASH)
    if not isinstance(name, str) or name not in HASHES:
        raise HashAlgorithmError(f"one of {', '.join(HASHES)} expected")
    return name


def digest_text(text: str, hash_name: str = DEFAULT_HASH) -> str:
    """Return the base64url digest of *text* as sent: never parse and write JSON again before hashing (RFC 9901 §4.2.3).

    Raises SdJwtFormatError when *text* is not ASCII.
    """
    try:
        data = text.encode("ascii")
    except UnicodeEncodeError:
        raise SdJwtFormatError("not ASCII") from None
    return b64u_encode(HASHES[hash_name](data).digest())


def sd_hash(presentation_without_kb: str, hash_name: str = DEFAULT_HASH) -> str:
    """Return the ``sd_hash`` of a presentation that ends with its last tilde (RFC 9901 §4.3.1)."""
    return digest_text(presentation_without_kb, hash_name)


def parse_disclosure(encoded: str, hash_name: str = DEFAULT_HASH) -> Disclosure:
    """Return the disclosure in *encoded* with its digest (RFC 9901 §4.2).

    Raises DisclosureFormatError for anything but base64url of a JSON array of text salt, optional text name, and
    value; ReservedNameError for a name that only digests may have.
    """
    try:
        parts = json_loads(b64u_decode(encoded))
    except (Base64UrlError, JsonError) as error:
        raise DisclosureFormatError(error.detail) from None
    if type(parts) is not list or len(parts) not in _LENGTHS:
        raise DisclosureFormatError("not an array of two or three")
    salt, name = parts[0], None
    if len(parts) == 3:
        name = parts[1]
        if type(name) is not str:
            raise DisclosureFormatError("the name is not text")
        if name in _NEVER_DISCLOSED:
            raise ReservedNameError("a disclosure may not have this name")
    if type(salt) is not str:
        raise DisclosureFormatError("the salt is not text")
    # base64url, and so ASCII: what was hashed is what was just read.
    digest = b64u_encode(HASHES[hash_name](encoded.encode()).digest())
    # The named tuple's own constructor is written in Python, and slow where it runs once per claim.
    return tuple.__new__(Disclosure, (salt, name, parts[-1], encoded, digest))


def reveal(payload: Claims, disclosures: Sequence[str]) -> Claims:
    """Return the claims that *payload*, already verified, and the encoded *disclosures* make (RFC 9901 §7.1).

    Linear in the size of the input. Raises HashAlgorithmError, DisclosureFormatError, ReservedNameError,
    DigestFormatError, DigestRepeatedError, ClaimCollisionError, DisclosureUnreferencedError and SdJwtLimitError.
    """
    return reveal_with_paths(payload, disclosures)[0]


def disclosed_paths(payload: Claims, disclosures: Sequence[str]) -> tuple[Path, ...]:
    """Return the path of every claim or element that *disclosures* reveal. Raises as reveal."""
    return tuple(path for path, _ in reveal_with_paths(payload, disclosures)[1])


def reveal_with_paths(
    payload: Claims, disclosures: Sequence[str]
) -> tuple[Claims, tuple[tuple[Path, Disclosure], ...]]:
    """Return the claims, and each disclosure with its path in the order found. Raises as reveal."""
    return _reveal(payload, disclosures, keeps_places=False)


def reveal_in_place(payload: Claims, disclosures: Sequence[str]) -> tuple[Claims, tuple[Path, ...]]:
    """Return the claims with WITHHELD for each element of an array that was not disclosed, and the disclosed paths.

    Every path then leads where it led for the holder. Decoys cannot be told from withheld elements. Raises as reveal.
    """
    claims, found = _reveal(payload, disclosures, keeps_places=True)
    return claims, tuple(path for path, _ in found)


def _reveal(
    payload: Claims, disclosures: Sequence[str], *, keeps_places: bool
) -> tuple[Claims, tuple[tuple[Path, Disclosure], ...]]:
    hash_name = hash_of(payload)
    by_digest: dict[str, Disclosure] = {}
    for encoded in disclosures:
        disclosure = parse_disclosure(encoded, hash_name)
        if disclosure.digest in by_digest:
            raise DigestRepeatedError("one disclosure sent twice")
        by_digest[disclosure.digest] = disclosure
    walk = _Walk(by_digest, keeps_places=keeps_places)
    signed = payload.copy()
    signed.pop(HASH_NAME, None)
    claims = walk.object(signed, ())
    if len(walk.found) != len(by_digest):
        raise DisclosureUnreferencedError(f"{len(by_digest) - len(walk.found)} of {len(by_digest)}")
    return claims, tuple(walk.found)


_NOTHING: Any = object()


class _Walk:
    """One pass over everything signed. Every digest may be met once, whether or not it was disclosed."""

    __slots__ = ("by_digest", "found", "keeps_places", "seen")

    def __init__(self, by_digest: dict[str, Disclosure], *, keeps_places: bool) -> None:
        self.by_digest = by_digest
        self.keeps_places = keeps_places
        self.found: list[tuple[Path, Disclosure]] = []
        self.seen: set[str] = set()

    def value(self, value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return self.object(value, path)
        if isinstance(value, list):
            return self.array(value, path)
        return value

    def object(self, signed: Claims, path: Path) -> Claims:
        if len(path) > MAX_CLAIM_DEPTH:
            raise SdJwtLimitError(f"claims nested deeper than {MAX_CLAIM_DEPTH}")
        if PLACEHOLDER_NAME in signed or HASH_NAME in signed:
            raise ReservedNameError("used outside its place")
        claims = signed.copy()
        digests = claims.pop(DIGESTS_NAME, _NOTHING)
        for name, value in claims.items():
            if type(value) is dict:
                claims[name] = self.object(value, (*path, name))
            elif type(value) is list:
                claims[name] = self.array(value, (*path, name))
        if digests is not _NOTHING:
            self._add_disclosed(claims, digests, path)
        return claims

    def _add_disclosed(self, claims: Claims, digests: Any, path: Path) -> None:
        if not isinstance(digests, list):
            raise DigestFormatError("_sd is not an array")
        self._meet(digests)
        by_digest = self.by_digest
        for disclosure in [by_digest[digest] for digest in digests if digest in by_digest]:
            name = disclosure.name
            if name is None:
                raise DisclosureFormatError("an array element disclosed as a member")
            if name in claims:
                raise ClaimCollisionError("a disclosure names a claim that is already there")
            if name == HASH_NAME:
                raise ReservedNameError("the hash is not for a disclosure to state")
            self.found.append(((*path, name), disclosure))
            claims[name] = self.value(disclosure.value, (*path, name))

    def array(self, signed: list[Any], path: Path) -> list[Any]:
        if len(path) > MAX_CLAIM_DEPTH:
            raise SdJwtLimitError(f"claims nested deeper than {MAX_CLAIM_DEPTH}")
        items: list[Any] = []
        for position, item in enumerate(signed):
            if not (isinstance(item, dict) and PLACEHOLDER_NAME in item):
                items.append(self.value(item, (*path, position)))
                continue
            if len(item) != 1:
                raise DigestFormatError("a placeholder has other members")
            digest = item[PLACEHOLDER_NAME]
            self._meet([digest])
            disclosure = self.by_digest.get(digest)
            if disclosure is not None:
                items.append(self._element(disclosure, (*path, position)))
            elif self.keeps_places:
                items.append(WITHHELD)
        return items

    def _element(self, disclosure: Disclosure, path: Path) -> Any:
        if disclosure.name is not None:
            raise DisclosureFormatError("a member disclosed as an array element")
        self.found.append((path, disclosure))
        return self.value(disclosure.value, path)

    def _meet(self, digests: list[Any]) -> None:
        if not _TEXT.issuperset(map(type, digests)):
            raise DigestFormatError("a digest is not text")
        expected = len(self.seen) + len(digests)
        self.seen.update(digests)
        if len(self.seen) != expected:
            raise DigestRepeatedError("one digest signed twice")

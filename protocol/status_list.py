"""Token Status List (draft-ietf-oauth-status-list-21) in its JWT form: is this credential still good?

A list packs one status of 1, 2, 4 or 8 bits per credential, least significant bits first, compressed with zlib. The
token is fetched whole and cacheable, so its publisher learns nothing of single credentials. Nothing here performs I/O,
and no key is ever taken from the token itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from protocol.claims import numeric_date
from protocol.encoding import b64u_decode, b64u_encode, json_dumps, json_object
from protocol.errors import (
    Base64UrlError,
    StatusIndexError,
    StatusListExpiredError,
    StatusListFormatError,
    StatusListNotYetValidError,
    StatusListStaleError,
    StatusListSubjectError,
    StatusListTooLargeError,
    StatusReferenceError,
)
from protocol.jose import sign_compact, verify_compact
from protocol.keys import Signer

VALID: Final = 0
INVALID: Final = 1
SUSPENDED: Final = 2

TOKEN_TYPE = "statuslist+jwt"  # noqa: S105 a media type
MEDIA_TYPE = "application/statuslist+jwt"

ALLOWED_BITS = (1, 2, 4, 8)
MAX_ARRAY_BYTES = 1 << 22
MAX_TOKEN_BYTES = 1 << 22
MAX_URI_LENGTH = 2048
CLOCK_LEEWAY = 60

_TOKEN_TYPES = frozenset({TOKEN_TYPE})


@dataclass(slots=True)
class StatusList:
    """*bits* per status, and the packed statuses (Token Status List §4.1).

    Raises StatusListFormatError for other sizes than 1, 2, 4, 8, and StatusListTooLargeError past the bound.
    """

    bits: int
    array: bytearray

    def __post_init__(self) -> None:
        if type(self.bits) is not int or self.bits not in ALLOWED_BITS:
            raise StatusListFormatError("bits is not 1, 2, 4 or 8")
        if len(self.array) > MAX_ARRAY_BYTES:
            raise StatusListTooLargeError(f"more than {MAX_ARRAY_BYTES} bytes")

    @classmethod
    def of_size(cls, entries: int, *, bits: int = 2) -> StatusList:
        """Return a list of at least *entries* statuses, all VALID. Raises as the class does."""
        if entries < 1 or entries > MAX_ARRAY_BYTES * 8:
            raise StatusListTooLargeError("a list holds between one status and what its bound allows")
        return cls(bits, bytearray((entries * bits + 7) // 8))

    @property
    def size(self) -> int:
        """How many statuses the list holds."""
        return len(self.array) * 8 // self.bits

    def get(self, index: int) -> int:
        """Return the status at 0-based *index*. Raises StatusIndexError outside the list (§8.3)."""
        position, shift = self._locate(index)
        return self.array[position] >> shift & self._mask

    def set(self, index: int, status: int) -> None:
        """Set the status at *index*. Raises StatusIndexError for an index outside or a status that does not fit."""
        position, shift = self._locate(index)
        if type(status) is not int or not 0 <= status <= self._mask:
            raise StatusIndexError("the status does not fit the bits of this list")
        self.array[position] = self.array[position] & ~(self._mask << shift) | status << shift

    def compress(self) -> str:
        """Return ``lst``: base64url of the zlib stream, best compression (§4.2)."""
        return b64u_encode(zlib.compress(bytes(self.array), 9))

    @classmethod
    def from_lst(cls, bits: int, lst: str, *, max_bytes: int = MAX_ARRAY_BYTES) -> StatusList:
        """Return the list that ``bits`` and ``lst`` describe (§4.2).

        Raises StatusListFormatError for anything but one complete zlib stream in base64url, and
        StatusListTooLargeError as soon as it would inflate past *max_bytes*, without inflating the rest.
        """
        if not isinstance(lst, str):
            raise StatusListFormatError("lst is not text")
        try:
            compressed = b64u_decode(lst)
        except Base64UrlError:
            raise StatusListFormatError("lst is not base64url") from None
        return cls(bits, bytearray(_inflate(compressed, max_bytes)))

    @property
    def _mask(self) -> int:
        return (1 << self.bits) - 1

    def _locate(self, index: int) -> tuple[int, int]:
        if type(index) is not int or not 0 <= index < self.size:
            raise StatusIndexError("the index lies outside the list")
        position, offset = divmod(index * self.bits, 8)
        return position, offset


@dataclass(slots=True)
class StatusListToken(StatusList):
    """A verified list with its token's times, in seconds since the epoch."""

    issued_at: float
    expires_at: float | None
    ttl: float | None

    def fresh_until(self, fetched_at: float) -> float | None:
        """Return when a copy fetched at *fetched_at* must be fetched again, or None when the token does not say."""
        limits = [self.expires_at, None if self.ttl is None else fetched_at + self.ttl]
        return min((limit for limit in limits if limit is not None), default=None)


def encode_token(
    status_list: StatusList,
    *,
    uri: str,
    signer: Signer,
    iat: int,
    exp: int | None = None,
    ttl: int | None = None,
    x5c: Sequence[str] | None = None,
) -> str:
    """Return a signed Status List Token (§5.1): *uri* becomes ``sub``; times in seconds; *x5c* goes to the header."""
    claims: dict[str, Any] = {"sub": uri, "iat": iat}
    if exp is not None:
        claims["exp"] = exp
    if ttl is not None:
        claims["ttl"] = ttl
    claims["status_list"] = {"bits": status_list.bits, "lst": status_list.compress()}
    header: dict[str, Any] = {"typ": TOKEN_TYPE, "kid": signer.key_id}
    if x5c is not None:
        header["x5c"] = list(x5c)
    return sign_compact(json_dumps(claims), signer=signer, header=header)


def verify_token(
    token: str,
    *,
    key: ec.EllipticCurvePublicKey,
    uri: str,
    now: float,
    fetched_at: float | None = None,
    max_age: float | None = None,
) -> StatusListToken:
    """Return the list in *token*, fetched from *uri*, once signature, type, subject and times have been checked (§8.3).

    *key* comes from the caller's trust in the issuer of the credential, never from the token. *now* and *fetched_at*
    are in seconds since the epoch; with *fetched_at* the token's ``ttl`` is enforced on a cached copy, and with
    *max_age* a token issued longer ago than that is refused, whatever it says itself. Raises as jose.verify_compact,
    ClaimFormatError, StatusListFormatError, StatusListSubjectError, StatusListNotYetValidError, StatusListExpiredError,
    StatusListStaleError, StatusListTooLargeError.
    """
    jws = verify_compact(token, key=key, allowed_types=_TOKEN_TYPES, max_bytes=MAX_TOKEN_BYTES)
    claims = json_object(jws.payload, max_bytes=MAX_TOKEN_BYTES)
    # A list served from, or signed for, another address says nothing about this credential.
    if claims.get("sub") != uri:
        raise StatusListSubjectError("sub is not the address of this list")
    issued_at, expires_at, ttl = _check_times(claims, now)
    if fetched_at is not None and ttl is not None and now >= fetched_at + ttl:
        raise StatusListStaleError("kept longer than its ttl")
    if max_age is not None and now > issued_at + max_age:
        raise StatusListStaleError("issued too long ago")
    inner = _parse_list(claims)
    return StatusListToken(inner.bits, inner.array, issued_at, expires_at, ttl)


def status_claim(index: int, uri: str) -> dict[str, Any]:
    """Return the value of a credential's ``status`` claim (§6.2)."""
    return {"status_list": {"idx": index, "uri": uri}}


def status_reference(
    claims: Mapping[str, Any], *, allowed_schemes: frozenset[str] = frozenset({"https"})
) -> tuple[int, str] | None:
    """Return (index, uri) of the list that knows the status of the credential with *claims*, or None without one (§6.2).

    Raises StatusReferenceError for a ``status`` that is malformed or of a mechanism that is not spoken here: not
    understanding a status must never read as having none.
    """
    if "status" not in claims:
        return None
    status = claims["status"]
    reference = status.get("status_list") if isinstance(status, Mapping) else None
    if not isinstance(reference, Mapping):
        raise StatusReferenceError("no status_list in status")
    index, uri = reference.get("idx"), reference.get("uri")
    if type(index) is not int or index < 0:
        raise StatusReferenceError("idx is not a non-negative integer")
    if not isinstance(uri, str) or not _is_fetchable(uri, allowed_schemes):
        raise StatusReferenceError("uri is not an allowed address")
    return index, uri


def _inflate(compressed: bytes, max_bytes: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        array = inflater.decompress(compressed, max_bytes + 1)
    except zlib.error:
        raise StatusListFormatError("lst is not a zlib stream") from None
    if len(array) > max_bytes:
        raise StatusListTooLargeError(f"inflates past {max_bytes} bytes")
    if not inflater.eof or inflater.unused_data:
        raise StatusListFormatError("lst is not one complete zlib stream")
    return array


def _check_times(claims: Mapping[str, Any], now: float) -> tuple[float, float | None, float | None]:
    issued_at, expires_at = numeric_date(claims, "iat"), numeric_date(claims, "exp")
    not_before, ttl = numeric_date(claims, "nbf"), numeric_date(claims, "ttl")
    if issued_at is None:
        raise StatusListFormatError("no iat")
    if ttl is not None and ttl <= 0:
        raise StatusListFormatError("ttl is not positive")
    if max(issued_at, not_before or issued_at) > now + CLOCK_LEEWAY:
        raise StatusListNotYetValidError("issued in the future")
    if expires_at is not None and expires_at <= now:
        raise StatusListExpiredError("exp has passed")
    return issued_at, expires_at, ttl


def _parse_list(claims: Mapping[str, Any]) -> StatusList:
    inner = claims.get("status_list")
    if not isinstance(inner, Mapping) or "bits" not in inner or "lst" not in inner:
        raise StatusListFormatError("no status_list with bits and lst")
    return StatusList.from_lst(inner["bits"], inner["lst"])


def _is_fetchable(uri: str, allowed_schemes: frozenset[str]) -> bool:
    return len(uri) <= MAX_URI_LENGTH and _has_fetchable_form(uri, allowed_schemes)


# A handful of lists serve all credentials; only addresses of bounded length are kept.
@lru_cache(maxsize=1024)
def _has_fetchable_form(uri: str, allowed_schemes: frozenset[str]) -> bool:
    if not uri.isascii() or not uri.isprintable() or set(uri) & set(' "<>\\^`{|}'):
        return False
    try:
        parts = urlsplit(uri)
        port_is_sound = parts.port is None or parts.port > 0
    except ValueError:
        return False
    # Userinfo hides the real host from a reader; a fragment never reaches a server.
    return (
        port_is_sound
        and parts.scheme in allowed_schemes
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and "#" not in uri
    )

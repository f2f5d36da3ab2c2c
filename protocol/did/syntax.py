"""DID and DID URL syntax (DID Core §3.1, §3.2): strict, case-sensitive, nothing normalised."""

from __future__ import annotations

import re
from dataclasses import dataclass

from protocol.errors import DidSyntaxError

MAX_DID_LENGTH = 4096

_ID_CHARACTER = r"(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})"
_DID_PATTERN = rf"did:([a-z0-9]+):((?:{_ID_CHARACTER}*:)*{_ID_CHARACTER}+)"
_PATH_CHARACTER = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_DID = re.compile(rf"{_DID_PATTERN}\Z", re.ASCII)
_DID_URL = re.compile(
    rf"({_DID_PATTERN})((?:/{_PATH_CHARACTER}*)*)"
    rf"(?:\?((?:{_PATH_CHARACTER}|[/?])*))?(?:#((?:{_PATH_CHARACTER}|[/?])*))?\Z",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Did:
    """A parsed DID: *method* and the method-specific *identifier*."""

    method: str
    identifier: str

    def __str__(self) -> str:
        return f"did:{self.method}:{self.identifier}"


@dataclass(frozen=True, slots=True)
class DidUrl:
    """A parsed DID URL; *query* and *fragment* are None when absent."""

    did: str
    path: str
    query: str | None
    fragment: str | None


def parse_did(text: object) -> Did:
    """Return the parts of a DID. Raises DidSyntaxError for anything else, DID URLs included (DID Core §3.1)."""
    match = _DID.match(text) if isinstance(text, str) and len(text) <= MAX_DID_LENGTH else None
    if match is None:
        raise DidSyntaxError("not a DID")
    return Did(match[1], match[2])


def parse_did_url(text: object) -> DidUrl:
    """Return the parts of an absolute DID URL. Raises DidSyntaxError for anything else (DID Core §3.2)."""
    match = _DID_URL.match(text) if isinstance(text, str) and len(text) <= MAX_DID_LENGTH else None
    if match is None:
        raise DidSyntaxError("not a DID URL")
    return DidUrl(match[1], match[4], match[5], match[6])

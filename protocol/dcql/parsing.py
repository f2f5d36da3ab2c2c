"""Read a DCQL query: strict in what §6 defines, deaf to what it does not, and bounded everywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from protocol.dcql.query import (
    AUTHORITY_KEY_IDENTIFIER,
    TYPED_FORMATS,
    ClaimQuery,
    CredentialQuery,
    CredentialSet,
    Query,
    TrustedAuthority,
)
from protocol.disclosure import Path
from protocol.encoding import b64u_decode
from protocol.errors import Base64UrlError, DcqlFormatError
from protocol.sd_jwt_vc import CREDENTIAL_TYPE

# What a verifier may present at once has 2 ** MAX_CREDENTIALS combinations, all of which are looked at.
MAX_CREDENTIALS = 10
MAX_CREDENTIAL_SETS = 16
MAX_OPTIONS = 16
MAX_CLAIMS = 64
MAX_ITEMS = 64
MAX_PATH_STEPS = 16
MAX_TEXT = 2048

_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


def parse_query(query: Any) -> Query:
    """Return a DCQL *query* (OpenID4VP §6). Raises DcqlFormatError for what breaks §6 or the bounds above.

    Members that §6 does not define are ignored, as it demands. A claim asked for twice is refused rather than ignored:
    it is a mistake, and the citizen would be shown one thing where two were meant.
    """
    members = _object(query, "query")
    items = _array(members.get("credentials"), "credentials", most=MAX_CREDENTIALS)
    credentials = tuple(_parse_credential(item) for item in items)
    identifiers = [credential.id for credential in credentials]
    _refuse_repeated(identifiers, "two credentials with one id")
    sets: list[Any] = []
    if "credential_sets" in members:
        sets = _array(members["credential_sets"], "credential_sets", most=MAX_CREDENTIAL_SETS)
    return Query(credentials, tuple(_parse_credential_set(item, identifiers) for item in sets))


def parse_path(path: Any) -> Path:
    """Return a claims path pointer: text, positions and None (OpenID4VP §7). Raises DcqlFormatError."""
    if not isinstance(path, list | tuple) or not 0 < len(path) <= MAX_PATH_STEPS:
        raise DcqlFormatError(f"a path is an array of 1 to {MAX_PATH_STEPS} steps")
    if not all(step is None or _is_position(step) or _is_name(step) for step in path):
        raise DcqlFormatError("a step is text, a position or null")
    return tuple(path)


def _parse_credential(value: Any) -> CredentialQuery:
    members = _object(value, "credential")
    name = _text(members.get("format"), "format")
    meta = _object(members.get("meta"), "meta")
    claims = _parse_claims(members["claims"]) if "claims" in members else ()
    return CredentialQuery(
        id=_identifier(members.get("id")),
        format=name,
        vct_values=_texts(meta.get("vct_values"), "vct_values") if name == CREDENTIAL_TYPE else (),
        type_values=_parse_types(meta.get("type_values")) if name in TYPED_FORMATS else (),
        claims=claims,
        claim_sets=_parse_claim_sets(members["claim_sets"], claims) if "claim_sets" in members else (),
        multiple=_flag(members, "multiple", default=False),
        requires_holder_binding=_flag(members, "require_cryptographic_holder_binding", default=True),
        trusted_authorities=_parse_authorities(members) if "trusted_authorities" in members else (),
    )


def _parse_types(value: Any) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(_texts(item, "types")) for item in _array(value, "type_values"))


def _parse_authorities(members: Mapping[str, Any]) -> tuple[TrustedAuthority, ...]:
    return tuple(_parse_authority(item) for item in _array(members["trusted_authorities"], "trusted_authorities"))


def _parse_authority(value: Any) -> TrustedAuthority:
    members = _object(value, "trusted authority")
    kind, values = _text(members.get("type"), "type"), _texts(members.get("values"), "values")
    if kind == AUTHORITY_KEY_IDENTIFIER:
        try:
            list(map(b64u_decode, values))
        except Base64UrlError:
            raise DcqlFormatError("a key identifier is not base64url") from None
    return TrustedAuthority(kind, values)


def _parse_claims(value: Any) -> tuple[ClaimQuery, ...]:
    claims = tuple(_parse_claim(item) for item in _array(value, "claims", most=MAX_CLAIMS))
    _refuse_repeated([claim.id for claim in claims if claim.id is not None], "two claims with one id")
    _refuse_repeated([claim.path for claim in claims], "one claim asked for twice")
    return claims


def _parse_claim(value: Any) -> ClaimQuery:
    members = _object(value, "claim")
    identifier = _identifier(members["id"]) if "id" in members else None
    values = tuple(_array(members["values"], "values")) if "values" in members else None
    # bool is an int here; a float or an object is none of the three.
    if not all(isinstance(wanted, str | int) for wanted in values or ()):
        raise DcqlFormatError("values holds something other than text, integers and booleans")
    return ClaimQuery(identifier, parse_path(members.get("path")), values)


def _parse_claim_sets(value: Any, claims: Sequence[ClaimQuery]) -> tuple[tuple[str, ...], ...]:
    if not claims or any(claim.id is None for claim in claims):
        raise DcqlFormatError("claim_sets needs claims with ids")
    known = [claim.id for claim in claims if claim.id is not None]
    return tuple(_references(item, known, "claim set") for item in _array(value, "claim_sets"))


def _parse_credential_set(value: Any, known: Sequence[str]) -> CredentialSet:
    members = _object(value, "credential set")
    options = _array(members.get("options"), "options", most=MAX_OPTIONS)
    purpose = members.get("purpose")
    return CredentialSet(
        options=tuple(_references(item, known, "option") for item in options),
        is_required=_flag(members, "required", default=True),
        purpose=purpose if isinstance(purpose, str) and len(purpose) <= MAX_TEXT else "",
    )


def _references(value: Any, known: Sequence[str], name: str) -> tuple[str, ...]:
    found = _array(value, name)
    if not all(isinstance(identifier, str) and identifier in known for identifier in found):
        raise DcqlFormatError(f"a {name} names nothing of the query")
    return tuple(dict.fromkeys(found))


def _refuse_repeated(values: Sequence[Any], detail: str) -> None:
    if len(set(values)) != len(values):
        raise DcqlFormatError(detail)


def _is_position(step: Any) -> bool:
    return isinstance(step, int) and not isinstance(step, bool) and step >= 0


def _is_name(step: Any) -> bool:
    return isinstance(step, str) and len(step) <= MAX_TEXT


def _flag(members: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = members.get(name, default)
    if not isinstance(value, bool):
        raise DcqlFormatError(f"{name} is neither true nor false")
    return value


def _identifier(value: Any) -> str:
    if not isinstance(value, str) or not _IDENTIFIER.match(value):
        raise DcqlFormatError("an id is short text of letters, digits, _ and -")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        raise DcqlFormatError(f"{name} is not text of 1 to {MAX_TEXT} characters")
    return value


def _texts(value: Any, name: str) -> tuple[str, ...]:
    return tuple(_text(item, name) for item in _array(value, name))


def _array(value: Any, name: str, *, most: int = MAX_ITEMS) -> list[Any]:
    if not isinstance(value, list) or not 0 < len(value) <= most:
        raise DcqlFormatError(f"{name} is not an array of 1 to {most}")
    return value


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DcqlFormatError(f"{name} is not an object")
    return value

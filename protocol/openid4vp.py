"""OpenID4VP 1.0, the parts that are data: the DCQL query (§6, §7) and transaction data (§8.4, §B.3.3).

Of DCQL this speaks one credential query of format ``dc+sd-jwt``. What it does not speak (``credential_sets``, trusted
authorities, several credentials, other formats) is refused by name: a part of a query that is ignored would ask a
citizen for something else than the query says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from protocol.disclosure import Path
from protocol.encoding import b64u_decode, b64u_encode, json_dumps, json_object
from protocol.errors import (
    DcqlFormatError,
    DcqlNotSatisfiedError,
    DcqlUnsupportedError,
    EncodingError,
    TransactionDataFormatError,
    TransactionDataHashError,
)
from protocol.sd_jwt_vc import CREDENTIAL_TYPE

MAX_CLAIMS = 64
MAX_PATH_STEPS = 16
MAX_TRANSACTION_DATA_BYTES = 1 << 15
HASH_NAME = "sha-256"

_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_QUERY_MEMBERS = frozenset({"credentials"})
_CREDENTIAL_MEMBERS = frozenset({"id", "format", "meta", "claims", "claim_sets"})
_CREDENTIAL_MEMBERS_ELSEWHERE = frozenset({"multiple", "trusted_authorities", "require_cryptographic_holder_binding"})
_CLAIM_MEMBERS = frozenset({"id", "path", "values"})


@dataclass(frozen=True, slots=True)
class ClaimQuery:
    """One claim asked for (OpenID4VP §6.3). ``values`` None admits every value."""

    id: str | None
    path: Path
    values: tuple[str | int | bool, ...] | None = None


@dataclass(frozen=True, slots=True)
class CredentialQuery:
    """One credential asked for (OpenID4VP §6.1), with the claims of it and the sets of claims that will do."""

    id: str
    vct_values: tuple[str, ...]
    claims: tuple[ClaimQuery, ...]
    claim_sets: tuple[tuple[str, ...], ...]


def parse_query(query: Any) -> CredentialQuery:
    """Return the one credential query of a DCQL *query* (OpenID4VP §6).

    Raises DcqlFormatError for what breaks §6, and DcqlUnsupportedError for what §6 allows and this does not speak.
    """
    members = _object(query, "query", _QUERY_MEMBERS, unsupported=frozenset({"credential_sets"}))
    credentials = _array(members.get("credentials"), "credentials")
    if len(credentials) > 1:
        raise DcqlUnsupportedError("several credentials")
    return _parse_credential(credentials[0])


def match_credential(query: CredentialQuery, claims: Mapping[str, Any]) -> tuple[Path, ...]:
    """Return the paths that *query* asks of a credential with these *claims* (OpenID4VP §6.4.1).

    Without ``claim_sets`` every claim is needed; with them, the first set that the credential can satisfy. Raises
    DcqlNotSatisfiedError for a ``vct`` outside the query, or claims that are missing or have other values.
    """
    if claims.get("vct") not in query.vct_values:
        raise DcqlNotSatisfiedError("another type of credential")
    satisfied = {claim.path for claim in query.claims if is_satisfied(claim, claims)}
    for wanted in _sets_of(query):
        if satisfied.issuperset(wanted):
            return wanted
    raise DcqlNotSatisfiedError("a claim is missing or has another value")


def is_satisfied(claim: ClaimQuery, claims: Mapping[str, Any]) -> bool:
    """Whether *claims* hold what *claim* asks, and one of its values where it names some (OpenID4VP §6.4.1)."""
    found = select_values(claims, claim.path)
    if claim.values is None:
        return bool(found)
    # JSON true is not the number 1, though Python says so.
    return any(type(value) is type(wanted) and value == wanted for value in found for wanted in claim.values)


def select_values(claims: Mapping[str, Any], path: Sequence[str | int | None]) -> list[Any]:
    """Return every value that a claims path pointer selects, none when it leads nowhere (OpenID4VP §7.1).

    A step that does not fit the kind of an element ends the search, as §7.1 says, with nothing selected.
    """
    nodes: list[Any] = [claims]
    for step in path:
        kind = Mapping if isinstance(step, str) else list
        if not all(isinstance(node, kind) for node in nodes):
            return []
        nodes = [child for node in nodes for child in _children(node, step)]
    return nodes


def parse_path(path: Any) -> Path:
    """Return a claims path pointer: text, positions and None (OpenID4VP §7). Raises DcqlFormatError."""
    if not isinstance(path, list | tuple) or not 0 < len(path) <= MAX_PATH_STEPS:
        raise DcqlFormatError(f"a path is an array of 1 to {MAX_PATH_STEPS} steps")
    if not all(step is None or isinstance(step, str) or _is_position(step) for step in path):
        raise DcqlFormatError("a step is text, a position or null")
    return tuple(path)


def credential_query(
    *, query_id: str, vct: str, required: Iterable[Path], optional: Iterable[Path] = ()
) -> dict[str, Any]:
    """Return a DCQL query for one credential; with *optional* paths, showing all is preferred and less will do (§6.4)."""
    needed = list(required)
    paths = [*needed, *optional]
    claims = [{"id": f"c{position}", "path": list(path)} for position, path in enumerate(paths)]
    credential: dict[str, Any] = {"id": query_id, "format": CREDENTIAL_TYPE, "meta": {"vct_values": [vct]}}
    if claims:
        credential["claims"] = claims
    if len(paths) > len(needed) > 0:
        every = [claim["id"] for claim in claims]
        credential["claim_sets"] = [every, every[: len(needed)]]
    return {"credentials": [credential]}


def encode_transaction_data(members: Mapping[str, Any]) -> str:
    """Return *members* as one element of ``transaction_data`` (OpenID4VP §8.4).

    Raises TransactionDataFormatError as parse_transaction_data, so that nothing is made here that would be refused.
    """
    encoded = b64u_encode(json_dumps(dict(members)))
    parse_transaction_data(encoded)
    return encoded


def parse_transaction_data(encoded: Any) -> dict[str, Any]:
    """Return the members of one element of ``transaction_data`` (OpenID4VP §8.4).

    Raises TransactionDataFormatError for anything but base64url of strict JSON with a text ``type`` and
    ``credential_ids``, and past 32 KiB.
    """
    if not isinstance(encoded, str) or len(encoded) > MAX_TRANSACTION_DATA_BYTES:
        raise TransactionDataFormatError(f"not text of at most {MAX_TRANSACTION_DATA_BYTES} characters")
    try:
        members = json_object(b64u_decode(encoded))
    except EncodingError as error:
        raise TransactionDataFormatError(error.detail) from None
    if not isinstance(members.get("type"), str) or not members["type"]:
        raise TransactionDataFormatError("type is not text")
    credential_ids = members.get("credential_ids")
    if not isinstance(credential_ids, list) or not credential_ids or not _all_text(credential_ids):
        raise TransactionDataFormatError("credential_ids is not an array of text")
    return members


def hash_transaction_data(encoded: str) -> str:
    """Return the base64url SHA-256 of an element as sent, never of what it decodes to (OpenID4VP §B.3.3.1)."""
    try:
        return b64u_encode(sha256(encoded.encode("ascii")).digest())
    except UnicodeEncodeError:
        raise TransactionDataFormatError("not ASCII") from None


def check_transaction_data(key_binding: Mapping[str, Any], encoded: Sequence[str]) -> None:
    """Check that a verified key binding JWT covers exactly these elements, in this order (OpenID4VP §B.3.3.1).

    Raises TransactionDataHashError for other hashes, and for any hash but sha-256.
    """
    if key_binding.get("transaction_data_hashes_alg", HASH_NAME) != HASH_NAME:
        raise TransactionDataHashError("another hash algorithm")
    if key_binding.get("transaction_data_hashes") != [hash_transaction_data(item) for item in encoded]:
        raise TransactionDataHashError("signed over other terms")


def _parse_credential(value: Any) -> CredentialQuery:
    members = _object(value, "credential", _CREDENTIAL_MEMBERS, unsupported=_CREDENTIAL_MEMBERS_ELSEWHERE)
    if members.get("format") != CREDENTIAL_TYPE:
        if not isinstance(members.get("format"), str):
            raise DcqlFormatError("format is not text")
        raise DcqlUnsupportedError("a format other than dc+sd-jwt")
    claims = _parse_claims(members["claims"]) if "claims" in members else ()
    sets = _parse_sets(members["claim_sets"], claims) if "claim_sets" in members else ()
    return CredentialQuery(_identifier(members.get("id")), _parse_meta(members.get("meta")), claims, sets)


def _parse_meta(value: Any) -> tuple[str, ...]:
    meta = _object(value, "meta", frozenset({"vct_values"}))
    types = _array(meta.get("vct_values"), "vct_values")
    if not _all_text(types):
        raise DcqlFormatError("vct_values is not an array of text")
    return tuple(types)


def _parse_claims(value: Any) -> tuple[ClaimQuery, ...]:
    claims = tuple(_parse_claim(item) for item in _array(value, "claims"))
    identifiers = [claim.id for claim in claims if claim.id is not None]
    if len(set(identifiers)) != len(identifiers):
        raise DcqlFormatError("two claims with one id")
    if len({claim.path for claim in claims}) != len(claims):
        raise DcqlUnsupportedError("one path asked for twice")
    return claims


def _parse_claim(value: Any) -> ClaimQuery:
    members = _object(value, "claim", _CLAIM_MEMBERS)
    identifier = _identifier(members["id"]) if "id" in members else None
    values = tuple(_array(members["values"], "values")) if "values" in members else None
    # bool is an int here; a float or an object is none of the three.
    if not all(isinstance(wanted, str | int) for wanted in values or ()):
        raise DcqlFormatError("values holds something other than text, integers and booleans")
    return ClaimQuery(identifier, parse_path(members.get("path")), values)


def _parse_sets(value: Any, claims: Sequence[ClaimQuery]) -> tuple[tuple[str, ...], ...]:
    if not claims or any(claim.id is None for claim in claims):
        raise DcqlFormatError("claim_sets needs claims with ids")
    known = {claim.id for claim in claims}
    sets = [_array(item, "claim set") for item in _array(value, "claim_sets")]
    if not all(isinstance(identifier, str) and identifier in known for item in sets for identifier in item):
        raise DcqlFormatError("a claim set names no claim of the query")
    return tuple(tuple(item) for item in sets)


def _sets_of(query: CredentialQuery) -> list[tuple[Path, ...]]:
    if not query.claim_sets:
        return [tuple(claim.path for claim in query.claims)]
    by_id = {claim.id: claim.path for claim in query.claims}
    return [tuple(by_id[identifier] for identifier in wanted) for wanted in query.claim_sets]


def _children(node: Any, step: str | int | None) -> list[Any]:
    if step is None:
        return list(node)
    if isinstance(step, str):
        return [node[step]] if step in node else []
    return [node[step]] if step < len(node) else []


def _is_position(step: Any) -> bool:
    return isinstance(step, int) and not isinstance(step, bool) and step >= 0


def _all_text(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) and value for value in values)


def _identifier(value: Any) -> str:
    if not isinstance(value, str) or not _IDENTIFIER.match(value):
        raise DcqlFormatError("an id is short text of letters, digits, _ and -")
    return value


def _array(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_CLAIMS:
        raise DcqlFormatError(f"{name} is not an array of 1 to {MAX_CLAIMS}")
    return value


def _object(
    value: Any, name: str, known: frozenset[str], *, unsupported: frozenset[str] = frozenset()
) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(member, str) for member in value):
        raise DcqlFormatError(f"{name} is not an object")
    beyond = set(value) - known
    if beyond & unsupported:
        raise DcqlUnsupportedError(", ".join(sorted(beyond & unsupported)))
    if beyond:
        raise DcqlUnsupportedError(f"{name} has {len(beyond)} members that are not known here")
    return value

"""Bodies that scripts send, read strictly."""

from __future__ import annotations

from typing import Any, TypedDict

from protocol.encoding import json_object
from protocol.errors import InvalidInputError

MAX_GRANT_BYTES = 1 << 19


class Grant(TypedDict):
    terms: str
    key_binding_jwt: str
    envelope: dict[str, Any]


class RecipientKeyInput(TypedDict):
    label: str
    public_jwk: dict[str, Any]


class BodyMembersError(InvalidInputError):
    """The body does not have exactly the members that this address takes, each of its kind."""

    code = "body_invalid"


def parse_grant(body: bytes) -> Grant:
    """Raises ProtocolError for what is not strict JSON, BodyMembersError for other members."""
    members = _members(body, {"terms": str, "key_binding_jwt": str, "envelope": dict})
    return Grant(terms=members["terms"], key_binding_jwt=members["key_binding_jwt"], envelope=members["envelope"])


def parse_recipient_key(body: bytes) -> RecipientKeyInput:
    """Raises as parse_grant."""
    members = _members(body, {"label": str, "public_jwk": dict})
    return RecipientKeyInput(label=members["label"], public_jwk=members["public_jwk"])


def _members(body: bytes, kinds: dict[str, type]) -> dict[str, Any]:
    members = json_object(body, max_bytes=MAX_GRANT_BYTES)
    wrong = sorted(members.keys() ^ kinds.keys())
    wrong += [name for name, kind in kinds.items() if name in members and not isinstance(members[name], kind)]
    if wrong:
        raise BodyMembersError(", ".join(wrong)[:200], fields={name[:80]: ["unexpected"] for name in wrong[:20]})
    return members

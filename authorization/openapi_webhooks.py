"""What is sent to owners' servers, in the OpenAPI document: its `webhooks` section (OpenAPI 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authorization.webhooks.catalogue import AGENCY, KINDS, MEMBER_SCHEMAS, Kind, Members

_HEADERS: Mapping[str, tuple[str, Mapping[str, Any], str]] = {
    "webhook-id": ("The same at every attempt: do what follows from it once", {"type": "string"}, "msg_5d0f6dc4"),
    "webhook-timestamp": ("Of the attempt, in seconds; refuse old ones", {"type": "integer"}, "1795550400"),
    "webhook-signature": (
        "One for each secret that is good, parted by spaces: `v1,` and HMAC-SHA-256 over id, time and body, parted by dots",
        {"type": "string"},
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    ),
}
_ID = "5d0f6dc4-7a70-4a42-8b3f-6f2d7a9f3b20"
_MOMENT = "2026-11-24T11:00:00.000Z"
_EXAMPLES: Mapping[str, Any] = {
    "type": "birth-certificate",
    "verdict": "valid",
    "ledger": "embedded",
    "origin": "localhost:8000/log",
    "size": 2,
    "root": "ivMvHLSMAV1CDYyT5kcyAn6OATdFB5ZcLyXMMsnqOPs=",
}
_STATES = {"revoked": "revoked", "suspended": "suspended", "granted": "active", "withdrawn": "withdrawn"}


def describe_webhooks(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add every type of event to the generated document (a drf-spectacular post-processing hook)."""
    result["webhooks"] = {name: {"post": _operation(name, kind)} for name, kind in KINDS.items()}
    return result


def _operation(name: str, kind: Kind) -> dict[str, Any]:
    body = {"schema": _schema(name, kind), "examples": _examples(name, kind)}
    return {
        "operationId": f"receive_{name.replace('.', '_')}",
        "summary": kind.summary,
        "description": f"Sent to: {' and '.join(sorted(kind.members))}.",
        "tags": ["webhooks"],
        "security": [{}],
        "parameters": [
            {
                "name": header,
                "in": "header",
                "required": True,
                "description": text,
                "schema": schema,
                "example": example,
            }
            for header, (text, schema, example) in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "2XX": {"description": "Accepted. Answer within 15 seconds, and work afterwards"},
            "410": {"description": "Gone for good: the endpoint is switched off"},
            "default": {"description": "Not accepted: it is sent again, eight times in all over a day and a half"},
        },
    }


def _schema(name: str, kind: Kind) -> dict[str, Any]:
    shapes = [_data(members) for members in dict.fromkeys(kind.members.values())]
    properties = {
        "type": {"type": "string", "const": name},
        "timestamp": {"type": "string", "format": "date-time", "description": "Of the event"},
        "data": shapes[0] if len(shapes) == 1 else {"oneOf": shapes},
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def _data(members: Members) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(members),
        "properties": {member: dict(MEMBER_SCHEMAS[member]) for member in members},
        "additionalProperties": False,
    }


def _examples(name: str, kind: Kind) -> dict[str, Any]:
    return {
        audience: {"value": {"type": name, "timestamp": _MOMENT, "data": _example(name, members)}}
        for audience, members in sorted(kind.members.items(), key=lambda item: item[0] != AGENCY)
    }


def _example(name: str, members: Members) -> dict[str, Any]:
    known = {**_EXAMPLES, "state": _STATES.get(name.partition(".")[2], "valid")}
    return {member: known.get(member, _MOMENT if member.endswith("_at") else _ID) for member in members}

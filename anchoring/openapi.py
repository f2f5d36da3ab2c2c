"""The plain views of this app in the OpenAPI document: they are not DRF views, so nothing else describes them."""

from __future__ import annotations

from typing import Any

from protocol.merkle import MAX_TILE_LEVEL
from protocol.witness import SIZE_CONTENT_TYPE

_TEXT = "text/plain"
_BYTES = "application/octet-stream"
_LEVEL = {
    "name": "level",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 0, "maximum": MAX_TILE_LEVEL},
}
_POSITION = {
    "name": "position",
    "in": "path",
    "required": True,
    "description": (
        "Index in groups of three digits, all but the last after an x (`x001/234` is 1234), and for a tile that is "
        "not full `.p/` and its width. Slashes are sent as they are."
    ),
    "schema": {"type": "string", "pattern": r"^(x[0-9]{3}/){0,6}[0-9]{3}(\.p/[1-9][0-9]{0,2})?$"},
    "example": "000.p/1",
}
_CHECKPOINT = """localhost:8000/log
2
ivMvHLSMAV1CDYyT5kcyAn6OATdFB5ZcLyXMMsnqOPs=

— localhost:8000/log c2lnbmF0dXJlIG9mIHRoZSBjaGVja3BvaW50
"""

_VKEYS = "localhost:8000/log+1a2b3c4d+ARq8…\nlocalhost:8000/log+5e6f7a8b+Bm3d…\n"


_ORIGIN_HASH = {
    "name": "origin_hash",
    "in": "path",
    "required": True,
    "description": "SHA-256 of the log's origin, in lower-case hexadecimal",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
}
_COSIGNATURES = """— localhost:8000/witness c2lnbmF0dXJlIG9mIHRoZSB3aXRuZXNz
— localhost:8000/witness YW5kIGFub3RoZXIgb25lLCBwb3N0LXF1YW50dW0=
"""
_WITNESS_VKEYS = "localhost:8000/witness+1a2b3c4d+BKq8…\nlocalhost:8000/witness+5e6f7a8b+Bk3p…\n"
_ADD_CHECKPOINT = f"old 1\njdyWfH04sFTmGAYPcB0qBRnRUBQcg0BnVwGBLmmyIV8=\n\n{_CHECKPOINT}"
_ENTRY_PROOF = f"c2sp.org/tlog-proof@v1\nextra YS5leGFtcGxlL2xvZwo=\nindex 0\n\n{_CHECKPOINT}"


def describe_plain_views(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add this app's machine routes to the generated document (a drf-spectacular post-processing hook)."""
    result["paths"] |= {
        "/log/checkpoint": {"get": _text("read_checkpoint", "The newest signed checkpoint", _CHECKPOINT)},
        "/log/vkey": {"get": _text("read_log_key", "The keys that sign checkpoints: Ed25519, then ML-DSA-44", _VKEYS)},
        "/log/tile/{level}/{position}": {
            "get": _bytes("read_tile", "Hashes of the tree, 256 to a full tile", _LEVEL, _POSITION)
        },
        "/log/tile/entries/{position}": {
            "get": _bytes("read_entries", "Leaves, each after its length in two bytes", _POSITION)
        },
        "/witness/add-checkpoint": {"post": _add_checkpoint()},
        "/witness/vkey": {
            "get": _text("read_witness_keys", "The keys that cosign: Ed25519, then ML-DSA-44", _WITNESS_VKEYS)
        },
        "/witness/{origin_hash}/checkpoint": {
            "get": _text("read_cosigned_checkpoint", "The newest checkpoint cosigned", _CHECKPOINT, _ORIGIN_HASH)
        },
        "/witness/{origin_hash}/tlog-proof": {
            "get": _text(
                "read_entered_checkpoint", "Proof that our log holds its checkpoint", _ENTRY_PROOF, _ORIGIN_HASH
            )
        },
    }
    return result


def _add_checkpoint() -> dict[str, Any]:
    """Return what C2SP tlog-witness says of the one call of a witness."""
    answers = _text("create_cosignature", "Cosign a checkpoint of a witnessed log (C2SP tlog-witness)", _COSIGNATURES)
    size = {SIZE_CONTENT_TYPE: {"schema": {"type": "string", "pattern": "^[0-9]+\n$"}, "example": "1\n"}}
    answers["responses"]["409"] = {"description": "The size of the newest checkpoint cosigned", "content": size}
    body = {_TEXT: {"schema": {"type": "string"}, "example": _ADD_CHECKPOINT}}
    return {**answers, "requestBody": {"required": True, "content": body}}


def _text(operation: str, summary: str, example: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    described = _operation(operation, summary, {_TEXT: {"schema": {"type": "string"}, "example": example}})
    return {**described, "parameters": list(parameters)} if parameters else described


def _bytes(operation: str, summary: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    content = {_BYTES: {"schema": {"type": "string", "format": "binary"}}}
    return {**_operation(operation, summary, content), "parameters": list(parameters)}


def _operation(operation: str, summary: str, content: dict[str, Any]) -> dict[str, Any]:
    responses = {"200": {"description": summary, "content": content}}
    return {"operationId": operation, "summary": summary, "tags": ["log"], "security": [{}], "responses": responses}

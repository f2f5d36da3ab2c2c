"""The plain views of this app in the OpenAPI document: they are not DRF views, so nothing else describes them."""

from __future__ import annotations

from typing import Any

from protocol.merkle import MAX_TILE_LEVEL

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


def describe_plain_views(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add this app's machine routes to the generated document (a drf-spectacular post-processing hook)."""
    result["paths"] |= {
        "/log/checkpoint": {"get": _text("read_checkpoint", "The newest signed checkpoint", _CHECKPOINT)},
        "/log/vkey": {
            "get": _text("read_log_key", "The key that signs checkpoints", "localhost:8000/log+1a2b3c4d+ARq8…\n")
        },
        "/log/tile/{level}/{position}": {
            "get": _bytes("read_tile", "Hashes of the tree, 256 to a full tile", _LEVEL, _POSITION)
        },
        "/log/tile/entries/{position}": {
            "get": _bytes("read_entries", "Leaves, each after its length in two bytes", _POSITION)
        },
    }
    return result


def _text(operation: str, summary: str, example: str) -> dict[str, Any]:
    return _operation(operation, summary, {_TEXT: {"schema": {"type": "string"}, "example": example}})


def _bytes(operation: str, summary: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    content = {_BYTES: {"schema": {"type": "string", "format": "binary"}}}
    return {**_operation(operation, summary, content), "parameters": list(parameters)}


def _operation(operation: str, summary: str, content: dict[str, Any]) -> dict[str, Any]:
    responses = {"200": {"description": summary, "content": content}}
    return {"operationId": operation, "summary": summary, "tags": ["log"], "security": [{}], "responses": responses}

"""The bodies that the API reads: strict JSON of a bounded size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from protocol.encoding import json_object
from protocol.errors import TooLargeError

MAX_BODY_BYTES = 1 << 16


class StrictJSONParser(BaseParser):
    """In place of DRF's own, which reads any length and fails on deep nesting."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Raises TooLargeError past 64 KiB, and JsonError for whatever is not an object in strict JSON."""
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise TooLargeError(f"at most {MAX_BODY_BYTES} bytes")
        return json_object(body, max_bytes=MAX_BODY_BYTES)

"""The published OpenAPI document, for tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.test import Client

METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


@cache
def published() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Client().get("/api/openapi.json").content)
    return document


def every_operation() -> Iterator[tuple[str, set[str]]]:
    """Yield (path, methods in capitals) of the document."""
    for path, item in published()["paths"].items():
        yield path, {method.upper() for method in item.keys() & METHODS}


def operations() -> dict[str, dict[str, Any]]:
    """Return every operation of the document by its id."""
    return {
        operation["operationId"]: operation
        for item in published()["paths"].values()
        for method, operation in item.items()
        if method in METHODS
    }

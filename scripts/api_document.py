"""The operations of the OpenAPI document, as the generators of examples and collections want them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
METHODS = ("get", "post", "put", "patch", "delete")
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
# The variable that holds the key, by the name of the security scheme; other schemes name theirs after themselves.
KEY_VARIABLES = {"apiKey": "CHANCELA_KEY"}


@dataclass(frozen=True, slots=True)
class Body:
    """An example of what is sent: a JSON value, or text, by its media type."""

    media_type: str
    example: Any


@dataclass(frozen=True, slots=True)
class Operation:
    """*key_variable* names the variable with the key to send, None where none is needed or taken."""

    id: str
    tag: str
    summary: str
    description: str
    method: str
    path: str
    path_names: tuple[str, ...]
    query: Mapping[str, Any]
    key_variable: str | None
    body: Body | None
    statuses: Mapping[str, str]


def load_document() -> dict[str, Any]:
    """Return the document as it is published."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    import django

    django.setup()
    from config.openapi import document

    loaded: dict[str, Any] = document()
    return loaded


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    """Yield every operation, by path and method."""
    for path, item in sorted(document["paths"].items()):
        for method in METHODS:
            if method in item:
                yield _operation(path, method, item[method])


def tags(document: Mapping[str, Any]) -> dict[str, str]:
    """Return what each group of operations is for, by its name, in the document's order."""
    return {tag["name"]: tag["description"] for tag in document["tags"]}


def variable(name: str) -> str:
    """Return the environment variable in which an example looks for the parameter *name*."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def key_variable(scheme: str) -> str:
    """Return the environment variable with the key of a security scheme."""
    return KEY_VARIABLES.get(scheme, f"CHANCELA_{variable(scheme)}")


def _operation(path: str, method: str, described: Mapping[str, Any]) -> Operation:
    needed = [one for one in described.get("parameters", ()) if one["in"] == "query" and one.get("required")]
    return Operation(
        id=described["operationId"],
        tag=described["tags"][0],
        summary=described["summary"],
        description=described.get("description", ""),
        method=method.upper(),
        path=path,
        path_names=tuple(re.findall(r"{(\w+)}", path)),
        query={one["name"]: one.get("example", one["schema"].get("example", "")) for one in needed},
        key_variable=_key_needed(described.get("security", ())),
        body=_body(described.get("requestBody")),
        statuses={status: answer["description"] for status, answer in described["responses"].items()},
    )


def _key_needed(security: Any) -> str | None:
    schemes = [name for way in security for name in way]
    return key_variable(schemes[0]) if schemes else None


def _body(described: Mapping[str, Any] | None) -> Body | None:
    if described is None:
        return None
    contents = described["content"]
    media_type = next((name for name in (JSON, FORM) if name in contents), next(iter(contents)))
    return Body(media_type, _example(contents[media_type]))


def _example(media: Mapping[str, Any]) -> Any:
    if "example" in media:
        return media["example"]
    examples = media.get("examples")
    return next(iter(examples.values()))["value"] if examples else ""

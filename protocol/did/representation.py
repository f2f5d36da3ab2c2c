"""The representations of a DID document, and which of them a caller wants (DID Core §6, DID Resolution, HTTP binding)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

JSON_LD: Final = "application/did+ld+json"
JSON: Final = "application/did+json"
# The whole result of resolving or dereferencing, by its own name; the first also has an older one in JSON-LD.
RESOLUTION: Final = "application/did-resolution"
DEREFERENCING: Final = "application/did-url-dereferencing"
RESULT: Final = 'application/ld+json;profile="https://w3id.org/did-resolution"'

_BY_NAME: Final[Mapping[str, str]] = {
    JSON_LD: JSON_LD,
    "application/did": JSON_LD,
    JSON: JSON,
    RESOLUTION: RESOLUTION,
    DEREFERENCING: DEREFERENCING,
    "application/ld+json": RESULT,
    "application/json": RESULT,
    "application/*": RESULT,
    "*/*": RESULT,
}
MAX_ACCEPTED = 20


def represent(document: Mapping[str, Any], media_type: str) -> dict[str, Any]:
    """Return *document* as the JSON value of JSON_LD or JSON: ``@context`` belongs to the first alone (§6.2.1, §6.3.1)."""
    return {name: value for name, value in document.items() if media_type == JSON_LD or name != "@context"}


def wanted(accept: str) -> str | None:
    """Return which of the media types above an Accept header wants most, RESULT for an empty one, None for no other.

    Of equals the first (RFC 9110 §12.5.1). What cannot be read is passed over.
    """
    best: tuple[float, str | None] = (0.0, None)
    for item in (accept or "*/*").split(",")[:MAX_ACCEPTED]:
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = _weight(parameters)
        if name in _BY_NAME and weight > best[0]:
            best = weight, _BY_NAME[name]
    return best[1]


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0

"""From a DID URL to what it names in a resolved document (DID Core §7.2, DID Resolution §5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from protocol.did.document import RELATIONSHIPS
from protocol.did.syntax import DidUrl

# Of DID Core §3.2.1; the others select services, of which we follow none.
VERSION_PARAMETERS = frozenset({"versionId", "versionTime"})


def version_parameters(url: DidUrl) -> dict[str, str] | None:
    """Return the parameters that choose a version, or None where there is one that is not understood, or one twice."""
    pairs = parse_qsl(url.query or "", keep_blank_values=True)
    chosen = dict(pairs)
    return chosen if len(chosen) == len(pairs) and VERSION_PARAMETERS.issuperset(chosen) else None


def dereferencing_result(url: DidUrl, resolved: Mapping[str, Any]) -> dict[str, Any]:
    """Return what *url* names: the document, or what carries its fragment. *resolved* is the DID resolution result."""
    metadata = resolved["didResolutionMetadata"]
    if "error" in metadata:
        return dereferencing_error(metadata["error"])
    document = resolved["didDocument"]
    if document is None:
        # Deactivated: no error, but nothing to give either.
        return {
            **dereferencing_error(""),
            "dereferencingMetadata": {},
            "contentMetadata": resolved["didDocumentMetadata"],
        }
    content = document if url.fragment is None else _fragment_of(document, url)
    if content is None:
        return dereferencing_error("notFound")
    return {
        "dereferencingMetadata": {"contentType": metadata["contentType"]},
        "contentStream": dict(content),
        "contentMetadata": resolved["didDocumentMetadata"],
    }


def dereferencing_error(error: str) -> dict[str, Any]:
    """Return the answer for a DID URL that leads nowhere."""
    return {"dereferencingMetadata": {"error": error}, "contentStream": None, "contentMetadata": {}}


def _fragment_of(document: Mapping[str, Any], url: DidUrl) -> Mapping[str, Any] | None:
    wanted = f"{url.did}#{url.fragment}"
    return next((entry for entry in _entries(document) if entry.get("id") == wanted), None)


def _entries(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in ("verificationMethod", "service", *RELATIONSHIPS):
        yield from (entry for entry in document.get(name, []) if isinstance(entry, Mapping))

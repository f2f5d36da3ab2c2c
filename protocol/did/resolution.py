"""Versions of a DID document over time, and answers in the shape of W3C DID Resolution (DID Core §7.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from protocol.did.representation import JSON_LD, represent
from protocol.errors import DidError, DidKeyNotFoundError, DidMethodError, DidSyntaxError

CONTENT_TYPE = JSON_LD
RESULT_CONTEXT = "https://w3id.org/did-resolution/v1"

ResolutionError = Literal[
    "notFound",
    "invalidDid",
    "invalidDidUrl",
    "invalidOptions",
    "methodNotSupported",
    "representationNotSupported",
    "internalError",
]

_HTTP_STATUS: Final = {
    "invalidDid": 400,
    "invalidDidUrl": 400,
    "invalidOptions": 400,
    "notFound": 404,
    "representationNotSupported": 406,
    "methodNotSupported": 501,
    "internalError": 500,
}


@dataclass(frozen=True, slots=True)
class DidDocumentMetadata:
    """What is known about one version of a document (DID Core §7.1.3). Times are aware; *updated* is None at first."""

    version_id: str
    created: datetime
    updated: datetime | None = None
    deactivated: bool = False
    next_update: datetime | None = None
    next_version_id: str | None = None

    @property
    def valid_from(self) -> datetime:
        """When this version took effect."""
        return self.updated or self.created

    def describe(self) -> dict[str, Any]:
        """Return the metadata as JSON: times in UTC without fractions; ``deactivated`` only when true."""
        described: dict[str, Any] = {"versionId": self.version_id, "created": _xml_time(self.created)}
        if self.updated is not None:
            described["updated"] = _xml_time(self.updated)
        if self.next_update is not None and self.next_version_id is not None:
            described |= {"nextUpdate": _xml_time(self.next_update), "nextVersionId": self.next_version_id}
        if self.deactivated:
            described["deactivated"] = True
        return described


@dataclass(frozen=True, slots=True)
class DidVersion:
    """One version of a DID document with its metadata."""

    document: Mapping[str, Any] = field(hash=False)
    metadata: DidDocumentMetadata


def version_at(history: Sequence[DidVersion], when: datetime) -> DidVersion:
    """Return the version in force at *when*; *history* is in any order. Raises DidKeyNotFoundError before the first."""
    effective = [version for version in history if version.metadata.valid_from <= when]
    if not effective:
        raise DidKeyNotFoundError("the DID did not exist at that time")
    return max(effective, key=lambda version: version.metadata.valid_from)


def key_at(
    history: Sequence[DidVersion], when: datetime, *, method_id: str | None = None, purpose: str = "assertionMethod"
) -> dict[str, Any]:
    """Return the verification method that was good for *purpose* at *when*: rotation leaves old signatures verifiable.

    With *method_id* exactly that method, otherwise the first listed for the purpose. Raises DidKeyNotFoundError when
    there was none, or the DID was deactivated by then.
    """
    version = version_at(history, when)
    if version.metadata.deactivated:
        raise DidKeyNotFoundError("the DID was deactivated at that time")
    for method in methods_for(version.document, purpose):
        if method_id in (None, method.get("id")):
            return method
    raise DidKeyNotFoundError("no such key for this purpose at that time")


def methods_for(document: Mapping[str, Any], purpose: str) -> list[dict[str, Any]]:
    """Return the verification methods that a checked *document* names or embeds under *purpose*, in its order."""
    by_id = {method["id"]: method for method in document.get("verificationMethod", [])}
    entries = [by_id.get(entry) if isinstance(entry, str) else entry for entry in document.get(purpose, [])]
    return [dict(method) for method in entries if method is not None]


def resolution_result(
    document: Mapping[str, Any],
    metadata: DidDocumentMetadata | None = None,
    *,
    media_type: str = JSON_LD,
    is_ended: bool = False,
) -> dict[str, Any]:
    """Return the answer for a DID that resolves, its document in the representation *media_type*.

    A deactivated DID answers with its metadata and no document. *is_ended* says that it has been deactivated since this
    version, which is then given, and said to be of a deactivated DID (DID Core §7.1.3).
    """
    is_deactivated = metadata is not None and metadata.deactivated
    described = metadata.describe() if metadata is not None else {}
    return {
        "@context": RESULT_CONTEXT,
        "didDocument": None if is_deactivated else represent(document, media_type),
        "didResolutionMetadata": {} if is_deactivated else {"contentType": media_type},
        "didDocumentMetadata": described | ({"deactivated": True} if is_ended else {}),
    }


def resolution_error(error: ResolutionError) -> dict[str, Any]:
    """Return the answer for a DID that does not resolve."""
    return {
        "@context": RESULT_CONTEXT,
        "didDocument": None,
        "didResolutionMetadata": {"error": error},
        "didDocumentMetadata": {},
    }


def resolution_refusal(error: DidError) -> dict[str, Any]:
    """Return the answer that *error*, raised while reading a DID, stands for."""
    if isinstance(error, DidSyntaxError):
        return resolution_error("invalidDid")
    return resolution_error("methodNotSupported" if isinstance(error, DidMethodError) else "notFound")


def http_status(result: Mapping[str, Any]) -> int:
    """Return the HTTP status for a result of resolving or dereferencing (DID Resolution, HTTP binding).

    200, 410 when deactivated, or the error's.
    """
    error = result.get("didResolutionMetadata", result.get("dereferencingMetadata", {})).get("error")
    if error is not None:
        return _HTTP_STATUS[error]
    return 410 if result.get("didDocumentMetadata", result.get("contentMetadata", {})).get("deactivated") else 200


def _xml_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""DID resolution (W3C DID Resolution): ours from the database, did:key and did:jwk by computation, did:web by fetch."""

from __future__ import annotations

from typing import Any

from anchoring import fetch
from anchoring.errors import FetchError
from identity.models import DidVersion, WeID
from protocol import did as dids
from protocol.encoding import json_object
from protocol.errors import (
    DidDocumentError,
    DidError,
    DidMethodError,
    DidSyntaxError,
    EncodingError,
    KeyFormatError,
)

_MAX_DOCUMENT = 1 << 16
_ACCEPTED = frozenset({"application/did+json", "application/did+ld+json", "application/json", "application/ld+json"})


def resolve(did: str, *, version_id: str | None = None) -> dict[str, Any]:
    """Return a DID resolution result; what does not resolve is a result too, with its error in the metadata."""
    try:
        method = dids.parse_did(did).method
        if method == "weid":
            return _resolve_weid(did, version_id)
        document = _fetch_web(did) if method == "web" else dids.self_contained_document(did)
    except (KeyFormatError, DidSyntaxError):
        return dids.resolution_error("invalidDid")
    except DidMethodError:
        return dids.resolution_error("methodNotSupported")
    except (DidError, EncodingError, FetchError):
        # A document that cannot be had, or is not one, is not found; 5xx is for faults of our own.
        return dids.resolution_error("notFound")
    return dids.resolution_result(document)


def is_fetched(did: str) -> bool:
    """Whether resolving it makes this service contact an address that the caller chose."""
    return did.startswith("did:web:")


def history_of(weid: WeID) -> list[dids.DidVersion]:
    """Return every version of a WeID's document with its metadata, oldest first."""
    rows = list(weid.versions.order_by("version_id"))
    return [_described(weid, row, is_last=row is rows[-1]) for row in rows]


def _resolve_weid(did: str, version_id: str | None) -> dict[str, Any]:
    dids.parse_weid(did)
    weid = WeID.objects.filter(did=did).first()
    history = history_of(weid) if weid else []
    wanted = [version for version in history if version_id in {None, version.metadata.version_id}]
    if not wanted:
        return dids.resolution_error("notFound")
    return dids.resolution_result(wanted[-1].document, wanted[-1].metadata)


def _described(weid: WeID, row: DidVersion, *, is_last: bool) -> dids.DidVersion:
    metadata = dids.DidDocumentMetadata(
        version_id=str(row.version_id),
        created=weid.created_at,
        updated=row.created_at if row.version_id > 1 else None,
        deactivated=is_last and weid.deactivated_at is not None,
    )
    return dids.DidVersion(document=row.document, metadata=metadata)


def _fetch_web(did: str) -> dict[str, Any]:
    url = dids.did_web_url(did)
    fetched = fetch.get(url, purpose="did:web", max_bytes=_MAX_DOCUMENT, accept=_ACCEPTED)
    document = json_object(fetched.content, max_bytes=_MAX_DOCUMENT)
    dids.check_document(document)
    if document["id"] != did:
        raise DidDocumentError("the document of another DID")
    return document

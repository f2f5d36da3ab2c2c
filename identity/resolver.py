"""DID resolution (W3C DID Resolution): ours from the database, did:key and did:jwk by computation, did:web by fetch."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from django.utils.dateparse import parse_datetime

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


def resolve(
    did: str, *, version_id: str | None = None, version_time: str | None = None, media_type: str = dids.JSON_LD
) -> dict[str, Any]:
    """Return a DID resolution result; what does not resolve is a result too, with its error in the metadata.

    *version_id* and *version_time* (XML dateTime) choose a version of a WeID's document (DID Core §3.2.1).
    """
    try:
        method = dids.parse_did(did).method
        if method == "weid":
            return _resolve_weid(did, version_id, version_time, media_type)
        document = _fetch_web(did) if method == "web" else dids.self_contained_document(did)
    except (KeyFormatError, DidSyntaxError):
        return dids.resolution_error("invalidDid")
    except DidMethodError:
        return dids.resolution_error("methodNotSupported")
    except (DidError, EncodingError, FetchError):
        # A document that cannot be had, or is not one, is not found; 5xx is for faults of our own.
        return dids.resolution_error("notFound")
    return dids.resolution_result(document, media_type=media_type)


def dereference(did_url: str, *, media_type: str = dids.JSON_LD) -> dict[str, Any]:
    """Return a DID URL dereferencing result (DID Core §7.2): a version of a document, or what a fragment names in it."""
    try:
        url = dids.parse_did_url(did_url)
    except DidSyntaxError:
        return dids.dereferencing_error("invalidDidUrl")
    parameters = dids.version_parameters(url)
    if parameters is None or url.path:
        return dids.dereferencing_error("notFound")
    resolved = resolve(
        url.did,
        version_id=parameters.get("versionId"),
        version_time=parameters.get("versionTime"),
        media_type=media_type,
    )
    return dids.dereferencing_result(url, resolved)


def is_fetched(did: str) -> bool:
    """Whether resolving it makes this service contact an address that the caller chose."""
    return did.startswith("did:web:")


def history_of(weid: WeID) -> list[dids.DidVersion]:
    """Return every version of a WeID's document with its metadata, oldest first."""
    rows = list(weid.versions.order_by("version_id"))
    return [_described(weid, row, following=later) for row, later in zip_longest(rows, rows[1:])]


def _resolve_weid(did: str, version_id: str | None, version_time: str | None, media_type: str) -> dict[str, Any]:
    dids.parse_weid(did)
    try:
        until = parse_datetime(version_time) if version_time is not None else None
    except ValueError:
        until = None
    if version_time is not None and (until is None or until.tzinfo is None):
        return dids.resolution_error("invalidOptions")
    weid = WeID.objects.filter(did=did).first()
    history = history_of(weid) if weid else []
    wanted = [version for version in history if version_id in {None, version.metadata.version_id}]
    wanted = [version for version in wanted if until is None or version.metadata.valid_from <= until]
    if weid is None or not wanted:
        return dids.resolution_error("notFound")
    is_ended = weid.deactivated_at is not None
    return dids.resolution_result(wanted[-1].document, wanted[-1].metadata, media_type=media_type, is_ended=is_ended)


def _described(weid: WeID, row: DidVersion, *, following: DidVersion | None) -> dids.DidVersion:
    metadata = dids.DidDocumentMetadata(
        version_id=str(row.version_id),
        created=weid.created_at,
        updated=row.created_at if row.version_id > 1 else None,
        deactivated=following is None and weid.deactivated_at is not None,
        next_update=following.created_at if following else None,
        next_version_id=str(following.version_id) if following else None,
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

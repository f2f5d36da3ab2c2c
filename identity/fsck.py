"""What must agree between WeIDs, their published documents and the log. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from anchoring.fsck import Finding
from anchoring.models import LogEntry
from identity.models import DidVersion, WeID
from identity.weid import leaf_digest, record_id
from protocol.did import check_document
from protocol.errors import DidDocumentError

_CHUNK = 2000


def check() -> list[Finding]:
    return [*_check_versions(), *_check_current()]


def _check_versions() -> Iterator[Finding]:
    """No version without its leaf, and no other leaf under its name."""
    found = dict(LogEntry.objects.filter(kind=LogEntry.Kind.WEID).values_list("record_id", "digest"))
    for row in DidVersion.objects.select_related("weid").order_by("pk").iterator(_CHUNK):
        name = record_id(row)
        if name not in found:
            yield Finding("did_version_without_leaf", name)
        elif bytes(found[name]) != leaf_digest(row.document):
            yield Finding("did_version_leaf_differs", name)


def _check_current() -> Iterator[Finding]:
    """The newest document of every WeID is well-formed and lists exactly its active keys."""
    for weid in WeID.objects.prefetch_related("versions", "verification_methods").iterator(_CHUNK):
        versions = sorted(weid.versions.all(), key=lambda row: row.version_id)
        active = {method.fragment for method in weid.verification_methods.all() if method.revoked_at is None}
        if not versions or [row.version_id for row in versions] != list(range(1, len(versions) + 1)):
            yield Finding("did_versions_missing", weid.did)
            continue
        yield from _check_document(weid, versions[-1], active)


def _check_document(weid: WeID, newest: DidVersion, active: set[str]) -> Iterator[Finding]:
    try:
        check_document(newest.document)
    except DidDocumentError as error:
        yield Finding("did_document_invalid", weid.did, error.detail)
        return
    listed = {method["id"].rpartition("#")[2] for method in newest.document.get("verificationMethod", [])}
    if listed != active:
        yield Finding("did_document_keys_differ", weid.did)

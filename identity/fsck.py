"""What must agree: WeIDs with their documents and the log, people with their look-up, keys with their certificates.

Changes nothing, and names nobody: what is sealed is opened to see that it opens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from anchoring.fsck import Finding
from anchoring.models import LogEntry
from identity import key_events, keystore, people, trust_publishing, weid
from identity.models import DidVersion, Person, PublishedTrustList, RecipientKey, SigningKey, VerificationMethod, WeID
from identity.weid import leaf_digest, record_id
from protocol.did import check_document
from protocol.errors import DidDocumentError, KeyFormatError
from protocol.keys import jwk_thumbprint

_CHUNK = 2000


def check() -> list[Finding]:
    return [
        *_check_versions(),
        *_check_key_events(),
        *_check_trust_lists(),
        *_check_current(),
        *_check_people(),
        *_check_keys(),
    ]


def _check_versions() -> Iterator[Finding]:
    """No version without its leaf, no leaf without its version, and no other leaf under its name."""
    found = dict(LogEntry.objects.filter(kind=LogEntry.Kind.WEID).values_list("record_id", "digest"))
    for row in DidVersion.objects.select_related("weid").order_by("pk").iterator(_CHUNK):
        name = record_id(row)
        digest = found.pop(name, None)
        if digest is None:
            yield Finding("did_version_without_leaf", name)
        elif bytes(digest) != leaf_digest(row.document):
            yield Finding("did_version_leaf_differs", name)
    yield from (Finding("leaf_without_did_version", name) for name in _named(found))


def _check_key_events() -> Iterator[Finding]:
    """Every key that was made, retired or disabled says so in the log, and the log speaks of no other."""
    found = dict(LogEntry.objects.filter(kind=LogEntry.Kind.KEY).values_list("record_id", "digest"))
    for key in SigningKey.objects.order_by("pk"):
        expected = set(key_events.events_of(key))
        for event in key_events.KeyEvent:
            name = key_events.record_id(key, event)
            digest = found.pop(name, None)
            if digest is None and event in expected:
                yield Finding("key_event_without_leaf", name)
            elif digest is not None and bytes(digest) != key_events.leaf_digest(key, event):
                yield Finding("key_event_leaf_differs", name)
    yield from (Finding("leaf_without_key", name) for name in _named(found))


def _check_trust_lists() -> Iterator[Finding]:
    """No version of a list without its leaf, none missing between two, and no leaf of a list that is not here."""
    found = dict(LogEntry.objects.filter(kind=LogEntry.Kind.TRUST).values_list("record_id", "digest"))
    expected: defaultdict[str, int] = defaultdict(int)
    for row in PublishedTrustList.objects.order_by("slug", "version").iterator(_CHUNK):
        name = trust_publishing.record_id(row)
        digest = found.pop(name, None)
        expected[row.slug] += 1
        if row.version != expected[row.slug]:
            yield Finding("trust_list_versions_missing", name)
            expected[row.slug] = row.version
        if digest is None:
            yield Finding("trust_list_without_leaf", name)
        elif bytes(digest) != trust_publishing.leaf_digest(row.token):
            yield Finding("trust_list_leaf_differs", name)
    yield from (Finding("leaf_without_trust_list", name) for name in _named(found))


def _named(leaves: Iterable[str]) -> list[str]:
    """What was recovered after a restore has no record to have: the log's own check notes it."""
    return sorted(name for name in leaves if not name.startswith(LogEntry.RECOVERED))


def _check_current() -> Iterator[Finding]:
    """The newest document of every WeID is well-formed and lists exactly its active keys."""
    for row in WeID.objects.prefetch_related("versions", "verification_methods").iterator(_CHUNK):
        versions = sorted(row.versions.all(), key=lambda version: version.version_id)
        if not weid.is_link_sound(row):
            yield Finding("weid_link_broken", row.did)
        if not versions or [version.version_id for version in versions] != list(range(1, len(versions) + 1)):
            yield Finding("did_versions_missing", row.did)
            continue
        yield from _check_document(row, versions[-1])


def _check_document(row: WeID, newest: DidVersion) -> Iterator[Finding]:
    try:
        check_document(newest.document)
    except DidDocumentError as error:
        yield Finding("did_document_invalid", row.did, error.detail)
        return
    active = [method for method in row.verification_methods.all() if method.revoked_at is None]
    listed = {method["id"]: method.get("publicKeyJwk") for method in newest.document.get("verificationMethod", [])}
    if listed != {f"{row.did}#{method.fragment}": method.public_jwk for method in active}:
        yield Finding("did_document_keys_differ", row.did)
    if listed and row.deactivated_at is not None:
        yield Finding("did_deactivated_with_keys", row.did)


def _check_people() -> Iterator[Finding]:
    for person in Person.objects.iterator(_CHUNK):
        if not people.is_sound(person):
            yield Finding("person_unreadable", str(person.pk))


def _check_keys() -> Iterator[Finding]:
    for key_id in keystore.unsound_keys():
        yield Finding("signing_key_differs", key_id)
    for method in VerificationMethod.objects.iterator(_CHUNK):
        if not _is_thumbprint_of(method.public_jwk, method.thumbprint):
            yield Finding("device_key_differs", str(method.pk))
    for recipient in RecipientKey.objects.iterator(_CHUNK):
        if not _is_thumbprint_of(recipient.public_jwk, recipient.thumbprint):
            yield Finding("recipient_key_differs", str(recipient.pk))


def _is_thumbprint_of(jwk: Any, thumbprint: str) -> bool:
    try:
        return jwk_thumbprint(jwk) == thumbprint
    except KeyFormatError:
        return False

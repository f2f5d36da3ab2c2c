"""DID documents, their history, and the shape of resolution results."""

from __future__ import annotations

import copy
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import did
from protocol.did.document import MAX_DOCUMENT_BYTES
from protocol.did.resolution import ResolutionError
from protocol.errors import DidDocumentError, DidError, DidKeyNotFoundError, DidMethodError, DidSyntaxError
from protocol.keys import public_jwk

OLD = ec.derive_private_key(7, ec.SECP256R1()).public_key()
NEW = ec.derive_private_key(8, ec.SECP256R1()).public_key()
WEID = did.weid("101", OLD)
MAY, JUNE, JULY = (datetime(2026, month, 1, tzinfo=UTC) for month in (5, 6, 7))
SERVICE = {"id": f"{WEID}#inbox", "type": "Inbox", "serviceEndpoint": "https://example.gov/inbox"}


def method(key: ec.EllipticCurvePublicKey, *purposes: str) -> did.VerificationMethod:
    described = did.VerificationMethod(did.weid_key_fragment(key), public_jwk(key))
    return did.VerificationMethod(described.fragment, described.jwk, purposes) if purposes else described


DOCUMENT = did.weid_document(WEID, [method(OLD), method(NEW, "keyAgreement")], controller=WEID, services=[SERVICE])


@pytest.mark.requirement("DID Core §5", "a WeID document in DID Core's own terms")
def test_a_weid_document_names_its_keys_and_their_purposes() -> None:
    old, new = (f"{WEID}#{did.weid_key_fragment(key)}" for key in (OLD, NEW))
    assert {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1"],
        "id": WEID,
        "controller": WEID,
        "verificationMethod": [
            {"id": old, "type": "JsonWebKey", "controller": WEID, "publicKeyJwk": public_jwk(OLD)},
            {"id": new, "type": "JsonWebKey", "controller": WEID, "publicKeyJwk": public_jwk(NEW)},
        ],
        "authentication": [old],
        "assertionMethod": [old],
        "keyAgreement": [new],
        "service": [SERVICE],
    } == DOCUMENT


def test_a_document_without_keys_is_conformant() -> None:
    assert did.weid_document(WEID, []) == {"@context": DOCUMENT["@context"], "id": WEID}


def test_a_weid_document_is_of_a_weid_and_has_no_key_twice() -> None:
    with pytest.raises(DidSyntaxError):
        did.weid_document("did:example:1", [])
    with pytest.raises(DidDocumentError):
        did.weid_document(WEID, [method(OLD), method(OLD)])


OTHER = {"id": "did:example:1#k", "type": "Multikey", "controller": "did:example:1", "publicKeyMultibase": "z6Mk"}


@pytest.mark.requirement("DID Core §5", "documents in every permitted form are accepted")
@pytest.mark.parametrize(
    "changes",
    [
        {"@context": "https://www.w3.org/ns/did/v1"},
        {"@context": ["https://www.w3.org/ns/did/v1", {"x": "https://example.com/x"}]},
        {"controller": ["did:example:1", "did:example:2"]},
        {"alsoKnownAs": ["https://example.com/me", "mailto:a@example.com"]},
        {"capabilityInvocation": [OTHER]},
        {"capabilityDelegation": ["did:example:9#elsewhere"]},
        {"service": [{"id": "#s", "type": ["A", "B"], "serviceEndpoint": {"uri": "x"}} | {"id": f"{WEID}#s"}]},
        {"service": [SERVICE | {"serviceEndpoint": ["https://a.example", {"x": 1}]}]},
        {"somethingElse": {"deep": [1, None, True]}},
    ],
)
def test_permitted_forms_are_accepted(changes: dict[str, Any]) -> None:
    did.check_document(DOCUMENT | changes)


def vm(**changes: Any) -> dict[str, Any]:
    return {"verificationMethod": [DOCUMENT["verificationMethod"][0] | changes], "keyAgreement": []}


@pytest.mark.requirement("DID Core §5", "documents that break a rule are refused")
@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": "example"},
        {"id": f"{WEID}#x"},
        {"@context": []},
        {"@context": "https://w3id.org/did/v1"},
        {"@context": ["https://w3id.org/security/jwk/v1", "https://www.w3.org/ns/did/v1"]},
        {"@context": ["https://www.w3.org/ns/did/v1", 5]},
        {"@context": 5},
        {"controller": "me"},
        {"controller": [WEID, WEID]},
        {"controller": None},
        {"alsoKnownAs": "https://example.com"},
        {"alsoKnownAs": ["not a uri"]},
        {"alsoKnownAs": [5]},
        {"verificationMethod": {}},
        {"verificationMethod": ["text"]},
        vm(id="#relative"),
        vm(id=None),
        vm(type=""),
        vm(type=["JsonWebKey"]),
        vm(controller="https://example.com"),
        vm(publicKeyMultibase="z6Mk"),
        vm(publicKeyJwk="text"),
        vm(publicKeyJwk={}),
        vm(publicKeyJwk=public_jwk(OLD) | {"d": "secret"}),
        vm(publicKeyJwk={"kty": "oct", "k": "secret"}),
        {"capabilityInvocation": [OTHER | {"publicKeyMultibase": 5}]},
        {"capabilityInvocation": [OTHER | {"id": DOCUMENT["verificationMethod"][0]["id"]}]},
        {"authentication": "text"},
        {"authentication": [f"{WEID}#gone"]},
        {"authentication": ["#relative"]},
        {"authentication": [5]},
        {"authentication": [DOCUMENT["authentication"][0]] * 2},
        {"service": [5]},
        {"service": [SERVICE, SERVICE | {"type": "Other"}]},
        {"service": [SERVICE | {"id": "a b"}]},
        {"service": [SERVICE | {"type": []}]},
        {"service": [SERVICE | {"type": 5}]},
        {"service": [SERVICE | {"serviceEndpoint": "not a uri"}]},
        {"service": [SERVICE | {"serviceEndpoint": []}]},
        {"service": [{"id": SERVICE["id"], "type": "Inbox"}]},
        {"number": 1.5},
        {"bytes": b"x"},
        {5: "name"},
        {"large": "x" * MAX_DOCUMENT_BYTES},
    ],
)
def test_documents_that_break_a_rule_are_refused(changes: dict[Any, Any]) -> None:
    with pytest.raises(DidDocumentError):
        did.check_document(DOCUMENT | changes)


def test_deep_and_shapeless_documents_are_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    shapeless: list[object] = [None, [], "text", 5, DOCUMENT | {"deep": deep}]
    for document in shapeless:
        with pytest.raises(DidDocumentError):
            did.check_document(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(name=st.sampled_from([*DOCUMENT, "alsoKnownAs", "capabilityInvocation"]), value=JSON)
def test_no_value_crashes_the_check(name: str, value: Any) -> None:
    with suppress(DidDocumentError):
        did.check_document(copy.deepcopy(DOCUMENT) | {name: value})


FIRST = did.DidVersion(did.weid_document(WEID, [method(OLD)]), did.DidDocumentMetadata("1", MAY))
ROTATED = did.DidVersion(
    did.weid_document(WEID, [method(NEW), method(OLD, "keyAgreement")]), did.DidDocumentMetadata("2", MAY, JUNE)
)
ENDED = did.DidVersion(did.weid_document(WEID, []), did.DidDocumentMetadata("3", MAY, JULY, deactivated=True))
HISTORY = [ROTATED, ENDED, FIRST]
DAY = timedelta(days=1)


@pytest.mark.requirement("DID Core §7.1.3", "a key is judged by the version in force at the time")
@pytest.mark.parametrize(("when", "key"), [(MAY, OLD), (JUNE - DAY, OLD), (JUNE, NEW), (JULY - DAY, NEW)])
def test_the_key_of_a_moment_is_that_of_its_version(when: datetime, key: ec.EllipticCurvePublicKey) -> None:
    found = did.key_at(HISTORY, when)
    assert found["publicKeyJwk"] == public_jwk(key)
    assert did.key_at(HISTORY, when, method_id=found["id"], purpose="authentication") == found


def test_there_is_no_key_before_the_first_version_or_after_the_last() -> None:
    for when in (MAY - DAY, JULY, JULY + DAY):
        with pytest.raises(DidKeyNotFoundError):
            did.key_at(HISTORY, when)
    with pytest.raises(DidKeyNotFoundError):
        did.key_at([], MAY)


def test_a_rotated_key_is_no_longer_good_and_serves_its_own_purpose_only() -> None:
    old = f"{WEID}#{did.weid_key_fragment(OLD)}"
    assert did.key_at(HISTORY, JUNE, method_id=old, purpose="keyAgreement")["id"] == old
    with pytest.raises(DidKeyNotFoundError):
        did.key_at(HISTORY, JUNE, method_id=old)


def test_embedded_and_foreign_methods_are_told_apart() -> None:
    document = DOCUMENT | {"capabilityInvocation": [OTHER, "did:example:9#elsewhere"]}
    assert did.methods_for(document, "capabilityInvocation") == [OTHER]


@pytest.mark.requirement("DID Core §7.1", "resolution of a live and of a deactivated DID")
def test_resolution_results() -> None:
    live = did.resolution_result(ROTATED.document, ROTATED.metadata)
    assert live["didDocument"] == ROTATED.document
    assert live["didResolutionMetadata"] == {"contentType": "application/did+ld+json"}
    assert live["didDocumentMetadata"] == {
        "versionId": "2",
        "created": "2026-05-01T00:00:00Z",
        "updated": "2026-06-01T00:00:00Z",
    }
    ended = did.resolution_result(ENDED.document, ENDED.metadata)
    assert (ended["didDocument"], ended["didDocumentMetadata"]["deactivated"]) == (None, True)
    assert did.resolution_result(DOCUMENT)["didDocumentMetadata"] == {}
    assert [did.http_status(result) for result in (live, ended)] == [200, 410]


def test_times_are_written_in_utc() -> None:
    local = datetime(2026, 5, 1, 8, 30, 15, 999, tzinfo=timezone(timedelta(hours=8)))
    assert did.DidDocumentMetadata("1", local).describe()["created"] == "2026-05-01T00:30:15Z"


@pytest.mark.requirement("DID Core §7.1.2", "errors of resolution")
@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("invalidDid", 400),
        ("notFound", 404),
        ("representationNotSupported", 406),
        ("internalError", 500),
        ("methodNotSupported", 501),
    ],
)
def test_resolution_errors(error: ResolutionError, status: int) -> None:
    result = did.resolution_error(error)
    assert (result["didDocument"], result["didDocumentMetadata"]) == (None, {})
    assert result["didResolutionMetadata"] == {"error": error}
    assert did.http_status(result) == status


@pytest.mark.parametrize(
    ("raised", "error"),
    [(DidSyntaxError(), "invalidDid"), (DidMethodError(), "methodNotSupported"), (DidError(), "notFound")],
)
def test_refusals_become_resolution_errors(raised: DidError, error: str) -> None:
    assert did.resolution_refusal(raised)["didResolutionMetadata"]["error"] == error

"""Live WeIDs, registered, rotated and deactivated, resolved over HTTP and judged by the letter of DID Core."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from identity import weid
from identity.models import Account, WeID
from identity.people import register_person
from protocol import did as dids
from protocol.errors import DidDocumentError
from protocol.keys import generate_p256
from tests import cast
from tests.identity.did_core_rules import (
    DOCUMENT_RULES,
    JSON_LD_RULES,
    JSON_RULES,
    RESULT_RULES,
    Answer,
    Rule,
)
from tests.simulators.device import Device

# For the set-up of the database; what the tests ask for goes over a socket.
pytestmark = pytest.mark.django_db

RESULT = 'application/ld+json;profile="https://w3id.org/did-resolution"'


@dataclass
class Resolver:
    """The running service, and the WeIDs that it knows."""

    address: str
    registered: str = ""
    rotated: str = ""
    deactivated: str = ""
    between: str = ""

    def ask(self, did: str, accept: str = RESULT, query: str = "") -> Answer:
        request = urllib.request.Request(  # noqa: S310  our own address
            f"{self.address}/1.0/identifiers/{quote(did, safe=':')}{query}", headers={"Accept": accept}
        )
        try:
            with urllib.request.urlopen(request) as response:  # noqa: S310
                return self._read(did, response.status, response)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return self._read(did, refusal.code, refusal)

    @staticmethod
    def _read(did: str, status: int, response: Any) -> Answer:
        return Answer(did, status, response.headers["Content-Type"], json.loads(response.read()))


@pytest.fixture(scope="module")
def resolver(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Resolver]:
    """The service on a real socket; what this module has made is gone after it."""
    with django_db_blocker.unblock():
        server = LiveServer("localhost")
        try:
            yield _populated(Resolver(server.url))
        finally:
            server.stop()
            call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)


def _populated(resolver: Resolver) -> Resolver:
    lei, other = cast.lei(), cast.another_citizen()
    resolver.rotated = lei.weid.did
    phone = Device("the second")
    weid.rotate(
        weid=lei.weid,
        person=lei.person,
        public_jwk=phone.public_jwk,
        proof=phone.prove(weid.registration_nonce(lei.account)),
    )
    resolver.deactivated = other.weid.did
    weid.deactivate(weid=other.weid)
    ana = cast.ana()
    resolver.registered = _register(ana)
    # Between the two versions of the rotated one.
    created, updated = (
        WeID.objects.get(did=lei.weid.did).versions.order_by("version_id").values_list("created_at", flat=True)
    )
    resolver.between = (created + (updated - created) / 2).isoformat()
    return resolver


def _register(account: Account) -> str:
    identity = {
        "name": "安娜", "name_latin": "ANA", "document_kind": "passport", "identity_number": "MA7000001",
        "birth_date": "1980-01-01",
    }  # fmt: skip
    person = register_person(account=account, identity=identity, assurance="desk")
    phone = Device("ana")
    proof = phone.prove(weid.registration_nonce(account))
    return weid.register(person=person, public_jwk=phone.public_jwk, proof=proof).did


Question = Callable[[Resolver], Answer]
DOCUMENTS: dict[str, Question] = {
    "registered": lambda at: at.ask(at.registered, dids.JSON_LD),
    "rotated": lambda at: at.ask(at.rotated, dids.JSON_LD),
    "before the rotation": lambda at: at.ask(at.rotated, dids.JSON_LD, "?versionId=1"),
    "did:key": lambda at: at.ask(dids.did_key(generate_p256().public_key()), dids.JSON_LD),
    "did:jwk": lambda at: at.ask(dids.did_jwk(Device().public_jwk), dids.JSON_LD),
}
PLAIN_DOCUMENTS: dict[str, Question] = {
    "registered": lambda at: at.ask(at.registered, dids.JSON),
    "rotated": lambda at: at.ask(at.rotated, dids.JSON),
}
RESULTS: dict[str, Question] = {
    "registered": lambda at: at.ask(at.registered),
    "rotated": lambda at: at.ask(at.rotated),
    "before the rotation": lambda at: at.ask(at.rotated, query="?versionId=1"),
    "deactivated": lambda at: at.ask(at.deactivated),
    "before the deactivation": lambda at: at.ask(at.deactivated, query="?versionId=1"),
    "unknown": lambda at: at.ask("did:weid:1:0x" + "0" * 40),
    "no DID": lambda at: at.ask("did:WEID:x"),
    "another method": lambda at: at.ask("did:ion:EiAnKD8"),
    "no representation": lambda at: at.ask(at.registered, "application/did+cbor"),
}


def each(rules: list[Rule]) -> list[Any]:
    marks = pytest.mark.requirement
    return [
        pytest.param(rule, id=f"§{rule.section} {rule.text}", marks=marks(rule.source, rule.text)) for rule in rules
    ]


def requirement(section: str, text: str) -> pytest.MarkDecorator:
    return pytest.mark.requirement(f"DID Core 1.0 §{section}", text)


def binding(text: str) -> pytest.MarkDecorator:
    return pytest.mark.requirement("DID Resolution, HTTP(S) binding", text)


def judge(rule: Rule, answers: dict[str, Answer]) -> None:
    """The rule holds of every answer, and notices each way in which the first could be broken."""
    assert [name for name, answer in answers.items() if not rule.holds(answer.body)] == []
    sound = next(iter(answers.values()))
    assert rule.breaks
    for change in rule.breaks:
        assert not rule.holds(sound.changed(change).body)


@pytest.mark.parametrize("rule", each([*DOCUMENT_RULES, *JSON_LD_RULES[:1]]))
def test_documents_keep_the_rule(resolver: Resolver, rule: Rule) -> None:
    judge(rule, {name: ask(resolver) for name, ask in DOCUMENTS.items()})


@pytest.mark.parametrize("rule", each(JSON_LD_RULES[1:]))
def test_documents_of_weids_use_defined_terms(resolver: Resolver, rule: Rule) -> None:
    judge(rule, {name: DOCUMENTS[name](resolver) for name in ("registered", "rotated", "before the rotation")})


@pytest.mark.parametrize("rule", each([*JSON_RULES, *DOCUMENT_RULES]))
def test_documents_in_json_keep_the_rule(resolver: Resolver, rule: Rule) -> None:
    judge(rule, {name: ask(resolver) for name, ask in PLAIN_DOCUMENTS.items()})


@pytest.mark.parametrize("rule", each(RESULT_RULES))
def test_results_keep_the_rule(resolver: Resolver, rule: Rule) -> None:
    judge(rule, {name: ask(resolver) for name, ask in RESULTS.items()})


@requirement("6.1", "a consumer produces an error for a document that does not conform")
@pytest.mark.parametrize("rule", each([*DOCUMENT_RULES, *JSON_LD_RULES[:1]]))
def test_our_own_consumer_refuses_what_breaks_the_rule(resolver: Resolver, rule: Rule) -> None:
    sound = resolver.ask(resolver.registered, dids.JSON_LD)
    dids.check_document(sound.body)
    for change in rule.breaks:
        with pytest.raises(DidDocumentError):
            dids.check_document(sound.changed(change).body)


@requirement("6.1", "both representations are of one data model, and say their media type")
@requirement("6.2.1", "JSON is served as application/did+json")
@requirement("6.3.1", "JSON-LD is served as application/did+ld+json")
def test_the_representations_are_of_one_document(resolver: Resolver) -> None:
    linked, plain = (resolver.ask(resolver.rotated, media_type) for media_type in (dids.JSON_LD, dids.JSON))
    assert (linked.content_type, plain.content_type) == ("application/did+ld+json", "application/did+json")
    assert {name: value for name, value in linked.body.items() if name != "@context"} == plain.body


@requirement("7.1", "the id of the document is the DID that was resolved")
def test_the_document_is_of_the_did_that_was_asked_for(resolver: Resolver) -> None:
    for ask in (*DOCUMENTS.values(), *PLAIN_DOCUMENTS.values()):
        answer = ask(resolver)
        assert answer.body["id"] == answer.asked


@requirement("7.1.2", "invalidDid, notFound, representationNotSupported and, by the registry, methodNotSupported")
@binding("400, 404, 406 and 410 by the error, or for a DID that was deactivated")
@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("registered", 200, None),
        ("unknown", 404, "notFound"),
        ("no DID", 400, "invalidDid"),
        # 501 in the binding: see the list of what is not done.
        ("another method", 400, "methodNotSupported"),
        ("no representation", 406, "representationNotSupported"),
        ("deactivated", 410, None),
        ("before the deactivation", 410, None),
    ],
)
def test_errors_have_their_code_and_status(resolver: Resolver, name: str, status: int, error: str | None) -> None:
    answer = RESULTS[name](resolver)
    assert (answer.status, answer.body["didResolutionMetadata"].get("error")) == (status, error)


@requirement("7.1.1", "accept chooses the representation")
@binding("a result has the type of results, a document that of its representation")
@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (RESULT, RESULT),
        ("application/did-resolution", "application/did-resolution"),
        ("application/json", RESULT),
        ("*/*", RESULT),
        ("text/html, application/xhtml+xml, */*;q=0.8", RESULT),
        ("application/did+ld+json", "application/did+ld+json"),
        ("application/did+json", "application/did+json"),
        ("application/did+ld+json;q=0.5, application/did+json", "application/did+json"),
        ("application/did+cbor, application/did+ld+json;q=0.1", "application/did+ld+json"),
    ],
)
def test_what_is_accepted_decides_what_comes(resolver: Resolver, accept: str, content_type: str) -> None:
    answer = resolver.ask(resolver.registered, accept)
    assert (answer.status, answer.content_type) == (200, content_type)
    assert ("didResolutionMetadata" in answer.body) == (content_type in (RESULT, "application/did-resolution"))


@requirement("7.1.3", "updated is left out while there was no update; created stays")
@requirement("7.1.3", "a version that is not the last names the next one and its time")
def test_metadata_tell_the_versions_apart(resolver: Resolver) -> None:
    new, rotated, first = (RESULTS[name](resolver).body["didDocumentMetadata"] for name in list(RESULTS)[:3])
    assert (new["versionId"], new.keys() & {"updated", "nextUpdate", "nextVersionId", "deactivated"}) == ("1", set())
    assert (rotated["versionId"], first["versionId"], first["nextVersionId"]) == ("2", "1", "2")
    assert (first["nextUpdate"], first["created"]) == (rotated["updated"], rotated["created"])
    assert "updated" not in first
    assert "nextUpdate" not in rotated


@requirement("7.1.3", "of a deactivated DID the metadata say so, of whichever version")
def test_a_deactivated_did_says_so(resolver: Resolver) -> None:
    last, first = (RESULTS[name](resolver).body for name in ("deactivated", "before the deactivation"))
    assert last["didDocumentMetadata"]["deactivated"] is first["didDocumentMetadata"]["deactivated"] is True
    assert last["didDocument"] is None
    assert first["didDocument"]["verificationMethod"]


@requirement("3.2.1", "versionId and versionTime choose a version")
@requirement("7.2", "a DID URL leads to the document, or to what its fragment names")
@requirement("7.2.2", "contentType says what the content is; an error is a single keyword")
def test_did_urls_are_dereferenced(resolver: Resolver) -> None:
    document = resolver.ask(f"{resolver.rotated}?versionId=1")
    assert (document.status, document.content_type) == (200, "application/did-url-dereferencing")
    assert document.body["contentMetadata"]["versionId"] == "1"
    (method,) = document.body["contentStream"]["verificationMethod"]
    for url in (
        method["id"].replace("#", "?versionId=1#"),
        f"{resolver.rotated}?versionTime={resolver.between}#{method['id'].partition('#')[2]}".replace("+", "%2B"),
    ):
        named = resolver.ask(url)
        assert named.body["dereferencingMetadata"] == {"contentType": "application/did+ld+json"}
        assert named.body["contentStream"] == method
    alone = resolver.ask(f"{resolver.rotated}?versionId=1", dids.JSON)
    assert alone.content_type == "application/did+json"
    assert "@context" not in alone.body


@requirement("3.2.1", "versionTime is an XML dateTime; the version is that of the time")
@pytest.mark.parametrize(
    ("time", "status", "error"),
    [
        ("2000-01-01T00:00:00Z", 404, "notFound"),
        ("yesterday", 400, "invalidOptions"),
        ("2026-01-01T00:00:00", 400, "invalidOptions"),
        ("2026-13-01T00:00:00Z", 400, "invalidOptions"),
        ("2100-01-01T00:00:00Z", 200, None),
    ],
)
def test_a_time_is_read_strictly(resolver: Resolver, time: str, status: int, error: str | None) -> None:
    answer = resolver.ask(resolver.rotated, query=f"?versionTime={time}")
    assert (answer.status, answer.body["didResolutionMetadata"].get("error")) == (status, error)


@requirement("7.2", "where dereferencing fails, there is an error, no content and no metadata")
@pytest.mark.parametrize(
    ("rest", "status", "error"),
    [
        ("#keys-99", 404, "notFound"),
        ("?versionId=9", 404, "notFound"),
        ("/path", 404, "notFound"),
        ("?service=files", 404, "notFound"),
        ("?versionId=1&versionId=2", 404, "notFound"),
        ("#a#b", 400, "invalidDidUrl"),
        ("?versionId=a b", 400, "invalidDidUrl"),
    ],
)
def test_a_did_url_that_leads_nowhere_says_why(resolver: Resolver, rest: str, status: int, error: str) -> None:
    answer = resolver.ask(f"{resolver.registered}{rest}")
    body = answer.body
    assert (answer.status, body["dereferencingMetadata"]) == (status, {"error": error})
    assert (body["contentStream"], body["contentMetadata"]) == (None, {})

"""Policies stored under a name: versions that never change, and what a verification that names one follows."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from anchoring import sequencer
from authorization.models import AuditEvent
from credentials import stored_policies
from credentials.models import Credential, VerificationPolicy
from credentials.policy import Policy
from tests import cast
from tests.credentials.verifier import POLICIES, VERIFY, Software, rival, show

pytestmark = pytest.mark.django_db

VCT = "http://localhost:8000/types/birth-certificate/1"
COUNTER = f"{POLICIES}/counter"


@pytest.fixture
def bank() -> Software:
    return Software()


@pytest.fixture
def credential(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


@pytest.fixture
def shown(lei: cast.Citizen, credential: Credential) -> str:
    return show(lei, credential, "sex")


def test_a_policy_is_made_read_revised_and_retired(bank: Software) -> None:
    made = bank.post(POLICIES, {"name": "counter", "rules": {"accepted_types": [VCT]}, "retention_days": 30})
    assert (made.status_code, made["Location"], made["Cache-Control"]) == (201, COUNTER, "no-store")
    revised = bank.put(COUNTER, {"rules": {"require_key_binding": True}})
    assert (revised.json()["version"], revised.json()["retention_days"]) == (2, None)
    assert bank.client.get(COUNTER).json() == revised.json()
    assert bank.client.get(COUNTER, {"version": 1}).json() == made.json()
    assert bank.client.get(POLICIES).json() == {"policies": [revised.json()]}
    assert bank.client.delete(COUNTER).status_code == 204
    assert bank.client.get(COUNTER).json()["retired_at"] is not None
    actions = AuditEvent.objects.filter(subject="policy:counter").order_by("sequence")
    assert list(actions.values_list("action", "actor")) == [
        ("policy.created", "organisation:daiwan"),
        ("policy.created", "organisation:daiwan"),
        ("policy.retired", "organisation:daiwan"),
    ]


def test_the_same_again_is_the_same_version_and_retiring_twice_is_harmless(bank: Software) -> None:
    bank.post(POLICIES, {"name": "counter", "rules": {}})
    assert [bank.put(COUNTER, {"rules": {}}).json()["version"] for _ in range(2)] == [1, 1]
    assert [bank.client.delete(COUNTER).status_code for _ in range(2)] == [204, 204]
    assert bank.put(COUNTER, {"rules": {}}).json()["version"] == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "policy_invalid"),
        ({"name": "counter"}, 400, "policy_invalid"),
        ({"name": 7, "rules": {}}, 400, "policy_invalid"),
        ({"name": "Counter", "rules": {}}, 400, "policy_invalid"),
        ({"name": "a/b", "rules": {}}, 400, "policy_invalid"),
        ({"name": "c" * 61, "rules": {}}, 400, "policy_invalid"),
        ({"name": "new", "rules": []}, 400, "policy_invalid"),
        ({"name": "new", "rules": {"unknown": 1}}, 400, "policy_invalid"),
        ({"name": "new", "rules": {"undetermined": "accept"}}, 400, "policy_invalid"),
        ({"name": "new", "rules": {"accepted_types": []}}, 400, "policy_invalid"),
        ({"name": "new", "rules": {"accepted_types": ["a\0"]}}, 400, "policy_invalid"),
        ({"name": "new", "rules": {"quorum": "nonsense"}}, 400, "policy_invalid"),
        ({"name": "new", "rules": {}, "retention_days": -1}, 400, "policy_invalid"),
        ({"name": "new", "rules": {}, "retention_days": 3651}, 400, "policy_invalid"),
        ({"name": "new", "rules": {}, "retention_days": True}, 400, "policy_invalid"),
        ({"name": "new", "rules": {}, "more": 1}, 400, "policy_invalid"),
        ({"name": "taken", "rules": {}}, 409, "policy_exists"),
        ([], 400, "json_invalid"),
    ],
)
def test_what_is_no_policy_is_not_stored(body: Any, status: int, code: str, bank: Software) -> None:
    bank.post(POLICIES, {"name": "taken", "rules": {}})
    answer = bank.post(POLICIES, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert VerificationPolicy.objects.count() == 1


def test_another_organisations_policies_are_as_unknown_as_none(bank: Software) -> None:
    bank.post(POLICIES, {"name": "counter", "rules": {}})
    other = rival()
    answers = [
        other.client.get(COUNTER),
        other.put(COUNTER, {"rules": {}}),
        other.client.delete(COUNTER),
        other.post(VERIFY, {"presentation": "x", "policy": "counter"}),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "policy_missing")}
    assert other.client.get(POLICIES).json() == {"policies": []}
    assert other.post(POLICIES, {"name": "counter", "rules": {}}).json()["version"] == 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_only_an_api_key_opens_them(method: str) -> None:
    answer = getattr(Client(), method)(POLICIES)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize("query", ["version=x", "version=0", "version=1&version=2", "other=1", "version=%00"])
def test_a_query_is_read_strictly(query: str, bank: Software) -> None:
    bank.post(POLICIES, {"name": "counter", "rules": {}})
    assert bank.client.get(f"{COUNTER}?{query}").status_code == 400


def test_a_name_is_followed_in_its_newest_version_or_in_the_one_named(bank: Software, shown: str) -> None:
    bank.post(POLICIES, {"name": "counter", "rules": {"accepted_types": ["https://other.example"]}})
    bank.put(COUNTER, {"rules": {"accepted_types": [VCT]}})
    newest, first = bank.verify(shown, policy="counter"), bank.verify(shown, policy={"name": "counter", "version": 1})
    assert (newest["verdict"], newest["policy"]) == ("valid", {"name": "counter", "version": 2})
    assert (first["verdict"], first["policy"]) == ("invalid", {"name": "counter", "version": 1})
    assert first["checks"][2]["code"] == "type_not_accepted"
    assert first["checks"][2]["message"] == ("You did not list this kind of certificate among those that you accept.")


@pytest.mark.parametrize(
    ("policy", "status", "code"),
    [
        ("", 400, "policy_invalid"),
        ("none", 404, "policy_missing"),
        ("a\0", 404, "policy_missing"),
        ("retired", 409, "policy_retired"),
        ({"name": "retired", "version": 1}, 409, "policy_retired"),
        ({"name": "retired", "version": 2}, 404, "policy_missing"),
        ({"name": "retired", "version": 0}, 400, "policy_invalid"),
        ({"name": "retired", "version": "1"}, 400, "policy_invalid"),
        ({"name": "retired", "require_anchor": True}, 400, "policy_invalid"),
        ({"name": 7}, 400, "policy_invalid"),
        (7, 400, "policy_invalid"),
    ],
)
def test_a_name_that_cannot_be_followed_is_refused(policy: Any, status: int, code: str, bank: Software) -> None:
    bank.post(POLICIES, {"name": "retired", "rules": {}})
    bank.client.delete(f"{POLICIES}/retired")
    answer = bank.post(VERIFY, {"presentation": "x", "policy": policy})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_stranger_names_no_policy() -> None:
    answer = Client().post(VERIFY, {"presentation": "x", "policy": "counter"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize(
    ("verdict", "handling", "accepted"),
    [
        ("valid", "report", True),
        ("valid", "reject", True),
        ("invalid", "report", False),
        ("invalid", "reject", False),
        # Open, and never true: a program that forgets the third answer takes null for no.
        ("undetermined", "report", None),
        ("undetermined", "reject", False),
    ],
)
def test_what_a_policy_makes_of_a_verdict(verdict: str, handling: Any, accepted: bool | None) -> None:
    assert Policy(undetermined=handling).accepts(verdict) is accepted


def test_an_open_verdict_says_what_is_missing(bank: Software, shown: str) -> None:
    open_answer = bank.verify(shown, policy={"require_anchor": True})
    assert (open_answer["verdict"], open_answer["accepted"]) == ("undetermined", None)
    assert open_answer["missing"] == ["anchor"]
    rejected = bank.verify(shown, policy={"require_anchor": True, "undetermined": "reject"})
    assert (rejected["verdict"], rejected["accepted"]) == ("undetermined", False)
    sequencer.sequence()
    sequencer.sign_checkpoint()
    assert bank.verify(shown, policy={"require_anchor": True})["missing"] == []
    assert bank.verify("x", policy={"require_anchor": True})["missing"] == []


def test_default_is_spelled_out_when_it_is_stored(bank: Software) -> None:
    stored = bank.post(POLICIES, {"name": "counter", "rules": {"quorum": "default"}}).json()
    assert stored["rules"]["quorum"].startswith("log localhost:8000/log+")


def test_there_is_an_end_to_policies_and_to_versions(bank: Software, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_policies, "MAX_POLICIES", 1)
    monkeypatch.setattr(stored_policies, "MAX_VERSIONS", 2)
    bank.post(POLICIES, {"name": "counter", "rules": {}})
    answers = [
        bank.post(POLICIES, {"name": "second", "rules": {}}),
        bank.put(COUNTER, {"rules": {"require_anchor": True}}),
        bank.put(COUNTER, {"rules": {}}),
    ]
    assert [answer.status_code for answer in answers] == [409, 200, 409]
    assert answers[2].json()["code"] == "policy_limit"


@pytest.mark.django_db(transaction=True)
def test_parallel_revisions_are_versions_one_after_the_other() -> None:
    bank = cast.bank()
    stored_policies.create_policy(organisation=bank, slug="counter", rules={}, actor="test")

    def revise(seconds: int) -> None:
        stored_policies.revise_policy(
            organisation=bank, slug="counter", rules={"max_status_age": seconds}, actor="test"
        )
        connection.close()

    threads = [threading.Thread(target=revise, args=[seconds]) for seconds in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = VerificationPolicy.objects.order_by("version").values_list("version", flat=True)
    assert list(versions) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("name", ["\0", "é", "..", " ", "a" * 61])
def test_what_is_no_name_names_nothing(bank: Software, shown: str, name: str) -> None:
    created = bank.post(POLICIES, {"name": name, "rules": {}})
    assert (created.status_code, created.json()["code"]) == (400, "policy_invalid")
    assert bank.post(VERIFY, {"presentation": shown, "policy": name}).status_code in {400, 404}

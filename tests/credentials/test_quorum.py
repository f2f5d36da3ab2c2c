"""A quorum in the service's own verification: what it comes to, what it says, and that nothing is asked without one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from anchoring.log_key import log_origin
from anchoring.models import Attestation, Checkpoint, FollowedLog
from credentials.checks import check_quorum_policy
from credentials.errors import PolicyInvalidError
from credentials.evidence_file import MEDIA_TYPE, parse_evidence
from credentials.policy import Policy, parse_policy
from credentials.sources import DatabaseSources
from credentials.verification import Check, Report, verify
from tests import cast
from tests.credentials.attested import (
    COSIGNED_AT,
    STRANGER,
    World,
    attest_all,
    attested,
    issue,
    log,
    quorum,
    use_ledgers,
    witness,
)
from tests.credentials.conftest import Enter

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(lei: cast.Citizen, settings: Settings) -> World:
    return attested(lei, settings)


def judge(world: World, rule: str) -> tuple[Report, Check]:
    policy = parse_policy({"quorum": rule})
    report = verify(world.shown, sources=DatabaseSources().as_sources(), now=datetime.now(UTC), policy=policy)
    return report, report.checks[8]


@pytest.mark.parametrize(
    ("rule", "verdict", "code"),
    [
        ("quorum none", "valid", "anchor_attested"),
        ("quorum guangdong", "valid", "anchor_attested"),
        ("quorum stamp", "valid", "anchor_attested"),
        ("quorum contract", "valid", "anchor_attested"),
        ("group all all guangdong stamp contract\nquorum all", "valid", "anchor_attested"),
        ("quorum elsewhere", "invalid", "quorum_not_met"),
        ("group two 2 guangdong elsewhere\nquorum two", "invalid", "quorum_not_met"),
        ("group two 2 guangdong elsewhere stamp\nquorum two", "valid", "anchor_attested"),
    ],
)
def test_the_quorum_decides_and_names_who_counted(world: World, rule: str, verdict: str, code: str) -> None:
    report, check = judge(world, quorum(rule))
    assert (report.verdict, check.code) == (verdict, code)
    assert check.message != "This check did not pass."


def test_the_evidence_says_of_each_member_how_it_was_checked(world: World) -> None:
    _, check = judge(world, quorum("group all all guangdong stamp contract\nquorum all"))
    members = {member["name"]: member for member in check.evidence["members"]}
    assert {name: member["standing"] for name, member in members.items()} == {
        "guangdong": "offline",
        "stamp": "offline",
        "contract": "ledger",
    }
    assert members["guangdong"]["attested_at"] == COSIGNED_AT
    assert members["contract"]["not_checked"] == ["that the contract holds it"]
    assert check.evidence["counted"] == ["contract", "guangdong", "stamp"]
    assert check.evidence["log"] == log_origin()


def test_what_was_asked_for_and_is_not_there_yet_is_undetermined(lei: cast.Citizen, settings: Settings) -> None:
    use_ledgers(settings, "memory")
    world = issue(lei)
    assert judge(world, quorum("quorum stamp"))[1].code == "anchor_pending"
    log()
    report, check = judge(world, quorum("quorum stamp"))
    assert (report.verdict, check.code, check.evidence["undecided"]) == (
        "undetermined",
        "quorum_undetermined",
        ["stamp"],
    )
    attest_all("memory")
    assert judge(world, quorum("quorum stamp"))[0].verdict == "valid"


def test_a_witness_lost_and_regained(lei: cast.Citizen, settings: Settings) -> None:
    use_ledgers(settings)
    world = issue(lei)
    checkpoint = log()
    rule = quorum("group two 2 guangdong elsewhere\nquorum two")
    witness(checkpoint)
    assert judge(world, rule)[1].code == "quorum_not_met"
    witness(checkpoint, STRANGER)
    assert judge(world, rule)[1].code == "anchor_attested"


def test_a_ledger_of_other_pins_is_another_ledger(world: World) -> None:
    other = quorum("quorum contract").replace("chain_id=20200", "chain_id=1")
    assert judge(world, other)[1].code == "quorum_not_met"


def test_a_certificate_of_another_log_is_not_accepted(world: World) -> None:
    assert judge(world, quorum("quorum none").partition("\n")[2])[1].code == "log_not_accepted"


def test_a_ledger_that_holds_another_root_is_a_fork(world: World) -> None:
    Attestation.objects.filter(ledger_id="memory").update(state=Attestation.State.CONFLICT)
    report, check = judge(world, quorum("quorum none"))
    assert (report.verdict, check.code, check.evidence) == ("invalid", "log_forked", {"found": ["memory"]})


def test_a_fork_that_the_monitor_found_is_handed_over_with_its_notes(world: World) -> None:
    notes = [Checkpoint.objects.get().note, "the other"]
    FollowedLog.objects.create(
        origin=log_origin(), url="http://localhost:8000/log", vkeys="", state=FollowedLog.State.BROKEN,
        finding=f"{FollowedLog.FORKED}: two roots", evidence=json.dumps(notes),
    )  # fmt: skip
    assert judge(world, quorum("quorum none"))[1].evidence == {"found": notes}


def test_a_warm_verification_without_a_quorum_asks_nothing_more_than_before(
    world: World, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.VERIFY_TRUST_POLL_SECONDS = 60.0
    sources = DatabaseSources().as_sources()
    verify(world.shown, sources=sources, now=datetime.now(UTC), policy=Policy())
    with django_assert_num_queries(0):
        assert verify(world.shown, sources=sources, now=datetime.now(UTC), policy=Policy()).verdict == "valid"


@pytest.mark.parametrize(
    "text", ["", "nonsense", "quorum none", "log x\nquorum none\n", 1, None.__class__, "q" * (1 << 19)]
)
def test_a_quorum_that_is_no_policy_is_the_callers_mistake(text: Any) -> None:
    with pytest.raises(PolicyInvalidError) as refused:
        parse_policy({"quorum": text})
    assert list(refused.value.fields) == ["policy.quorum"]


def post(path: str, body: Any) -> Any:
    return Client(headers={"accept-language": "en"}).post(path, json.dumps(body), content_type="application/json")


def test_the_api_takes_a_policy_or_the_name_of_the_recommended_one(world: World, settings: Settings) -> None:
    asked = {"presentation": world.shown, "policy": {"quorum": "default"}}
    check = post("/api/v1/verify", asked).json()["checks"][8]
    assert (check["code"], check["evidence"]["counted"]) == ("anchor_attested", [])
    settings.QUORUM_POLICY = quorum("quorum guangdong")
    check = post("/api/v1/verify", asked).json()["checks"][8]
    assert (check["code"], check["evidence"]["counted"]) == ("anchor_attested", ["guangdong"])
    wrong = post("/api/v1/verify", {"presentation": world.shown, "policy": {"quorum": "x"}})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "policy_invalid")


def test_evidence_is_had_by_api_under_the_same_conditions_as_a_verdict(world: World) -> None:
    answer = post("/api/v1/evidence", {"presentation": world.shown, "policy": {"quorum": "default"}})
    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (200, MEDIA_TYPE, "no-store")
    assert answer["Content-Disposition"] == 'attachment; filename="certificate.evidence.json"'
    file = parse_evidence(answer.content)
    assert (file.presentation, file.verdict) == (world.shown, "valid")
    assert Client().get("/api/v1/evidence").status_code == 405
    assert post("/api/v1/evidence", {}).json()["code"] == "verify_request_invalid"
    assert post("/api/v1/evidence", {"presentation": "a", "policy": []}).json()["code"] == "policy_invalid"
    refused = Client().post(
        "/api/v1/evidence", "{}", content_type="application/json", headers={"authorization": "Bearer x"}
    )
    assert refused.status_code == 401


def test_without_a_key_evidence_and_verdicts_share_one_allowance(world: World, settings: Settings) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"verify_anonymous": "2/min"}}
    paths = ["/api/v1/evidence", "/api/v1/verify", "/api/v1/evidence"]
    assert [post(path, {"presentation": world.shown}).status_code for path in paths] == [200, 200, 429]


def test_a_citizen_keeps_evidence_of_her_own_certificate_and_nobody_elses(world: World, enter: Enter) -> None:
    path = f"/portal/certificates/{world.credential.pk}/evidence"
    hers = enter(world.lei.account).get(path)
    assert (hers.status_code, parse_evidence(hers.content).presentation) == (200, world.held)
    assert hers["Content-Disposition"].endswith('.evidence.json"')
    assert enter(cast.eve()).get(path).status_code in (302, 403, 404)
    page = enter(world.lei.account).get(f"/portal/certificates/{world.credential.pk}/").content.decode()
    assert path in page
    assert "The file shows everything on this certificate." in page


def test_a_recommended_policy_that_cannot_be_read_is_found_at_start(settings: Settings) -> None:
    settings.QUORUM_POLICY = ""
    assert check_quorum_policy() == []
    settings.QUORUM_POLICY = quorum("quorum guangdong")
    assert check_quorum_policy() == []
    settings.QUORUM_POLICY = "quorum nobody"
    assert [found.id for found in check_quorum_policy()] == ["credentials.E001"]

"""A thousand presentations in one call: in order, each for itself, and with no more queries than ten."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from anchoring import sequencer
from config import tally
from config.models import Tally
from credentials import batch, revocation
from credentials.models import Credential
from credentials.openid4vci.offers import Options, make_offer
from credentials.sources import database_sources
from credentials.verify_request import MAX_BATCH_BYTES, MAX_BODY_BYTES, MAX_ITEMS, BatchRequest, Item, Question
from tests import cast
from tests.credentials.openid4vci.steps import receive
from tests.credentials.verifier import BATCH, POLICIES, VERIFY, Software, lines_of, show

pytestmark = pytest.mark.django_db

NDJSON = "application/x-ndjson"


@pytest.fixture
def bank() -> Software:
    return Software()


@pytest.fixture
def credential(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


@pytest.fixture
def shown(lei: cast.Citizen, credential: Credential) -> str:
    return show(lei, credential, "sex")


def test_each_line_is_the_answer_of_a_single_call_in_the_order_of_the_question(bank: Software, shown: str) -> None:
    *lines, last = bank.batch([{"presentation": shown, "id": "a"}, {"presentation": "x"}, {"presentation": shown}])
    alone = bank.verify(shown)
    assert [(line.pop("index"), line.pop("id")) for line in lines] == [(0, "a"), (1, None), (2, None)]
    assert [line["verdict"] for line in lines] == ["valid", "invalid", "valid"]
    assert without_times(lines[0]) == without_times(alone)
    counted = {"items": 3, "valid": 2, "invalid": 1, "undetermined": 0, "refused": 0, "accepted": 2}
    assert last == {"summary": counted}


def without_times(answer: dict[str, Any]) -> Any:
    for check in answer["checks"]:
        check["evidence"].pop("as_of", None)
    return answer


@pytest.mark.parametrize(
    ("broken", "name", "field"),
    [
        (7, None, ""),
        (None, None, ""),
        ([], None, ""),
        ({}, None, "presentation"),
        ({"id": "mine"}, "mine", "presentation"),
        ({"id": 7, "presentation": "x"}, None, "id"),
        ({"id": "", "presentation": "x"}, None, "id"),
        ({"id": "i" * 101, "presentation": "x"}, None, "id"),
        ({"presentation": "x", "nonce": ""}, None, "nonce"),
        ({"presentation": "x", "policy": "counter"}, None, "policy"),
        ({"presentation": "x", "retain": {"days": 1}}, None, "retain"),
        ({"presentation": "x" * (MAX_BODY_BYTES + 1)}, None, "presentation"),
    ],
)
def test_a_broken_item_is_told_and_spoils_no_other(
    broken: Any, name: str | None, field: str, bank: Software, shown: str
) -> None:
    first, spoilt, third, last = bank.batch([{"presentation": shown}, broken, {"presentation": shown}])
    assert (first["verdict"], third["verdict"]) == ("valid", "valid")
    assert (spoilt["index"], spoilt["id"], spoilt["error"]["code"]) == (1, name, "verify_request_invalid")
    assert field in spoilt["error"]["fields"]
    assert (last["summary"]["refused"], last["summary"]["valid"]) == (1, 2)


def test_lines_in_are_lines_out_and_a_line_that_is_no_json_spoils_itself_alone(bank: Software, shown: str) -> None:
    options = {"policy": {"require_key_binding": True}}
    body = [json.dumps(options), json.dumps({"presentation": shown}), "{", '{"id":"b","id":"c"}', "", "[]", "é"]
    answer = bank.client.post(BATCH, "\n".join(body).encode("latin-1"), content_type=NDJSON)
    *lines, last = lines_of(answer)
    assert answer["Content-Type"] == NDJSON
    assert lines[0]["checks"][5]["code"] == "key_binding_missing"
    assert [line["error"]["code"] for line in lines[1:]] == ["json_invalid"] * 4
    assert last["summary"] == {"items": 5, "valid": 0, "invalid": 1, "undetermined": 0, "refused": 4, "accepted": 0}


def test_a_first_line_with_a_question_in_it_is_a_question(bank: Software, shown: str) -> None:
    body = json.dumps({"presentation": shown, "policy": "counter"}) + "\n" + json.dumps({"presentation": shown})
    first, second, _ = lines_of(bank.client.post(BATCH, body, content_type=NDJSON))
    assert (first["error"]["fields"], second["verdict"]) == ({"policy": ["unknown member"]}, "valid")


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        ("{}", "application/json", 400, "verify_request_invalid"),
        ({"presentations": []}, "application/json", 400, "verify_request_invalid"),
        ({"presentations": "x"}, "application/json", 400, "verify_request_invalid"),
        ({"presentations": [{}] * (MAX_ITEMS + 1)}, "application/json", 400, "verify_request_invalid"),
        ({"presentations": [{}], "other": 1}, "application/json", 400, "verify_request_invalid"),
        ({"presentations": [{}], "report": "pdf"}, "application/json", 400, "verify_request_invalid"),
        ({"presentations": [{}], "policy": {"x": 1}}, "application/json", 400, "policy_invalid"),
        ({"presentations": [{}], "policy": "none"}, "application/json", 404, "policy_missing"),
        ("[]", "application/json", 400, "json_invalid"),
        ("\n", NDJSON, 400, "verify_request_invalid"),
        ("{}\n" * (MAX_ITEMS + 1), NDJSON, 400, "verify_request_invalid"),
        ('{"policy": "none"}', NDJSON, 400, "verify_request_invalid"),
        ('{"policy": 7}\n{}', NDJSON, 400, "policy_invalid"),
        ("not\njson\nat all", NDJSON, 400, "json_invalid"),
        (b" " * (MAX_BATCH_BYTES + 1), NDJSON, 413, "too_large"),
        ("{}", "text/plain", 415, "unsupported_media_type"),
    ],
)
def test_what_is_wrong_with_the_batch_itself_is_refused_before_the_first_line(
    body: Any, kind: str, status: int, code: str, bank: Software
) -> None:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    answer = bank.client.post(BATCH, data, content_type=kind)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_only_an_api_key_opens_it() -> None:
    stranger = Client().post(BATCH, {"presentations": [{}]}, content_type="application/json")
    assert (stranger.status_code, stranger.json()["code"]) == (401, "not_authenticated")
    assert stranger["WWW-Authenticate"].startswith("Bearer")
    wrong = Client().get(BATCH, headers={"authorization": "Bearer ck_" + "a" * 43})
    assert (wrong.status_code, wrong["Allow"]) == (405, "POST")


def test_one_policy_and_signed_reports_are_for_all_items(bank: Software, shown: str) -> None:
    bank.post(POLICIES, {"name": "counter", "rules": {"accepted_types": ["https://other.example"]}})
    *lines, last = bank.batch([{"presentation": shown}] * 2, policy="counter", report="jws")
    assert {line["checks"][2]["code"] for line in lines} == {"type_not_accepted"}
    assert [line["policy"] for line in lines] == [{"name": "counter", "version": 1}] * 2
    assert all(line["report"].count(".") == 2 for line in lines)
    assert last["summary"]["accepted"] == 0


def many(lei: cast.Citizen, count: int) -> list[str]:
    """Presentations of *count* different certificates."""
    return [show(lei, cast.issue_certificate(to=lei), "sex") for _ in range(count)]


@pytest.mark.parametrize("is_logged", [True, False])
def test_queries_do_not_grow_with_the_batch(
    lei: cast.Citizen, bank: Software, is_logged: bool, settings: Settings
) -> None:
    settings.VERIFY_TRUST_POLL_SECONDS = 60.0
    presentations = many(lei, 9)
    if is_logged:
        sequencer.sequence()
        sequencer.sign_checkpoint()
    # Making the certificates made keys, too: after this, the API key is known as of the last of them.
    database_sources().forget()
    bank.batch([7])
    counted = []
    for part in (presentations[:3], presentations[3:]):
        database_sources().forget()
        with CaptureQueriesContext(connection) as queries:
            *lines, _ = bank.batch([{"presentation": text} for text in part])
        counted.append(len(queries))
        assert {line["checks"][8]["code"] for line in lines} == {"anchored" if is_logged else "anchor_pending"}
    assert counted[0] == counted[1] <= 14


def test_consents_are_asked_for_once_and_withdrawn_ones_are_found(lei: cast.Citizen, bank: Software) -> None:
    from authorization import consent

    cast.issue_certificate(to=lei)
    recipient = cast.recipient_key()
    granted = [cast.share(lei, cast.ask(cast.approved_template())) for _ in range(3)]
    shown = [recipient.open(one.transfer.envelope) for one in granted]
    consent.withdraw(authorization=granted[1], person=lei.person)
    bank.batch([{"presentation": shown[0]}])
    with CaptureQueriesContext(connection) as queries:
        *lines, _ = bank.batch([{"presentation": text} for text in shown])
    codes = [line["checks"][9]["code"] for line in lines]
    assert codes == ["authorization_active", "authorization_withdrawn", "authorization_active"]
    assert len([query for query in queries if "authorization_authorization" in query["sql"]]) == 1


def test_a_certificate_revoked_while_a_batch_runs_is_found_by_the_items_after_it(
    lei: cast.Citizen, credential: Credential, shown: str
) -> None:
    asked = BatchRequest([Item(question=Question(shown))] * 2)
    judged: Iterator[Any] = batch.judge_batch(asked, organisation=cast.bank(), now=datetime.now(UTC))
    before = next(judged).answer.report.verdict
    revocation.revoke(credential=credential, actor=cast.bo(), reason="data_error")
    assert (before, next(judged).answer.report.verdict) == ("valid", "invalid")


def test_every_verdict_is_counted(bank: Software, shown: str) -> None:
    tally.write_totals()
    before = counts()
    bank.batch([{"presentation": shown}, {"presentation": "x"}, 7])
    tally.write_totals()
    assert counts() - before == Counter(valid=1, invalid=1, refused=1)


def counts() -> Counter[str]:
    return Counter(dict(Tally.objects.filter(name=tally.VERIFICATION).values_list("label", "count")))


def test_the_answer_is_streamed_and_stored_nowhere(bank: Software, shown: str) -> None:
    answer = bank.post(BATCH, {"presentations": [{"presentation": shown}]})
    assert answer.streaming
    assert (answer["Cache-Control"], answer["X-Accel-Buffering"]) == ("no-store", "no")
    assert bank.post(VERIFY, {"presentation": shown}).streaming is False


def test_copies_cost_no_more_queries_each(bank: Software, lei: cast.Citizen, settings: Settings) -> None:
    settings.VERIFY_TRUST_POLL_SECONDS = 60.0
    credential = cast.issue_certificate(to=lei)
    made = make_offer(application=credential.application, options=Options(tx_code=False), actor="system")
    _, copies = receive(made, count=8)
    items = [{"presentation": f"{copy.rpartition('~')[0]}~"} for copy in copies]
    bank.batch(items[:1])
    counted = []
    for part in (items[:2], items):
        with CaptureQueriesContext(connection) as queries:
            *lines, _ = bank.batch(part)
        counted.append(len(queries))
        assert {line["checks"][8]["code"] for line in lines} == {"anchor_pending"}
    assert counted[0] == counted[1]

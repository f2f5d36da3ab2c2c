"""The Python client against the service itself, over HTTP, and against servers that answer as none should."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from chancela_client import AnswerError, BatchLine, ChancelaError, Client, ConnectionFailed, Problem
from chancela_client.offline import OfflineError, verify_offline
from credentials.signed_report import read_report
from identity.api_keys import create_api_key
from identity.service_keys import service_jwks
from tests import cast
from tests.credentials.verifier import show
from tests.simulators.web import Answer, Web, serve

KEY = "ck_" + "a" * 43


@pytest.fixture
def shown(transactional_db: None) -> str:
    lei = cast.lei()
    return show(lei, cast.issue_certificate(to=lei), "sex")


@pytest.fixture
def bank(live_server: LiveServer, shown: str) -> Client:
    return Client(live_server.url, key=create_api_key(organisation=cast.bank(), label="server")[1])


def test_a_verification_is_an_object(bank: Client, shown: str) -> None:
    answer = bank.verify(shown)
    assert (answer.verdict, answer.accepted, answer.missing, answer.claims) == ("valid", True, (), {"sex": "female"})
    assert answer.issuer == "http://localhost:8000/issuers/identification"
    assert answer.checks[3].message == "The issuer signed it and nobody has altered it."
    assert (answer.report, answer.evidence, answer.kept_id, answer.policy, answer.failed) == (
        None,
        None,
        None,
        None,
        (),
    )


def test_everything_that_can_be_asked_for_at_once(bank: Client, shown: str) -> None:
    cast.approved_template()
    bank.store_policy("counter", {"require_key_binding": True})
    answer = bank.verify(shown, policy="counter", is_signed=True, has_evidence=True, retain_days=3)
    assert (answer.accepted, answer.policy) == (False, ("counter", 1))
    assert [check.code for check in answer.failed] == ["key_binding_missing"]
    assert answer.evidence is not None
    assert answer.evidence["presentation"] == shown
    keys = {key["kid"]: key for key in service_jwks()["keys"]}
    assert read_report(answer.report or "", keys=keys).is_about(shown)
    assert bank.kept_report(answer.kept_id or "") == answer.report
    bank.forget_report(answer.kept_id or "")
    with pytest.raises(Problem, match="404 verification_missing"):
        bank.kept_report(answer.kept_id or "")


def test_an_open_verdict_is_neither_yes_nor_no(bank: Client, shown: str) -> None:
    answer = bank.verify(shown, policy={"require_anchor": True})
    assert (answer.verdict, answer.accepted, answer.missing) == ("undetermined", None, ("anchor",))


def test_a_batch_comes_line_by_line(bank: Client, shown: str) -> None:
    lines = bank.verify_batch([shown, {"presentation": "x", "id": "mine"}, {"id": "broken"}], is_signed=True)
    first = next(lines)
    assert isinstance(first, BatchLine)
    assert (first.index, first.answer and first.answer.verdict) == (0, "valid")
    second, third = lines
    assert (second.id, second.answer and second.answer.verdict) == ("mine", "invalid")
    assert (third.id, third.answer, third.error and third.error.code) == ("broken", None, "verify_request_invalid")


def test_policies_requests_and_files(bank: Client, shown: str) -> None:
    template = cast.approved_template()
    cast.recipient_key()
    assert bank.store_policy("counter", {}, retention_days=7)["version"] == 1
    assert bank.revise_policy("counter", {"require_anchor": True})["version"] == 2
    bank.retire_policy("counter")
    with pytest.raises(Problem, match="409 policy_retired"):
        bank.verify(shown, policy="counter")
    asked = bank.create_request(str(template.pk), reference="account 7", expires_in=600)
    assert bank.request(asked["id"])["state"] == "pending"
    with pytest.raises(Problem) as refused:
        bank.envelope(asked["id"])
    assert (refused.value.status, refused.value.code) == (409, "request_unanswered")
    assert json.loads(bank.evidence(shown))["presentation"] == shown
    assert json.loads(bank.trust_bundle())["log"]["origin"] == "localhost:8000/log"
    assert bank.call("GET", "/api/v1/policies").json()["policies"][0]["version"] == 2


def test_a_refusal_says_what_is_wrong(bank: Client) -> None:
    with pytest.raises(Problem) as refused:
        bank.verify("x", policy={"unknown": 1})
    problem = refused.value
    assert (problem.status, problem.code) == (400, "policy_invalid")
    assert problem.fields == {"policy.unknown": ["unknown member"]}
    assert (problem.title, str(problem)) == ("The policy is not right", "400 policy_invalid")


def test_a_wrong_key_is_a_problem(live_server: LiveServer, transactional_db: None) -> None:
    with pytest.raises(Problem, match="401 api_key_invalid"):
        Client(live_server.url, key=KEY).verify("x")


def test_offline_it_says_the_same_as_the_service(bank: Client, shown: str) -> None:
    bundle = bank.trust_bundle()
    answer, online = verify_offline(shown, trust_bundle=bundle), bank.verify(shown)
    assert (answer.verdict, answer.accepted, answer.claims) == (online.verdict, online.accepted, online.claims)
    undetermined = verify_offline(shown, trust_bundle=bundle, policy={"require_anchor": True})
    assert (undetermined.verdict, undetermined.missing) == ("undetermined", ("anchor",))
    for broken in ({"trust_bundle": b"{}"}, {"trust_bundle": bundle, "policy": {"unknown": 1}}):
        with pytest.raises(OfflineError):
            verify_offline(shown, **broken)


@pytest.mark.parametrize(
    "url",
    ["http://bank.example", "ftp://localhost", "//localhost", "localhost", "https://", "https://a.example/?q=1", ""],
)
def test_a_key_is_never_sent_in_clear(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Client(url, key=KEY)


@pytest.mark.parametrize("url", ["http://localhost:8000/", "http://127.0.0.1", "http://[::1]:1", "https://a.example/"])
def test_its_representation_holds_no_key(url: str) -> None:
    assert repr(Client(url, key=KEY)) == f"Client({url.rstrip('/')!r})"


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as running:
        yield running


def client_of(web: Web, **options: Any) -> Client:
    return Client(web.origin, key=KEY, **options)


def test_a_redirect_is_not_followed_and_the_key_goes_nowhere(web: Web) -> None:
    web.answers["/api/v1/policies"] = Answer(b"", status=302, headers={"Location": f"{web.origin}/elsewhere"})
    with pytest.raises(Problem, match="302 unknown"):
        client_of(web).call("GET", "/api/v1/policies")
    assert web.seen == ["/api/v1/policies"]


LINE = json.dumps({"index": 0, "id": None, "error": {"code": "x", "fields": {}}}).encode() + b"\n"
Ask = Callable[[Client], Any]
ASK: dict[str, tuple[str, Ask]] = {
    "verify": ("/api/v1/verify", lambda client: client.verify("x")),
    "batch": ("/api/v1/verify/batch", lambda client: list(client.verify_batch(["x"]))),
    "request": ("/api/v1/requests/a%2Fb", lambda client: client.request("a/b")),
    "kept": ("/api/v1/verifications/k", lambda client: client.kept_report("k")),
}


@pytest.mark.parametrize(
    ("asked", "content"),
    [
        ("verify", b""), ("verify", b"<html>"), ("verify", b"[]"), ("verify", b"{}"), ("verify", b'{"verdict": "valid"}'),
        ("batch", b""), ("batch", LINE), ("batch", b"{"), ("batch", b"7\n"), ("batch", b"{}\n"),
        ("request", b"[]"), ("kept", b"{}"), ("kept", b"7"),
    ],
)  # fmt: skip
def test_an_answer_in_another_form_is_no_answer(asked: str, content: bytes, web: Web) -> None:
    path, ask = ASK[asked]
    web.answers[path] = Answer(content)
    with pytest.raises(AnswerError):
        ask(client_of(web))


def test_what_refuses_without_a_problem_is_a_problem_all_the_same(web: Web) -> None:
    web.answers["/api/v1/verify"] = Answer(b"<html>", status=503, headers={"Retry-After": "7"})
    with pytest.raises(Problem) as refused:
        client_of(web).verify("x")
    assert (refused.value.status, refused.value.code, refused.value.retry_after) == (503, "unknown", 7)


def test_a_service_that_is_not_there_or_never_ends_is_a_failed_connection(web: Web) -> None:
    web.answers["/api/v1/verify"] = Answer(b"{}" * 50, drip=1.0)
    for client in (client_of(web, timeout=0.3), Client("http://127.0.0.1:9", timeout=1)):
        with pytest.raises(ConnectionFailed):
            client.verify("x")
    assert issubclass(ConnectionFailed, ChancelaError)


def test_what_others_add_is_asked_for_as_their_document_says(web: Web) -> None:
    """Wallet results and offers: the members sent, and the addresses."""
    web.answers["/api/v1/requests/r/result?response_code=c"] = Answer(b'{"verdict": "valid"}')
    web.answers["/api/v1/offers"] = Answer(b'{"id": "o"}', status=201)
    client = client_of(web)
    assert client.result("r", response_code="c") == {"verdict": "valid"}
    assert client.create_offer(credential="BC-1", tx_code=True) == {"id": "o"}
    assert json.loads(web.bodies["/api/v1/offers"]) == {"credential": "BC-1", "tx_code": True}


def test_a_path_is_of_the_service(web: Web) -> None:
    for path in ("//elsewhere.example/", "https://elsewhere.example/", ""):
        with pytest.raises(ValueError, match="path"):
            client_of(web).call("GET", path)


def test_it_needs_nothing_but_the_standard_library() -> None:
    package = Path(__file__).resolve().parents[2] / "clients" / "python" / "chancela_client"
    imported = {
        line.split()[1].split(".")[0]
        for path in package.glob("*.py")
        for line in path.read_text().splitlines()
        if line.startswith(("import ", "from "))
    }
    import sys

    assert imported - {"chancela_client"} <= set(sys.stdlib_module_names)
    assert (package / "py.typed").exists()

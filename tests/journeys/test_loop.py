"""The main job, end to end, in real browsers against the running service: on SQLite and files, and on servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from protocol.checkpoint import VerifierKey
from protocol.merkle import leaf_hash
from protocol.proof import leaf_data, parse_receipt, verify_receipt
from tests.config.browser import chromium
from tests.journeys import pages, people, stack, strangers
from tests.journeys.http import call, read
from tests.journeys.people import PHONE, entered

pytestmark = pytest.mark.xdist_group("journeys")


@pytest.fixture(scope="module", params=stack.FOUNDATIONS)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    with stack.running(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def test_loop(service: stack.Stack, browser: Browser) -> None:
    url = service.url
    with entered(browser, url, "lei", width=PHONE) as lei, entered(browser, url, "chan") as chan:
        did = people.register_device(lei)
        assert call(f"{url}/1.0/identifiers/{did}")[1]["didDocument"]["id"] == did

        with entered(browser, url, "ana") as ana:
            application = people.draft_certificate(ana)
            ana.open(application)
            assert ana.page.get_by_role("button", name="Approve").count() == 0
        with entered(browser, url, "bo") as bo:
            people.approve_certificate(bo, application)
        people.receive_certificate(lei)
        strangers.judge_certificate(lei.page, url)

        api_key = people.make_keys(chan)
        link = people.ask_citizen(chan)
        people.share(lei, link)
        people.fetch_and_check(chan)

        presentation_url = f"{url}/api/v1/requests/{link.rstrip('/').rpartition('/')[2]}/presentation"
        status, envelope = call(presentation_url, key=api_key)
        assert status == 200
        assert "ciphertext" in envelope
        people.withdraw(lei)
        status, problem = call(presentation_url, key=api_key)
        assert status in {403, 409, 410}
        assert problem["code"] == "authorization_withdrawn"
    pages.visit_every_page(browser, url)
    assert service.manage("fsck").returncode == 0
    check_log(service.log)


def test_printed_curl_verifies_a_real_presentation(service: stack.Stack, browser: Browser) -> None:
    printed, receipt = (line for line in service.log.read_text().splitlines() if line.startswith("curl "))
    body = json.loads(printed.partition("-d '")[2].removesuffix("'"))
    status, report = call(f"{service.url}/api/v1/verify", body=body)
    assert status == 200
    assert report["verdict"] == "valid"
    assert report["claims"] == {"name_zh": "黃美", "age_over_18": True}
    check_receipt(service.url, receipt.partition("'")[2].removesuffix("'"), body["presentation"])
    tampered = {"presentation": body["presentation"].replace("~", "A~", 1)}
    assert call(f"{service.url}/api/v1/verify", body=tampered)[1]["verdict"] == "invalid"
    pages.check_pasted(browser, service.url, body["presentation"])
    with entered(browser, service.url, "wong", width=PHONE) as wong:
        people.recover(wong)
    report = call(f"{service.url}/api/v1/verify", body=body)[1]
    assert (report["verdict"], report["checks"][7]["code"]) == ("invalid", "credential_revoked")


def check_receipt(url: str, address: str, presentation: str) -> None:
    """The proof that was printed holds for this certificate, by its own bytes and the keys that the log publishes."""
    signed = presentation.partition("~")[0].rpartition(".")[0]
    leaf = leaf_hash(leaf_data("credential", sha256(signed.encode()).digest()))
    keys = [VerifierKey.from_vkey(line) for line in read(f"{url}/log/vkey").decode().splitlines()]
    assert verify_receipt(parse_receipt(read(address)), leaf_hash=leaf, keys=keys).size > 0


def check_log(log: Path) -> None:
    """No personal value and no stack trace reaches a log line."""
    text = log.read_text(errors="replace")
    for value in ("李嘉敏", "1234567", "1990-03-31", "Lei Wai Man", "Traceback"):
        assert value not in text

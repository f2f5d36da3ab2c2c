"""Evidence of a real contract on a real node and of a real time stamping authority, judged with and without the node."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page
from pytest_django import Settings

from anchoring.attestation import attest
from anchoring.log_key import log_verifier_key
from anchoring.models import Attestation, ConfiguredLedger
from credentials.bundle_export import export_bundle
from credentials.evidence import EvidenceReport, verify
from credentials.evidence_page import evidence_page
from credentials.offline_ledgers import offline_verifiers
from credentials.trust_bundle import parse_dated_bundle
from protocol.encoding import json_dumps
from protocol.quorum import parse_policy
from tests import cast
from tests.anchoring.conftest import anvil
from tests.anchoring.evm.chains import deployed, funded_key, settle
from tests.anchoring.ledgers_at_work import new_authority, timestamp_options
from tests.credentials.attested import bundle, issue, log, use_ledgers
from tests.credentials.test_evidence_page import browser, check
from tests.simulators import tsa
from tests.simulators.anvil import Anvil

__all__ = ["anvil", "browser"]

pytestmark = pytest.mark.django_db

PINNED = ("chain_id", "genesis", "address", "code_hash")


@dataclass(frozen=True)
class Attested:
    data: bytes
    stamp: str
    contract: str


@pytest.fixture
def authority_url(tmp_path: Path) -> Iterator[tuple[str, tsa.Certified]]:
    root = tsa.certify("Root", is_authority=True)
    with tsa.serving(new_authority(tmp_path, root)) as url:
        yield url, root


@pytest.fixture
def attested(
    anvil: Anvil, authority_url: tuple[str, tsa.Certified], tmp_path: Path, lei: cast.Citizen, settings: Settings
) -> Attested:
    use_ledgers(settings)
    url, root = authority_url
    stamp = timestamp_options(url, root, tmp_path)
    contract = deployed(anvil, funded_key(anvil, tmp_path / "submitter.key"))
    ConfiguredLedger.objects.create(ledger_id="stamp", kind="timestamp", options=stamp)
    ConfiguredLedger.objects.create(ledger_id="contract", kind="evm", options=contract)
    world = issue(lei)
    log()
    for name in ("stamp", "contract"):
        finish(name, anvil)
    pins = " ".join(f"{name}={contract[name]}" for name in PINNED if name in contract)
    return Attested(
        bundle(world, datetime.now(UTC)),
        f"ledger stamp timestamp certificate={stamp['certificate']}",
        f"ledger contract evm {pins}",
    )


def finish(name: str, anvil: Anvil) -> None:
    for _ in range(10):
        Attestation.objects.filter(ledger_id=name).update(next_attempt_at=timezone.now())
        attest(ledger_id=name)
        settle(anvil.url)
        anvil.mine()
        if Attestation.objects.filter(ledger_id=name, state=Attestation.State.FINAL).exists():
            return
    raise AssertionError(list(Attestation.objects.values("ledger_id", "state", "last_error")))


def judge(found: Attested, rule: str, *, rpc_url: str | None = None) -> EvidenceReport:
    text = f"log {log_verifier_key()}\n{found.stamp}\n{found.contract}\n{rule}\n"
    now = datetime.now(UTC)
    return verify(
        found.data,
        now=now,
        trust=parse_dated_bundle(json_dumps(export_bundle(now=now))),
        quorum=parse_policy(text),
        verifiers=offline_verifiers(rpc_url=rpc_url),
    )


def test_a_time_stamp_is_checked_offline_and_a_contract_by_its_node(attested: Attested, anvil: Anvil) -> None:
    offline = judge(attested, "quorum stamp")
    assert offline.verdict == "valid"
    assert {item.name: item.standing for item in offline.attestations} == {
        "stamp": "offline",
        "contract": "needs_ledger",
    }
    assert offline.attested_by is not None
    assert abs(offline.attested_by - datetime.now(UTC).timestamp()) < 120
    assert judge(attested, "quorum contract").verdict == "undetermined"
    online = judge(attested, "group both all stamp contract\nquorum both", rpc_url=anvil.url)
    assert {item.name: item.standing for item in online.attestations} == {"stamp": "offline", "contract": "ledger"}
    assert online.verdict == "valid"


def test_a_node_that_is_away_says_nothing_and_another_chain_says_no(attested: Attested) -> None:
    assert judge(attested, "quorum contract", rpc_url="http://127.0.0.1:9/").verdict == "undetermined"
    with Anvil() as other:
        report = judge(attested, "quorum contract", rpc_url=other.url)
    # The pins say that this node is not of that chain, so that it has not been asked.
    assert report.verdict == "undetermined"


def test_the_page_compares_the_imprint_and_says_what_is_left_to_check(
    attested: Attested, browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "verifier.html").write_text(evidence_page(now=datetime.now(UTC)).html, encoding="utf-8")
    context = browser.new_context(offline=True, locale="en-GB")
    page = context.new_page()
    page.goto((tmp_path / "verifier.html").as_uri())
    assert check(page, attested.data) == "valid"
    assert standings(page) == {"stamp": "not_checked", "contract": "needs_ledger"}
    value = json.loads(attested.data)
    for item in value["attestations"]:
        evidence = b64decode(item["evidence"]).decode()
        token = json.loads(evidence).get("token")
        # A token over something else, and a contract that holds another root.
        changed = evidence.replace(token, token[:80]) if token else evidence.replace('"root":"0x', '"root":"0x00')
        item["evidence"] = b64encode(changed.encode()).decode()
    check(page, json.dumps(value).encode())
    assert standings(page) == {"stamp": "invalid", "contract": "invalid"}
    context.close()


def standings(page: Page) -> dict[str, str]:
    found = page.locator("[data-ledger]").evaluate_all("all => all.map(({ dataset: d }) => [d.ledger, d.standing])")
    return dict(found)

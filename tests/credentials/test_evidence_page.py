"""The page in a real Chromium, from a file, with the network off: it agrees with the service's own verifier, or says less."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings

from anchoring.backends.memory import MemoryLedger
from anchoring.log_key import log_origin, log_signer, log_verifier_keys
from credentials import revocation
from credentials.bundle_export import export_bundle
from credentials.evidence import EvidenceReport, verify
from credentials.evidence_export import collect
from credentials.evidence_file import EvidenceError
from credentials.evidence_page import evidence_page
from credentials.trust_bundle import parse_dated_bundle
from identity.keystore import signer_of
from protocol.checkpoint import Checkpoint, sign
from protocol.encoding import json_dumps
from protocol.keys import jwk_thumbprint
from protocol.quorum import parse_policy
from protocol.sd_jwt_vc import issue_credential
from tests import cast
from tests.config.browser import chromium, complaints_of, overflow, violations
from tests.credentials.attested import STRANGER, World, attested, bundle, quorum, with_cosignature
from tests.credentials.w3c_copies import copy_of, plan_of
from tests.simulators.evidence_ledgers import NodeLedger

pytestmark = pytest.mark.django_db

BOTH = "group both all guangdong stamp\nquorum both"
VERIFIERS = {"memory": MemoryLedger.verify, "node": NodeLedger.verify}


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, chromium() as started:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield started
        # Playwright's loop has database connections of its own, which would outlive the database.
        connections.close_all()


@pytest.fixture
def world(lei: cast.Citizen, settings: Settings) -> World:
    return attested(lei, settings)


@pytest.fixture
def page(browser: Browser, world: World, tmp_path: Path) -> Iterator[Page]:
    """The page as kept on a disk, opened without a network; whatever it complains of, or asks for, fails the test."""
    (tmp_path / "verifier.html").write_text(evidence_page(now=now()).html, encoding="utf-8")
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB", offline=True)
    opened = context.new_page()
    opened.set_default_timeout(8000)
    complaints, asked = complaints_of(opened), []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto((tmp_path / "verifier.html").as_uri())
    yield opened
    assert complaints == []
    assert [url for url in asked if not url.startswith("file:")] == []
    context.close()


def now() -> datetime:
    return datetime.now(UTC)


def check(page: Page, data: bytes, rule: str = "") -> str:
    """Give the page a file and, perhaps, a policy; return its verdict, or the word "unreadable"."""
    page.locator("#file").set_input_files({"name": "c.evidence.json", "mimeType": "application/json", "buffer": data})
    page.locator("#quorum").fill(rule)
    page.evaluate("document.querySelector('[data-result]').replaceChildren()")
    page.locator("button[type=submit]").click()
    page.locator("[data-verdict], [data-error]:not([hidden])").first.wait_for()
    band = page.locator("[data-verdict]")
    return str(band.get_attribute("data-verdict")) if band.count() else "unreadable"


def codes(page: Page, group: str) -> list[tuple[str, str, str]]:
    lines = page.locator(f"[data-checks={group}] > li")
    return [
        tuple(line) for line in lines.evaluate_all("all => all.map(({ dataset: d }) => [d.step, d.outcome, d.code])")
    ]


def judged(data: bytes, rule: str = "") -> EvidenceReport | None:
    trust = parse_dated_bundle(json_dumps(export_bundle(now=now())))
    policy = parse_policy(rule) if rule else None
    try:
        return verify(data, now=now(), trust=trust, quorum=policy, verifiers=VERIFIERS)
    except EvidenceError:
        return None


def altered(data: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    value = json.loads(data)
    change(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _set(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(whole: Any) -> None:
        for step in path[:-1]:
            whole = whole[step]
        whole[path[-1]] = value(whole[path[-1]]) if callable(value) else value

    return change


def _swap(text: str, at: int) -> str:
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def _fork(value: dict[str, Any]) -> None:
    size = int(value["receipt"].partition("\n\n")[2].split("\n")[1])
    note = sign(Checkpoint(log_origin(), size, b"\x55" * 32), log_signer())
    value["attestations"].append({**value["attestations"][0], "checkpoint": note})


def _rename_open_step(value: dict[str, Any]) -> None:
    value.update(receipt=None, cose_receipt=None)
    value["report"]["checks"][8]["step"] = "other"


def _nothing(value: dict[str, Any]) -> None:
    pass


def _standing(**changes: Any) -> Callable[[dict[str, Any]], None]:
    """The issuer's accreditation, in force unless *changes* say otherwise."""
    value = {"lists": [], "valid_from": 0, "valid_until": 4_000_000_000, "fresh_until": None, "withdrawn_at": None}
    return _set("trust", "issuers", 0, "standing", value={**value, **changes})


PRESENTATION = ("presentation",)
# Every case is judged by both; where the page cannot check what Python can, it must say that, and not "valid".
CASES: dict[str, Callable[[dict[str, Any]], None]] = {
    "sound": _nothing,
    "issuer's payload": _set("presentation", value=lambda text: _swap(text, text.index(".") + 30)),
    "issuer's signature": _set("presentation", value=lambda text: _swap(text, text.index("~") - 20)),
    "disclosure": _set("presentation", value=lambda text: _swap(text, text.index("~") + 12)),
    "disclosure gone": _set("presentation", value=lambda text: text.partition("~")[0] + "~"),
    "no tilde": _set("presentation", value=lambda text: text.replace("~", "")),
    "nonsense": _set("presentation", value="a.b.c~"),
    "issuer unknown": _set("trust", "issuers", value=[]),
    "types of another": _set("trust", "issuers", 0, "types", value=["https://other.example"]),
    "keys of another": _set(
        "trust", "issuers", 0, "keys", value=lambda keys: [{**key, "kid": "other"} for key in keys]
    ),
    "accreditation in force": _standing(),
    "accreditation withdrawn": _standing(withdrawn_at=1),
    "accreditation ended": _standing(valid_until=1),
    "accreditation not begun": _standing(valid_from=3_999_999_999),
    "accreditation out of date": _standing(fresh_until=1, withdrawn_at=1),
    "accreditation of a fraction": _standing(valid_from=0.5),
    "accreditation of a truth": _standing(withdrawn_at=True),
    "accreditation of nothing": _set("trust", "issuers", 0, "standing", value=1),
    "status token gone": _set("trust", "status_lists", value=[]),
    "status token changed": _set("trust", "status_lists", 0, "token", value=lambda text: _swap(text, len(text) // 2)),
    "status token of another list": _set("trust", "status_lists", 0, "uri", value="http://localhost:8000/status/x"),
    "audience": _set("audience", value="https://other.example"),
    "type": _set("vct", value="https://other.example"),
    "key binding demanded": _set("policy", value={"require_key_binding": True}),
    "issuers accepted": _set("policy", value={"accepted_issuers": ["https://other.example"]}),
    "status too old": _set("policy", value={"max_status_age": 1}),
    "receipt gone": _set("receipt", value=None),
    "receipt and COSE gone": lambda value: value.update(receipt=None, cose_receipt=None),
    "index": _set("receipt", value=lambda text: text.replace("index 0", "index 1")),
    "size": _set("receipt", value=lambda text: text.replace("/log\n", "/log\n1")),
    "log's signature": _set("receipt", value=lambda text: _swap(text, text.index("\u2014 ") + 60)),
    "COSE receipt changed": _set("cose_receipt", value=lambda text: _swap(text, len(text) // 2)),
    "COSE receipt cut": _set("cose_receipt", value=lambda text: text[:-4]),
    "other log": _set("trust", "log", "vkey", value="localhost:8000/log+00000000+Aaaa"),
    "date of the future": _set("made_at", value="2046-01-01T00:00:00+00:00"),
    "date of the past": _set("made_at", value="2016-01-01T00:00:00+00:00"),
    "report": _set("report", "checks", 3, "code", value="signature_invalid"),
    "open step of the report renamed": _rename_open_step,
    "report shorter": _set("report", "checks", value=lambda checks: checks[:-1]),
    "attestation of an other log": _set("attestations", 0, "checkpoint", value=lambda note: note.replace("log", "lag")),
    "attestations gone": _set("attestations", value=[]),
    "fork": _fork,
    "no such member": _set("extra", value=1),
    "format": _set("format", value="chancela/evidence@v9"),
    "time without seconds": _set("made_at", value="2026-11-24T00:00+00:00"),
    "policy": _set("policy", value={"quorum": "nonsense"}),
}


def test_the_page_and_the_service_agree_on_every_case(page: Page, world: World) -> None:
    data = bundle(world, now())
    for name, change in CASES.items():
        case = altered(data, change)
        report, verdict = judged(case), check(page, case)
        assert (name, verdict) == (name, report.verdict if report else "unreadable")
        if report:
            assert report.trusted is not None
            for group, checks in (
                ("as_of", report.as_of.checks),
                ("file", report.file_checks),
                ("trusted", report.trusted.checks),
            ):
                assert (name, codes(page, group)) == (name, [(one.step, one.outcome, one.code) for one in checks])


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("quorum none", "valid"),
        ("quorum guangdong", "valid"),
        ("quorum elsewhere", "invalid"),
        ("quorum contract", "undetermined"),
        ("group one any guangdong contract\nquorum one", "valid"),
        ("group all all guangdong contract\nquorum all", "undetermined"),
        ("group all all elsewhere contract\nquorum all", "invalid"),
        ("group two 2 guangdong elsewhere contract\nquorum two", "undetermined"),
        # The service knows this kind of ledger; the page does not, and never takes it for good.
        ("quorum stamp", "undetermined"),
        (BOTH, "undetermined"),
    ],
)
def test_a_quorum_of_ones_own_comes_to_the_same_or_to_less(page: Page, world: World, rule: str, says: str) -> None:
    data = bundle(world, now())
    report = judged(data, quorum(rule))
    assert report is not None
    assert check(page, data, quorum(rule)) == says
    assert says in (report.verdict, "undetermined")


def test_only_members_of_a_quorum_of_ones_own_vouch_for_a_time(page: Page, world: World) -> None:
    shown = page.locator("[data-fact=attested_by]")
    data = with_cosignature(bundle(world, now()), STRANGER, 1)
    assert check(page, data) == "valid"
    assert page.locator("[data-ledger^=elsewhere]").get_attribute("data-standing") == "offline"
    assert shown.count() == 0
    assert check(page, data, quorum("quorum guangdong")) == "valid"
    expect(shown).to_contain_text("2026")
    assert check(page, data, quorum("quorum elsewhere")) == "valid"
    expect(shown).to_contain_text("1970")
    # A time that no calendar has is none.
    assert check(page, with_cosignature(bundle(world, now()), STRANGER, 1 << 62), quorum("quorum elsewhere")) == "valid"
    assert shown.count() == 0


@pytest.mark.parametrize("line", ["ledger x node chain_id=20200", "ledger x witness vkey=a"])
def test_no_ledger_counts_under_two_names(page: Page, world: World, line: str) -> None:
    assert check(page, bundle(world, now()), f"{quorum(line)}quorum none") == "unreadable"


def test_a_presentation_bound_to_its_reader_agrees_too(page: Page, world: World) -> None:
    text = world.lei.device.present(world.held, paths=[("sex",)], audience="https://bank.example", nonce="n-0S6_WzA2Mj")
    from credentials.evidence_export import collect

    data = collect(presentation=text, now=now(), audience="https://bank.example", nonce="n-0S6_WzA2Mj")
    for name, change in {
        "sound": _nothing,
        "other nonce": _set("nonce", value="other"),
        "other audience": _set("audience", value="other"),
        "not asked": lambda value: value.update(audience=None, nonce=None),
        "less shown": _set("presentation", value=lambda given: given.split("~")[0] + "~" + given.rpartition("~")[2]),
        "holder's signature": _set("presentation", value=lambda given: _swap(given, len(given) - 20)),
        "binding gone": _set("presentation", value=lambda given: given.rpartition("~")[0] + "~"),
    }.items():
        case = altered(data, change)
        report = judged(case)
        assert report is not None
        assert (name, check(page, case)) == (name, report.verdict)
        assert (name, codes(page, "as_of")) == (
            name,
            [(one.step, one.outcome, one.code) for one in report.as_of.checks],
        )


def test_no_changed_byte_is_valid_here_and_not_there(page: Page, world: World) -> None:
    data = bundle(world, now())
    for at in range(0, len(data), len(data) // 60):
        changed = bytearray(data)
        changed[at] ^= 1
        report, verdict = judged(bytes(changed)), check(page, bytes(changed))
        assert (at, verdict) == (at, report.verdict if report else "unreadable")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"a":1,"a":2}',
        "\ufeff{}",
        "[" * 100,
        '{"a":"\\ud800"}',
        '{"a":1e999}',
        '{"a":01}',
        "nonsense",
    ],
)
def test_what_is_not_strict_json_is_unreadable_and_says_so(page: Page, text: str) -> None:
    assert check(page, text.encode()) == "unreadable"
    expect(page.locator("[data-error]")).to_be_focused()


def test_one_member_twice_is_refused_although_browsers_take_the_last(page: Page, world: World) -> None:
    data = bundle(world, now())
    assert check(page, data) == "valid"
    assert check(page, data[:-1] + b',"made_at":"2026-01-01T00:00:00+00:00"}') == "unreadable"


def test_a_revoked_certificate_is_not_valid_in_words_of_four_languages(page: Page, world: World) -> None:
    revocation.revoke(credential=world.credential, actor=cast.bo(), reason="data_error")
    assert check(page, bundle(world, now())) == "invalid"
    expect(page.get_by_role("heading", name="Not valid")).to_be_visible()
    expect(page.get_by_text("The issuer has withdrawn it.").first).to_be_visible()
    for code, language in (("zh-hant", "zh-Hant"), ("zh-hans", "zh-Hans"), ("pt", "pt")):
        page.locator(f"[data-language={code}]").click()
        assert page.locator("html").get_attribute("lang") == language
        expect(page.locator("[data-verdict=invalid]")).to_be_visible()


def test_it_says_how_each_ledger_was_checked_and_for_how_long_the_keys_were_good(page: Page, world: World) -> None:
    check(page, bundle(world, now()))
    standings = page.locator("[data-ledger]").evaluate_all("all => all.map(({ dataset: d }) => [d.ledger, d.standing])")
    assert standings == [["memory", "not_checked"], ["node", "not_checked"]]
    expect(page.locator("[data-fact=consistency]")).to_have_attribute("data-answer", "valid")
    expect(page.locator("[data-fact=trusted]")).to_have_attribute("data-answer", "valid")


def test_a_trust_bundle_of_ones_own_decides(page: Page, world: World) -> None:
    data = bundle(world, now())
    other = json_dumps({**export_bundle(now=now()), "issuers": []})
    page.locator("#trust").set_input_files({"name": "trust.json", "mimeType": "application/json", "buffer": other})
    assert check(page, data) == "invalid"
    expect(page.locator("[data-fact=consistency]")).to_have_attribute("data-answer", "valid")
    page.locator("#trust").set_input_files({"name": "trust.json", "mimeType": "application/json", "buffer": b"{}"})
    assert check(page, data) == "unreadable"
    expect(page.get_by_text("This is not a trust bundle.")).to_be_visible()


def test_text_from_the_file_is_never_markup(page: Page, world: World) -> None:
    name = "<img src=x onerror=document.title=1>"
    data = altered(bundle(world, now()), _set("attestations", 0, "ledger_id", value=name))
    check(page, data)
    expect(page.get_by_text(name)).to_be_visible()
    assert page.locator("img").count() == 0


@pytest.mark.parametrize("width", [390, 1280])
def test_everyone_can_read_it_on_a_phone_and_on_a_desk(page: Page, browser: Browser, world: World, width: int) -> None:
    # Axe is put into the page as a script of its own, which the page's policy rightly refuses.
    context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True, locale="en-GB")
    copy = context.new_page()
    copy.goto(page.url)
    for data in (bundle(world, now()), b"nonsense"):
        check(copy, data)
        assert overflow(copy) == 0
        assert violations(copy) == []
    context.close()


def test_served_it_is_the_same_page_under_a_policy_as_strict(db: None) -> None:
    response = Client().get("/verifier.html")
    page = evidence_page(now=now())
    policy = response["Content-Security-Policy"]
    assert response.status_code == 200
    assert page.script_digest in policy
    assert page.style_digest in policy
    assert "connect-src 'none'" in policy
    assert "'unsafe-inline'" not in policy
    assert f"script-src '{page.script_digest}'" in response.content.decode()
    assert Client().post("/verifier.html").status_code == 405


def test_the_command_writes_the_page(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("evidence", "page")
    written = capsys.readouterr().out
    assert written.startswith("<!doctype html>")
    assert written.endswith("</html>\n")
    # Nothing in it is to be had from elsewhere.
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", written)


WITHOUT_ED25519 = """
const importKey = crypto.subtle.importKey.bind(crypto.subtle);
crypto.subtle.importKey = (format, key, algorithm, ...rest) =>
  algorithm.name === "Ed25519" || algorithm.name === "ML-DSA-44"
    ? Promise.reject(new DOMException("no such algorithm", "NotSupportedError"))
    : importKey(format, key, algorithm, ...rest);
"""


def test_a_browser_without_the_algorithm_could_not_check_and_says_so(page: Page, world: World) -> None:
    page.add_init_script(WITHOUT_ED25519)
    page.reload()
    assert check(page, bundle(world, now())) == "undetermined"
    assert ("anchor", "unknown", "unsupported_here") in codes(page, "as_of")
    assert check(page, bundle(world, now()), quorum("quorum guangdong")) == "undetermined"


def test_a_log_listed_by_its_post_quantum_key_is_checked_or_left_open(page: Page, world: World) -> None:
    rule = f"log {log_verifier_keys()[1]}\nquorum none\n"
    report = judged(bundle(world, now()), rule)
    assert report is not None
    assert report.verdict == "valid"
    assert check(page, bundle(world, now()), rule) in ("valid", "undetermined")
    page.add_init_script(WITHOUT_ED25519)
    page.reload()
    assert check(page, bundle(world, now()), rule) == "undetermined"


@pytest.mark.parametrize("form", ["vc+jwt", "vc+sd-jwt"])
def test_format_that_the_page_does_not_read_is_called_that_and_not_invalid(page: Page, world: World, form: str) -> None:
    data = collect(presentation=copy_of(world.credential, form=form), now=now())
    assert check(page, data) == "unreadable"
    expect(page.locator("[data-error]")).to_contain_text("does not read certificates in this format")
    found = judged(data)
    assert found is not None
    assert found.consistency == "valid"


@pytest.mark.parametrize(
    ("kid", "verdict"),
    [
        ("{owner}#{name}", "valid"),
        ("{owner}/keys/{urn}{print}", "valid"),
        ("{owner}#other", "invalid"),
        ("https://eve.example#{name}", "invalid"),
    ],
)
def test_page_finds_keys_by_their_addresses_as_the_service_does(
    page: Page, world: World, kid: str, verdict: str
) -> None:
    plan, signer = plan_of(world.credential), signer_of(world.credential.signing_key)
    urn, thumbprint = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:", jwk_thumbprint(signer.public_jwk)
    issued = issue_credential(
        claims={}, vct=plan.credential_type.vct, signer=signer, issuer=plan.issuer,
        header={"kid": kid.format(owner=plan.issuer, name=signer.key_id, urn=urn, print=thumbprint)},
        issued_at=int(plan.issued_at.timestamp()),
    )  # fmt: skip
    data = collect(presentation=issued.text, now=now())
    found = judged(data)
    assert found is not None
    assert (check(page, data), found.verdict) == (verdict, verdict)

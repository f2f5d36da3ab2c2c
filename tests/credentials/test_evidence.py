"""Evidence bundles: made by the service, judged by anyone, offline, as of their date, and never beyond what is proven."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from anchoring.backends.memory import MemoryLedger
from anchoring.log_key import log_origin, log_signer
from credentials import revocation
from credentials.bundle_export import export_bundle
from credentials.evidence import EvidenceReport, verify
from credentials.evidence_file import EvidenceError, parse_evidence
from credentials.trust_bundle import TrustBundle, parse_dated_bundle
from protocol.checkpoint import Checkpoint, SeedSigner, sign, verifier_key
from protocol.encoding import json_dumps
from protocol.quorum import parse_policy
from tests import cast
from tests.credentials.attested import COSIGNED_AT, World, attest_all, attested, bundle, issue, log, quorum, use_ledgers
from tests.simulators.evidence_ledgers import NodeLedger

pytestmark = pytest.mark.django_db

VERIFIERS = {"memory": MemoryLedger.verify, "node": NodeLedger.verify}
BOTH = "group both all guangdong stamp\nquorum both"


@pytest.fixture
def world(lei: cast.Citizen, settings: Settings) -> World:
    return attested(lei, settings)


def now() -> datetime:
    return datetime.now(UTC)


def own_trust() -> TrustBundle:
    return parse_dated_bundle(json_dumps(export_bundle(now=now())))


def judge(data: bytes, **asked: Any) -> EvidenceReport:
    return verify(data, **{"now": now(), "verifiers": VERIFIERS, **asked})


def outcomes(report: EvidenceReport) -> dict[str, tuple[str, str]]:
    return {check.step: (check.outcome, check.code) for check in (*report.as_of.checks, *report.file_checks)}


def altered(data: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    value = json.loads(data)
    change(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def test_a_bundle_is_sound_by_itself_and_valid_for_whoever_trusts_its_issuer(world: World) -> None:
    data = bundle(world, now())
    alone, trusting = judge(data), judge(data, trust=own_trust())
    assert (alone.consistency, alone.trust, alone.verdict) == ("valid", "not_asked", "undetermined")
    assert (trusting.consistency, trusting.trust, trusting.verdict) == ("valid", "valid", "valid")
    assert trusting.as_of.claims == {"sex": "female"}
    assert outcomes(trusting)["anchor"] == ("pass", "anchored")
    assert outcomes(trusting)["cose_receipt"] == ("pass", "cose_receipt_valid")
    assert outcomes(trusting)["report"] == ("pass", "report_repeated")


def test_each_attestation_says_how_it_could_be_checked(world: World) -> None:
    report = judge(bundle(world, now()))
    assert {item.name: item.standing for item in report.attestations} == {"memory": "offline", "node": "needs_ledger"}
    unknown = judge(bundle(world, now()), verifiers={})
    assert {item.standing for item in unknown.attestations} == {"not_checked"}


def test_twenty_years_later_it_is_judged_at_its_date_and_says_so(world: World) -> None:
    trust = own_trust()
    report = judge(bundle(world, now()), trust=trust, now=now() + timedelta(days=20 * 365))
    assert (report.verdict, report.is_snapshot_past) == ("valid", True)
    assert not judge(bundle(world, now()), trust=trust).is_snapshot_past


def test_a_file_of_a_forger_agrees_with_itself_and_convinces_nobody(world: World) -> None:
    other = parse_dated_bundle(json_dumps({**export_bundle(now=now()), "issuers": []}))
    report = judge(bundle(world, now()), trust=other)
    assert (report.consistency, report.trust, report.verdict) == ("valid", "invalid", "invalid")


@pytest.mark.parametrize(
    ("rule", "verdict", "anchor"),
    [
        ("quorum none", "valid", ("pass", "anchor_attested")),
        ("quorum guangdong", "valid", ("pass", "anchor_attested")),
        (BOTH, "valid", ("pass", "anchor_attested")),
        ("quorum contract", "undetermined", ("unknown", "quorum_undetermined")),
        ("group one any contract stamp\nquorum one", "valid", ("pass", "anchor_attested")),
        ("group all all contract stamp\nquorum all", "undetermined", ("unknown", "quorum_undetermined")),
        ("quorum elsewhere", "invalid", ("fail", "quorum_not_met")),
        ("group all all contract elsewhere\nquorum all", "invalid", ("fail", "quorum_not_met")),
    ],
)
def test_the_readers_own_quorum_decides(world: World, rule: str, verdict: str, anchor: tuple[str, str]) -> None:
    report = judge(bundle(world, now()), trust=own_trust(), quorum=parse_policy(quorum(rule)))
    assert report.trusted is not None
    check = next(check for check in report.trusted.checks if check.step == "anchor")
    assert (report.verdict, (check.outcome, check.code)) == (verdict, anchor)


def test_a_quorum_alone_vouches_for_the_log_but_for_no_issuer(world: World) -> None:
    report = judge(bundle(world, now()), quorum=parse_policy(quorum(BOTH)))
    assert (report.consistency, report.trust, report.verdict) == ("valid", "undetermined", "undetermined")


def test_another_log_is_not_accepted(world: World) -> None:
    key = verifier_key(SeedSigner(log_origin(), b"\x11" * 32)).vkey
    report = judge(bundle(world, now()), trust=own_trust(), quorum=parse_policy(f"log {key}\nquorum none\n"))
    assert report.trusted is not None
    assert report.trusted.checks[8].code == "log_not_accepted"
    assert report.verdict == "invalid"


@pytest.mark.parametrize(
    ("dropped", "one", "both"),
    [
        ("memory", "valid", "invalid"),
        ("guangdong", "valid", "invalid"),
        ("node", "valid", "valid"),
        ("all", "invalid", "invalid"),
    ],
)
def test_dropping_a_ledger_leaves_exactly_what_the_policy_says(world: World, dropped: str, one: str, both: str) -> None:
    def drop(value: dict[str, Any]) -> None:
        value["attestations"] = [item for item in value["attestations"] if dropped not in (item["ledger_id"], "all")]
        if dropped in ("guangdong", "all"):
            for item in value["attestations"]:
                item["checkpoint"] = without_witness(item["checkpoint"])
            value["receipt"] = without_witness(value["receipt"])

    data = altered(bundle(world, now()), drop)
    for rule, verdict in (("group one any guangdong stamp\nquorum one", one), (BOTH, both)):
        assert judge(data, trust=own_trust(), quorum=parse_policy(quorum(rule))).verdict == verdict


def without_witness(note: str) -> str:
    return "".join(line for line in note.splitlines(keepends=True) if not line.startswith("— guangdong"))


def test_the_quorum_asked_for_is_written_out_in_full_and_judged_again(world: World) -> None:
    data = bundle(world, now(), policy={"quorum": quorum(BOTH)})
    report = judge(data)
    assert outcomes(report)["anchor"] == ("pass", "anchor_attested")
    default = json.loads(bundle(world, now(), policy={"quorum": "default"}))
    assert default["policy"]["quorum"].startswith("log localhost:8000/log+")
    # Read from the ledger by the service: the file shows that it fits, and no more.
    read = judge(bundle(world, now(), policy={"quorum": quorum("quorum contract")}))
    assert outcomes(read)["anchor"] == ("unknown", "quorum_undetermined")
    assert outcomes(read)["report"] == ("pass", "report_repeated")
    assert read.file_checks[1].evidence == {"unchecked": ["anchor"]}


def test_a_ledger_that_attested_an_earlier_checkpoint_is_tied_to_the_receipts(
    lei: cast.Citizen, settings: Settings
) -> None:
    use_ledgers(settings, "memory")
    world = issue(lei)
    log()
    attest_all("memory")
    cast.issue_certificate(to=lei, slug="proof-of-residence")
    log()
    data = bundle(world, now())
    (item,) = parse_evidence(data).attestations
    assert item.consistency != ()
    rule = parse_policy(quorum("quorum stamp"))
    assert judge(data, trust=own_trust(), quorum=rule).verdict == "valid"
    broken = altered(data, lambda value: value["attestations"][0]["consistency"].pop())
    report = judge(broken, trust=own_trust(), quorum=rule)
    assert (report.verdict, report.attestations[0].reason) == ("invalid", "consistency_proof_invalid")


def test_an_earlier_checkpoint_served_as_the_newest_proves_nothing_of_a_later_certificate(
    lei: cast.Citizen, settings: Settings
) -> None:
    use_ledgers(settings, "memory")
    cast.issue_certificate(to=lei, slug="proof-of-residence")
    old = log()
    attest_all("memory")
    world = issue(lei)
    log()
    data = bundle(world, now())
    assert parse_evidence(data).attestations == ()

    def roll_back(value: dict[str, Any]) -> None:
        head, _, _ = value["receipt"].partition("\n\n")
        value["receipt"] = f"{head}\n\n{old.note}"

    assert outcomes(judge(altered(data, roll_back)))["anchor"] == ("fail", "inclusion_proof_invalid")


def test_two_checkpoints_that_contradict_are_a_fork_with_both_notes(world: World) -> None:
    receipt_note = parse_evidence(bundle(world, now())).receipt
    assert receipt_note is not None
    size = int(receipt_note.checkpoint.split("\n")[1])
    forked = sign(Checkpoint(log_origin(), size, b"\x55" * 32), log_signer())

    def add(value: dict[str, Any]) -> None:
        value["attestations"].append({**value["attestations"][0], "checkpoint": forked})

    data = altered(bundle(world, now()), add)
    report = judge(data, trust=own_trust(), quorum=parse_policy(quorum("quorum none")))
    assert report.trusted is not None
    assert report.trusted.checks[8].code == "log_forked"
    assert sorted(report.trusted.checks[8].evidence["notes"]) == sorted([receipt_note.checkpoint, forked])
    assert report.verdict == "invalid"


def test_a_fork_cannot_be_made_up_by_whoever_writes_the_file(world: World) -> None:
    forged = sign(Checkpoint(log_origin(), 1, b"\x55" * 32), SeedSigner(log_origin(), b"\x11" * 32))

    def add(value: dict[str, Any]) -> None:
        value["attestations"].append({**value["attestations"][0], "checkpoint": forged})

    data = altered(bundle(world, now()), add)
    assert judge(data, trust=own_trust(), quorum=parse_policy(quorum("quorum none"))).verdict == "valid"


def test_a_revoked_certificate_has_evidence_of_that(world: World) -> None:
    revocation.revoke(credential=world.credential, actor=cast.bo(), reason="data_error")
    report = judge(bundle(world, now()), trust=own_trust())
    assert (report.verdict, outcomes(report)["status"]) == ("invalid", ("fail", "credential_revoked"))
    assert outcomes(report)["report"] == ("pass", "report_repeated")


@pytest.mark.parametrize("text", ["nonsense", "a.b.c~", "~"])
def test_there_is_evidence_of_what_is_no_certificate_too(db: None, text: str) -> None:
    from credentials.evidence_export import collect

    report = judge(collect(presentation=text, now=now()))
    assert (report.consistency, report.as_of.verdict) == ("invalid", "invalid")


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda whole: whole.__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "step", "code"),
    [
        (_set("made_at", "2046-01-01T00:00:00+00:00"), "snapshot", "evidence_from_future"),
        (_set("made_at", "2016-01-01T00:00:00+00:00"), "snapshot", "snapshot_of_another_time"),
        (lambda value: value["report"]["checks"][7].update(code="credential_revoked"), "report", "report_differs"),
        (lambda value: value["report"]["checks"].pop(), "report", "report_differs"),
        (_set("receipt", None), "cose_receipt", "cose_receipt_unproven"),
        (_set("audience", "https://other.example"), "key_binding", "key_binding_missing"),
        (_set("vct", "https://other.example"), "issuer_trusted", "vct_mismatch"),
        (lambda value: value["trust"].update(issuers=[]), "issuer_key", "issuer_unknown"),
        (lambda value: value["trust"]["status_lists"].clear(), "status", "status_unavailable"),
    ],
)
def test_what_does_not_agree_is_named(world: World, change: Any, step: str, code: str) -> None:
    report = judge(altered(bundle(world, now()), change), trust=own_trust())
    assert outcomes(report)[step][1] == code
    assert report.verdict != "valid"


@pytest.mark.parametrize(
    "change",
    [
        _set("format", "chancela/evidence@v2"),
        _set("extra", 1),
        lambda value: value.pop("cose_receipt"),
        _set("made_at", "2026-11-24"),
        _set("made_at", "2026-11-24T10:00:00Z"),
        _set("made_at", "2026-13-24T10:00:00+00:00"),
        _set("presentation", ""),
        _set("presentation", 1),
        _set("policy", []),
        _set("policy", {"unknown": 1}),
        _set("policy", {"quorum": "nonsense"}),
        _set("policy", {"quorum": "default"}),
        _set("trust", None),
        _set("trust", {"format": "chancela/trust-bundle@v1"}),
        _set("receipt", "nonsense"),
        _set("cose_receipt", "?"),
        _set("cose_receipt", "é"),
        _set("attestations", {}),
        lambda value: value["attestations"][0].update(is_read_here=True),
        lambda value: value["attestations"][0].update(pins=[]),
        lambda value: value["attestations"][0].update(pins={"a": 1}),
        lambda value: value["attestations"][0].update(consistency=["?"]),
        lambda value: value["attestations"].extend(value["attestations"] * 40),
        _set("report", {}),
        lambda value: value["report"].update(verdict="fine"),
        lambda value: value["report"]["checks"][0].update(outcome="fine"),
        lambda value: value["report"]["checks"][0].update(evidence=[]),
    ],
)
def test_any_other_form_is_refused_whole(world: World, change: Any) -> None:
    with pytest.raises(EvidenceError):
        judge(altered(bundle(world, now()), change))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"{}", b"\xff", b'{"format":"chancela/evidence@v1"}', b"[" * 9000]
)
def test_what_is_no_evidence_is_refused(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        judge(data)


def test_a_file_past_its_bound_is_refused_before_it_is_read(world: World) -> None:
    with pytest.raises(EvidenceError):
        judge(bundle(world, now()) + b" " * (1 << 23))


def test_no_changed_byte_makes_a_bundle_say_something_else_and_pass(world: World) -> None:
    """Every byte of receipt, COSE receipt and attestations, and a sample of the rest."""
    data = bundle(world, now(), policy={"quorum": quorum(BOTH)})
    trust, rule = own_trust(), parse_policy(quorum(BOTH))
    sound = judge(data, trust=trust, quorum=rule)
    assert sound.verdict == "valid"
    start, end = data.index(b'"receipt":'), data.index(b'"attestations":')
    places = [*range(start, end, 3), *range(0, len(data), 97)]
    for at in places:
        changed = bytearray(data)
        changed[at] ^= 1
        assert_no_false_accept(bytes(changed), sound, trust, rule)
    for at in range(0, len(data), 211):
        assert_no_false_accept(data[:at] + data[at + 1 :], sound, trust, rule)
        assert_no_false_accept(data[:at], sound, trust, rule)


def assert_no_false_accept(data: bytes, sound: EvidenceReport, trust: TrustBundle, rule: Any) -> None:
    try:
        report = judge(data, trust=trust, quorum=rule)
    except EvidenceError:
        return
    if report.verdict == "valid":
        # What nobody signed (evidence of the report, names of ledgers, whitespace) may differ; what it says may not.
        assert report.as_of.claims == sound.as_of.claims
        assert [check[:3] for check in report.as_of.checks] == [check[:3] for check in sound.as_of.checks]


def test_the_time_vouched_for_is_the_earliest_that_was_checked_offline(world: World) -> None:
    from anchoring.models import Attestation, Checkpoint, ConfiguredLedger
    from tests.credentials.attested import WITNESS

    vkey = WITNESS.verifier_key.vkey
    ConfiguredLedger.objects.create(
        ledger_id="guangdong", kind="witness", options={"url": "https://guangdong.example", "vkey": vkey}
    )
    Attestation.objects.create(
        checkpoint=Checkpoint.objects.get(), ledger_id="guangdong", state="final", evidence=b"the note's own lines"
    )
    data = bundle(world, now())
    assert {item.name: item.standing for item in judge(data).attestations}["guangdong"] == "offline"
    assert judge(data, quorum=parse_policy(quorum("quorum guangdong"))).attested_by == COSIGNED_AT
    # The pins in the file are its own word, and a key that it names vouches for nothing.
    assert judge(data).attested_by is None
    assert judge(data, quorum=parse_policy(quorum("quorum elsewhere"))).attested_by is None

"""Evidence bundles that an attacker wrote: no crash, no time of the file's own making, no log that speaks for another."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from credentials.attestations import Attestation, Tree, weigh, weigh_quorum
from credentials.evidence import verify
from protocol.checkpoint import Checkpoint, SeedSigner, sign, verifier_key
from protocol.cosignature import Ed25519Cosigner, add_lines, cosign
from protocol.note import signature_line
from protocol.quorum import Outcome, parse_policy
from tests import cast
from tests.credentials.attested import COSIGNED_AT, STRANGER, WITNESS, World, attested, bundle, quorum, with_cosignature

FORGER = Ed25519Cosigner("notary.example/forged", b"\x66" * 32)
LOG = SeedSigner("a.example/log", b"\x01" * 32)
OTHER_LOG = SeedSigner("b.example/log", b"\x02" * 32)
FAR = 1 << 62


@pytest.fixture
def world(lei: cast.Citizen, settings: Settings, db: None) -> World:
    return attested(lei, settings)


def now() -> datetime:
    return datetime.now(UTC)


def test_a_key_that_the_file_names_dates_nothing(world: World) -> None:
    data = with_cosignature(bundle(world, now()), FORGER, 1)
    report = verify(data, now=now(), quorum=parse_policy(quorum("quorum guangdong")))
    assert report.attestations[-1].standing == "offline"
    assert report.attested_by == COSIGNED_AT
    assert verify(data, now=now()).attested_by is None


def test_the_earliest_of_several_cosignatures_by_one_member_counts(world: World) -> None:
    """Each note here is sound by itself: the receipt's says later, the attestation's earlier."""
    value = json.loads(with_cosignature(bundle(world, now()), STRANGER, COSIGNED_AT))
    head, _, note = value["receipt"].partition("\n\n")
    plain = note.replace(cosign(note, STRANGER, COSIGNED_AT), "")
    value["receipt"] = f"{head}\n\n{add_lines(plain, cosign(plain, STRANGER, COSIGNED_AT + 5))}"
    rule = parse_policy(quorum("quorum elsewhere"))
    assert verify(json.dumps(value).encode(), now=now(), quorum=rule).attested_by == COSIGNED_AT


def test_a_time_that_no_calendar_has_is_none(world: World) -> None:
    data = with_cosignature(bundle(world, now()), STRANGER, FAR)
    report = verify(data, now=now(), quorum=parse_policy(quorum("quorum elsewhere")))
    assert report.trusted is not None
    assert report.trusted.checks[8].code == "anchor_attested"
    assert (report.attestations[-1].attested_at, report.attested_by) == (None, None)


@pytest.mark.parametrize("receipt", [True, False])
def test_a_step_that_the_file_does_not_report_differs_and_crashes_nothing(world: World, *, receipt: bool) -> None:
    value = json.loads(bundle(world, now()))
    if not receipt:
        value.update(receipt=None, cose_receipt=None)
    value["report"]["checks"][8]["step"] = "other"
    report = verify(json.dumps(value).encode(), now=now())
    assert report.file_checks[1].code == "report_differs"
    assert report.file_checks[1].evidence["steps"] == ["anchor"]


def test_a_log_of_the_policy_speaks_for_no_other_log() -> None:
    """Two logs are accepted; what one of them signs in the name of the other counts for nothing."""
    head, keys = Checkpoint(LOG.name, 1, b"\x07" * 32), (verifier_key(LOG), verifier_key(OTHER_LOG))
    tree = Tree(0, head, sign(head, LOG), keys)
    forged = f"{head.body()}\n{signature_line(keys[1], OTHER_LOG.sign(head.body().encode()))}"
    forged = add_lines(forged, cosign(head, WITNESS, COSIGNED_AT))
    item = Attestation("w", "witness", {"vkey": WITNESS.verifier_key.vkey}, checkpoint=forged)
    assert weigh(item, tree=tree, verifiers={}).reason == "checkpoint_origin_mismatch"
    logs = "".join(f"log {key.vkey}\n" for key in keys)
    rule = parse_policy(f"{logs}witness w {WITNESS.verifier_key.vkey}\nquorum w\n")
    assert weigh_quorum(rule, tree=tree, attestations=[item], verifiers={}).result.outcome is Outcome.NOT_MET

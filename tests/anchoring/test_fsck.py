"""Every kind of damage is found and named; a sound log has no findings."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from weakref import WeakValueDictionary

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from anchoring import attestation, fsck, sequencer
from anchoring.errors import TransientLedgerError
from anchoring.fsck import Finding
from anchoring.head_guard import advance_guard, guard_path
from anchoring.ledger import Ledger
from anchoring.log_key import log_key, log_origin, log_signer
from anchoring.models import (
    Attestation,
    Checkpoint,
    ConfiguredLedger,
    Cosignature,
    EmbeddedRecord,
    FollowedLog,
    LogEntry,
    Tile,
    TreeHead,
)
from protocol import checkpoint as signed_checkpoint
from protocol.checkpoint import SeedSigner
from protocol.cosignature import Ed25519Cosigner, cosign
from protocol.merkle import leaf_hash
from tests.anchoring.records import digest, hand_over, log_records
from tests.simulators.ledger import FaultyLedger

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def only_the_log(settings: Settings) -> None:
    settings.FSCK_CHECKS = []


@pytest.fixture
def sound_log() -> None:
    """300 leaves, two checkpoints, each attested."""
    for numbers in (range(200), range(200, 300)):
        log_records(*numbers)
        attestation.attest(ledger_id="embedded")


def codes() -> set[str]:
    return {finding.code for finding in fsck.check()}


def test_an_empty_log_is_sound() -> None:
    assert fsck.check() == []


@pytest.mark.usefixtures("sound_log")
def test_a_log_at_work_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fsck.check() == []
    monkeypatch.setattr(fsck, "CHUNK", 7)
    assert fsck.check() == []
    hand_over(*range(300, 310))
    assert fsck.check() == []
    sequencer.sequence()
    assert fsck.check() == []


def change_digest() -> None:
    LogEntry.objects.filter(leaf_index=5).update(digest=digest(999))


def drop_leaf() -> None:
    LogEntry.objects.filter(leaf_index=290).delete()


def unplace_leaf() -> None:
    LogEntry.objects.filter(leaf_index=299).update(leaf_index=None, sequenced_at=None)


def swap_leaves() -> None:
    LogEntry.objects.filter(leaf_index=5).update(leaf_index=1000)
    LogEntry.objects.filter(leaf_index=6).update(leaf_index=5)
    LogEntry.objects.filter(leaf_index=1000).update(leaf_index=6)


def break_leaf() -> None:
    LogEntry.objects.filter(leaf_index=5).update(digest=b"short")


def place_beyond_head() -> None:
    hand_over(1000)
    LogEntry.objects.filter(leaf_index=None).update(leaf_index=300, sequenced_at=F("created_at"))


def change_tile() -> None:
    Tile.objects.filter(level=1).update(hashes=bytes(32))


def drop_tile() -> None:
    Tile.objects.filter(level=0, index=1).delete()


def shorten_tile() -> None:
    Tile.objects.filter(level=0, index=1).update(hashes=bytes(32))


def change_head() -> None:
    TreeHead.objects.update(root=bytes(32))


def lower_head() -> None:
    TreeHead.objects.update(size=250)


def drop_head() -> None:
    TreeHead.objects.all().delete()


def change_checkpoint_root() -> None:
    Checkpoint.objects.filter(size=200).update(root=bytes(32))


def rename_checkpoint() -> None:
    Checkpoint.objects.filter(size=200).update(origin="elsewhere")


def change_embedded_root() -> None:
    EmbeddedRecord.objects.filter(size=200).update(root=bytes(32))


def add_embedded_record() -> None:
    statement = signed_checkpoint.Checkpoint(log_origin(), 250, bytes(32))
    note = signed_checkpoint.sign(statement, log_signer())
    EmbeddedRecord.objects.create(intent_id=b"x", origin=log_origin(), size=250, root=bytes(32), note=note)


def cut_note() -> None:
    Checkpoint.objects.filter(size=200).update(note="nothing")


def sign_with_another_key() -> None:
    first = Checkpoint.objects.get(size=200)
    statement = signed_checkpoint.Checkpoint(first.origin, 200, bytes(first.root))
    note = signed_checkpoint.sign(statement, SeedSigner(log_origin(), b"\x07" * 32))
    Checkpoint.objects.filter(size=200).update(note=note)


def guard_another_tree() -> None:
    guard_path().unlink()
    advance_guard(signed_checkpoint.Checkpoint(log_key().name, 200, leaf_hash(b"")))


def guard_a_larger_tree() -> None:
    advance_guard(signed_checkpoint.Checkpoint(log_key().name, 301, leaf_hash(b"")))


def break_guard() -> None:
    guard_path().write_text("{")


def lose_evidence() -> None:
    Attestation.objects.update(evidence=None)


def swap_evidence() -> None:
    first, second = Attestation.objects.order_by("id")
    Attestation.objects.filter(pk=first.pk).update(evidence=second.evidence)


def kill_attestation() -> None:
    Attestation.objects.update(state=Attestation.State.DEAD)


def contradict() -> None:
    Attestation.objects.update(state=Attestation.State.CONFLICT)


@pytest.mark.usefixtures("sound_log")
@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (change_digest, "head_root_differs"),
        (change_digest, "tile_differs"),
        (change_digest, "checkpoint_root_differs"),
        (drop_leaf, "leaf_missing"),
        (unplace_leaf, "leaf_missing"),
        (swap_leaves, "tile_differs"),
        (break_leaf, "leaf_malformed"),
        (place_beyond_head, "leaf_beyond_head"),
        (change_tile, "tile_differs"),
        (drop_tile, "tile_missing"),
        (shorten_tile, "tile_differs"),
        (change_head, "head_root_differs"),
        (lower_head, "leaf_beyond_head"),
        (lower_head, "checkpoint_beyond_head"),
        (lower_head, "log_rolled_back"),
        (drop_head, "leaf_beyond_head"),
        (change_checkpoint_root, "checkpoint_differs_from_note"),
        (change_checkpoint_root, "checkpoints_inconsistent"),
        (rename_checkpoint, "checkpoint_differs_from_note"),
        (change_embedded_root, "embeddedrecord_differs_from_note"),
        (add_embedded_record, "embedded_record_unknown"),
        (cut_note, "checkpoint_unsigned"),
        (sign_with_another_key, "checkpoint_unsigned"),
        (guard_another_tree, "log_forked"),
        (guard_a_larger_tree, "log_rolled_back"),
        (break_guard, "log_guard_unreadable"),
        (lose_evidence, "attestation_unproven"),
        (swap_evidence, "attestation_unproven"),
        (kill_attestation, "attestation_dead"),
        (contradict, "attestation_conflict"),
    ],
)
def test_damage_is_found(damage: Callable[[], None], code: str) -> None:
    damage()
    assert code in codes()


@pytest.mark.usefixtures("sound_log")
def test_what_was_recovered_is_a_notice_and_no_fault() -> None:
    LogEntry.objects.filter(leaf_index=5).update(record_id="recovered:5")
    (finding,) = fsck.check()
    assert (finding.code, finding.subject, finding.is_notice) == ("leaf_recovered", "recovered:5", True)
    assert str(finding) == "notice: leaf_recovered recovered:5 a credential whose record was lost"
    out = StringIO()
    call_command("fsck", stdout=out)
    assert out.getvalue().endswith("0 findings, 1 notices\n")


@pytest.mark.parametrize(("origin", "is_notice"), [("other.example/log", True), ("", False)])
def test_a_broken_log_that_is_followed_is_named(origin: str, is_notice: bool) -> None:
    FollowedLog.objects.create(
        origin=origin or log_origin(), url="", state=FollowedLog.State.BROKEN, finding="log_forked: two roots"
    )
    FollowedLog.objects.create(origin="fine.example/log", url="")
    (finding,) = fsck.check()
    assert (finding.code, finding.detail) == ("followed_log_broken", "log_forked: two roots")
    assert finding.is_notice is is_notice


def cosign_it(root: bytes | None = None, size: int = 300) -> str:
    """Keep what a witness answered, and return the witness's key."""
    row = Checkpoint.objects.get(size=300)
    signed = signed_checkpoint.Checkpoint(row.origin, 300, bytes(row.root))
    witness = Ed25519Cosigner("w.example/witness", bytes(range(32)))
    lines = cosign(signed, witness, 1_800_000_000)
    Cosignature.objects.create(ledger_id="w", origin=row.origin, size=size, root=root or row.root, lines=lines)
    return witness.verifier_key.vkey


def use_witness(vkey: str) -> None:
    options = {"url": "http://127.0.0.1:1", "vkey": vkey}
    ConfiguredLedger.objects.create(ledger_id="w", kind="witness", options=options)


@pytest.mark.usefixtures("sound_log")
def test_cosignatures_verify_with_the_keys_of_their_witness() -> None:
    vkey = cosign_it()
    assert fsck.check() == []
    use_witness(vkey)
    assert fsck.check() == []
    Cosignature.objects.update(lines=Cosignature.objects.get().lines.replace("witness ", "witness A", 1))
    assert codes() == {"cosignature_wrong"}


@pytest.mark.usefixtures("sound_log")
@pytest.mark.parametrize(("root", "size"), [(bytes(32), 300), (None, 299)])
def test_a_cosignature_of_what_was_never_signed_is_found(root: bytes | None, size: int) -> None:
    cosign_it(root, size)
    assert codes() == {"cosignature_wrong"}


@pytest.mark.usefixtures("sound_log")
def test_a_cosignature_by_another_witness_is_found() -> None:
    cosign_it()
    use_witness(Ed25519Cosigner("w.example/witness", bytes(range(1, 33))).verifier_key.vkey)
    assert [finding.detail for finding in fsck.check()] == ["no line of its keys"]


@pytest.mark.usefixtures("sound_log")
def test_ledgers_are_asked_whether_they_still_hold_what_they_attested(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fsck.check_ledgers() == []
    EmbeddedRecord.objects.filter(size=300).update(root=bytes(32))
    assert [finding.code for finding in fsck.check_ledgers()] == ["attestation_conflicting"]
    EmbeddedRecord.objects.all().delete()
    assert [str(finding) for finding in fsck.check_ledgers()] == ["attestation_absent embedded 300 was final"]
    with pytest.raises(SystemExit):
        call_command("fsck", "--ledgers", stdout=StringIO())
    call_command("fsck", stdout=StringIO())


@pytest.mark.usefixtures("sound_log")
def test_a_ledger_out_of_reach_is_not_one_that_has_lost_something(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = FaultyLedger("embedded")
    ledger.before["find"].append(TransientLedgerError("connection refused"))
    registry: dict[str, Ledger] = {"embedded": ledger}
    monkeypatch.setattr(fsck, "ledgers", lambda: registry)
    (finding,) = fsck.check_ledgers()
    assert (finding.code, finding.is_notice) == ("ledger_out_of_reach", True)


@pytest.mark.usefixtures("sound_log")
def test_evidence_of_a_ledger_no_longer_in_use_must_still_be_there(settings: Settings) -> None:
    settings.ANCHORING_LEDGERS = []
    assert fsck.check() == []
    lose_evidence()
    assert codes() == {"attestation_unproven"}


def check_from_above() -> list[Finding]:
    return [Finding("credential_without_leaf", "4711")]


def test_checks_of_the_apps_above_are_run_too(settings: Settings) -> None:
    settings.FSCK_CHECKS = [f"{__name__}.check_from_above"]
    assert fsck.check() == check_from_above()


def test_the_command_prints_findings_and_says_so_by_its_exit_code() -> None:
    log_records(*range(3))
    out = StringIO()
    call_command("fsck", stdout=out)
    assert out.getvalue() == "0 findings\n"
    change_head()
    with pytest.raises(SystemExit) as stopped:
        call_command("fsck", stdout=out)
    assert stopped.value.code == 1
    assert "head_root_differs 3" in out.getvalue()


def test_the_number_of_queries_does_not_grow_with_the_attestations(sound_log: None) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert fsck.check() == []
        return len(captured)

    before = queries()
    for number in range(300, 310):
        log_records(number)
        attestation.attest(ledger_id="embedded")
    assert queries() == before


def test_notes_are_not_held_all_at_once(sound_log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A year has three million checkpoints of 4 kB."""
    monkeypatch.setattr(fsck, "NOTES", 4)
    for number in range(300, 330):
        log_records(number)
    alive: WeakValueDictionary[int, Checkpoint] = WeakValueDictionary()
    most = 0

    def note(instance: Checkpoint, **_: object) -> None:
        nonlocal most
        alive[id(instance)] = instance
        most = max(most, sum("note" in row.__dict__ for row in alive.values()))

    post_init.connect(note, sender=Checkpoint)
    try:
        assert fsck.check() == []
    finally:
        post_init.disconnect(note, sender=Checkpoint)
    assert 0 < most <= 10

"""After yesterday's backup is restored: nothing is signed, nothing is lost, nothing forks, and the log goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from anchoring import attestation, fsck, monitor, outbox, sequencer
from anchoring.errors import (
    FetchError,
    LogForkError,
    LogNotRecoverableError,
    LogResourceNotFoundError,
    LogRollbackError,
)
from anchoring.export import export_log
from anchoring.head_guard import guard_path, guarded_head
from anchoring.log_key import log_key, log_origin
from anchoring.log_reader import FolderLogReader, open_log
from anchoring.models import Attestation, Checkpoint, FollowedLog, LogEntry, TreeHead
from anchoring.receipts import receipt_for
from anchoring.recovery import recover
from protocol.errors import NoteUnsignedError, TileError
from protocol.merkle import leaf_hash
from protocol.proof import leaf_data, verify_receipt
from tests.anchoring import backups
from tests.anchoring.published import serving_folder
from tests.anchoring.records import digest, hand_over, leaf_hash_of, log_records, record_id
from tests.protocol.trees import reference_root

pytestmark = pytest.mark.django_db

BEFORE, AFTER = 300, 700


@pytest.fixture(autouse=True)
def only_the_log(settings: Settings) -> None:
    settings.FSCK_CHECKS = []
    settings.AUDIT_SINK = "tests.anchoring.test_recovery.note_act"
    ACTS.clear()


ACTS: list[dict[str, object]] = []


def note_act(**act: object) -> None:
    ACTS.append(act)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "public"


@pytest.fixture
def lost(folder: Path) -> Checkpoint:
    """A database of 300 leaves whose log has published 700; the newest checkpoint is what comes back."""
    log_records(*range(BEFORE))
    attestation.attest(ledger_id="embedded")
    backup = backups.take()
    checkpoint = log_records(*range(BEFORE, AFTER))
    attestation.attest(ledger_id="embedded")
    export_log(folder=folder)
    backups.restore(backup)
    return checkpoint


def notices() -> list[str]:
    return [finding.code for finding in fsck.check() if finding.is_notice]


def faults() -> list[fsck.Finding]:
    return [finding for finding in fsck.check() if not finding.is_notice]


def tree_root() -> tuple[int, bytes]:
    head = TreeHead.objects.get()
    return head.size, bytes(head.root)


def root_of(count: int) -> bytes:
    return reference_root([leaf_hash_of(number) for number in range(count)])


def test_nothing_is_signed_until_the_log_is_recovered_and_then_it_goes_on(lost: Checkpoint, folder: Path) -> None:
    with pytest.raises(LogRollbackError):
        log_records(*range(2000, 2010))
    done = recover(reader=FolderLogReader(folder))
    assert (done.size, done.matched, done.nameless, done.displaced) == (AFTER, 0, AFTER - BEFORE, 10)
    assert tree_root() == (AFTER, root_of(AFTER))
    assert Checkpoint.objects.get(size=AFTER).note == lost.note
    assert faults() == []
    assert notices() == ["leaf_recovered"] * (AFTER - BEFORE)
    sequencer.sequence()
    checkpoint = sequencer.sign_checkpoint()
    assert checkpoint is not None
    assert checkpoint.size == AFTER + 10
    assert LogEntry.objects.get(record_id=record_id(2000)).leaf_index == AFTER
    assert faults() == []
    assert [act["action"] for act in ACTS] == ["log.recovered"]
    # The folder, a follower and the ledgers see one log that only grew.
    assert export_log(folder=folder).size == AFTER + 10
    attestation.attest(ledger_id="embedded")
    assert not Attestation.objects.filter(state=Attestation.State.CONFLICT).exists()


def test_what_was_issued_after_the_backup_still_proves_itself(lost: Checkpoint, folder: Path) -> None:
    recover(reader=FolderLogReader(folder))
    for number in (BEFORE, 511, 512, AFTER - 1):
        name = outbox.recovered_record_id(kind="credential", digest=digest(number))
        assert name == f"recovered:{number}"
        receipt = receipt_for(name)
        assert receipt is not None
        verify_receipt(receipt, leaf_hash=leaf_hash_of(number), keys=[log_key()])


def test_a_record_that_is_handed_in_again_takes_its_own_leaf(lost: Checkpoint, folder: Path) -> None:
    recover(reader=FolderLogReader(folder))
    hand_over(400, 401, 5000)
    outbox.append(record_id=record_id(402), kind="credential", digest=digest(402))
    assert sequencer.sequence() == 1
    found = dict(LogEntry.objects.filter(record_id__startswith="credential:").values_list("record_id", "leaf_index"))
    assert {number: found[record_id(number)] for number in (400, 401, 402, 5000)} == {
        400: 400,
        401: 401,
        402: 402,
        5000: AFTER,
    }
    assert outbox.recovered_record_id(kind="credential", digest=digest(400)) is None
    assert len(notices()) == AFTER - BEFORE - 3
    assert tree_root() == (AFTER + 1, reference_root([*map(leaf_hash_of, range(AFTER)), leaf_hash_of(5000)]))
    hand_over(400)
    assert sequencer.sequence() == 0
    assert faults() == []


def test_the_same_digest_under_another_kind_or_twice_is_a_leaf_of_its_own(lost: Checkpoint, folder: Path) -> None:
    recover(reader=FolderLogReader(folder))
    outbox.append(record_id="status:1", kind="status", digest=digest(400))
    outbox.append(record_id="credential:a", kind="credential", digest=digest(400))
    outbox.append(record_id="credential:b", kind="credential", digest=digest(400))
    assert sequencer.sequence() == 2
    places = dict(LogEntry.objects.filter(digest=digest(400)).values_list("record_id", "leaf_index"))
    assert places == {"credential:a": 400, "status:1": AFTER, "credential:b": AFTER + 1}


def test_records_that_waited_in_the_backup_get_their_leaves_back(folder: Path) -> None:
    log_records(*range(BEFORE))
    hand_over(*range(BEFORE, BEFORE + 50))
    backup = backups.take()
    log_records(*range(BEFORE + 50, BEFORE + 80))
    export_log(folder=folder)
    backups.restore(backup)
    done = recover(reader=FolderLogReader(folder))
    assert (done.matched, done.nameless, done.displaced) == (50, 30, 0)
    assert LogEntry.objects.get(record_id=record_id(BEFORE + 7)).leaf_index == BEFORE + 7
    assert faults() == []


@pytest.mark.parametrize("since", [1, 100, 210, 1000])
def test_places_given_since_the_restore_are_taken_back(since: int, folder: Path) -> None:
    """More or fewer than were published, over tile borders: the stored tree becomes the published one."""
    log_records(*range(250))
    hand_over(250, 251)
    backup = backups.take()
    log_records(*range(252, 460))
    export_log(folder=folder)
    backups.restore(backup)
    hand_over(*range(3000, 3000 + since))
    sequencer.sequence()
    assert TreeHead.objects.get().size == 252 + since
    done = recover(reader=FolderLogReader(folder))
    # 250 and 251 had got the right places already.
    assert (done.size, done.matched, done.nameless, done.displaced) == (460, 2, 208, since)
    assert tree_root() == (460, root_of(460))
    assert faults() == []
    sequencer.sequence()
    assert sequencer.sign_checkpoint() is not None
    assert TreeHead.objects.get().size == 460 + since
    assert faults() == []


def test_an_empty_database_is_recovered_whole(lost: Checkpoint, folder: Path) -> None:
    backups.restore([(table, []) for table, _ in backups.take()])
    done = recover(reader=FolderLogReader(folder))
    assert (done.size, done.nameless) == (AFTER, AFTER)
    assert tree_root() == (AFTER, root_of(AFTER))
    assert faults() == []


def test_a_lost_guard_is_made_again(lost: Checkpoint, folder: Path) -> None:
    guard_path().unlink()
    recover(reader=FolderLogReader(folder))
    head = guarded_head(log_origin())
    assert head is not None
    assert (head.size, head.root) == (AFTER, root_of(AFTER))


def test_from_a_web_server(lost: Checkpoint, folder: Path) -> None:
    with serving_folder(folder) as address:
        assert recover(reader=open_log(address)).size == AFTER
    assert faults() == []


def test_a_second_recovery_finds_nothing_missing(lost: Checkpoint, folder: Path) -> None:
    recover(reader=FolderLogReader(folder))
    with pytest.raises(LogNotRecoverableError, match="nothing is missing"):
        recover(reader=FolderLogReader(folder))


def test_what_witnesses_added_does_not_become_the_logs_own_words(lost: Checkpoint, folder: Path) -> None:
    published = (folder / "checkpoint").read_text()
    witness = "\N{EM DASH} w.example/witness d2l0bmVzcyBsaW5lIG9mIHNvbWVib2R5IGVsc2U=\n"
    (folder / "checkpoint").write_text(published + witness)
    recover(reader=FolderLogReader(folder))
    assert Checkpoint.objects.get(size=AFTER).note == lost.note


def stored() -> tuple[object, ...]:
    rows = LogEntry.objects.order_by("pk").values_list("pk", "record_id", "leaf_index")
    return (*rows, *tree_root(), Checkpoint.objects.count(), guard_path().read_bytes())


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        ("behind the guard", LogNotRecoverableError),
        ("another leaf", LogForkError),
        ("a missing bundle", LogResourceNotFoundError),
        ("a short bundle", TileError),
        ("a foreign leaf", LogNotRecoverableError),
        ("another key", NoteUnsignedError),
        ("no folder", LogResourceNotFoundError),
    ],
)
def test_what_is_not_the_whole_signed_log_changes_nothing(
    lost: Checkpoint, folder: Path, damage: str, error: type[Exception], settings: Settings
) -> None:
    bundle = folder / "tile/entries/001"
    data = bundle.read_bytes()
    if damage == "behind the guard":
        checkpoint = Checkpoint.objects.get(size=BEFORE)
        (folder / "checkpoint").write_text(checkpoint.note)
    elif damage == "another leaf":
        bundle.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif damage == "a missing bundle":
        bundle.unlink()
    elif damage == "a short bundle":
        bundle.write_bytes(data[: len(data) // 2])
    elif damage == "a foreign leaf":
        bundle.write_bytes(data[:-60] + bytes(60))
    elif damage == "another key":
        settings.LOG_SIGNING_SEED = bytes(range(32))
    else:
        folder = folder / "nowhere"
    before = stored()
    with pytest.raises(error):
        recover(reader=FolderLogReader(folder))
    assert stored() == before


def test_another_history_before_the_backup_is_a_fork(lost: Checkpoint, folder: Path) -> None:
    """The database restored is not an older state of the log that was published."""
    backups.restore([(table, []) for table, _ in backups.take()])
    guard = guard_path().read_bytes()
    guard_path().unlink()
    log_records(*range(5000, 5010))
    guard_path().write_bytes(guard)
    before = stored()
    with pytest.raises(LogForkError):
        recover(reader=FolderLogReader(folder))
    assert stored() == before


def test_a_fork_that_our_own_key_signed_is_not_recovered(folder: Path) -> None:
    """A second deployment went on from the backup, with a guard of its own; it has published more than we had signed."""
    log_records(*range(100))
    backup = backups.take()
    log_records(*range(100, 300))
    guard = guard_path().read_bytes()
    backups.restore(backup)
    guard_path().unlink()
    log_records(*range(5000, 5400))
    export_log(folder=folder)
    backups.restore(backup)
    guard_path().write_bytes(guard)
    before = stored()
    with pytest.raises(LogForkError):
        recover(reader=FolderLogReader(folder))
    assert stored() == before
    assert guard_path().read_bytes() == guard


def test_a_damaged_tree_is_not_built_upon(lost: Checkpoint, folder: Path) -> None:
    from anchoring.models import Tile

    Tile.objects.filter(level=0, index=1).update(hashes=bytes(44 * 32))
    with pytest.raises(LogForkError, match="fsck"):
        recover(reader=FolderLogReader(folder))


def test_a_server_that_is_gone_is_said_to_be(lost: Checkpoint) -> None:
    with pytest.raises(FetchError):
        recover(reader=open_log("http://127.0.0.1:1/log"))


def test_a_follower_sees_one_log_throughout(lost: Checkpoint, folder: Path) -> None:
    monitor.due_logs()
    monitor.examine(origin=log_origin())
    recover(reader=FolderLogReader(folder))
    log_records(9000)
    monitor.examine(origin=log_origin())
    row = FollowedLog.objects.get()
    assert (row.state, row.size) == (FollowedLog.State.SOUND, AFTER + 1)


def test_the_leaf_of_a_recovered_name_is_the_published_one(lost: Checkpoint, folder: Path) -> None:
    recover(reader=FolderLogReader(folder))
    entry = LogEntry.objects.get(record_id="recovered:333")
    assert leaf_hash(entry.data) == leaf_hash(leaf_data("credential", digest(333)))


def test_many_leaves_are_put_back_in_pieces(lost: Checkpoint, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anchoring import recovery

    monkeypatch.setattr(recovery, "CHUNK", 37)
    assert recover(reader=FolderLogReader(folder)).size == AFTER
    assert tree_root() == (AFTER, root_of(AFTER))
    assert faults() == []
    assert connection.savepoint_ids == []

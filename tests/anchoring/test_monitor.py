"""The monitor reads every leaf, convicts a log that contradicts itself, and calls nothing broken that did not answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from anchoring import monitor, tasks
from anchoring.errors import LogFollowedError, LogNotFollowedError
from anchoring.export import export_log
from anchoring.log_key import log_origin, log_verifier_key
from anchoring.models import Attestation, Checkpoint, FollowedLog, LogEntry, Tile
from protocol.checkpoint import Checkpoint as SignedCheckpoint
from protocol.checkpoint import SeedSigner, sign, verifier_key, verify
from protocol.errors import NoteKeyError
from protocol.fork import detect_fork
from protocol.note import VerifierKey
from tests.anchoring.folder_log import ORIGIN, SEED, FolderLog
from tests.anchoring.published import Answers, serving
from tests.anchoring.records import digest, forget_everything, log_records

pytestmark = pytest.mark.django_db

State = FollowedLog.State


@pytest.fixture
def other(tmp_path: Path) -> FolderLog:
    """Another deployment's log of 600 leaves."""
    log = FolderLog(tmp_path / "other")
    log.grow(600)
    log.publish()
    return log


@pytest.fixture
def served(other: FolderLog) -> Iterator[Answers]:
    """Its web server; it is followed."""
    answers = Answers(other.folder)
    with serving(answers) as address:
        monitor.follow(url=address, vkeys=[other.vkey])
        yield answers


def examine(origin: str = ORIGIN) -> tuple[str, str, int]:
    monitor.examine(origin=origin)
    row = FollowedLog.objects.get(origin=origin)
    return row.state, row.finding.partition(":")[0], row.size


def evidence() -> list[str]:
    """The notes that are kept."""
    notes: list[str] = json.loads(FollowedLog.objects.get(origin=ORIGIN).evidence)
    return notes


def test_a_sound_log_is_read_whole_and_then_only_what_is_new(other: FolderLog, served: Answers) -> None:
    assert examine() == (State.SOUND, "", 600)
    assert {f"tile/entries/{name}" for name in ("000", "001", "002.p/88")} <= set(served.asked)
    other.grow(500)
    other.publish()
    served.asked.clear()
    assert examine() == (State.SOUND, "", 1100)
    assert {f"tile/entries/{name}" for name in ("002", "003", "004.p/76")} <= set(served.asked)
    row = FollowedLog.objects.get(origin=ORIGIN)
    assert verify(row.note, [VerifierKey.from_vkey(other.vkey)]).size == 1100
    assert row.checked_at is not None


@pytest.mark.requirement("C2SP tlog-tiles, Partial Tiles", "A partial tile that is gone is read from the full one")
def test_a_partial_tile_that_is_gone_is_read_from_the_full_one(other: FolderLog, served: Answers) -> None:
    note = other.note()
    other.grow(200)
    other.publish()
    served.instead = {"checkpoint": (200, note.encode())} | dict.fromkeys(
        ("tile/0/002.p/88", "tile/entries/002.p/88"), (404, b"")
    )
    assert examine() == (State.SOUND, "", 600)


def test_reading_goes_on_where_the_time_ended(other: FolderLog, served: Answers) -> None:
    monitor.examine(origin=ORIGIN, seconds=0)
    row = FollowedLog.objects.get(origin=ORIGIN)
    assert (row.state, row.size) == (State.SOUND, 0)
    assert "600" in row.note
    assert examine() == (State.SOUND, "", 600)


@pytest.mark.parametrize("size", [600, 601, 800])
def test_a_log_that_tells_another_history_is_convicted_with_both_notes(
    other: FolderLog, served: Answers, size: int, tmp_path: Path
) -> None:
    assert examine() == (State.SOUND, "", 600)
    accepted = FollowedLog.objects.get(origin=ORIGIN).note
    fork = FolderLog(tmp_path / "fork")
    fork.grow(size, "another")
    forged = fork.publish()
    served.folder = fork.folder
    assert examine() == (State.BROKEN, "log_forked", 600)
    assert evidence() == [accepted, forged]
    # An honest face afterwards changes nothing; following anew does.
    served.folder = other.folder
    assert examine() == (State.BROKEN, "log_forked", 600)
    monitor.follow(url=FollowedLog.objects.get(origin=ORIGIN).url, vkeys=[other.vkey])
    assert examine() == (State.SOUND, "", 600)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 599])
def test_a_smaller_tree_of_another_history_is_convicted_by_the_tiles_of_the_larger(
    other: FolderLog, served: Answers, size: int, tmp_path: Path
) -> None:
    examine()
    fork = FolderLog(tmp_path / "fork")
    fork.grow(size, "another")
    served.instead["checkpoint"] = (200, fork.publish().encode())
    assert examine() == (State.BROKEN, "log_forked", 600)
    assert len(evidence()) == 2


def test_a_server_without_the_larger_tree_has_gone_back(other: FolderLog, served: Answers, tmp_path: Path) -> None:
    examine()
    lost = FolderLog(tmp_path / "lost")
    lost.grow(300)
    lost.publish()
    served.folder = lost.folder
    assert examine() == (State.BROKEN, "log_rolled_back", 600)


def test_two_roots_for_one_size_convict_by_the_notes_alone(other: FolderLog, served: Answers) -> None:
    examine()
    forged = sign(SignedCheckpoint(ORIGIN, 600, bytes(range(32))), other.signer)
    served.instead["checkpoint"] = (200, forged.encode())
    assert examine() == (State.BROKEN, "log_forked", 600)
    fork = detect_fork(evidence(), [VerifierKey.from_vkey(other.vkey)])
    assert fork is not None
    assert fork.is_self_evident


def test_a_log_that_goes_back_is_broken_until_it_comes_forward_again(other: FolderLog, served: Answers) -> None:
    older = other.note()
    other.grow(50)
    other.publish()
    assert examine() == (State.SOUND, "", 650)
    served.instead["checkpoint"] = (200, older.encode())
    assert examine() == (State.BROKEN, "log_rolled_back", 650)
    assert len(evidence()) == 2
    served.instead["checkpoint"] = (503, b"")
    assert examine() == (State.BROKEN, "log_rolled_back", 650)
    served.instead.clear()
    assert examine() == (State.SOUND, "", 650)
    assert FollowedLog.objects.get(origin=ORIGIN).evidence == ""


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/001", "tile/entries/001", "tile/1/000.p/2", "tile/0/002.p/88"])
@pytest.mark.parametrize("status", [404, 410, 429, 500, 503, 301])
def test_what_does_not_answer_is_out_of_reach_and_not_broken(served: Answers, path: str, status: int) -> None:
    served.instead[path] = (status, b"")
    assert examine()[0] == State.UNREACHABLE
    served.instead.clear()
    assert examine() == (State.SOUND, "", 600)


@pytest.mark.parametrize("body", [b"<html>maintenance</html>", b"", b"\xff\xfe", b"a\n" * 200_000])
def test_an_answer_that_is_no_checkpoint_says_nothing_of_the_log(served: Answers, body: bytes) -> None:
    served.instead["checkpoint"] = (200, body)
    assert examine()[0] == State.UNREACHABLE


def test_a_server_that_is_gone_is_out_of_reach(other: FolderLog) -> None:
    monitor.follow(url="http://127.0.0.1:1/log", vkeys=[other.vkey])
    assert examine()[0] == State.UNREACHABLE


@pytest.mark.parametrize(
    ("path", "change", "code"),
    [
        ("tile/entries/001", lambda data: data[:-1] + bytes([data[-1] ^ 1]), "log_leaves_differ"),
        ("tile/entries/001", lambda data: data[:-3], "log_leaves_differ"),
        ("tile/entries/001", lambda data: data + b"\x00\x01a", "log_leaves_differ"),
        ("tile/0/001", lambda data: bytes([data[0] ^ 1]) + data[1:], "log_leaves_differ"),
        ("tile/0/001", lambda data: data[:-32], "log_leaves_differ"),
        ("tile/1/000.p/2", lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:], "log_leaves_differ"),
        ("tile/0/002.p/88", lambda data: data + b"x", "log_leaves_differ"),
    ],
)
def test_leaves_that_do_not_lead_to_the_signed_root_break_the_log(
    other: FolderLog, served: Answers, path: str, change: object, code: str
) -> None:
    assert callable(change)
    served.instead[path] = (200, change((other.folder / path).read_bytes()))
    state, found, size = examine()
    assert (state, found) == (State.BROKEN, code)
    assert size < 600
    served.instead.clear()
    assert examine() == (State.SOUND, "", 600)


def test_broken_tiles_between_two_checkpoints_do_not_convict(other: FolderLog, served: Answers) -> None:
    examine()
    other.grow(10)
    other.publish()
    served.instead["tile/0/002.p/98"] = (200, bytes(98 * 32))
    assert examine() == (State.BROKEN, "log_tiles_differ", 600)
    served.instead.clear()
    assert examine() == (State.SOUND, "", 610)


@pytest.mark.parametrize(("seed", "origin"), [(bytes(range(1, 33)), ORIGIN), (SEED, "third.example/log")])
def test_another_key_or_another_log_behind_the_address_is_told(
    served: Answers, tmp_path: Path, seed: bytes, origin: str
) -> None:
    impostor = FolderLog(tmp_path / "impostor", seed=seed, origin=origin)
    impostor.grow(600)
    impostor.publish()
    served.folder = impostor.folder
    assert examine() == (State.BROKEN, "note_unsigned", 0)


def test_old_leaves_are_read_again_until_all_have_been(other: FolderLog, served: Answers) -> None:
    other.grow(256 * 7)
    other.publish()
    size = len(other.leaves)
    assert examine() == (State.SOUND, "", size)
    served.asked.clear()
    for _ in range(3):
        assert examine() == (State.SOUND, "", size)
    read = {path for path in served.asked if path.startswith("tile/entries/")}
    assert len(read) == -(-size // 256)
    damaged = bytearray((other.folder / "tile/entries/003").read_bytes())
    damaged[5] ^= 1
    (other.folder / "tile/entries/003").write_bytes(damaged)
    states = [examine()[0] for _ in range(3)]
    assert State.BROKEN in states


def test_our_own_log_is_followed_through_the_database() -> None:
    assert monitor.due_logs() == [log_origin()]
    assert examine(log_origin()) == (State.SOUND, "", 0)
    log_records(*range(700))
    assert examine(log_origin()) == (State.SOUND, "", 700)
    log_records(*range(700, 705))
    assert examine(log_origin()) == (State.SOUND, "", 705)


@pytest.mark.parametrize("damage", ["leaf", "tile", "gap"])
def test_damage_to_our_own_old_leaves_is_found(damage: str) -> None:
    log_records(*range(700))
    monitor.due_logs()
    assert examine(log_origin()) == (State.SOUND, "", 700)
    if damage == "leaf":
        LogEntry.objects.filter(leaf_index=3).update(digest=digest(9999))
    elif damage == "tile":
        Tile.objects.filter(level=0, index=1).update(hashes=bytes(256 * 32))
    else:
        LogEntry.objects.filter(leaf_index=3).delete()
    assert examine(log_origin()) == (State.BROKEN, "log_leaves_differ", 700)


def test_our_own_log_restored_from_a_backup_is_seen_to_go_back() -> None:
    log_records(*range(300))
    log_records(*range(300, 310))
    monitor.due_logs()
    examine(log_origin())
    Attestation.objects.all().delete()
    Checkpoint.objects.filter(size=310).delete()
    assert examine(log_origin()) == (State.BROKEN, "log_rolled_back", 310)
    forget_everything()
    assert examine(log_origin())[0] == State.BROKEN


def test_a_log_of_ours_before_the_origin_changed_is_not_judged_by_todays_rows(settings: Settings) -> None:
    log_records(1)
    assert monitor.due_logs() == [log_origin()]
    former = settings.LOG_ORIGIN
    settings.LOG_ORIGIN = "zzz.example/log"
    assert monitor.due_logs() == ["zzz.example/log"]
    settings.LOG_ORIGIN = "aaa.example/log"
    assert monitor.due_logs() == ["aaa.example/log"]
    assert FollowedLog.objects.filter(origin=former).exists()


def test_keys_are_of_one_other_log() -> None:
    mine = verifier_key(SeedSigner("one.example/log", bytes(range(32)))).vkey
    theirs = verifier_key(SeedSigner("two.example/log", bytes(range(32)))).vkey
    with pytest.raises(LogFollowedError):
        monitor.follow(url="https://one.example/log", vkeys=[mine, theirs])
    with pytest.raises(LogFollowedError):
        monitor.follow(url="https://one.example/log", vkeys=[log_verifier_key()])
    with pytest.raises(LogFollowedError):
        monitor.follow(url="https://one.example/log", vkeys=[])
    with pytest.raises(NoteKeyError):
        monitor.follow(url="https://one.example/log", vkeys=["nonsense"])
    assert not FollowedLog.objects.exists()
    with pytest.raises(LogNotFollowedError):
        monitor.unfollow(origin="one.example/log")
    with pytest.raises(LogNotFollowedError):
        monitor.examine(origin="one.example/log")


def test_unfollowing_forgets(other: FolderLog) -> None:
    monitor.follow(url="http://127.0.0.1:1/log/", vkeys=[other.vkey])
    assert FollowedLog.objects.get().url == "http://127.0.0.1:1/log"
    monitor.unfollow(origin=ORIGIN)
    assert not FollowedLog.objects.exists()


def test_our_export_is_a_log_that_anyone_can_follow(tmp_path: Path, settings: Settings) -> None:
    log_records(*range(520))
    export_log(folder=tmp_path / "public")
    origin, vkey = log_origin(), log_verifier_key()
    # The follower is another deployment.
    settings.LOG_ORIGIN = "follower.example/log"
    with serving(Answers(tmp_path / "public")) as address:
        monitor.follow(url=address, vkeys=[vkey])
        assert examine(origin) == (State.SOUND, "", 520)


def test_each_log_has_a_message_of_its_own(rung: list[str], other: FolderLog) -> None:
    monitor.follow(url="http://127.0.0.1:1/log", vkeys=[other.vkey])
    tasks.monitor_logs()
    assert rung == ["anchoring.monitor_log"] * 2
    tasks.monitor_log(log_origin())
    assert FollowedLog.objects.get(origin=log_origin()).checked_at is not None


def test_an_examination_that_finds_nothing_new_stays_small(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    log_records(*range(300))
    monitor.due_logs()
    examine(log_origin())
    with django_assert_max_num_queries(25):
        monitor.examine(origin=log_origin())

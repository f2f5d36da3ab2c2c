"""The log as files: complete for its checkpoint at every moment, never rewritten, never behind, never another."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from anchoring import sequencer
from anchoring.errors import LogForkError, LogResourceNotFoundError, LogRollbackError
from anchoring.export import LOCK_NAME, PARTIALS_NAME, STAGE_NAME, export_log
from anchoring.log_key import log_key
from anchoring.log_reader import FolderLogReader, PublishedTree
from anchoring.models import Attestation, Checkpoint, LogEntry, Tile
from protocol.checkpoint import verify
from protocol.errors import TileError
from protocol.frontier import Frontier
from protocol.merkle import leaf_hash, root
from protocol.proof import leaf_data
from tests.anchoring.records import digest, forget_everything, hand_over, log_records
from tests.processes import Forker, process_environment

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "public"


def files(folder: Path) -> dict[str, bytes]:
    """Everything a web server would show."""
    found = (path for path in folder.rglob("*") if path.is_file())
    names = {str(path.relative_to(folder)): path for path in found}
    return {name: path.read_bytes() for name, path in names.items() if not name.startswith(".")}


def assert_complete(folder: Path, size: int) -> None:
    """Whoever reads the folder gets every leaf and tile of its checkpoint, and nothing contradicts it."""
    reader = FolderLogReader(folder)
    head = verify(reader.checkpoint(), [log_key()])
    assert head.size == size
    tree = PublishedTree(reader, size)
    assert root(tree, size) == head.root
    frontier = Frontier()
    for index in range(-(-size // 256)):
        width = min(256, size - index * 256)
        hashes = [leaf_hash(leaf) for leaf in reader.entries(index, width)]
        assert b"".join(hashes) == tree(0, index)
        frontier = frontier.extend(hashes)
    assert frontier.root() == head.root


@pytest.mark.requirement("C2SP tlog-tiles, Merkle Tree", "Tiles, partial tiles and entry bundles lie at their paths")
def test_the_files_are_what_the_service_serves(folder: Path) -> None:
    log_records(*range(600))
    done = export_log(folder=folder)
    assert (done.size, done.removed) == (600, 0)
    found = files(folder)
    assert sorted(found) == [
        "checkpoint",
        "tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2",
        "tile/entries/000", "tile/entries/001", "tile/entries/002.p/88",
    ]  # fmt: skip
    assert done.written == len(found) - 1
    client = Client()
    for name, content in found.items():
        assert client.get(f"/log/{name}").content == content, name
    assert_complete(folder, 600)
    assert all((folder / name).stat().st_mode & 0o777 == 0o644 for name in found)


def test_only_what_a_checkpoint_covers_is_written(folder: Path) -> None:
    with pytest.raises(LogResourceNotFoundError):
        export_log(folder=folder)
    log_records(*range(10))
    hand_over(*range(10, 300))
    sequencer.sequence()
    export_log(folder=folder)
    assert set(files(folder)) == {"checkpoint", "tile/0/000.p/10", "tile/entries/000.p/10"}


def test_it_goes_on_from_where_it_was_and_rewrites_nothing(folder: Path) -> None:
    log_records(*range(300))
    export_log(folder=folder)
    first = {name: (folder / name).stat() for name in files(folder)}
    assert export_log(folder=folder).written == 0
    log_records(*range(300, 800))
    done = export_log(folder=folder)
    # 0/001, 0/002, 0/003.p/32, 1/000.p/3 and three bundles.
    assert done.written == 7
    for name, stat in first.items():
        if name != "checkpoint":
            assert (folder / name).stat().st_ino == stat.st_ino, name
    assert_complete(folder, 800)


def test_partial_tiles_go_after_a_grace_and_only_once_replaced(folder: Path) -> None:
    log_records(*range(100))
    export_log(folder=folder)
    log_records(*range(100, 120))
    assert export_log(folder=folder, grace_seconds=0).removed == 0
    assert {"tile/0/000.p/100", "tile/0/000.p/120"} <= set(files(folder))
    log_records(*range(120, 260))
    assert export_log(folder=folder).removed == 0
    assert "tile/0/000.p/100" in files(folder)
    two_hours_ago = time.time() - 7200
    for name in ("tile/0/000", "tile/entries/000"):
        os.utime(folder / name, (two_hours_ago, two_hours_ago))
    assert export_log(folder=folder).removed == 4
    assert sorted(name for name in files(folder) if ".p/" in name) == [
        "tile/0/001.p/4",
        "tile/1/000.p/1",
        "tile/entries/001.p/4",
    ]
    assert not (folder / "tile/0/000.p").exists()
    assert len((folder / PARTIALS_NAME).read_text().split()) == 3
    assert_complete(folder, 260)


def test_a_folder_ahead_of_the_database_is_left_alone(folder: Path) -> None:
    log_records(*range(5))
    log_records(*range(5, 9))
    export_log(folder=folder)
    before = files(folder)
    Attestation.objects.all().delete()
    Checkpoint.objects.filter(size=9).delete()
    with pytest.raises(LogRollbackError, match="9 leaves"):
        export_log(folder=folder)
    assert files(folder) == before


@pytest.mark.parametrize("size", [5, 300])
def test_a_folder_of_another_tree_is_left_alone(folder: Path, size: int, tmp_path: Path) -> None:
    log_records(*range(5))
    export_log(folder=folder)
    before = files(folder)
    forget_everything()
    (tmp_path / "log-guard.json").unlink()
    log_records(*range(1000, 1000 + size))
    with pytest.raises(LogForkError):
        export_log(folder=folder)
    assert files(folder) == before


def test_a_folder_of_another_key_is_left_alone(folder: Path, settings: Settings) -> None:
    log_records(1)
    export_log(folder=folder)
    settings.LOG_SIGNING_SEED, settings.LOG_ORIGIN = bytes(range(32)), "other.example/log"
    log_records(2)
    with pytest.raises(LogForkError, match="another log or key"):
        export_log(folder=folder)


def test_a_file_of_another_content_is_never_taken_for_ours(folder: Path) -> None:
    log_records(*range(5))
    target = folder / "tile/0/000.p/5"
    target.parent.mkdir(parents=True)
    target.write_bytes(bytes(5 * 32))
    with pytest.raises(LogForkError, match="not what the log holds"):
        export_log(folder=folder)
    assert not (folder / "checkpoint").exists()


@pytest.mark.parametrize("damage", ["tile", "leaf"])
def test_a_damaged_log_is_not_exported(folder: Path, damage: str) -> None:
    log_records(*range(300))
    if damage == "tile":
        Tile.objects.filter(level=0, index=1).update(hashes=bytes(32))
    else:
        LogEntry.objects.filter(leaf_index=7).delete()
    with pytest.raises(TileError, match="fsck"):
        export_log(folder=folder)
    assert not (folder / "checkpoint").exists()


def export_here() -> None:
    """What the children run."""
    export_log(folder=Path(os.environ["EXPORT_FOLDER"]))


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_killed_at_any_step_and_racing_the_folder_stays_complete(folder: Path, tmp_path: Path) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("processes share a database server; SQLite in a test is this process's own memory")
    log_records(*range(300))
    export_log(folder=folder)
    environment = process_environment(var_dir=tmp_path, EXPORT_FOLDER=str(folder))
    size = 300
    with Forker(environment) as forker:
        for point in ("export.file_staged", "export.tiles_written", "export.checkpoint_written"):
            log_records(*range(size, size + 300))
            before = size if point != "export.checkpoint_written" else size + 300
            size += 300
            assert forker.run("tests.anchoring.test_export.export_here", crash_at=point) == [-signal.SIGKILL], point
            assert_complete(folder, before)
            assert forker.run("tests.anchoring.test_export.export_here", copies=4) == [0] * 4
            assert_complete(folder, size)
    assert list((folder / STAGE_NAME).iterdir()) == []
    assert (folder / LOCK_NAME).exists()


def test_leaves_are_only_kind_and_digest(folder: Path) -> None:
    log_records(*range(3))
    export_log(folder=folder)
    assert FolderLogReader(folder).entries(0, 3) == [leaf_data("credential", digest(number)) for number in range(3)]

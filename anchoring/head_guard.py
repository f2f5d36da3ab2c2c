"""The highest tree head ever signed, remembered in a file outside the database.

A restored backup would let the log sign another tree at a size it has signed before: a fork, which no signature can
take back. The file is written, and on disk, before the checkpoint's row commits, so it is never behind what has been
published; it may be ahead by one head that no one has seen, which is the same head that will then be signed again.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from anchoring.crashpoint import reach
from anchoring.errors import HeadGuardUnreadableError, LogForkError, LogRollbackError
from protocol.checkpoint import Checkpoint
from protocol.errors import CheckpointFormatError

FILE_NAME = "log-guard.json"


def guard_path() -> Path:
    return Path(settings.VAR_DIR) / FILE_NAME


def guarded_head(origin: str, *, path: Path | None = None) -> Checkpoint | None:
    """Return the highest head of *origin* known to have been signed, or None. Raises HeadGuardUnreadableError.

    Another *path* than our own log's is a witness's memory of somebody else's log.
    """
    path = path or guard_path()
    head = _read(path).get(origin)
    if head is None:
        return None
    try:
        return Checkpoint(origin, head["size"], b64decode(head["root"], validate=True))
    except (KeyError, TypeError, ValueError, CheckpointFormatError):
        raise HeadGuardUnreadableError(f"{path} holds no head") from None


def refuse_older_tree(*, origin: str, size: int, root_at: Callable[[int], bytes]) -> None:
    """Raise LogRollbackError or LogForkError unless the stored tree of *size* leaves extends the guarded head."""
    guarded = guarded_head(origin)
    if guarded is None:
        return
    if size < guarded.size:
        raise LogRollbackError(
            f"the database holds {size} leaves of {origin}, but {guarded.size} have been signed (see {guard_path()}). "
            "Bring the newer ones back from what was published: `manage.py log recover`, docs/procedures/anchoring.md"
        )
    if root_at(guarded.size) != guarded.root:
        raise LogForkError(
            f"the stored tree differs from the one signed at {guarded.size} leaves (see {guard_path()}). "
            "Sign nothing: find out which of the two was published"
        )


def advance_guard(head: Checkpoint, *, path: Path | None = None) -> None:
    """Remember *head*, on disk when this returns. The caller holds the one lock under which this file is written.

    Raises LogRollbackError or LogForkError, and leaves the file alone, when it remembers more, or another root.
    """
    path = path or guard_path()
    heads = _read(path)
    # A lock ends with the caller's connection, which may be gone without the caller knowing: another may have signed.
    _refuse_to_go_back(guarded_head(head.origin, path=path), head)
    heads[head.origin] = {"size": head.size, "root": b64encode(head.root).decode("ascii")}
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_suffix(".new")
    _write_durably(staged, json.dumps(heads).encode())
    reach("sign.guard_staged")
    staged.replace(path)
    _sync(path.parent, os.O_RDONLY | os.O_DIRECTORY)


def _refuse_to_go_back(guarded: Checkpoint | None, head: Checkpoint) -> None:
    if guarded and head.size < guarded.size:
        raise LogRollbackError(f"{guarded.size} leaves of {head.origin} have been signed meanwhile, not {head.size}")
    if guarded and head.size == guarded.size and head.root != guarded.root:
        raise LogForkError(f"another root of {head.origin} has been signed at {head.size} leaves")


def _read(path: Path) -> dict[str, Any]:
    try:
        heads = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise HeadGuardUnreadableError(f"{path}: {type(error).__name__}") from None
    if not isinstance(heads, dict):
        raise HeadGuardUnreadableError(f"{path} is not an object")
    return heads


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

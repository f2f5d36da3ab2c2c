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


def guarded_head(origin: str) -> Checkpoint | None:
    """Return the highest head of *origin* known to have been signed, or None. Raises HeadGuardUnreadableError."""
    head = _read().get(origin)
    if head is None:
        return None
    try:
        return Checkpoint(origin, head["size"], b64decode(head["root"], validate=True))
    except (KeyError, TypeError, ValueError, CheckpointFormatError):
        raise HeadGuardUnreadableError(f"{guard_path()} holds no head") from None


def refuse_older_tree(*, origin: str, size: int, root_at: Callable[[int], bytes]) -> None:
    """Raise LogRollbackError or LogForkError unless the stored tree of *size* leaves extends the guarded head."""
    guarded = guarded_head(origin)
    if guarded is None:
        return
    if size < guarded.size:
        raise LogRollbackError(
            f"the database holds {size} leaves of {origin}, but {guarded.size} have been signed (see {guard_path()}). "
            "Restore the newest backup; if the newer leaves are lost for good, start a new log under a new LOG_ORIGIN"
        )
    if root_at(guarded.size) != guarded.root:
        raise LogForkError(
            f"the stored tree differs from the one signed at {guarded.size} leaves (see {guard_path()}). "
            "Sign nothing: find out which of the two was published"
        )


def advance_guard(head: Checkpoint) -> None:
    """Remember *head*, on disk when this returns. The caller holds the tree head's row lock."""
    heads = _read()
    heads[head.origin] = {"size": head.size, "root": b64encode(head.root).decode("ascii")}
    path = guard_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_suffix(".new")
    _write_durably(staged, json.dumps(heads).encode())
    reach("sign.guard_staged")
    staged.replace(path)
    _sync(path.parent, os.O_RDONLY | os.O_DIRECTORY)


def _read() -> dict[str, Any]:
    path = guard_path()
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

"""What would make the log unsafe is said when the service starts, not when it signs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import connection
from django.db.utils import DatabaseError

from anchoring.errors import HeadGuardUnreadableError, LogForkError, LogRollbackError
from anchoring.head_guard import guard_path, guarded_head, refuse_older_tree
from anchoring.ledger import ledgers
from anchoring.log_key import is_signed_by_us, log_key, log_origin
from anchoring.models import Checkpoint, TreeHead
from anchoring.tiles import StoredTiles, border_tiles
from protocol.errors import NoteKeyError, TileError
from protocol.merkle import root

HEAD_TABLE = "anchoring_treehead"


def check_log_origin(**_: Any) -> list[CheckMessage]:
    try:
        log_key()
    except NoteKeyError as error:
        return [Error(f"LOG_ORIGIN cannot name a log: {error.detail}", id="anchoring.E001")]
    return []


def check_ledgers(**_: Any) -> list[CheckMessage]:
    missing = len(settings.ANCHORING_LEDGERS) - len(ledgers())
    if missing:
        return [
            checks.Warning(
                f"{missing} of ANCHORING_LEDGERS cannot be loaded, or share one ledger id",
                hint="The log of this start says why. Nothing else waits for that ledger.",
                id="anchoring.W001",
            ),
        ]
    return []


def check_head_guard(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Report a database that is behind what has been signed: `check --database default` before the workers start."""
    if "default" not in (databases or ()):
        return []
    try:
        return _compare_with_guard() if _is_migrated() else []
    except (LogRollbackError, LogForkError, HeadGuardUnreadableError) as error:
        return [Error(error.detail, hint="Nothing will be signed until this is resolved.", id="anchoring.E002")]
    except TileError as error:
        return [Error(f"the stored tree is damaged: {error.detail}", hint="Run fsck.", id="anchoring.E003")]


def _is_migrated() -> bool:
    try:
        return HEAD_TABLE in connection.introspection.table_names()
    except DatabaseError:
        return False


def _compare_with_guard() -> list[CheckMessage]:
    head = TreeHead.objects.filter(id=TreeHead.ONLY_ID).first()
    size = head.size if head else 0
    tiles = StoredTiles(border_tiles(size))
    refuse_older_tree(origin=log_origin(), size=size, root_at=lambda older: root(tiles, older))
    newest = Checkpoint.objects.filter(origin=log_origin()).order_by("-size").first()
    if newest is not None and not is_signed_by_us(newest.note):
        text = "LOG_SIGNING_SEED is not the one that signed the newest checkpoint: whoever follows the log would see a fork"
        return [Error(text, hint="Give the seed back, or begin a log of another LOG_ORIGIN.", id="anchoring.E004")]
    if guarded_head(log_origin()) is None and Checkpoint.objects.filter(origin=log_origin()).exists():
        text = f"{guard_path()} does not know this log, although it has signed: a restored database would go unnoticed"
        return [checks.Warning(text, hint="Keep VAR_DIR with the process that signs.", id="anchoring.W002")]
    return []

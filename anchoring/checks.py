"""What would make the log unsafe is said when the service starts, not when it signs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError

from anchoring.errors import HeadGuardUnreadableError, LogForkError, LogRollbackError, WitnessDisabledError
from anchoring.head_guard import guard_path, guarded_head, refuse_older_tree
from anchoring.log_key import is_signed_by_us, log_keys, log_origin
from anchoring.models import Checkpoint, TreeHead
from anchoring.registry import ledgers_of_settings, unusable_ledgers
from anchoring.tiles import StoredTiles, border_tiles
from anchoring.witness_key import witness_cosigners
from protocol.errors import NoteKeyError, TileError
from protocol.merkle import root


def check_log_origin(**_: Any) -> list[CheckMessage]:
    try:
        log_keys()
    except NoteKeyError as error:
        return [Error(f"LOG_ORIGIN cannot name a log: {error.detail}", id="anchoring.E001")]
    return []


def check_witness_name(**_: Any) -> list[CheckMessage]:
    try:
        witness_cosigners()
    except WitnessDisabledError:
        return []
    except NoteKeyError as error:
        return [Error(f"WITNESS_NAME cannot name a witness: {error.detail}", id="anchoring.E005")]
    return []


def check_ledgers(**_: Any) -> list[CheckMessage]:
    missing = len(settings.ANCHORING_LEDGERS) - len(ledgers_of_settings())
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
        return [*_compare_with_guard(), *_check_added_ledgers()] if _is_migrated() else []
    except (LogRollbackError, LogForkError, HeadGuardUnreadableError) as error:
        return [Error(error.detail, hint="Nothing will be signed until this is resolved.", id="anchoring.E002")]
    except TileError as error:
        return [Error(f"the stored tree is damaged: {error.detail}", hint="Run fsck.", id="anchoring.E003")]


def _check_added_ledgers() -> list[CheckMessage]:
    text = "ledger {} cannot be made from its options: it stands still"
    return [checks.Warning(text.format(name), id="anchoring.W003") for name in unusable_ledgers()]


def _is_migrated() -> bool:
    """Whether the tables are those of this code: `migrate`, which makes them so, runs these checks first."""
    try:
        executor = MigrationExecutor(connection)
        return not executor.migration_plan(executor.loader.graph.leaf_nodes("anchoring"))
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

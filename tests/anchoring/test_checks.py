from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from django.contrib import admin
from django.core.checks import CheckMessage, run_checks
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import RequestFactory
from pytest_django import Settings

from anchoring import crashpoint
from anchoring.head_guard import guard_path
from anchoring.models import Attestation, Checkpoint, LogEntry, Tile, TreeHead
from tests.anchoring.records import log_records

pytestmark = pytest.mark.django_db


def findings() -> list[str | None]:
    found: list[CheckMessage] = run_checks(databases=["default"])
    return [message.id for message in found if (message.id or "").startswith("anchoring.")]


def test_a_log_at_work_passes() -> None:
    assert findings() == []
    log_records(*range(5))
    assert findings() == []


def test_a_database_behind_the_guard_is_reported_at_start() -> None:
    log_records(*range(5))
    TreeHead.objects.update(size=3)
    assert findings() == ["anchoring.E002"]
    TreeHead.objects.all().delete()
    assert findings() == ["anchoring.E002"]


def test_tables_of_an_earlier_version_are_not_read() -> None:
    """`migrate` runs the checks before it makes the tables those of this version: it must come to that."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE anchoring_checkpoint RENAME COLUMN receipt_signature TO of_another_version")
    MigrationRecorder(connection).migration_qs.filter(app="anchoring").exclude(name="0001_log").delete()
    assert findings() == []


def test_another_tree_than_the_guarded_one_is_reported() -> None:
    log_records(*range(5))
    Tile.objects.update(hashes=bytes(5 * 32))
    assert findings() == ["anchoring.E002"]
    Tile.objects.all().delete()
    assert findings() == ["anchoring.E003"]


def test_a_guard_that_is_lost_or_unreadable_is_reported() -> None:
    log_records(*range(5))
    guard_path().write_text("[")
    assert findings() == ["anchoring.E002"]
    guard_path().unlink()
    assert findings() == ["anchoring.W002"]


def test_a_witness_that_cannot_be_named_is_reported(settings: Settings) -> None:
    settings.WITNESS_NAME = "a name with spaces"
    assert findings() == ["anchoring.E005"]
    settings.WITNESS_SIGNING_SEED = None
    assert findings() == []


def test_a_ledger_that_cannot_be_loaded_is_reported(settings: Settings) -> None:
    settings.ANCHORING_LEDGERS = ["no.such.Ledger", "anchoring.backends.embedded.EmbeddedLedger"]
    assert findings() == ["anchoring.W001"]
    settings.ANCHORING_LEDGERS = ["anchoring.backends.embedded.EmbeddedLedger"] * 2
    assert findings() == ["anchoring.W001"]


@pytest.mark.parametrize("origin", ["", "with space", "with+plus", "l" * 256])
def test_an_origin_that_cannot_name_a_log_is_reported(settings: Settings, origin: str) -> None:
    settings.LOG_ORIGIN = origin
    assert "anchoring.E001" in findings()


@pytest.mark.parametrize("model", [LogEntry, Checkpoint, TreeHead, Attestation])
def test_the_log_is_read_only_in_the_admin(model: type[LogEntry]) -> None:
    request = RequestFactory().get("/admin/")
    model_admin = admin.site.get_model_admin(model)
    assert not model_admin.has_add_permission(request)
    assert not model_admin.has_change_permission(request, None)
    assert not model_admin.has_delete_permission(request, None)


def test_a_crash_point_kills_only_by_its_name_and_only_in_the_demonstration(settings: Settings) -> None:
    settings.CRASH_AT = "here"
    crashpoint.reach("elsewhere")
    settings.DEMO = False
    crashpoint.reach("here")
    code = "import django; django.setup(); from anchoring.crashpoint import reach; reach('there'); reach('here')"
    env = {**os.environ, "CRASH_AT": "here", "DJANGO_SETTINGS_MODULE": "config.settings.test"}
    died = subprocess.run([sys.executable, "-c", code], env=env, check=False)
    assert died.returncode == -signal.SIGKILL


def test_another_signing_seed_under_the_same_origin_is_reported_at_start(settings: Settings) -> None:
    log_records(*range(5))
    settings.LOG_SIGNING_SEED = bytes(range(32))
    assert findings() == ["anchoring.E004"]

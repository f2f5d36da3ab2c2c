"""`manage.py log` and `manage.py anchor`, as an operator types them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from anchoring import attestation
from anchoring.log_key import log_origin, log_verifier_key
from anchoring.management.commands import log as log_command
from anchoring.models import Attestation, Checkpoint, FollowedLog, LedgerPause, WitnessedLog
from tests.anchoring import backups
from tests.anchoring.folder_log import ORIGIN, FolderLog
from tests.anchoring.published import Answers, serving
from tests.anchoring.records import hand_over, log_records

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def only_the_log(settings: Settings) -> None:
    settings.ALERT_SOURCES = []
    settings.AUDIT_SINK = f"{__name__}.note_act"


def note_act(**act: object) -> None:
    pass


@pytest.fixture
def other(tmp_path: Path) -> FolderLog:
    log = FolderLog(tmp_path / "other")
    log.grow(10)
    log.publish()
    return log


@pytest.fixture
def served(other: FolderLog) -> Iterator[str]:
    with serving(Answers(other.folder)) as address:
        yield address


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def run_and_fail(*arguments: str) -> str:
    out = StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command(*arguments, stdout=out)
    assert stopped.value.code == 1
    return out.getvalue()


def test_export_and_recover(tmp_path: Path) -> None:
    folder = tmp_path / "public"
    with pytest.raises(CommandError, match="nothing has been signed"):
        run("log", "export", str(folder))
    log_records(*range(4))
    backup = backups.take()
    log_records(*range(4, 9))
    assert run("log", "export", str(folder)) == "9 leaves; 2 files written, 0 removed\n"
    with pytest.raises(CommandError, match="nothing is missing"):
        run("log", "recover", "--from", str(folder))
    backups.restore(backup)
    assert "at 9 leaves again: 0 records have their leaf back, 5 leaves wait" in run(
        "log", "recover", "--from", str(folder)
    )
    assert Checkpoint.objects.filter(size=9).exists()


def test_follow_list_and_forget(other: FolderLog, served: str) -> None:
    assert run("log", "follow", served, other.vkey) == f"sound {ORIGIN} 10 leaves read from {served}\n"
    assert ORIGIN in run("log", "followed")
    run("log", "unfollow", ORIGIN)
    assert run("log", "followed") == ""
    with pytest.raises(CommandError, match="log_not_followed"):
        run("log", "unfollow", ORIGIN)
    with pytest.raises(CommandError, match="log_not_followable"):
        run("log", "follow", served, log_verifier_key())
    with pytest.raises(CommandError, match="note_key"):
        run("log", "follow", served, "nonsense")


def test_a_broken_log_is_shown_with_its_notes(other: FolderLog, served: str, tmp_path: Path) -> None:
    run("log", "follow", served, other.vkey)
    accepted = other.note()
    fork = FolderLog(tmp_path / "fork")
    fork.grow(10, "another")
    other.folder.joinpath("checkpoint").write_text(fork.note())
    output = run_and_fail("log", "monitor", "--once")
    assert accepted in output
    assert fork.note() in output
    assert f"sound {log_origin()}" in output
    assert run_and_fail("log", "followed").startswith("sound")


def test_the_monitor_goes_round_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    log_records(1)

    def stop(seconds: float) -> None:
        assert seconds == log_command.MONITOR_SECONDS
        raise KeyboardInterrupt

    monkeypatch.setattr("anchoring.management.commands.log.time.sleep", stop)
    with pytest.raises(KeyboardInterrupt):
        run("log", "monitor")
    assert FollowedLog.objects.get().size == 1


def test_status_of_a_log_at_rest() -> None:
    log_records(*range(3))
    attestation.attest(ledger_id="embedded")
    hand_over(3)
    WitnessedLog.objects.create(origin="w.example/log", size=5)
    output = run("anchor", "status")
    assert f"log {log_origin()}" in output
    assert "published 3 of 3 leaves" in output
    assert "waiting 1 records" in output
    assert "ledger embedded; final 3 at" in output
    assert "healthy" in output
    assert "witnesses w.example/log at 5 leaves" in output
    assert "ERROR" not in output


def test_status_says_what_needs_a_person(settings: Settings) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        log_records(1)
        Attestation.objects.update(state=Attestation.State.DEAD, last_error="no funds")
        LedgerPause.objects.create(ledger_id="embedded", reason="moving house")
        hand_over(2)
        clock.shift(settings.ALERT_CHECKPOINT_SECONDS + 1)
        output = run_and_fail("anchor", "status")
    assert "last error: no funds" in output
    assert "paused: moving house" in output
    assert "dead=1" in output
    assert f"ERROR checkpoint_overdue {log_origin()}" in output
    assert "ERROR attestation_dead embedded" in output
    assert "WARNING ledger_paused embedded" in output


def test_status_as_json_is_whole() -> None:
    log_records(1, 2)
    attestation.attest(ledger_id="embedded")
    document = json.loads(run("anchor", "status", "--json", "--offline"))
    assert document["published_size"] == 2
    assert document["alerts"] == []
    (ledger,) = document["ledgers"]
    assert (ledger["ledger_id"], ledger["final_size"], ledger["counts"]) == ("embedded", 2, {"final": 1})
    assert ledger["health"] is None
    Attestation.objects.update(state=Attestation.State.CONFLICT)
    document = json.loads(run_and_fail("anchor", "status", "--json"))
    assert [alert["code"] for alert in document["alerts"]] == ["attestation_conflict", "log_forked"]
    assert document["refusal"] == "log_forked"
    assert document["ledgers"][0]["health"]["is_healthy"] is True


def test_retry_and_its_refusals() -> None:
    log_records(1)
    with pytest.raises(CommandError, match="retry_refused"):
        run("anchor", "retry", "embedded")
    Attestation.objects.update(state=Attestation.State.DEAD)
    assert run("anchor", "retry", "embedded") == "1 attestations are tried again\n"
    Attestation.objects.update(state=Attestation.State.CONFLICT)
    with pytest.raises(CommandError, match="contradicts"):
        run("anchor", "retry", "embedded")
    assert "1 attestations" in run("anchor", "retry", "embedded", "--after-conflict", "--reason", "a test chain")

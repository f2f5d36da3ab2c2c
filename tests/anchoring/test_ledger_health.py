"""What ledgers say of themselves is asked for on a beat, kept, and never older than it looks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from anchoring import tasks
from anchoring.backends.memory import MemoryLedger
from anchoring.ledger import LedgerHealth
from anchoring.ledger_health import FRESH, note_health, noted_health
from anchoring.models import ConfiguredLedger, LedgerReport

pytestmark = pytest.mark.django_db


class TalkativeLedger(MemoryLedger):
    """Answers what the test says."""

    answer: Callable[[], LedgerHealth]

    def __init__(self) -> None:
        super().__init__(ledger_id="talkative")

    def health(self) -> LedgerHealth:
        return type(self).answer()


@pytest.fixture(autouse=True)
def talkative(settings: Settings) -> None:
    settings.ANCHORING_LEDGERS = ["tests.anchoring.test_ledger_health.TalkativeLedger"]


def answer(health: LedgerHealth) -> None:
    TalkativeLedger.answer = staticmethod(lambda: health)


def test_the_newest_answer_is_kept() -> None:
    answer(LedgerHealth(is_healthy=False, detail="no funds", spent="5 wei"))
    assert note_health(ledger_id="talkative")
    assert noted_health() == {"talkative": LedgerHealth(is_healthy=False, detail="no funds", spent="5 wei")}
    answer(LedgerHealth(is_healthy=True, detail="block 7"))
    assert note_health(ledger_id="talkative")
    assert noted_health() == {"talkative": LedgerHealth(is_healthy=True, detail="block 7")}
    assert LedgerReport.objects.count() == 1


def test_a_ledger_that_is_not_in_use_is_not_asked() -> None:
    assert not note_health(ledger_id="elsewhere")
    assert not LedgerReport.objects.exists()


def test_an_old_answer_is_none() -> None:
    answer(LedgerHealth(is_healthy=True, detail=""))
    note_health(ledger_id="talkative")
    LedgerReport.objects.update(asked_at=timezone.now() - FRESH - timedelta(seconds=1))
    assert noted_health() == {}


@pytest.mark.parametrize("raised", [RuntimeError, SystemExit, KeyError])
def test_a_ledger_that_breaks_its_promise_is_unhealthy(raised: type[BaseException]) -> None:
    def fail() -> LedgerHealth:
        raise raised

    TalkativeLedger.answer = staticmethod(fail)
    assert note_health(ledger_id="talkative")
    assert noted_health()["talkative"] == LedgerHealth(is_healthy=False, detail=raised.__name__)


def test_whatever_a_ledger_says_can_be_kept() -> None:
    answer(LedgerHealth(is_healthy=True, detail="a\0b\ud800\n" + "x" * 1000, spent="\0" * 1000))
    note_health(ledger_id="talkative")
    kept = noted_health()["talkative"]
    assert kept.detail == "a?b??" + "x" * 295
    assert kept.spent == "?" * 100


def test_the_beat_asks_each_ledger_by_a_message_of_its_own(rung: list[str]) -> None:
    ConfiguredLedger.objects.create(ledger_id="second", kind="memory")
    tasks.ask_ledgers()
    assert rung == ["anchoring.ask_ledger"] * 2
    answer(LedgerHealth(is_healthy=True, detail="well"))
    tasks.ask_ledger("talkative")
    assert noted_health()["talkative"].detail == "well"

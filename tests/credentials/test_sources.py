"""What a verifying process holds: current within a poll, useful while the database is down, and for how long."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from pytest_django import DjangoAssertNumQueries, Settings

from anchoring import sequencer
from credentials import holdings, sources
from credentials.models import Credential
from credentials.policy import DEFAULT
from credentials.sources import DatabaseSources
from credentials.verification import Report, verify
from protocol.sd_jwt import hold, select
from tests import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def shown(lei: cast.Citizen) -> str:
    credential = cast.issue_certificate(to=lei)
    sequencer.sequence()
    sequencer.sign_checkpoint()
    held = holdings.read_sd_jwt(credential, lei.person)
    return select(hold(held, allowed_types=frozenset({"dc+sd-jwt"})), [("sex",)])


@pytest.fixture
def cut_off(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function after which every query of the sources fails, as when the database is gone."""

    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError

    def cut() -> None:
        for name in ("read_versions", "load_trust", "_load_list", "_find_anchor"):
            monkeypatch.setattr(sources, name, fail)

    return cut


def judge(held: DatabaseSources, text: str) -> Report:
    return verify(text, sources=held.as_sources(), now=datetime.now(UTC), policy=DEFAULT)


def codes(report: Report) -> dict[str, str]:
    return {check.step: check.code for check in report.checks}


def test_a_warm_process_still_answers_while_the_database_is_down(shown: str, cut_off: Callable[[], None]) -> None:
    held = DatabaseSources()
    assert judge(held, shown).verdict == "valid"
    cut_off()
    report = judge(held, shown)
    assert (report.verdict, codes(report)["anchor"]) == ("valid", "anchored")


def test_but_a_status_is_believed_no_longer_than_a_published_list(
    shown: str, cut_off: Callable[[], None], settings: Settings
) -> None:
    held = DatabaseSources()
    judge(held, shown)
    cut_off()
    with time_machine.travel(time.time() + settings.STATUS_TOKEN_TTL + 5, tick=True):
        report = judge(held, shown)
    assert (report.verdict, codes(report)["status"]) == ("undetermined", "status_unavailable")


def test_a_cold_process_without_its_database_can_tell_nothing(shown: str, cut_off: Callable[[], None]) -> None:
    cut_off()
    report = judge(DatabaseSources(), shown)
    assert (report.verdict, codes(report)["issuer_key"]) == ("undetermined", "issuer_key_unavailable")
    assert codes(report)["signature"] == "not_reached"
    assert report.claims == {}


def test_between_two_polls_nothing_is_asked(
    shown: str, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.VERIFY_TRUST_POLL_SECONDS = 60.0
    held = DatabaseSources()
    judge(held, shown)
    with django_assert_num_queries(0):
        judge(held, shown)


def test_a_credential_signed_by_us_and_unknown_to_us_is_not_in_the_log(shown: str) -> None:
    Credential.objects.update(digest=b"\0" * 32)
    report = judge(DatabaseSources(), shown)
    assert codes(report)["anchor"] == "anchor_pending"


def test_remembered_proofs_are_bounded(shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_ANCHORS_KEPT", 0)
    held = DatabaseSources()
    assert codes(judge(held, shown))["anchor"] == "anchored"
    assert len(held._anchors) == 0

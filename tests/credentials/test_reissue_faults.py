"""Restoring under races and real deaths: one new certificate, the old one revoked, never both valid, never neither."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from credentials import fsck, issuance, reissue, revocation
from credentials.models import Application, Credential, IssuanceIntent, StatusChange
from tests import cast
from tests.authorization.test_races import at_once
from tests.processes import ROOT, Forker, process_environment

pytestmark = pytest.mark.django_db(transaction=True)

State = Credential.State
POINTS = [
    point
    for name in ("reissue", "issuance")
    for point in re.findall(
        r'\breach\("([a-z_.]+)"\)', (ROOT / "credentials" / f"{name}.py").read_text(encoding="utf-8")
    )
]


def replaced(old: Credential) -> Credential:
    """The one valid certificate, after everything that must hold was seen to hold."""
    old.refresh_from_db()
    new = Credential.objects.get(state=State.VALID)
    assert new.application is not None
    assert (old.state, new.application.replaces) == (State.REVOKED, old)
    assert StatusChange.objects.filter(credential=old, reason="superseded").count() == 1
    assert fsck.check() == []
    return new


def test_clicks_in_many_tabs_restore_once() -> None:
    lei = cast.lei()
    old = cast.issue_certificate(to=lei)
    later = cast.change_device(lei)

    def click() -> None:
        reissue.restore(credential=old, weid=later.weid, person=later.person)

    assert at_once(click, times=20) == {"done": 20}
    replaced(old)
    assert (Application.objects.count(), Credential.objects.count(), IssuanceIntent.objects.count()) == (2, 2, 2)


def test_clicks_and_workers_meet() -> None:
    lei = cast.lei()
    old = [cast.issue_certificate(to=lei) for _ in range(3)]
    later = cast.change_device(lei)
    turns = iter(range(20))

    def act() -> None:
        if next(turns) % 2:
            issuance.resume_issuance()
        else:
            reissue.restore_all(weid=later.weid, person=later.person)

    assert at_once(act, times=20) == {"done": 20}
    assert Credential.objects.filter(state=State.VALID, application__replaces__in=old).count() == 3
    assert Credential.objects.filter(state=State.REVOKED).count() == 3
    assert fsck.check() == []


def suspend_and_restore_at_once(old: Credential, holder: cast.Citizen) -> None:
    clerk, turns = cast.bo(), iter(range(10))

    def act() -> None:
        if next(turns) % 2:
            revocation.suspend(credential=old, actor=clerk, reason="investigation")
        else:
            reissue.restore(credential=old, weid=holder.weid, person=holder.person)

    at_once(act, times=10)


def test_a_suspension_at_the_same_moment_is_never_escaped() -> None:
    lei = cast.lei()
    for _ in range(4):
        old = cast.issue_certificate(to=lei)
        lei = cast.change_device(lei)
        suspend_and_restore_at_once(old, lei)
        old.refresh_from_db()
        has_replacement = Credential.objects.filter(application__replaces=old).exists()
        assert (old.state, has_replacement) in {(State.SUSPENDED, False), (State.REVOKED, True)}
        assert fsck.check() == []


def test_restoring_issuing_and_suspending_on_one_status_list_never_wait_for_each_other_for_good() -> None:
    lei = cast.lei()
    old = [cast.issue_certificate(to=lei) for _ in range(10)]
    later, clerk = cast.change_device(lei), cast.bo()
    others = [cast.issue_certificate(to=later) for _ in range(10)]
    approved = [cast.approve_application(to=later) for _ in range(10)]
    turns = iter(range(30))

    def act() -> None:
        turn, kind = divmod(next(turns), 3)
        if kind == 0:
            reissue.restore(credential=old[turn], weid=later.weid, person=later.person)
        elif kind == 1:
            revocation.suspend(credential=others[turn], actor=clerk, reason="investigation")
        else:
            issuance.issue(application=approved[turn])

    assert at_once(act, times=30) == {"done": 30}
    assert fsck.check() == []


def test_a_change_of_device_at_the_same_moment_leaves_one_valid_certificate() -> None:
    lei = cast.lei()
    old = cast.issue_certificate(to=lei)
    later = cast.change_device(lei)
    turns = iter(range(10))

    def act() -> None:
        if next(turns) == 3:
            cast.change_device(later)
        else:
            reissue.restore(credential=old, weid=later.weid, person=later.person)

    at_once(act, times=10)
    issuance.resume_issuance()
    replaced(old)


@pytest.mark.processes
def test_a_process_killed_at_any_step_leaves_one_valid_certificate(tmp_path: Path) -> None:
    assert len(POINTS) == 6
    lei = cast.lei()
    with Forker(process_environment(var_dir=tmp_path)) as forker:
        for point in POINTS:
            old = cast.issue_certificate(to=lei)
            lei = cast.change_device(lei)
            assert forker.run("tests.credentials.steps.restore", crash_at=point) == [-signal.SIGKILL], point
            assert Credential.objects.filter(state=State.VALID).count() == 1
            # The worker's sweep alone finishes whatever the click had begun; the citizen's next click does the rest.
            assert forker.run("tests.credentials.steps.sweep", copies=2) == [0, 0]
            has_begun = point != "restore.begun"
            assert Credential.objects.filter(application__replaces=old).exists() == has_begun, point
            assert forker.run("tests.credentials.steps.restore", copies=2) == [0, 0]
            new = replaced(old)
            revocation.revoke(credential=new, actor=cast.bo(), reason="holder_request")

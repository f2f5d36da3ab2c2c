"""A lost phone: certificates move to the new device exactly once, and the old ones end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection

from anchoring.models import LogEntry
from credentials import reissue, revocation
from credentials.errors import ApplicationStateError, NotRestorableError
from credentials.holdings import holder_thumbprint, read_sd_jwt, reveal_all
from credentials.issuance import issue, resume_issuance
from credentials.models import Application, Credential, StatusChange
from credentials.policy import DEFAULT
from credentials.sources import DatabaseSources
from credentials.verification import verify
from tests import cast
from tests.credentials.conftest import Enter

pytestmark = pytest.mark.django_db

PATHS = [("family_name",)]


@pytest.fixture
def lost(lei: cast.Citizen) -> tuple[cast.Citizen, Credential]:
    credential = cast.issue_certificate(to=lei)
    return cast.change_device(lei), credential


def judge(presentation: str) -> str:
    report = verify(
        presentation,
        sources=DatabaseSources().as_sources(),
        now=datetime.now(UTC),
        policy=DEFAULT,
        audience="https://bank.example",
        nonce="n",
    )
    return report.verdict


def test_nothing_to_restore_while_the_device_is_in_use(lei: cast.Citizen) -> None:
    cast.issue_certificate(to=lei)
    assert reissue.restorable(weid=lei.weid, person=lei.person) == []


def test_restored_certificate_says_the_same_and_is_bound_to_the_new_device(
    lost: tuple[cast.Citizen, Credential],
) -> None:
    lei, old = lost
    (new,) = reissue.restore_all(weid=lei.weid, person=lei.person)
    text = read_sd_jwt(new, lei.person)
    number = {"certificate_number"}
    before, after = reveal_all(read_sd_jwt(old, lei.person)), reveal_all(text)
    assert {name: value for name, value in after.items() if name not in number} == {
        name: value for name, value in before.items() if name not in number
    }
    assert holder_thumbprint(text) == lei.device.thumbprint
    assert new.expires_at <= old.expires_at
    assert (new.number, new.status_index) != (old.number, old.status_index)
    assert judge(lei.device.present(text, paths=PATHS, audience="https://bank.example", nonce="n")) == "valid"


def test_what_was_replaced_is_revoked_by_the_service_with_a_leaf(lost: tuple[cast.Citizen, Credential]) -> None:
    lei, old = lost
    reissue.restore_all(weid=lei.weid, person=lei.person)
    old.refresh_from_db()
    change = StatusChange.objects.get(credential=old)
    assert (old.state, change.reason, change.actor) == ("revoked", "superseded", None)
    assert LogEntry.objects.filter(record_id=revocation.record_id(change)).exists()
    assert judge(read_sd_jwt(old, lei.person)) == "invalid"


def test_restoring_twice_gives_the_same_certificate(lost: tuple[cast.Citizen, Credential]) -> None:
    lei, old = lost
    first = reissue.restore(credential=old, weid=lei.weid, person=lei.person)
    assert reissue.restore(credential=old, weid=lei.weid, person=lei.person) == first
    assert reissue.restore_all(weid=lei.weid, person=lei.person) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("sqlite" in connection.vendor, reason="rows are locked one by one on PostgreSQL only")
def test_eight_tabs_restore_one_certificate(lei: cast.Citizen) -> None:
    old = cast.issue_certificate(to=lei)
    citizen = cast.change_device(lei)

    def restore(_: int) -> str:
        try:
            return str(reissue.restore(credential=old, weid=citizen.weid, person=citizen.person).pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(restore, range(8)))) == 1
    assert Credential.objects.filter(state="valid").count() == 1


def test_the_sweeper_finishes_what_a_crash_left(lost: tuple[cast.Citizen, Credential]) -> None:
    _, old = lost
    application = reissue._replace(old)
    assert application.state == Application.State.APPROVED
    assert resume_issuance() == 1
    old.refresh_from_db()
    assert old.state == "revoked"
    assert old.replacement.credential.state == "valid"


def test_a_certificate_revoked_meanwhile_is_not_replaced(lost: tuple[cast.Citizen, Credential]) -> None:
    lei, old = lost
    application = reissue._replace(old)
    revocation.revoke(credential=old, actor=cast.checker_of(old.agency), reason="data_error")
    with pytest.raises(ApplicationStateError):
        issue(application=Application.objects.get(pk=application.pk))
    application.refresh_from_db()
    assert application.state == Application.State.CANCELLED
    assert Credential.objects.count() == 1
    with pytest.raises(ApplicationStateError):
        reissue.restore(credential=old, weid=lei.weid, person=lei.person)


def test_a_suspended_certificate_is_not_restored(lost: tuple[cast.Citizen, Credential]) -> None:
    lei, old = lost
    revocation.suspend(credential=old, actor=cast.checker_of(old.agency), reason="investigation")
    assert reissue.restorable(weid=lei.weid, person=lei.person) == []
    with pytest.raises(NotRestorableError):
        reissue.restore(credential=old, weid=lei.weid, person=lei.person)


def test_nobody_restores_another_citizens(lost: tuple[cast.Citizen, Credential]) -> None:
    _, old = lost
    other = cast.another_citizen()
    with pytest.raises(NotRestorableError):
        reissue.restore(credential=old, weid=other.weid, person=other.person)


def test_page_offers_and_restores_without_javascript(lost: tuple[cast.Citizen, Credential], enter: Enter) -> None:
    lei, old = lost
    browser = enter(lei.account)
    assert "1 certificate is bound to your earlier device" in browser.get("/portal/").content.decode()
    assert browser.post("/portal/certificates/restore").status_code == 302
    page = browser.get("/portal/").content.decode()
    assert "bound to your earlier device" not in page
    assert "Earlier certificates" in page
    assert old.number in page

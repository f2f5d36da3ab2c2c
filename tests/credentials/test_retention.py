"""What is kept of a verification: nothing, unless asked for, never longer than registered and than the citizen was told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from anchoring.models import LogEntry
from authorization.activity import describe_events, events_of
from authorization.models import Authorization
from credentials import retention, tasks
from credentials.models import Credential, KeptReport
from credentials.openid4vci.offers import Options, make_offer
from credentials.signed_report import read_report
from identity.service_keys import service_jwks
from tests import cast
from tests.credentials.conftest import Enter
from tests.credentials.openid4vci.steps import receive
from tests.credentials.verifier import KEPT, POLICIES, VERIFY, Software, rival, show

pytestmark = pytest.mark.django_db


@pytest.fixture
def bank() -> Software:
    return Software()


@pytest.fixture
def credential(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


@pytest.fixture
def shown(lei: cast.Citizen, credential: Credential) -> str:
    return show(lei, credential, "sex")


@pytest.fixture
def registered(credential: Credential) -> None:
    """The bank's template says: kept for 90 days."""
    cast.approved_template()


def keep(bank: Software, presentation: str, days: int, **more: Any) -> Any:
    return bank.post(VERIFY, {"presentation": presentation, "retain": {"days": days}, **more})


def rows() -> dict[str, int]:
    with connection.cursor() as cursor:
        counted = {}
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608 the names are our own
            counted[table] = cursor.fetchone()[0]
    return counted


def test_by_default_no_row_anywhere_remembers_a_verification(bank: Software, shown: str) -> None:
    before = rows()
    bank.verify(shown, report="jws", include=["evidence"])
    bank.batch([{"presentation": shown}])
    assert rows() == before


@pytest.mark.usefixtures("registered")
def test_a_report_is_kept_read_listed_and_deleted_on_time(bank: Software, shown: str) -> None:
    kept = keep(bank, shown, 90).json()["kept"]
    until = datetime.fromisoformat(kept["delete_after"])
    assert abs(until - timezone.now() - timedelta(days=90)) < timedelta(minutes=1)
    read = bank.client.get(kept["url"]).json()
    keys = {key["kid"]: key for key in service_jwks()["keys"]}
    report = read_report(read.pop("report"), keys=keys)
    assert read == kept
    assert report.is_about(shown)
    assert bank.client.get(KEPT).json() == {"verifications": [kept], "next_page": None}
    assert tasks.delete_kept_reports() == 0
    with time_machine.travel(until + timedelta(seconds=1)):
        # Gone for its reader at once, whenever the task comes by.
        assert bank.client.get(kept["url"]).status_code == 404
        assert bank.client.get(KEPT).json()["verifications"] == []
        assert (tasks.delete_kept_reports(), KeptReport.objects.count()) == (1, 0)


@pytest.mark.usefixtures("registered")
def test_what_is_kept_is_sealed_and_holds_no_claim(bank: Software, lei: cast.Citizen, credential: Credential) -> None:
    keep(bank, show(lei, credential, "family_name"), 1)
    kept = KeptReport.objects.get()
    sealed = bytes(kept.report_ciphertext)
    assert b"eyJ" not in sealed
    assert "Lei" not in retention.read_kept(kept)
    # Sealed for this row: the same bytes in another do not open.
    with pytest.raises(Exception, match="unreadable"):
        retention.read_kept(KeptReport(organisation=kept.organisation, report_ciphertext=sealed))


@pytest.mark.usefixtures("registered")
def test_it_can_be_let_go_of_before_its_time(bank: Software, shown: str) -> None:
    url = keep(bank, shown, 1).json()["kept"]["url"]
    assert [bank.client.delete(url).status_code for _ in range(2)] == [204, 404]


@pytest.mark.usefixtures("registered")
def test_another_organisations_reports_are_as_unknown_as_none(bank: Software, shown: str) -> None:
    url = keep(bank, shown, 1).json()["kept"]["url"]
    other = rival()
    answers = [other.client.get(url), other.client.delete(url)]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "verification_missing")}
    assert other.client.get(KEPT).json()["verifications"] == []
    assert Client().get(url).status_code == 401


def test_pages_of_a_hundred(bank: Software, monkeypatch: pytest.MonkeyPatch) -> None:
    until = timezone.now() + timedelta(days=1)
    KeptReport.objects.bulk_create(
        KeptReport(organisation=bank.organisation, report_ciphertext=b"", delete_after=until) for _ in range(101)
    )
    first, second = (bank.client.get(KEPT, {"page": page}).json() for page in (1, 2))
    assert (len(first["verifications"]), first["next_page"]) == (100, 2)
    assert (len(second["verifications"]), second["next_page"]) == (1, None)
    assert bank.client.get(KEPT, {"page": 10_001}).status_code == 400


@pytest.mark.parametrize("retain", [None, 7, {}, {"days": 0}, {"days": "7"}, {"days": True}, {"days": 7, "x": 1}])
def test_how_long_is_said_in_days(retain: Any, bank: Software, shown: str) -> None:
    answer = bank.post(VERIFY, {"presentation": shown, "retain": retain})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["retain"])


def test_a_stranger_keeps_nothing(shown: str) -> None:
    answer = Client().post(VERIFY, {"presentation": shown, "retain": {"days": 1}}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def refused(answer: Any) -> tuple[int, str, Any]:
    assert not KeptReport.objects.exists()
    members = answer.json()
    return answer.status_code, members["code"], members.get("fields")


def test_an_organisation_without_a_template_keeps_nothing(bank: Software, shown: str) -> None:
    expected = (403, "retention_exceeded", {"retain": ["at most 0 days"]})
    assert refused(keep(bank, shown, 1)) == expected
    cast.registered_template()
    assert refused(keep(bank, shown, 1)) == expected


@pytest.mark.usefixtures("registered")
def test_not_longer_than_the_longest_template_for_this_type(bank: Software, lei: cast.Citizen, shown: str) -> None:
    assert refused(keep(bank, shown, 91)) == (403, "retention_exceeded", {"retain": ["at most 90 days"]})
    diploma = show(lei, cast.issue_certificate(to=lei, slug="diploma"))
    assert refused(keep(bank, diploma, 1))[0] == 403


@pytest.mark.usefixtures("registered")
def test_not_longer_than_the_policy_says(bank: Software, shown: str) -> None:
    bank.post(POLICIES, {"name": "short", "rules": {}, "retention_days": 7})
    assert refused(keep(bank, shown, 8, policy="short")) == (403, "retention_exceeded", {"retain": ["at most 7 days"]})
    assert keep(bank, shown, 7, policy="short").status_code == 200


@pytest.fixture
def authorization(lei: cast.Citizen, credential: Credential) -> Authorization:
    """Shared under a template that keeps for 10 days, while another of the bank's keeps for 90."""
    cast.approved_template()
    return cast.share(lei, cast.ask(cast.approved_template(retention_days=10)))


@pytest.fixture
def shared(authorization: Authorization, lei: cast.Citizen) -> str:
    asked = authorization.request
    from credentials.holdings import read_sd_jwt

    return lei.device.present(
        read_sd_jwt(authorization.credential, lei.person),
        paths=[tuple(path) for path in authorization.claims],
        audience=f"http://localhost:8000/organisations/{asked.organisation.slug}",
        nonce=asked.nonce,
        terms=authorization.terms,
    )


def test_not_longer_than_the_citizen_was_told(bank: Software, shared: str) -> None:
    code, fields = "retention_exceeded", {"retain": ["at most 9 days"]}
    assert refused(keep(bank, shared, 11)) == (403, code, fields)
    assert keep(bank, shared, 9).status_code == 200


def test_a_promise_ends_when_it_said_however_late_one_verifies(bank: Software, shared: str) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        assert refused(keep(bank, shared, 3))[2] == {"retain": ["at most 1 days"]}


def test_a_presentation_that_fails_does_not_lengthen_a_promise(bank: Software, shared: str) -> None:
    """The holder's signature is over another nonce: that check fails, and the terms it names still bind."""
    answer = keep(bank, shared, 30, nonce="another")
    assert refused(answer)[0] == 403


def test_terms_that_are_unknown_or_of_another_organisation_keep_nothing(
    bank: Software, shared: str, lei: cast.Citizen, credential: Credential
) -> None:
    assert refused(keep(rival(), shared, 1))[0] == 403
    from credentials.holdings import read_sd_jwt

    held = read_sd_jwt(credential, lei.person)
    invented = lei.device.present(held, paths=[("sex",)], audience="x", nonce="n", terms="dGVybXM")
    assert refused(keep(bank, invented, 1))[0] == 403


@pytest.mark.usefixtures("registered")
def test_the_citizen_sees_who_keeps_it_and_until_when(
    bank: Software, lei: cast.Citizen, shown: str, enter: Enter
) -> None:
    leaves = LogEntry.objects.count()
    kept = keep(bank, shown, 30).json()["kept"]
    newest = describe_events(events_of(weid=lei.weid)[:1])[0]
    assert (newest.event.action, newest.event.organisation) == ("verification.kept", bank.organisation)
    assert newest.event.details == {"until": kept["delete_after"]}
    page = enter(lei.account).get("/portal/activity/").content.decode()
    assert "The organisation keeps the result of a check" in page
    assert "Deleted on" in page
    assert LogEntry.objects.count() == leaves


@pytest.mark.usefixtures("registered")
def test_a_forged_certificate_is_not_entered_in_anyones_history(bank: Software, lei: cast.Citizen, shown: str) -> None:
    before = events_of(weid=lei.weid).count()
    head, _, rest = shown.partition("~")
    forged = head[:-4] + ("AAAA" if head[-4:] != "AAAA" else "BBBB") + "~" + rest
    assert keep(bank, forged, 1).json()["verdict"] == "invalid"
    assert events_of(weid=lei.weid).count() == before


@pytest.mark.usefixtures("registered")
def test_the_citizen_is_told_of_a_report_on_a_copy_too(
    bank: Software, lei: cast.Citizen, credential: Credential
) -> None:
    made = make_offer(application=credential.application, options=Options(tx_code=False), actor="system")
    _, (copy,) = receive(made, count=1)
    assert keep(bank, f"{copy.rpartition('~')[0]}~", 1).status_code == 200
    assert events_of(weid=lei.weid)[0].action == "verification.kept"

"""The clerk's pages, walked as a browser walks them: forms posted, redirects followed, errors shown."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from credentials import applications, issuance
from credentials.models import Application, Credential
from tests import cast
from tests.credentials.conftest import Enter

pytestmark = pytest.mark.django_db

FIELDS = {
    "name_zh": "李嘉敏",
    "family_name": "Lei",
    "given_name": "Ka Man",
    "sex": "female",
    "birth_place.locality": "Sé",
    "birth_place.country": "Macau",
    "parents.0.name": "Lei Wai Man",
    "parents.0.relation": "father",
    "parents.1.name": "",
    "parents.1.relation": "",
    "registration_number": "1234/1990",
    "registered_on_day": "10",
    "registered_on_month": "4",
    "registered_on_year": "1990",
}
NUMBER = {"document_kind": "resident_card", "identity_number": "1234567(8)"}


@pytest.fixture
def maker(enter: Enter) -> Client:
    cast.credential_type()
    return enter(cast.ana())


@pytest.fixture
def checker(enter: Enter) -> Client:
    return enter(cast.bo())


def begin(client: Client) -> str:
    response = client.post("/clerk/applications/new/birth-certificate/", NUMBER)
    assert response.status_code == 302, response.content.decode()
    return str(response["Location"]).removesuffix("edit/")


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_a_clerk_walks_from_the_kind_to_the_confirmation(maker: Client, lei: cast.Citizen) -> None:
    assert "Birth certificate" in text_of(maker.get("/clerk/applications/new/"))
    chosen = maker.post("/clerk/applications/new/", {"credential_type": "birth-certificate"})
    assert chosen["Location"] == "/clerk/applications/new/birth-certificate/"
    page = begin(maker)
    assert "李嘉敏" in text_of(maker.get(page + "edit/"))
    assert maker.post(page + "edit/", FIELDS)["Location"] == page + "check/"
    preview = text_of(maker.get(page + "check/"))
    assert "Lei Wai Man" in preview
    assert "Parents 1: Name" in preview
    assert "10 April 1990" in preview
    assert maker.post(page + "check/")["Location"] == page + "submitted/"
    assert "Sent for approval" in text_of(maker.get(page + "submitted/"))
    stored = Application.objects.get()
    assert stored.state == Application.State.SUBMITTED
    assert applications.read_claims(stored) == cast.claims_for(parents=[{"name": "Lei Wai Man", "relation": "father"}])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"family_name": ""}, "Family name: Enter this."),
        ({"family_name": "Lei\u202e"}, "Use only the characters that this field allows."),
        ({"registration_number": "12 34"}, "Use only the characters that this field allows."),
        ({"registered_on_month": "13"}, "Enter a real date"),
        ({"registered_on_year": "2999"}, "The date must not be in the future."),
        ({"sex": "unknown"}, "Select a valid choice"),
        ({"parents.0.relation": ""}, "Enter this."),
    ],
)
def test_what_the_type_refuses_is_shown_beside_the_field_and_nothing_is_lost(
    maker: Client, lei: cast.Citizen, changes: dict[str, str], message: str
) -> None:
    page = begin(maker)
    response = maker.post(page + "edit/", {**FIELDS, **changes})
    body = text_of(response)
    assert response.status_code == 422
    assert message in body
    assert "There is a problem" in body
    assert 'value="Ka Man"' in body


def test_the_proven_birth_date_cannot_be_overwritten(maker: Client, lei: cast.Citizen) -> None:
    page = begin(maker)
    maker.post(page + "edit/", {**FIELDS, "birth_date": "1980-01-01", "birth_date_year": "1980"})
    assert applications.read_claims(Application.objects.get())["birth_date"] == "1990-03-31"


@pytest.mark.parametrize(
    ("number", "message"),
    [("7654321(0)", "Nobody with this number"), ("12", ""), ("", "There is a problem")],
)
def test_a_person_who_cannot_be_found_is_an_error_on_the_form(
    maker: Client, lei: cast.Citizen, number: str, message: str
) -> None:
    response = maker.post(
        "/clerk/applications/new/birth-certificate/", {"document_kind": "resident_card", "identity_number": number}
    )
    assert response.status_code == 422
    assert message in text_of(response)
    assert not Application.objects.exists()


def test_a_person_without_a_device_is_an_error_that_says_what_to_do(maker: Client) -> None:
    cast.lei_person()
    response = maker.post("/clerk/applications/new/birth-certificate/", NUMBER)
    assert response.status_code == 422
    assert "has not registered a device yet" in text_of(response)


def submitted(lei: cast.Citizen) -> Application:
    application = cast.draft_application(to=lei)
    return applications.submit(application=application, maker=application.maker)


def test_the_checker_sees_everything_and_approves(checker: Client, lei: cast.Citizen, rung: list[str]) -> None:
    application = submitted(lei)
    page = f"/clerk/applications/{application.pk}/"
    assert "Approve and issue" in text_of(checker.get(page))
    response = checker.post(page + "approve", follow=True)
    assert "Approved. The certificate is being issued." in text_of(response)
    application.refresh_from_db()
    assert (application.state, application.checker) == (Application.State.APPROVED, cast.bo())


def test_approval_rings_the_worker_once_it_is_committed(
    lei: cast.Citizen, rung: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    application = submitted(lei)
    with django_capture_on_commit_callbacks(execute=True):
        applications.approve(application=application, checker=cast.bo())
    assert "credentials.issue" in rung


def test_sending_back_needs_a_reason_and_the_maker_sees_it(maker: Client, checker: Client, lei: cast.Citizen) -> None:
    page = f"/clerk/applications/{submitted(lei).pk}/"
    assert checker.post(page + "return", {"reason": ""}).status_code == 422
    assert checker.post(page + "return", {"reason": "The date of registration is wrong."}).status_code == 302
    assert "The date of registration is wrong." in text_of(maker.get(page + "edit/"))
    assert maker.post(page + "check/")["Location"] == page + "submitted/"


def test_own_work_cannot_be_approved_even_with_both_roles(maker: Client, lei: cast.Citizen) -> None:
    from identity.models import Role
    from identity.roles import grant_role

    application = submitted(lei)
    grant_role(account=cast.ana(), agency=application.agency, name=Role.Name.CHECKER)
    page = f"/clerk/applications/{application.pk}/"
    assert "someone else must approve it" in text_of(maker.get(page))
    assert maker.post(page + "approve").status_code == 403
    application.refresh_from_db()
    assert application.state == Application.State.SUBMITTED


def test_a_draft_can_be_cancelled_by_its_maker_alone(maker: Client, checker: Client, lei: cast.Citizen) -> None:
    application = cast.draft_application(to=lei)
    page = f"/clerk/applications/{application.pk}/"
    assert checker.post(page + "cancel").status_code == 403
    assert maker.post(page + "cancel").status_code == 302
    application.refresh_from_db()
    assert application.state == Application.State.CANCELLED


@pytest.fixture
def credential(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


def test_the_certificate_page_tells_what_happened(checker: Client, credential: Credential) -> None:
    body = text_of(checker.get(f"/clerk/credentials/{credential.pk}/"))
    assert credential.number in body
    assert "On its way into the public log" in body
    assert credential.number in text_of(checker.get("/clerk/credentials/", {"number": credential.number.lower()}))
    assert "No certificate has this number" in text_of(checker.get("/clerk/credentials/", {"number": "X-1"}))


@pytest.mark.parametrize(
    ("change", "reason", "state"),
    [("revoke", "data_error", "revoked"), ("suspend", "investigation", "suspended")],
)
def test_a_status_changes_only_after_a_reason_and_a_confirmation(
    checker: Client, credential: Credential, change: str, reason: str, state: str
) -> None:
    page = f"/clerk/credentials/{credential.pk}/{change}/"
    assert checker.get(page).status_code == 200
    assert checker.post(page, {}).status_code == 422
    asked = checker.post(page, {"reason": reason})
    assert "Yes, do it" in text_of(asked)
    credential.refresh_from_db()
    assert credential.state == "valid"
    assert checker.post(page, {"reason": reason, "confirmed": "yes"}).status_code == 302
    credential.refresh_from_db()
    assert credential.state == state


def test_a_change_that_the_status_does_not_allow_is_a_conflict(checker: Client, credential: Credential) -> None:
    page = f"/clerk/credentials/{credential.pk}/reinstate/"
    assert checker.post(page, {"reason": "resolved", "confirmed": "yes"}).status_code == 409
    assert checker.get(f"/clerk/credentials/{credential.pk}/shred/").status_code == 404


@pytest.mark.parametrize("persona", ["dora", "eve", "chan", "auditor"])
def test_another_agency_and_everyone_else_find_nothing(
    enter: Enter, lei: cast.Citizen, credential: Credential, persona: str
) -> None:
    client = enter(getattr(cast, persona)())
    application = cast.draft_application(to=lei)
    pages = [
        f"/clerk/applications/{application.pk}/",
        f"/clerk/applications/{application.pk}/edit/",
        f"/clerk/applications/{application.pk}/check/",
        f"/clerk/credentials/{credential.pk}/",
        f"/clerk/credentials/{credential.pk}/revoke/",
        f"/portal/certificates/{credential.pk}/",
    ]
    assert {client.get(page).status_code for page in pages} <= {302, 403, 404}
    assert credential.number not in text_of(client.get("/clerk/credentials/", follow=True))


def test_lists_cost_the_same_however_long_they_are(
    checker: Client, lei: cast.Citizen, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        issuance.issue(application=cast.approve_application(to=lei))
    with django_assert_max_num_queries(7):
        checker.get("/clerk/applications/")
    with django_assert_max_num_queries(7):
        checker.get("/clerk/credentials/")

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from authorization.models import AuditEvent
from identity import kyc
from identity.accreditation import withdraw
from identity.grants import Kind
from identity.models import Account, Accreditation, KycCase, Person, Role
from tests import cast
from tests.identity.conftest import SignIn
from tests.identity.test_kyc import PNG, submitted_case

pytestmark = pytest.mark.django_db


def url_of(case: KycCase, action: str = "") -> str:
    return f"/clerk/kyc/{case.pk}/{action}"


def image_url(case: KycCase) -> str:
    return reverse("clerk_kyc_image", args=[case.pk, case.documents.get().pk])


def test_the_task_list_counts_what_waits(sign_in: SignIn) -> None:
    submitted_case()
    page = sign_in("ana").get("/clerk/").content.decode()
    assert "Decide about proof of identity" in page
    assert "1 waiting" in page


def test_a_clerk_compares_and_approves(sign_in: SignIn) -> None:
    case, bo = submitted_case(), sign_in("bo")
    assert cast.eve().email in bo.get("/clerk/kyc/").content.decode()
    page = bo.get(url_of(case)).content.decode()
    assert "NG EVE" in page
    assert image_url(case) in page
    assert bo.post(url_of(case, "approve")).status_code == 302
    assert Person.objects.filter(account=cast.eve()).exists()
    assert bo.post(url_of(case, "approve")).status_code == 409
    assert "NG EVE" not in bo.get(url_of(case)).content.decode()


def test_a_refusal_needs_a_reason_that_the_applicant_reads(sign_in: SignIn) -> None:
    case, ana = submitted_case(), sign_in("ana")
    assert ana.post(url_of(case, "refuse"), {"reason": ""}).status_code == 422
    assert ana.post(url_of(case, "refuse"), {"reason": "The image is not sharp"}).status_code == 302
    page = sign_in("eve").get("/portal/kyc/").content.decode()
    assert "The image is not sharp" in page


def test_an_image_is_shown_in_a_document_that_can_do_nothing(sign_in: SignIn) -> None:
    case = submitted_case()
    response = sign_in("ana").get(image_url(case))
    assert response.content == PNG
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert response["Cache-Control"] == "no-store"


def test_an_image_is_gone_after_the_decision(sign_in: SignIn) -> None:
    case = submitted_case()
    url = image_url(case)
    kyc.approve(case=case, clerk=cast.ana())
    assert sign_in("ana").get(url).status_code == 404


def test_another_agencys_clerk_finds_nothing(sign_in: SignIn) -> None:
    case, dora = submitted_case(), sign_in("dora")
    assert cast.eve().email not in dora.get("/clerk/kyc/").content.decode()
    answers = [dora.get(url_of(case)), dora.get(image_url(case)), dora.post(url_of(case, "approve"))]
    answers.append(dora.post(url_of(case, "refuse"), {"reason": "mine"}))
    assert [answer.status_code for answer in answers] == [404] * 4
    case.refresh_from_db()
    assert case.state == "submitted"


def test_an_image_is_served_only_under_its_own_case(sign_in: SignIn) -> None:
    case, other = submitted_case(), submitted_case(cast.chan())
    url = reverse("clerk_kyc_image", args=[other.pk, case.documents.get().pk])
    assert sign_in("ana").get(url).status_code == 404


def test_a_clerk_does_not_see_their_own_case(sign_in: SignIn) -> None:
    case = submitted_case(cast.ana())
    ana = sign_in("ana")
    assert ana.get(url_of(case)).status_code == 404
    assert "1 waiting" not in ana.get("/clerk/").content.decode()


def test_a_person_is_found_by_number_in_the_body_and_the_search_is_recorded(sign_in: SignIn) -> None:
    lei, ana = cast.lei(), sign_in("ana")
    form = {"document_kind": "resident_card", "identity_number": "1234567(8)"}
    page = ana.post("/clerk/people/", form).content.decode()
    assert "LEI KA MAN" in page
    assert lei.weid.did in page
    assert "1990" not in page
    event = AuditEvent.objects.get(action="person.looked_up")
    assert (event.weid, event.details) == (lei.weid, {"agency": "identification", "found": True})
    assert (
        "LEI KA MAN"
        not in ana.get("/clerk/people/?document_kind=resident_card&identity_number=12345678").content.decode()
    )


def test_an_unknown_number_and_a_wrong_one_are_told_apart(sign_in: SignIn) -> None:
    ana = sign_in("ana")
    unknown = ana.post("/clerk/people/", {"document_kind": "resident_card", "identity_number": "7654321(0)"})
    assert (unknown.status_code, "Nobody with this number" in unknown.content.decode()) == (200, True)
    wrong = ana.post("/clerk/people/", {"document_kind": "resident_card", "identity_number": "999"})
    assert (wrong.status_code, 'value="999"' in wrong.content.decode()) == (422, True)


def test_an_administrator_gives_and_removes_a_role(sign_in: SignIn) -> None:
    administrator = sign_in("administrator")
    form = {"email": cast.eve().email, "name": "checker"}
    assert administrator.post("/clerk/staff/", form).status_code == 302
    role = Role.objects.get(account=cast.eve())
    assert cast.eve().email in administrator.get("/clerk/staff/").content.decode()
    assert administrator.get(f"/clerk/staff/{role.pk}/remove/").status_code == 200
    administrator.post(f"/clerk/staff/{role.pk}/remove/")
    assert not Role.objects.filter(account=cast.eve()).exists()


@pytest.mark.parametrize(
    ("email", "name"),
    [("nobody@example.com", "maker"), ("ana@demo.chancela.example", "maker"), ("x", "maker"), ("", "emperor")],
)
def test_a_role_that_cannot_be_given_is_explained(sign_in: SignIn, email: str, name: str) -> None:
    cast.ana()
    response = sign_in("administrator").post("/clerk/staff/", {"email": email, "name": name})
    assert response.status_code == 422
    assert "There is a problem" in response.content.decode()


def test_a_role_goes_only_to_an_address_whose_owner_has_confirmed_it(sign_in: SignIn, settings: Settings) -> None:
    administrator, form = sign_in("administrator"), {"email": "clerk@agency.example", "name": "maker"}
    account = Account.objects.create_user(username="x", email="clerk@agency.example")
    address = EmailAddress.objects.create(user=account, email=account.email, primary=True, verified=False)
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    assert administrator.post("/clerk/staff/", form).status_code == 422
    address.set_verified()
    assert administrator.post("/clerk/staff/", form).status_code == 302


def test_administrators_touch_neither_themselves_nor_other_agencies(sign_in: SignIn) -> None:
    administrator = sign_in("administrator")
    own = Role.objects.get(account=cast.administrator())
    other = Role.objects.get(account=cast.dora())
    assert administrator.post(f"/clerk/staff/{own.pk}/remove/").status_code == 403
    assert administrator.post(f"/clerk/staff/{other.pk}/remove/").status_code == 404
    escalation = {"email": cast.administrator().email, "name": "checker"}
    assert administrator.post("/clerk/staff/", escalation).status_code == 403
    assert Role.objects.filter(account=cast.administrator()).count() == 1


@pytest.mark.parametrize(
    "page",
    [
        ("ana", "/clerk/", 5),
        ("ana", "/clerk/kyc/", 5),
        ("ana", "CASE", 5),
        ("ana", "/clerk/people/", 3),
        ("administrator", "/clerk/staff/", 4),
    ],
)
def test_pages_ask_the_database_a_fixed_number_of_times(
    sign_in: SignIn, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries, page: tuple[str, str, int]
) -> None:
    slug, path, queries = page
    settings.CLERK_DUTIES = ["identity.duties.kyc_duties"]
    case = submitted_case()
    submitted_case(cast.chan())
    client = sign_in(slug)
    client.get(url_of(case) if path == "CASE" else path)
    with django_assert_num_queries(queries):
        assert client.get(url_of(case) if path == "CASE" else path).status_code == 200


def test_removing_a_role_and_showing_an_image_cost_a_fixed_number_of_queries(
    sign_in: SignIn, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    case, administrator, ana = submitted_case(), sign_in("administrator"), sign_in("ana")
    url = image_url(case)
    role = Role.objects.get(account=cast.ana())
    with django_assert_num_queries(4):
        administrator.get(f"/clerk/staff/{role.pk}/remove/")
    with django_assert_num_queries(4):
        ana.get(url)


def test_a_role_number_beyond_the_database_is_not_found(sign_in: SignIn) -> None:
    assert sign_in("administrator").get(f"/clerk/staff/{10**30}/remove/").status_code == 404


def test_an_administrator_sees_what_the_department_is_accredited_for(sign_in: SignIn) -> None:
    client, kind = sign_in("administrator"), cast.credential_type()
    page = client.get("/clerk/accreditation/").content.decode()
    assert kind.name["en"] in page
    assert "This government" in page
    withdraw(party=kind.agency, kind=Kind.ISSUER)
    assert "Withdrawn" in client.get("/clerk/accreditation/").content.decode()
    Accreditation.objects.all().delete()
    assert "Your department is not accredited" in client.get("/clerk/accreditation/").content.decode()
    assert sign_in("bo").get("/clerk/accreditation/").status_code == 403

"""Pages without a script: who gets in, what they show, how many queries they take."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from authorization.models import Authorization, PresentationRequest, RequestTemplate
from authorization.schemas import parse_grant, parse_recipient_key
from identity import personas
from identity.models import ApiKey, RecipientKey, VerificationMethod
from protocol.errors import CodedError
from protocol.keys import generate_p256, public_jwk
from tests import cast

pytestmark = pytest.mark.django_db

SignIn = Callable[[str], Client]


@pytest.fixture
def sign_in(db: None) -> SignIn:
    """The persona's slug in, a signed-in client out, through the demonstration's real door."""

    def enter(slug: str) -> Client:
        personas.ensure_persona(slug)
        client = Client(headers={"accept-language": "en"})
        assert client.post(f"/demo/{slug}/").status_code == 302
        return client

    return enter


@pytest.fixture
def granted(lei: cast.Citizen, asked: PresentationRequest) -> Authorization:
    return cast.share(lei, asked)


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def test_the_consent_page_shows_all_there_is_to_decide(sign_in: SignIn, asked: PresentationRequest) -> None:
    page = sign_in("lei").get(f"/portal/requests/{asked.pk}/")
    text = text_of(page)
    for expected in ("Daiwan Bank", "To check who opens a bank account", "At most 2 times", "90 days", "李嘉敏", "Yes"):
        assert expected in text
    assert "They will not see" in text
    assert "checked" not in text
    assert page["Cache-Control"] == "no-store"
    assert "require-trusted-types-for 'script'" in page["Content-Security-Policy"]
    assert "trusted-types 'none'" in page["Content-Security-Policy"]


def test_a_citizen_without_a_fitting_certificate_can_only_refuse(sign_in: SignIn, lei: cast.Citizen) -> None:
    asked = cast.ask()
    client = sign_in("lei")
    text = text_of(client.get(f"/portal/requests/{asked.pk}/"))
    assert "You have no certificate that answers this" in text
    assert 'data-wallet-action="share"' not in text
    assert client.post(f"/portal/requests/{asked.pk}/refuse").status_code == 302
    assert "You refused" in text_of(client.get(f"/portal/requests/{asked.pk}/"))


def test_a_posted_consent_is_granted(sign_in: SignIn, lei: cast.Citizen, asked: PresentationRequest) -> None:
    signed = cast.signed_consent(lei, asked)
    client = sign_in("lei")
    answer = client.post(f"/portal/requests/{asked.pk}/grant", signed, content_type="application/json")
    assert answer.status_code == 201
    page = client.get(answer.json()["url"])
    assert "Items shared" in text_of(page)
    assert client.get(f"/portal/requests/{asked.pk}/").status_code == 302
    again = client.post(f"/portal/requests/{asked.pk}/grant", signed, content_type="application/json")
    assert (again.status_code, again.json()["code"]) == (409, "request_decided")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"{}", b'{"terms":1,"key_binding_jwt":"","envelope":{}}', b'{"terms":"","more":1}', b"\xff"],
)
def test_a_body_of_another_form_is_refused(sign_in: SignIn, asked: PresentationRequest, body: bytes) -> None:
    for parse in (parse_grant, parse_recipient_key):
        with pytest.raises(CodedError):
            parse(body)
    client = sign_in("lei")
    client.get(f"/portal/requests/{asked.pk}/")
    url = f"/portal/requests/{asked.pk}/grant"
    answer = client.post(url, body, content_type="application/json", headers={"accept": "application/json"})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_withdrawing_takes_two_taps(sign_in: SignIn, granted: Authorization) -> None:
    client = sign_in("lei")
    assert reverse("withdraw_authorization", args=[granted.pk]) in text_of(
        client.get(f"/portal/authorizations/{granted.pk}/")
    )
    url = f"/portal/authorizations/{granted.pk}/withdraw/"
    assert "Withdraw now" in text_of(client.get(url))
    assert client.post(url).status_code == 302
    granted.refresh_from_db()
    assert granted.withdrawn_at is not None
    assert "Withdrawn on" in text_of(client.get(f"/portal/authorizations/{granted.pk}/"))
    assert client.post(url, {"proof": "x"}).status_code == 400


def test_activity_names_items_and_never_values(sign_in: SignIn, granted: Authorization) -> None:
    client = sign_in("lei")
    text = text_of(client.get("/portal/activity/"))
    assert "You shared items" in text
    assert "Over 18" in text
    assert "李嘉敏" not in text
    export = client.get("/portal/activity/export")
    assert "attachment" in export["Content-Disposition"]
    kept = json.loads(export.content)
    assert kept["authorizations"][0]["receipt"] == granted.receipt
    assert {event["action"] for event in kept["events"]} >= {"request.opened", "authorization.granted"}
    assert "李嘉敏" not in text_of(export)


def test_the_citizen_sees_what_waits_and_what_is_shared(sign_in: SignIn, granted: Authorization) -> None:
    client = sign_in("lei")
    waiting = cast.ask(granted.request.template)
    client.get(f"/portal/requests/{waiting.pk}/")
    text = text_of(client.get("/portal/authorizations/"))
    assert f"/portal/requests/{waiting.pk}/" in text
    assert f"/portal/authorizations/{granted.pk}/" in text


def outsiders(sign_in: SignIn, *slugs: str) -> list[Client]:
    return [Client(), *(sign_in(slug) for slug in slugs)]


def test_nobody_else_sees_a_citizens_pages(sign_in: SignIn, granted: Authorization, asked: PresentationRequest) -> None:
    other = cast.another_citizen()
    assert other.weid != granted.weid
    paths = [
        f"/portal/requests/{asked.pk}/",
        f"/portal/authorizations/{granted.pk}/",
        f"/portal/authorizations/{granted.pk}/withdraw/",
    ]
    for client in outsiders(sign_in, "eve", "chan", "ana"):
        assert all(client.get(path).status_code in {302, 403, 404} for path in paths)
        assert client.post(paths[2]).status_code in {302, 403, 404}
    granted.refresh_from_db()
    assert granted.withdrawn_at is None
    assert sign_in("eve").get(paths[1]).status_code == 404


def test_nobody_else_sees_a_verifiers_pages(sign_in: SignIn, granted: Authorization) -> None:
    asked = granted.request
    paths = ["/verifier/", "/verifier/keys/", f"/verifier/requests/{asked.pk}/", f"/verifier/requests/{asked.pk}/state"]
    for client in outsiders(sign_in, "eve", "lei", "ana"):
        assert all(client.get(path).status_code in {302, 403, 404} for path in paths)
        assert client.post(f"/verifier/requests/{asked.pk}/read").status_code in {302, 403, 404}
    granted.refresh_from_db()
    assert granted.reads_used == 0


def test_a_verifier_registers_a_template_and_the_agency_approves_it(sign_in: SignIn) -> None:
    cast.credential_type()
    officer, administrator = sign_in("chan"), sign_in("administrator")
    form = {
        "name": "Open an account",
        "purpose_zh_hant": "開立銀行賬戶",
        "required": ["name_zh"],
        "optional": ["sex"],
        "access_days": 30,
        "max_reads": 1,
        "retention_days": 90,
    }
    url = "/verifier/templates/new/birth-certificate/"
    refused = officer.post(url, {**form, "purpose_zh_hant": "", "optional": ["name_zh"], "access_days": 999})
    assert refused.status_code == 422
    assert "Choose each item once" in text_of(refused)
    refused = officer.post(url, {**form, "access_days": 999})
    assert refused.status_code == 422
    assert "Enter a number from 1 to 365" in text_of(refused)
    answer = officer.post(url, form)
    template = RequestTemplate.objects.get()
    assert answer["Location"] == f"/verifier/templates/{template.pk}/"
    assert "Waiting for approval" in text_of(officer.get(answer["Location"]))
    assert administrator.post(f"/clerk/templates/{template.pk}/approve").status_code == 302
    assert "Approved" in text_of(administrator.get(f"/clerk/templates/{template.pk}/"))
    assert "api/v1/requests" in text_of(officer.get(answer["Location"]))
    assert officer.post(f"/verifier/templates/{template.pk}/retire").status_code == 302
    assert "No longer in use" in text_of(officer.get("/verifier/templates/"))


def test_only_the_issuing_agency_judges_a_template(sign_in: SignIn) -> None:
    template = cast.registered_template(slug="diploma", required=[("name_zh",)], optional=[])
    client = sign_in("administrator")
    assert client.get(f"/clerk/templates/{template.pk}/").status_code == 404
    assert client.post(f"/clerk/templates/{template.pk}/approve").status_code == 404
    for outsider in outsiders(sign_in, "ana", "chan", "lei", "eve"):
        assert outsider.get("/clerk/templates/").status_code in {302, 403}


def test_a_verifier_asks_and_reads(sign_in: SignIn, lei: cast.Citizen, certificate: Any) -> None:
    client = sign_in("chan")
    assert "Before you can ask" in text_of(client.get("/verifier/"))
    cast.recipient_key()
    template = cast.approved_template()
    assert client.post("/verifier/requests/new/", {"template": "x"}).status_code == 422
    answer = client.post("/verifier/requests/new/", {"template": str(template.pk), "reference": "7"})
    asked = PresentationRequest.objects.get()
    assert answer["Location"] == f"/verifier/requests/{asked.pk}/"
    assert asked.created_by == cast.chan()
    page = text_of(client.get(answer["Location"]))
    assert f"http://localhost:8000/portal/requests/{asked.pk}/" in page
    assert client.get(f"{answer['Location']}state").json() == {"state": "pending waiting"}
    early = client.post(f"{answer['Location']}read", {}, content_type="application/json")
    assert (early.status_code, early.json()["code"]) == (409, "request_unanswered")
    authorization = cast.share(lei, asked)
    sealed = client.post(f"{answer['Location']}read", {}, content_type="application/json")
    assert sealed.json() == {"envelope": authorization.transfer.envelope}
    assert "Ask a citizen" in text_of(client.get("/verifier/"))
    assert "Shared" in text_of(client.get("/verifier/requests/"))


def test_a_verifier_manages_keys(sign_in: SignIn) -> None:
    client = sign_in("chan")
    jwk = public_jwk(generate_p256().public_key())
    made = client.post("/verifier/keys/recipient/", {"label": "a", "public_jwk": jwk}, content_type="application/json")
    assert made.status_code == 201
    assert RecipientKey.objects.get().thumbprint == made.json()["thumbprint"]
    assert client.post("/verifier/keys/recipient/", {"label": "b", "public_jwk": json.dumps(jwk)}).status_code == 422
    assert client.post("/verifier/keys/recipient/", {"label": "b", "public_jwk": "{"}).status_code == 422
    other = json.dumps(public_jwk(generate_p256().public_key()))
    assert client.post("/verifier/keys/recipient/", {"label": "b", "public_jwk": other}).status_code == 302
    for key in RecipientKey.objects.all():
        assert client.post(f"/verifier/keys/recipient/{key.pk}/revoke").status_code == 302
    assert not RecipientKey.objects.filter(revoked_at=None).exists()


def test_an_api_key_is_shown_once(sign_in: SignIn) -> None:
    client = sign_in("chan")
    assert client.post("/verifier/keys/api/", {"label": ""}).status_code == 422
    made = client.post("/verifier/keys/api/", {"label": "server"})
    assert made.status_code == 201
    assert "ck_" in text_of(made)
    assert "ck_" not in text_of(client.get("/verifier/keys/"))
    key = ApiKey.objects.get()
    assert client.post(f"/verifier/keys/api/{key.pk}/revoke").status_code == 302
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_the_auditor_reads_and_checks_the_trail(sign_in: SignIn, granted: Authorization) -> None:
    client = sign_in("auditor")
    assert "authorization.granted" in text_of(client.get("/clerk/audit/"))
    assert "authorization.granted" not in text_of(client.get("/clerk/audit/?subject=thing%00:1"))
    assert "The trail is whole" in text_of(client.post("/clerk/audit/"))
    for outsider in outsiders(sign_in, "ana", "administrator", "chan", "lei"):
        assert outsider.get("/clerk/audit/").status_code in {302, 403}


@pytest.mark.parametrize(
    ("slug", "path", "most"),
    [
        ("lei", "/portal/authorizations/", 10),
        ("lei", "/portal/activity/", 11),
        ("chan", "/verifier/", 12),
        ("chan", "/verifier/requests/", 8),
        ("chan", "/verifier/templates/", 9),
        ("chan", "/verifier/keys/", 8),
        ("administrator", "/clerk/templates/", 9),
        ("auditor", "/clerk/audit/", 9),
    ],
)
def test_lists_take_the_same_few_queries_however_long(
    sign_in: SignIn, granted: Authorization, slug: str, path: str, most: int
) -> None:
    client = sign_in(slug)
    for _ in range(3):
        cast.ask(granted.request.template)
    client.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    assert len(queries) <= most, [query["sql"][:120] for query in queries.captured_queries]


def test_another_certificate_can_be_chosen(sign_in: SignIn, lei: cast.Citizen, asked: PresentationRequest) -> None:
    second = cast.issue_certificate(to=lei)
    client = sign_in("lei")
    for chosen, shown in ((str(second.pk), second.number), ("elsewhere", None)):
        page = client.get(f"/portal/requests/{asked.pk}/", {"certificate": chosen})
        assert page.status_code == 200
        data = json.loads(text_of(page).split('<script id="consent" type="application/json">')[1].split("</script>")[0])
        assert data["terms"]["credential_number"] == (shown or data["terms"]["credential_number"])


def test_a_certificate_of_a_lost_device_is_explained(sign_in: SignIn, lei: cast.Citizen, asked: Any) -> None:
    client = sign_in("lei")
    VerificationMethod.objects.filter(weid=lei.weid).update(revoked_at=timezone.now())
    text = text_of(client.get(f"/portal/requests/{asked.pk}/"))
    assert "bound to a device that you no longer use" in text
    assert '<a class="govuk-link" href="/portal/">Restore it to this device first</a>' in text
    assert 'data-wallet-action="share"' not in text


def test_addresses_of_nothing_are_not_found(sign_in: SignIn, lei: cast.Citizen) -> None:
    nothing = uuid.uuid4()
    paths = {
        "lei": [f"/portal/requests/{nothing}/", f"/portal/authorizations/{nothing}/"],
        "chan": [f"/verifier/requests/{nothing}/", f"/verifier/templates/{nothing}/"],
        "administrator": [f"/clerk/templates/{nothing}/"],
    }
    cast.agency()
    for slug, addresses in paths.items():
        client = sign_in(slug)
        assert [client.get(address).status_code for address in addresses] == [404] * len(addresses)
    unknown = sign_in("chan").get("/verifier/templates/new/nothing/")
    assert (unknown.status_code, unknown["Location"]) == (302, "/verifier/templates/")


def test_the_agency_refuses_a_template(sign_in: SignIn) -> None:
    template = cast.registered_template()
    client = sign_in("administrator")
    assert template.name in text_of(client.get("/clerk/templates/"))
    assert client.post(f"/clerk/templates/{template.pk}/retire").status_code == 302
    again = client.post(f"/clerk/templates/{template.pk}/approve", headers={"accept": "application/json"})
    assert (again.status_code, again.json()["code"]) == (409, "template_unusable")

"""Our own trust lists, as anyone elsewhere reads them: over HTTP, from nothing but the root's key."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from anchoring.models import LogEntry
from authorization.requests import retire_template
from identity import keystore, tasks, trust
from identity.accreditation import ExternalParty, Terms, accredit, withdraw
from identity.errors import KeyFaultError
from identity.fsck import check
from identity.grants import EVERY_TYPE, Kind
from identity.models import Organisation, PublishedTrustList, SigningKey
from identity.organisations import open_agency
from identity.trust_alerts import check as alerts
from identity.trust_publishing import publish_due, record_id
from protocol.errors import SignatureError
from protocol.jose import parse_compact
from protocol.keys import generate_p256, public_jwk
from protocol.trust_list import MAX_LIST_BYTES, TOKEN_TYPE, Publisher, verify_list
from tests import cast
from tests.identity.trust_steps import BIRTH, BUREAU, DIPLOMA, EDUCATION, HERE, begin, read_chain, read_list, served

pytestmark = pytest.mark.django_db
# The trust version, accreditations, our lists and keys, roots elsewhere, and the types for each kind of section.
QUERIES = 6


def versions(slug: str = "root") -> list[int]:
    return list(PublishedTrustList.objects.filter(slug=slug).order_by("pk").values_list("version", flat=True))


def test_without_a_key_for_them_there_are_no_lists() -> None:
    cast.credential_type()
    assert (
        Client().get("/trust-lists/root.jwt", headers={"accept": "application/json"}).json()["code"]
        == "trust_list_unknown"
    )


def test_the_root_names_every_agency_with_its_types_and_keys() -> None:
    begin()
    found = read_chain()
    assert (found.refusals, found.missing) == ([], [])
    assert found.issuers[EDUCATION].types == {DIPLOMA}
    assert BIRTH in found.issuers[BUREAU].types
    bureau = found.issuers[BUREAU].party
    keys = {row.purpose: row.key_id for row in SigningKey.objects.filter(agency__slug="identification")}
    assert [key["kid"] for key in bureau.keys] == [keys["credential"]]
    assert [key["kid"] for key in bureau.status_keys] == [keys["status"]]
    assert set(bureau.names) == {"zh-Hant", "zh-Hans", "pt", "en"}


def test_every_change_is_a_version_and_what_changes_nothing_is_none() -> None:
    begin()
    before = versions()
    agency = cast.agency()
    withdraw(party=agency, kind=Kind.ISSUER)
    accredit(party=agency, kind=Kind.ISSUER, terms=Terms(EVERY_TYPE))
    keystore.rotate(purpose=SigningKey.Purpose.CREDENTIAL, agency=agency)
    cast.chan()
    trust.bump_trust()
    assert versions() == [*before, *range(before[-1] + 1, before[-1] + 4)]


def test_a_withdrawal_is_said_with_its_date_until_it_is_granted_anew() -> None:
    begin()
    row = withdraw(party=cast.agency(), kind=Kind.ISSUER)
    standing = read_chain().issuers[BUREAU].standing
    assert standing.withdrawn_at == int(row.withdrawn_at.timestamp())  # type: ignore[union-attr]  # just set
    accredit(party=cast.agency(), kind=Kind.ISSUER, terms=Terms([BIRTH]))
    assert read_chain().issuers[BUREAU].types == {BIRTH}


def test_a_body_of_ours_publishes_a_list_of_its_own_under_its_own_key() -> None:
    begin()
    education = cast.agency("education")
    accredit(party=education, kind=Kind.BODY, terms=Terms([DIPLOMA]))
    jwk = {**public_jwk(generate_p256().public_key()), "kid": "key-1"}
    school = ExternalParty("https://school.example", {"en": "School"}, (jwk,))
    accredit(party=school, kind=Kind.ISSUER, terms=Terms([DIPLOMA], education))
    found = read_chain()
    assert found.refusals == []
    assert found.issuers["https://school.example"].standing.lists == (
        f"{HERE}/trust-lists/root.jwt", f"{HERE}/trust-lists/education.jwt",
    )  # fmt: skip
    withdraw(party=education, kind=Kind.BODY)
    assert "https://school.example" not in read_chain().issuers


def test_a_new_key_signs_at_once_and_the_old_one_is_believed_as_long_as_it_is_pinned() -> None:
    begin()
    before = versions()
    old = read_list()
    keystore.rotate(purpose=SigningKey.Purpose.TRUST)
    assert read_list().version == before[-1] + 1
    assert old.version == before[-1]


def test_what_a_disabled_key_signed_is_signed_anew_by_the_next() -> None:
    begin()
    stolen = SigningKey.objects.get(purpose="trust")
    keystore.disable(signing_key=stolen)
    before = versions()
    keystore.create_key(purpose=SigningKey.Purpose.TRUST)
    assert versions() == [*before, before[-1] + 1]
    assert read_list().entries


def test_lists_are_signed_anew_in_time_and_only_then() -> None:
    begin()
    before = versions()
    assert publish_due() is False
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1, minutes=1)):
        tasks.publish_trust_lists()
        tasks.publish_trust_lists()
        assert versions() == [*before, before[-1] + 1]
        assert read_list().issued_at > datetime.now(UTC).timestamp() - 60


@pytest.mark.parametrize(
    ("days", "found"), [(0, set()), (2, {"own_trust_list_overdue"}), (8, {"own_trust_list_expired"})]
)
def test_lists_that_are_not_signed_anew_call_for_someone(days: int, found: set[str]) -> None:
    begin()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=days)):
        assert {alert.code for alert in alerts()} == found


def test_the_list_of_a_body_that_is_none_any_more_just_ends() -> None:
    begin()
    education = cast.agency("education")
    accredit(party=education, kind=Kind.BODY, terms=Terms([DIPLOMA]))
    withdraw(party=education, kind=Kind.BODY)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=8)):
        assert publish_due() is True
        assert publish_due() is False
        assert list(alerts()) == []
        assert versions("education") == [1]


def test_an_accreditation_that_ends_soon_calls_for_someone() -> None:
    accredit(
        party=cast.agency(), kind=Kind.ISSUER, terms=Terms([BIRTH], valid_until=datetime.now(UTC) + timedelta(days=9))
    )
    assert [(alert.code, alert.subject) for alert in alerts()] == [("accreditation_ending", "identification")]


def test_a_stolen_key_is_disabled_even_if_no_list_can_be_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    begin()
    before = versions()

    def fail(*_: Any, **__: Any) -> bytes:
        raise KeyFaultError

    monkeypatch.setattr(keystore.StoredSigner, "sign", fail)
    stolen = SigningKey.objects.get(agency__slug="identification", purpose="credential")
    keystore.disable(signing_key=stolen)
    stolen.refresh_from_db()
    assert (stolen.state, versions()) == ("disabled", before)
    monkeypatch.undo()
    trust.bump_trust()
    assert BUREAU not in read_chain().issuers


def test_every_version_is_a_leaf_of_the_log() -> None:
    begin()
    for row in PublishedTrustList.objects.all():
        entry = LogEntry.objects.get(record_id=record_id(row))
        signed = parse_compact(row.token, allowed_types=frozenset({TOKEN_TYPE}), max_bytes=MAX_LIST_BYTES)
        assert (entry.kind, bytes(entry.digest)) == ("trust", signed.digest)


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (lambda row: LogEntry.objects.filter(record_id=record_id(row)).delete(), "trust_list_without_leaf"),
        (
            lambda row: LogEntry.objects.filter(record_id=record_id(row)).update(digest=b"x" * 32),
            "trust_list_leaf_differs",
        ),
        (lambda row: row.delete(), "leaf_without_trust_list"),
        (lambda row: PublishedTrustList.objects.filter(pk=row.pk).update(version=99), "trust_list_versions_missing"),
    ],
)
def test_fsck_finds_lists_and_leaves_that_contradict_each_other(spoil: Any, finding: str) -> None:
    begin()
    assert [item.code for item in check()] == []
    spoil(PublishedTrustList.objects.filter(slug="root").earliest("version"))
    assert finding in {item.code for item in check()}


def test_registered_verifiers_are_published_with_what_they_may_ask() -> None:
    begin()
    template = cast.approved_template()
    found = read_chain()
    assert found.refusals == []
    bank = found.verifiers[f"{HERE}/organisations/daiwan"]
    (registration,) = bank.registrations
    assert (registration.vct, registration.retention_days) == (template.credential_type.vct, template.retention_days)
    asked = [tuple(claim["path"]) for claim in template.dcql_query["credentials"][0]["claims"]]
    assert list(registration.claims) == asked
    retire_template(template=template, account=cast.chan())
    assert read_chain().verifiers == {}


def test_hidden_characters_in_a_purpose_do_not_keep_the_register_from_being_read() -> None:
    begin()
    template = cast.approved_template()
    template.purpose = {"zh-hant": "一\u202e二\n三", "en": "a\tb"}
    template.save()
    Organisation.objects.update(name={"zh-hant": "銀\u200b行"})
    trust.bump_trust()
    (bank,) = read_chain().verifiers.values()
    assert bank.registrations[0].purpose == {"zh-Hant": "一二 三", "en": "a b"}
    assert bank.party.names == {"zh-Hant": "銀行"}


def test_a_list_is_cacheable_and_says_when_it_is_the_same() -> None:
    begin()
    first = Client().get("/trust-lists/root.jwt")
    assert first["Cache-Control"] == "public, max-age=300"
    assert first["Access-Control-Allow-Origin"] == "*"
    again = Client().get("/trust-lists/root.jwt", headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    withdraw(party=cast.agency(), kind=Kind.ISSUER)
    assert Client().get("/trust-lists/root.jwt", headers={"if-none-match": first["ETag"]}).status_code == 200
    assert Client().post("/trust-lists/root.jwt").status_code == 405


def test_a_list_costs_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    begin()
    client = Client()
    with django_assert_num_queries(1):
        client.get("/trust-lists/root.jwt")


@pytest.mark.parametrize(
    ("language", "heading", "agency"),
    [
        ("zh-hant", None, "身份證明局（示範）"),
        ("zh-hans", None, "身份证明局（示范）"),
        ("pt", None, "Serviços de Identificação (demonstração)"),
        ("en", "Who may issue what", "Identification Bureau (demonstration)"),
    ],
)
def test_people_read_who_may_issue_what(language: str, heading: str | None, agency: str) -> None:
    begin()
    cast.approved_template()
    page = Client(headers={"accept-language": language}).get("/trust-lists/").content.decode()
    assert agency in page
    assert heading is None or heading in page
    assert cast.credential_type("diploma").name[language] in page
    assert f"{HERE}/organisations/daiwan" in page
    assert f"{HERE}/trust-lists/verifiers.jwt" in page


def test_the_page_costs_the_same_however_many_are_accredited(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    begin()
    client = Client()
    with django_assert_num_queries(QUERIES):
        client.get("/trust-lists/")
    with django_assert_num_queries(1):
        client.get("/trust-lists/")
    for number in range(3):
        open_agency(slug=f"more-{number}", name={"en": "More"})
    with django_assert_num_queries(QUERIES):
        client.get("/trust-lists/")


def test_before_anything_is_published_the_page_says_so() -> None:
    assert "No list is published yet" in Client(headers={"accept-language": "en"}).get("/trust-lists/").content.decode()


def test_another_key_than_the_roots_reads_nothing() -> None:
    begin()
    token = served(f"{HERE}/trust-lists/root.jwt")
    outsider = {**public_jwk(generate_p256().public_key()), "kid": "x"}
    with pytest.raises(SignatureError):
        verify_list(token, publisher=Publisher(HERE, f"{HERE}/trust-lists/root.jwt", (outsider,)))


@pytest.mark.django_db(transaction=True)
def test_changes_at_once_become_versions_one_after_another() -> None:
    begin()
    before = versions()[-1]
    barrier = threading.Barrier(4)

    def change(number: int) -> None:
        jwk = {**public_jwk(generate_p256().public_key()), "kid": "k"}
        party = ExternalParty(f"https://school-{number}.example", {"en": "School"}, (jwk,))
        barrier.wait()
        try:
            accredit(party=party, kind=Kind.ISSUER, terms=Terms([DIPLOMA]))
        finally:
            connection.close()

    threads = [threading.Thread(target=change, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert versions()[-4:] == [before + number for number in range(1, 5)]
    assert sum("school-" in name for name in read_chain().issuers) == 4

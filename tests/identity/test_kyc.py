from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from pytest_django import Settings

from authorization.models import AuditEvent
from identity import kyc, people
from identity.errors import (
    CaseIncompleteError,
    CaseOpenError,
    CaseStateError,
    DocumentImageError,
    OwnCaseError,
    PersonLinkedError,
    RoleMissingError,
    UnreadableError,
    UpstreamIdentityError,
)
from identity.models import Account, KycCase, KycDocument, Person, Role
from identity.roles import grant_role
from identity.tasks import purge_documents
from protocol.errors import ConflictError, InvalidInputError, NotFoundError
from tests import cast

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels of a face" * 4
JPEG = b"\xff\xd8\xff\xe0" + b"pixels of a face" * 4
IDENTITY = {
    "name": "吳伊芙",
    "name_latin": "NG EVE",
    "document_kind": "passport",
    "identity_number": "ma-123 456",
    "birth_date": "1980-02-29",
}


def submitted_case(applicant: Account | None = None) -> KycCase:
    case = kyc.open_case(applicant=applicant or cast.eve(), agency=cast.agency(), provider="desk")
    kyc.state_identity(case, IDENTITY)
    kyc.attach_document(case, kind="front", content=PNG)
    return kyc.submit(case)


def test_an_approved_case_makes_the_account_a_person() -> None:
    case = kyc.approve(case=submitted_case(), clerk=cast.ana())
    person = Person.objects.get(account=cast.eve())
    assert people.read_identity(person) == {**IDENTITY, "identity_number": "MA123456"}
    assert (case.person, person.assurance) == (person, "substantial")
    assert case.evidence == [{"method": "desk", "assurance": "substantial", "document": "passport", "images": 1}]


def test_nothing_stated_or_uploaded_outlives_the_decision() -> None:
    case = kyc.refuse(case=submitted_case(), clerk=cast.bo(), reason="The image is not sharp")
    case.refresh_from_db()
    assert kyc.read_stated_identity(case) is None
    document = KycDocument.objects.get(case=case)
    assert document.ciphertext is None
    with pytest.raises(UnreadableError):
        kyc.read_document(document)


def test_stated_values_and_images_are_ciphertext_until_then() -> None:
    case = submitted_case()
    case.refresh_from_db()
    document = case.documents.get()
    assert b"MA123456" not in bytes(case.stated_ciphertext or b"")
    assert b"pixels" not in bytes(document.ciphertext or b"")
    assert kyc.read_document(document) == PNG


def test_images_stay_for_the_configured_days_and_no_longer(settings: Settings) -> None:
    settings.KYC_DOCUMENT_DAYS = 30
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False) as clock:
        case = kyc.approve(case=submitted_case(), clerk=cast.ana())
        clock.shift(timedelta(days=29))
        assert kyc.purge_documents() == 0
        assert kyc.read_document(case.documents.get()) == PNG
        clock.shift(timedelta(days=1))
        purge_documents()
        assert case.documents.get().ciphertext is None
        assert kyc.purge_documents() == 0


def test_a_case_that_was_never_sent_goes_after_a_month() -> None:
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False) as clock:
        case = kyc.open_case(applicant=cast.eve(), agency=cast.agency(), provider="desk")
        kyc.attach_document(case, kind="front", content=PNG)
        clock.shift(timedelta(days=29))
        kyc.purge_documents()
        assert KycDocument.objects.count() == 1
        clock.shift(timedelta(days=1))
        kyc.purge_documents()
        assert not KycCase.objects.exists()
        assert not KycDocument.objects.exists()


def test_a_case_that_nobody_decides_is_refused_and_its_images_destroyed(settings: Settings) -> None:
    settings.KYC_UNDECIDED_DAYS, settings.KYC_DOCUMENT_DAYS = 90, 30
    Account.objects.filter(pk=cast.eve().pk).update(language="en")
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False) as clock:
        case = submitted_case()
        clock.shift(timedelta(days=89))
        assert kyc.purge_documents() == 0
        clock.shift(timedelta(days=1))
        assert kyc.purge_documents() == 1
        case.refresh_from_db()
        assert (case.state, case.decided_by, case.stated_ciphertext) == ("refused", None, None)
        assert case.reason.startswith("Nobody decided in time")
        assert case.documents.get().ciphertext is None
        assert kyc.purge_documents() == 0
    event = AuditEvent.objects.get(action="kyc.refused")
    assert (event.actor, event.subject) == ("system", f"kyc:{case.pk}")
    assert kyc.open_case(applicant=cast.eve(), agency=cast.agency(), provider="desk") != case


def test_a_clerk_who_was_faster_than_the_purge_has_decided(settings: Settings) -> None:
    case = submitted_case()
    overdue = KycCase.objects.get(pk=case.pk)
    kyc.approve(case=case, clerk=cast.ana())
    assert kyc._give_up(overdue) == 0
    case.refresh_from_db()
    assert case.state == "approved"


def test_an_undecided_case_keeps_its_images() -> None:
    case = submitted_case()
    assert kyc.purge_documents() == 0
    assert kyc.read_document(case.documents.get()) == PNG


def test_a_case_is_decided_once() -> None:
    case = kyc.approve(case=submitted_case(), clerk=cast.ana())
    with pytest.raises(CaseStateError):
        kyc.approve(case=case, clerk=cast.bo())
    with pytest.raises(CaseStateError):
        kyc.refuse(case=case, clerk=cast.bo(), reason="changed my mind")


@pytest.mark.django_db(transaction=True)
def test_of_clerks_racing_for_one_case_one_decides() -> None:
    case, clerks = submitted_case(), [cast.ana(), cast.bo()]

    def decide(number: int) -> bool:
        try:
            if number % 3:
                kyc.approve(case=case, clerk=clerks[number % 2])
            else:
                kyc.refuse(case=case, clerk=clerks[number % 2], reason="no")
        except ConflictError:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(decide, range(6))) == 1
    assert AuditEvent.objects.filter(subject=f"kyc:{case.pk}").count() == 1


def test_clerks_decide_for_their_own_agency_and_never_for_themselves() -> None:
    with pytest.raises(RoleMissingError):
        kyc.approve(case=submitted_case(), clerk=cast.dora())
    with pytest.raises(RoleMissingError):
        kyc.approve(case=kyc.undecided_case(cast.eve()) or KycCase(), clerk=cast.auditor())
    grant_role(account=cast.eve(), agency=cast.agency(), name=Role.Name.CHECKER)
    with pytest.raises(OwnCaseError):
        kyc.refuse(case=kyc.undecided_case(cast.eve()) or KycCase(), clerk=cast.eve(), reason="mine")


def test_a_disabled_clerk_decides_nothing() -> None:
    ana = cast.ana()
    ana.is_active = False
    ana.save()
    with pytest.raises(RoleMissingError):
        kyc.approve(case=submitted_case(), clerk=ana)


def test_a_document_of_another_account_is_refused_and_the_case_stays_open_to_refusal() -> None:
    cast.lei_person()
    case = kyc.open_case(applicant=cast.eve(), agency=cast.agency(), provider="desk")
    kyc.state_identity(
        case, {**IDENTITY, "document_kind": "resident_card", "identity_number": "12345678", "birth_date": "1990-03-31"}
    )
    kyc.attach_document(case, kind="front", content=JPEG)
    kyc.submit(case)
    with pytest.raises(PersonLinkedError):
        kyc.approve(case=case, clerk=cast.ana())
    assert kyc.refuse(case=case, clerk=cast.ana(), reason="belongs to someone else").state == "refused"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "", "name_latin": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name_latin": "A\u202eB"}, "name_latin"),
        ({"name": "\x00"}, "name"),
        ({"identity_number": "1"}, "identity_number"),
        ({"document_kind": "library_card"}, "identity_number"),
        ({"birth_date": "2999-01-01"}, "birth_date"),
        ({"birth_date": "31/12/1999"}, "birth_date"),
        ({"birth_date": ""}, "birth_date"),
    ],
)
def test_a_statement_is_refused_by_field(changes: dict[str, str], field: str) -> None:
    case = kyc.open_case(applicant=cast.eve(), agency=cast.agency(), provider="desk")
    with pytest.raises(InvalidInputError) as refusal:
        kyc.state_identity(case, {**IDENTITY, **changes})
    assert field in refusal.value.fields


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"PK\x03\x04", b" " + PNG]
)
def test_only_images_are_kept(content: bytes) -> None:
    case = kyc.open_case(applicant=cast.eve(), agency=cast.agency(), provider="desk")
    with pytest.raises(DocumentImageError) as refusal:
        kyc.attach_document(case, kind="front", content=content)
    assert "images" in refusal.value.fields


def test_size_and_number_of_images_are_bounded() -> None:
    case = kyc.open_case(applicant=cast.eve(), agency=cast.agency(), provider="desk")
    with pytest.raises(DocumentImageError):
        kyc.attach_document(case, kind="front", content=PNG.ljust(kyc.MAX_DOCUMENT_BYTES + 1, b"\0"))
    for _ in range(kyc.MAX_DOCUMENTS):
        kyc.attach_document(case, kind="front", content=JPEG)
    with pytest.raises(DocumentImageError):
        kyc.attach_document(case, kind="front", content=JPEG)


def test_an_incomplete_case_is_not_submitted() -> None:
    case = kyc.open_case(applicant=cast.eve(), agency=cast.agency(), provider="desk")
    with pytest.raises(CaseIncompleteError):
        kyc.submit(case)
    kyc.state_identity(case, IDENTITY)
    with pytest.raises(CaseIncompleteError):
        kyc.submit(case)


def test_one_case_at_a_time_and_none_changes_while_it_waits() -> None:
    case = submitted_case()
    with pytest.raises(CaseOpenError):
        kyc.open_case(applicant=cast.eve(), agency=cast.agency(), provider="desk")
    for change in (
        lambda: kyc.state_identity(case, IDENTITY),
        lambda: kyc.attach_document(case, kind="front", content=PNG),
        lambda: kyc.remove_documents(case),
        lambda: kyc.submit(case),
    ):
        with pytest.raises(CaseStateError):
            change()
    kyc.refuse(case=case, clerk=cast.ana(), reason="no")
    assert kyc.open_case(applicant=cast.eve(), agency=cast.agency(), provider="desk").pk != case.pk


def accept(**changes: Any) -> KycCase:
    return kyc.accept_provider(
        **{
            "applicant": cast.eve(),
            "agency": cast.agency(),
            "provider": "openid",
            "identity": IDENTITY,
            "evidence": {"acr": "high"},
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("acr", "assurance"),
    [("high", "high"), ("http://eidas.europa.eu/LoA/substantial", "substantial"), ("urn:example:loa:low", "low")],
)
def test_an_upstream_provider_decides_with_its_own_assurance(acr: str, assurance: str) -> None:
    case = accept(evidence={"acr": acr})
    assert (case.state, case.decided_by) == ("approved", None)
    assert case.person is not None
    assert case.person.assurance == assurance


@pytest.mark.parametrize("acr", ["", "0", "https://example.com/whatever", "highest"])
def test_an_upstream_identity_without_a_known_level_is_refused(acr: str) -> None:
    with pytest.raises(UpstreamIdentityError):
        accept(evidence={"acr": acr})
    assert not Person.objects.exists()


def test_a_clerks_case_cannot_be_decided_by_nobody_and_unknown_providers_are_not_found() -> None:
    with pytest.raises(CaseStateError):
        accept(provider="desk")
    with pytest.raises(NotFoundError):
        accept(provider="astrology")


def test_without_any_agency_nothing_can_be_recorded() -> None:
    with pytest.raises(CaseStateError):
        kyc.recording_agency()
    assert cast.agency() == kyc.recording_agency()


@pytest.mark.django_db(transaction=True)
def test_of_cases_opened_at_once_one_stays() -> None:
    eve, agency = cast.eve(), cast.agency()

    def begin(_: int) -> None:
        try:
            kyc.open_case(applicant=eve, agency=agency, provider="desk")
        except CaseOpenError:
            return
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(begin, range(12)))
    assert KycCase.objects.count() == 1

"""From draft to certificate: what is stored, what is signed, and who may do which part."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from typing import Any

import pytest

from anchoring.models import LogEntry
from credentials import applications, holdings, issuance
from credentials.errors import AgencyMismatchError, ApplicationStateError, OwnWorkError, WeidMissingError
from credentials.models import Application, Credential, IssuanceIntent
from protocol import sd_jwt_vc
from tests import cast

pytestmark = pytest.mark.django_db

SLUGS = ("birth-certificate", "proof-of-residence", "diploma", "professional-licence")


@pytest.mark.parametrize("slug", SLUGS)
def test_every_shipped_type_is_issued_with_the_claims_as_entered(slug: str) -> None:
    lei = cast.lei()
    credential = cast.issue_certificate(to=lei, slug=slug)
    revealed = holdings.reveal_all(holdings.read_sd_jwt(credential, lei.person))
    entered = cast.claims_for(slug)
    assert {name: revealed[name] for name in entered} == entered
    assert revealed["certificate_number"] == credential.number


def test_the_signed_payload_names_issuer_type_holder_and_status() -> None:
    lei = cast.lei()
    credential = cast.issue_certificate(to=lei)
    parsed = sd_jwt_vc.parse(holdings.read_sd_jwt(credential, lei.person))
    payload = parsed.payload
    assert payload["iss"] == "http://localhost:8000/issuers/identification"
    assert payload["vct"] == "http://localhost:8000/types/birth-certificate/1"
    assert payload["cnf"] == {"jwk": lei.device.public_jwk}
    assert payload["status"]["status_list"]["idx"] == credential.status_index
    assert payload["status"]["status_list"]["uri"].endswith(str(credential.status_list_id))
    assert parsed.header["kid"] == credential.signing_key.key_id
    assert parsed.header["x5c"] == credential.signing_key.x5c


def test_times_are_rounded_to_the_day() -> None:
    credential = cast.issue_certificate(to=cast.lei())
    assert credential.issued_at.astimezone(UTC).time().isoformat() == "00:00:00"
    assert credential.expires_at - credential.issued_at == timedelta(days=3650)


def test_no_claim_value_is_readable_in_what_was_signed_or_stored() -> None:
    lei = cast.lei()
    credential = cast.issue_certificate(to=lei)
    parsed = sd_jwt_vc.parse(holdings.read_sd_jwt(credential, lei.person))
    assert set(parsed.payload) == {"iss", "iat", "exp", "vct", "vct#integrity", "cnf", "status", "_sd", "_sd_alg"}
    assert b"Lei" not in bytes(credential.sd_jwt_ciphertext)


def test_the_number_of_digests_does_not_tell_which_optional_claims_are_there() -> None:
    lei = cast.lei()
    counts = set()
    changes: list[dict[str, Any]] = [{}, {"name_zh": None, "parents": None}]
    for change in changes:
        credential = cast.issue_certificate(to=lei, **change)
        parsed = sd_jwt_vc.parse(holdings.read_sd_jwt(credential, lei.person))
        counts.add(len(parsed.payload["_sd"]))
    assert len(counts) == 1


@pytest.mark.parametrize(("born", "is_over"), [("2000-01-02", True), (None, False)])
def test_age_over_18_is_worked_out_at_issue(born: str | None, is_over: bool) -> None:
    from credentials.derivation import derive_claims

    today = date(2018, 1, 2)
    claims = {"birth_date": born or "2000-01-03"}
    specs = [{"path": ["age_over_18"], "derived": "age_over_18"}]
    assert derive_claims(specs, claims, today=today, number="N")["age_over_18"] is is_over


def test_issuing_twice_returns_the_same_credential() -> None:
    application = cast.approve_application(to=cast.lei())
    first = issuance.issue(application=application)
    assert issuance.issue(application=application) == first
    assert (Credential.objects.count(), IssuanceIntent.objects.count()) == (1, 1)


def test_credential_and_leaf_appear_together() -> None:
    credential = cast.issue_certificate(to=cast.lei())
    entry = LogEntry.objects.get(record_id=f"credential:{credential.pk}")
    assert bytes(entry.digest) == bytes(credential.digest)
    assert Application.objects.get().state == Application.State.ISSUED


def test_an_unapproved_application_is_not_issued() -> None:
    with pytest.raises(ApplicationStateError):
        issuance.issue(application=cast.draft_application(to=cast.lei()))
    assert not IssuanceIntent.objects.exists()


def test_the_sweeper_issues_what_was_approved_and_nothing_else() -> None:
    lei = cast.lei()
    cast.draft_application(to=lei)
    approved = cast.approve_application(to=lei)
    assert issuance.resume_issuance() == 1
    assert Credential.objects.get().application == approved
    assert issuance.resume_issuance() == 0


def test_a_person_without_weid_cannot_be_submitted_for() -> None:
    kind = cast.credential_type()
    application = applications.draft(
        agency=kind.agency,
        maker=cast.ana(),
        person=cast.lei_person(),
        credential_type=kind,
        claims=cast.claims_for(),
    )
    with pytest.raises(WeidMissingError):
        applications.submit(application=application, maker=cast.ana())


def test_the_maker_cannot_approve_their_own_work() -> None:
    application = cast.draft_application(to=cast.lei())
    applications.submit(application=application, maker=cast.ana())
    with pytest.raises(OwnWorkError):
        applications.approve(application=application, checker=cast.ana())


def test_a_clerk_elsewhere_can_neither_draft_nor_approve() -> None:
    lei = cast.lei()
    kind = cast.credential_type()
    with pytest.raises(AgencyMismatchError):
        applications.start(agency=kind.agency, maker=cast.dora(), person=lei.person, credential_type=kind)
    application = cast.draft_application(to=lei)
    applications.submit(application=application, maker=cast.ana())
    with pytest.raises(AgencyMismatchError):
        applications.approve(application=application, checker=cast.dora())

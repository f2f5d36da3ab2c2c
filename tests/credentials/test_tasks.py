"""Tasks, the sweeper and the doorbell: harmless twice, for nothing, and when something is down."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection
from typing import Any

import pytest
from celery import Celery
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from kombu.exceptions import OperationalError
from pytest_django import Settings

from credentials import applications, holdings, issuance, tasks
from credentials.duties import application_duties
from credentials.issuer_keys import candidate_keys
from credentials.models import Application, Credential, IssuanceIntent
from credentials.sources import DatabaseSources
from identity import keystore, weid
from identity.models import SigningKey
from protocol import sd_jwt_vc
from tests import cast
from tests.simulators.device import Device

pytestmark = pytest.mark.django_db


def test_the_task_issues_once_however_often_it_comes(lei: cast.Citizen) -> None:
    application = cast.approve_application(to=lei)
    for _ in range(2):
        tasks.issue(str(application.pk))
        tasks.resume_issuance()
    assert Credential.objects.get().application == application


@pytest.mark.parametrize("name", ["", "x", "00000000-0000-4000-8000-000000000000"])
def test_the_task_shrugs_at_what_is_no_application(name: str) -> None:
    tasks.issue(name)
    assert not IssuanceIntent.objects.exists()


def test_a_forged_task_issues_nothing_that_was_not_approved(lei: cast.Citizen) -> None:
    tasks.issue(str(cast.draft_application(to=lei).pk))
    assert not Credential.objects.exists()


def test_one_application_that_cannot_be_issued_does_not_hold_up_the_next(lei: cast.Citizen) -> None:
    stuck = cast.approve_application(to=lei, slug="diploma")
    cast.approve_application(to=lei)
    keystore.disable(signing_key=SigningKey.objects.get(agency=stuck.agency, purpose=SigningKey.Purpose.CREDENTIAL))
    assert tasks.resume_issuance() == 1
    stuck.refresh_from_db()
    assert stuck.state == Application.State.APPROVED


def test_a_citizen_who_lost_every_device_gets_it_once_there_is_a_new_one(lei: cast.Citizen) -> None:
    cast.approve_application(to=lei)
    fragment = weid.device_keys(lei.weid)[0].fragment
    weid.revoke_device(weid=lei.weid, person=lei.person, fragment=fragment)
    assert tasks.resume_issuance() == 0
    phone = Device()
    proof = phone.prove(weid.registration_nonce(lei.account))
    weid.register_device(person=lei.person, public_jwk=phone.public_jwk, proof=proof)
    assert tasks.resume_issuance() == 1
    payload = sd_jwt_vc.parse(holdings.read_sd_jwt(Credential.objects.get(), lei.person)).payload
    assert payload["cnf"]["jwk"] == phone.public_jwk


def test_a_key_rotated_after_the_intent_is_replaced_before_signing(lei: cast.Citizen) -> None:
    application = cast.approve_application(to=lei)
    intent = issuance._commit_intent(application)
    keystore.rotate(purpose=SigningKey.Purpose.CREDENTIAL, agency=application.agency)
    credential = issuance.issue(application=application)
    assert credential.pk == intent.credential_id
    assert credential.signing_key_id != intent.signing_key_id
    assert credential.signing_key.state == SigningKey.State.ACTIVE


def test_an_intent_follows_the_citizen_to_a_new_weid(lei: cast.Citizen) -> None:
    application = cast.approve_application(to=lei)
    intent = issuance._commit_intent(application)
    weid.deactivate(weid=lei.weid)
    phone = Device()
    proof = phone.prove(weid.registration_nonce(lei.account))
    current = weid.register(person=lei.person, public_jwk=phone.public_jwk, proof=proof)
    credential = issuance.issue(application=application)
    assert (credential.pk, credential.weid) == (intent.credential_id, current)


def test_a_broker_that_is_down_does_not_undo_the_approval(
    lei: cast.Citizen, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError

    monkeypatch.setattr(Celery, "send_task", fail)
    with django_capture_on_commit_callbacks(execute=True):
        application = cast.approve_application(to=lei)
    assert application.state == Application.State.APPROVED


def test_the_task_list_counts_what_each_role_may_act_on(lei: cast.Citizen) -> None:
    cast.draft_application(to=lei)
    submitted = cast.draft_application(to=lei)
    applications.submit(application=submitted, maker=cast.ana())

    def counts(account: Any, *roles: str) -> list[int]:
        office = cast.agency()
        return [duty.count for duty in application_duties(account=account, agency=office, role_names=frozenset(roles))]

    assert counts(cast.bo(), "checker") == [1]
    assert counts(cast.ana(), "maker") == [1, 0]
    assert counts(cast.ana(), "checker") == [0]
    assert counts(cast.auditor(), "auditor") == []


def test_a_token_without_key_id_is_checked_with_the_key_of_its_certificate(lei: cast.Citizen) -> None:
    key = cast.issue_certificate(to=lei).signing_key
    public_key = x509.load_der_x509_certificate(b64decode(key.x5c[0])).public_key()
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    assert candidate_keys({"x5c": key.x5c}, {key.key_id: key.public_jwk}) == [public_key]
    assert candidate_keys({"x5c": key.x5c}, {"other": Device().public_jwk}) == []
    assert candidate_keys({"x5c": ["AAAA"]}, {key.key_id: key.public_jwk}) == []


def answer_terms(terms_digests: Collection[str]) -> dict[str, dict[str, Any]]:
    fact = {"state": "active", "claims": [["sex"], ["parents", None]], "organisation": "daiwan", "expires_at": "2030"}
    return {digest: {**fact, "keep_until": "2031"} for digest in terms_digests if digest == "known"}


def test_the_source_of_authorizations_is_named_in_the_settings(settings: Settings) -> None:
    settings.AUTHORIZATION_SOURCE = f"{__name__}.answer_terms"
    fact = DatabaseSources().find_authorization("known")
    assert fact is not None
    assert (fact.state, fact.claims, fact.organisation) == ("active", (("sex",), ("parents", None)), "daiwan")
    assert DatabaseSources().find_authorization("unknown") is None


def test_every_machine_route_is_in_the_published_document() -> None:
    document = Client().get("/api/openapi.json").json()
    described = document["paths"]
    assert {"200", "400", "401", "413", "415", "429"} <= set(described["/api/v1/verify"]["post"]["responses"])
    assert {"/api/v1/trust-bundle", "/status/{list_id}", "/types/{slug}/{version}"} <= set(described)
    assert "/.well-known/jwt-vc-issuer/issuers/{slug}" in described

"""Which events are told to whom, in which words, and that an event that did not happen is told to nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from anchoring import attestation, sequencer
from anchoring.models import Checkpoint
from authorization import consent, webhooks
from authorization.models import Authorization, PresentationRequest, WebhookDelivery, WebhookEndpoint
from authorization.webhooks import endpoints
from authorization.webhooks.catalogue import KINDS, subscribable
from credentials import bulk, revocation
from credentials.models import Credential
from identity.models import Agency, Organisation
from identity.organisations import approve_organisation, register_organisation
from tests import cast
from tests.authorization.webhooks.receiving import ACTOR

pytestmark = pytest.mark.django_db

AGENCY_EVENTS = subscribable("agency")
BANK_EVENTS = subscribable("organisation")


def endpoint_of(owner: Agency | Organisation, *events: str) -> WebhookEndpoint:
    chosen = events or subscribable(endpoints.audience_of(owner))
    return endpoints.add(owner=owner, url="https://receiver.example/hooks", events=chosen, actor=ACTOR)[0]


def told(endpoint: WebhookEndpoint) -> list[tuple[str, dict[str, Any]]]:
    """Return (type, data) of everything written for *endpoint*, in order."""
    payloads = [json.loads(row.payload) for row in endpoint.deliveries.order_by("created_at")]
    return [(payload["type"], payload["data"]) for payload in payloads]


def rival() -> Organisation:
    organisation = register_organisation(slug="rival", name={"en": "Rival"})
    approve_organisation(organisation=organisation)
    return organisation


def test_an_agency_is_told_of_what_it_issued_and_of_every_change(lei: cast.Citizen) -> None:
    hook = endpoint_of(cast.agency())
    elsewhere = endpoint_of(cast.agency("education"))
    certificate = cast.issue_certificate(to=lei)
    for change, reason in (
        (revocation.suspend, "investigation"),
        (revocation.reinstate, "resolved"),
        (revocation.revoke, "data_error"),
    ):
        change(credential=certificate, actor=cast.bo(), reason=reason)
    (_, issued), *changes = told(hook)
    assert issued == {
        "credential": str(certificate.pk),
        "application": str(certificate.application_id),
        "type": "birth-certificate",
        "state": "valid",
        "issued_at": issued["issued_at"],
        "expires_at": issued["expires_at"],
    }
    assert issued["issued_at"].endswith("Z")
    assert [(name, data["state"]) for name, data in changes] == [
        ("credential.suspended", "suspended"),
        ("credential.reinstated", "valid"),
        ("credential.revoked", "revoked"),
    ]
    assert all(data["credential"] == str(certificate.pk) for _, data in changes)
    assert told(elsewhere) == []


def test_every_certificate_of_a_batch_is_told_of(lei: cast.Citizen) -> None:
    kind = cast.credential_type()
    hook = endpoint_of(cast.agency())
    entries = [bulk.Entry(lei.person, cast.claims_for()) for _ in range(5)]
    bulk.issue_many(credential_type=kind, maker=cast.ana(), checker=cast.bo(), entries=entries)
    assert {data["credential"] for _, data in told(hook)} == {
        str(pk) for pk in Credential.objects.values_list("pk", flat=True)
    }
    assert WebhookDelivery.objects.count() == 5


def test_an_organisation_is_told_of_consent_and_withdrawal(lei: cast.Citizen, asked: PresentationRequest) -> None:
    hook, other = endpoint_of(cast.bank()), endpoint_of(rival())
    authorization = cast.share(lei, asked)
    consent.withdraw(authorization=authorization, person=lei.person)
    consent.withdraw(authorization=authorization, person=lei.person)
    ids = {"authorization": str(authorization.pk), "request": str(asked.pk)}
    (granted, grant), (withdrawn, withdrawal) = told(hook)
    assert (granted, grant) == ("authorization.granted", {**ids, "state": "active", "expires_at": grant["expires_at"]})
    assert (withdrawn, withdrawal["state"]) == ("authorization.withdrawn", "withdrawn")
    assert told(other) == []


def test_an_agency_is_never_told_where_its_certificates_are_shown(
    lei: cast.Citizen, asked: PresentationRequest
) -> None:
    hook = endpoint_of(cast.agency())
    cast.share(lei, asked)
    assert told(hook) == []
    assert not {"authorization.granted", "authorization.withdrawn", "presentation.verified"} & set(AGENCY_EVENTS)


def test_whoever_was_shown_a_certificate_is_told_under_its_own_ids_that_it_was_revoked(
    lei: cast.Citizen, certificate: Credential, asked: PresentationRequest
) -> None:
    hook, other = endpoint_of(cast.bank()), endpoint_of(rival())
    authorization = cast.share(lei, asked)
    revocation.revoke(credential=certificate, actor=cast.bo(), reason="data_error")
    assert told(hook)[1:] == [
        (
            "credential.revoked",
            {"authorization": str(authorization.pk), "request": str(asked.pk), "state": "revoked"},
        )
    ]
    assert told(other) == []


@pytest.mark.parametrize("ending", ["withdrawn", "expired"])
def test_once_the_consent_has_ended_the_organisation_learns_nothing_more(
    lei: cast.Citizen, certificate: Credential, asked: PresentationRequest, ending: str
) -> None:
    authorization = cast.share(lei, asked)
    if ending == "withdrawn":
        consent.withdraw(authorization=authorization, person=lei.person)
    else:
        Authorization.objects.update(expires_at=authorization.granted_at)
    hook = endpoint_of(cast.bank())
    revocation.revoke(credential=certificate, actor=cast.bo(), reason="data_error")
    assert told(hook) == []


def test_whoever_subscribes_is_told_that_a_ledger_confirmed_a_checkpoint(certificate: Credential) -> None:
    hooks = [endpoint_of(cast.bank(), "anchor.final"), endpoint_of(cast.agency(), "anchor.final")]
    endpoint_of(rival(), "authorization.granted")
    sequencer.sequence()
    sequencer.sign_checkpoint()
    for ledger_id in attestation.due_ledgers():
        attestation.attest(ledger_id=ledger_id)
    head = Checkpoint.objects.get()
    for hook in hooks:
        ((name, data),) = told(hook)
        assert (name, data["ledger"], data["origin"], data["size"]) == (
            "anchor.final",
            "embedded",
            head.origin,
            head.size,
        )
    assert WebhookDelivery.objects.count() == 2


def test_a_wallets_answer_is_told_of_by_whoever_checked_it(asked: PresentationRequest) -> None:
    hook = endpoint_of(cast.bank())
    facts: dict[str, webhooks.Fact] = {"request": asked.pk, "verdict": "valid", "verified_at": asked.created_at}
    webhooks.emit(webhooks.Event("presentation.verified", facts, organisation_id=asked.organisation_id))
    assert [name for name, _ in told(hook)] == ["presentation.verified"]


def test_only_what_is_subscribed_to_is_told(lei: cast.Citizen, asked: PresentationRequest) -> None:
    hook = endpoint_of(cast.bank(), "authorization.withdrawn")
    cast.share(lei, asked)
    assert told(hook) == []


def test_what_is_rolled_back_is_told_to_nobody(lei: cast.Citizen, certificate: Credential) -> None:
    hook = endpoint_of(cast.agency())
    with transaction.atomic():
        revocation.revoke(credential=certificate, actor=cast.bo(), reason="data_error")
        transaction.set_rollback(True)
    assert told(hook) == []


def test_a_disabled_endpoint_is_told_nothing(lei: cast.Citizen) -> None:
    hook = endpoint_of(cast.agency())
    endpoints.disable(endpoint=hook, actor=ACTOR)
    cast.issue_certificate(to=lei)
    assert told(hook) == []


def test_no_value_and_no_name_leaves_with_an_event(lei: cast.Citizen, asked: PresentationRequest) -> None:
    endpoint_of(cast.bank()), endpoint_of(cast.agency())
    authorization = cast.share(lei, asked)
    certificate = cast.issue_certificate(to=lei, slug="proof-of-residence")
    revocation.revoke(credential=authorization.credential, actor=cast.bo(), reason="data_error")
    consent.withdraw(authorization=authorization, person=lei.person)
    sent = " ".join(WebhookDelivery.objects.values_list("payload", flat=True))
    assert len(sent) > 500
    assert [word for word in ("李嘉敏", "Lei", "1990", lei.weid.did, certificate.number, "did:") if word in sent] == []


def test_facts_that_the_catalogue_does_not_know_are_a_fault_of_ours() -> None:
    endpoint_of(cast.agency())
    facts: dict[str, webhooks.Fact] = {"credential": "x", "name": "Lei"}
    with pytest.raises(ValueError, match="has the members"):
        webhooks.emit(webhooks.Event("credential.revoked", facts, agency_id=cast.agency().pk))


def test_an_event_that_nobody_subscribes_to_costs_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    event = webhooks.Event("credential.issued", {}, agency_id=1)
    with django_assert_num_queries(1):
        webhooks.emit(*[event] * 1000)


def test_every_type_of_event_is_offered_to_someone() -> None:
    assert set(AGENCY_EVENTS) | set(BANK_EVENTS) == set(KINDS) - {"webhook.test"}

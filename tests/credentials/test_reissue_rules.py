"""What holds whenever a certificate is issued again for another device, also when something comes between the steps."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from authorization import consent
from authorization.models import AuditEvent
from credentials import fsck, holdings, issuance, reissue, revocation
from credentials.errors import ApplicationStateError, NotRestorableError, StatusTransitionError
from credentials.models import Application, Credential
from identity import keystore
from identity.models import SigningKey
from protocol import sd_jwt_vc
from tests import cast

pytestmark = pytest.mark.django_db

State = Credential.State


@pytest.fixture
def old(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


@pytest.fixture
def later(lei: cast.Citizen, old: Credential) -> cast.Citizen:
    """Lei with another phone, whose certificate is bound to the first."""
    return cast.change_device(lei)


def restore(credential: Credential, citizen: cast.Citizen) -> Credential:
    return reissue.restore(credential=credential, weid=citizen.weid, person=citizen.person)


def restorable(citizen: cast.Citizen) -> list[Credential]:
    return reissue.restorable(weid=citizen.weid, person=citizen.person)


def renew_key(credential: Credential) -> None:
    keystore.rotate(purpose=SigningKey.Purpose.CREDENTIAL, agency=credential.agency)


def test_nothing_by_which_the_two_could_be_linked_is_used_again(old: Credential, later: cast.Citizen) -> None:
    new = restore(old, later)
    assert (new.status_list_id, new.status_index) != (old.status_list_id, old.status_index)
    parsed = [sd_jwt_vc.parse(holdings.read_sd_jwt(one, later.person)) for one in (old, new)]
    assert parsed[0].disclosures
    assert set(parsed[0].disclosures).isdisjoint(parsed[1].disclosures)
    assert set(parsed[0].payload["_sd"]).isdisjoint(parsed[1].payload["_sd"])


def test_the_approval_is_the_one_of_the_original(old: Credential, later: cast.Citizen) -> None:
    new = restore(old, later)
    assert old.application is not None
    assert new.application is not None
    for name in ("maker", "checker", "submitted_at", "decided_at", "agency", "person", "credential_type"):
        assert getattr(new.application, name) == getattr(old.application, name), name


def test_the_trail_names_the_weid_and_never_the_account(old: Credential, later: cast.Citizen) -> None:
    restore(old, later)
    events = AuditEvent.objects.filter(weid=later.weid).order_by("sequence")
    assert [(event.actor, event.action) for event in events] == [
        ("system", "credential.issued"),
        (f"weid:{later.weid.did}", "credential.restore_asked"),
        ("system", "credential.revoked"),
        ("system", "credential.issued"),
    ]


@pytest.mark.parametrize("days", [1, 3000, 3649])
def test_it_never_lasts_longer_than_the_original(old: Credential, later: cast.Citizen, days: int) -> None:
    ends_at = old.expires_at - timedelta(days=days)
    Credential.objects.filter(pk=old.pk).update(expires_at=ends_at)
    new = restore(old, later)
    payload = sd_jwt_vc.parse(holdings.read_sd_jwt(new, later.person)).payload
    assert (new.expires_at, payload["exp"]) == (ends_at, int(ends_at.timestamp()))


def test_every_loss_of_a_phone_is_followed_by_its_own_restoring(old: Credential, later: cast.Citizen) -> None:
    second = restore(old, later)
    latest = cast.change_device(later)
    assert restorable(latest) == [second]
    third = restore(second, latest)
    assert Credential.objects.get(state=State.VALID) == third
    assert Credential.objects.filter(state=State.REVOKED).count() == 2
    assert third.expires_at == old.expires_at
    assert fsck.check() == []


def test_what_is_shared_next_comes_from_the_new_certificate(lei: cast.Citizen, old: Credential) -> None:
    shared = cast.share(lei, cast.ask())
    later = cast.change_device(lei)
    new = restore(old, later)
    asked = cast.ask(shared.request.template)
    opened = consent.open_request(request=asked, weid=later.weid)
    offers = consent.prepare(request=opened, person=later.person, weid=later.weid).credentials
    assert [(offer.credential, offer.is_bound_to_device) for offer in offers] == [(new, True)]
    assert (cast.share(later, asked).credential, shared.credential) == (new, old)


def test_the_database_itself_replaces_a_certificate_once(old: Credential, later: cast.Citizen) -> None:
    made = reissue._replace(old)
    made.pk = old.pk
    with pytest.raises(IntegrityError), transaction.atomic():
        made.save(force_insert=True)


def test_one_that_cannot_be_restored_holds_up_none(lei: cast.Citizen) -> None:
    stuck = cast.issue_certificate(to=lei, slug="diploma")
    others = [cast.issue_certificate(to=lei), cast.issue_certificate(to=lei, slug="proof-of-residence")]
    later = cast.change_device(lei)
    keystore.disable(signing_key=SigningKey.objects.get(agency=stuck.agency, purpose=SigningKey.Purpose.CREDENTIAL))
    restored = reissue.restore_all(weid=later.weid, person=later.person)
    assert {one.application.replaces for one in restored if one.application} == set(others)
    assert restorable(later) == [stuck]
    keystore.create_key(purpose=SigningKey.Purpose.CREDENTIAL, agency=stuck.agency)
    assert issuance.resume_issuance() == 1
    assert restorable(later) == []


@pytest.mark.parametrize("has_intent", [False, True])
def test_a_suspension_in_between_holds_it_up_until_it_is_lifted(
    old: Credential, later: cast.Citizen, has_intent: bool
) -> None:
    application = reissue._replace(old)
    if has_intent:
        issuance._commit_intent(application)
    revocation.suspend(credential=old, actor=cast.bo(), reason="investigation")
    with pytest.raises(NotRestorableError):
        issuance.issue(application=application)
    assert issuance.resume_issuance() == 0
    revocation.reinstate(credential=old, actor=cast.bo(), reason="resolved")
    assert issuance.resume_issuance() == 1
    assert fsck.check() == []


@pytest.mark.parametrize(("act", "reason"), [(revocation.suspend, "investigation"), (revocation.revoke, "data_error")])
def test_what_a_clerk_took_away_after_the_signature_never_comes_back(
    old: Credential, later: cast.Citizen, act: object, reason: str
) -> None:
    assert callable(act)
    intent = issuance._commit_intent(reissue._replace(old))
    signed = issuance._sign(intent)
    act(credential=old, actor=cast.bo(), reason=reason)
    # The first time the certificate has changed, the second time the sweeper may have given the application up.
    for _ in range(2):
        with pytest.raises((StatusTransitionError, ApplicationStateError)):
            issuance._store(intent, signed)
        assert issuance.resume_issuance() == 0
    assert Credential.objects.count() == 1
    assert fsck.check() == []


def test_what_ends_in_between_is_given_up(old: Credential, later: cast.Citizen) -> None:
    application = reissue._replace(old)
    Credential.objects.filter(pk=old.pk).update(expires_at=timezone.now())
    assert issuance.resume_issuance() == 0
    application.refresh_from_db()
    assert application.state == Application.State.CANCELLED
    assert Credential.objects.count() == 1


def test_what_another_worker_has_just_replaced_is_no_void_replacement(old: Credential, later: cast.Citizen) -> None:
    application = reissue._replace(old)
    issuance.issue(application=application)
    issuance.refuse_void_replacement(Application.objects.get(pk=application.pk))
    application.refresh_from_db()
    assert application.state == Application.State.ISSUED


def test_an_intent_stays_as_it_was_when_its_credential_was_stored(old: Credential) -> None:
    assert old.application is not None
    renew_key(old)
    assert issuance._commit_intent(old.application).signing_key_id == old.signing_key_id
    assert fsck.check() == []


def test_a_signature_made_before_the_intent_changed_is_thrown_away(lei: cast.Citizen) -> None:
    application = cast.approve_application(to=lei)
    slow = issuance._commit_intent(application)
    signed = issuance._sign(slow)
    keystore.rotate(purpose=SigningKey.Purpose.CREDENTIAL, agency=application.agency)
    issuance._commit_intent(application)
    with pytest.raises(ApplicationStateError):
        issuance._store(slow, signed)
    assert issuance.resume_issuance() == 1
    assert fsck.check() == []


def test_a_replacement_that_lasts_longer_is_found_by_fsck(old: Credential, later: cast.Citizen) -> None:
    new = restore(old, later)
    Credential.objects.filter(pk=new.pk).update(expires_at=new.expires_at + timedelta(days=1))
    assert [finding.code for finding in fsck.check()] == ["replacement_outlives_original"]

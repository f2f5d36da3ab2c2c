"""Status changes: which are allowed, by whom, with which reason, and what each leaves behind."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from anchoring.models import LogEntry
from credentials import applications, fsck, revocation, status
from credentials.errors import AgencyMismatchError, ReasonUnfitError, StatusTransitionError
from credentials.models import Application, Credential, StatusChange, StatusList
from identity.models import Account
from tests import cast

pytestmark = pytest.mark.django_db

State = Credential.State


@pytest.fixture
def credential(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


def bits(credential: Credential) -> int:
    return status.bit_of(status_list_id=credential.status_list_id, index=credential.status_index)


def change(credential: Credential, to_state: State, reason: str = "", actor: Account | None = None) -> StatusChange:
    return revocation.change_status(
        credential=credential,
        actor=actor or cast.bo(),
        reason=reason or revocation.REASONS[to_state][0],
        to_state=to_state,
    )


def test_row_bits_version_leaf_and_record_change_together(credential: Credential) -> None:
    before = StatusList.objects.get(pk=credential.status_list_id).version
    made = change(credential, State.SUSPENDED)
    credential.refresh_from_db()
    assert (credential.state, bits(credential)) == (State.SUSPENDED, 2)
    assert StatusList.objects.get(pk=credential.status_list_id).version == before + 1
    assert bytes(LogEntry.objects.get(record_id=f"status:{made.pk}").digest) == revocation.leaf_digest(made)
    assert fsck.check() == []


def test_a_revocation_is_final(credential: Credential) -> None:
    change(credential, State.REVOKED)
    for state in (State.VALID, State.SUSPENDED, State.REVOKED):
        with pytest.raises(StatusTransitionError):
            change(credential, state)
    assert bits(credential) == 1


def test_a_suspension_can_be_lifted_and_repeated(credential: Credential) -> None:
    for _ in range(2):
        change(credential, State.SUSPENDED)
        change(credential, State.VALID)
    assert bits(credential) == 0
    assert credential.status_changes.count() == 4


@pytest.mark.parametrize(
    ("state", "reason"),
    [(State.REVOKED, "resolved"), (State.SUSPENDED, "data_error"), (State.REVOKED, "nonsense"), (State.REVOKED, " ")],
)
def test_a_reason_must_fit_the_change(credential: Credential, state: State, reason: str) -> None:
    with pytest.raises(ReasonUnfitError):
        change(credential, state, reason)
    assert not StatusChange.objects.exists()


@pytest.mark.parametrize("persona", ["ana", "dora", "auditor", "eve", "chan"])
def test_only_a_checker_or_administrator_of_the_agency_may(credential: Credential, persona: str) -> None:
    with pytest.raises(AgencyMismatchError):
        change(credential, State.REVOKED, actor=getattr(cast, persona)())
    assert bits(credential) == 0


def test_an_administrator_may(credential: Credential) -> None:
    assert change(credential, State.REVOKED, actor=cast.administrator()).to_state == State.REVOKED


def test_equal_changes_have_unequal_leaves(credential: Credential) -> None:
    change(credential, State.SUSPENDED)
    change(credential, State.VALID)
    change(credential, State.SUSPENDED)
    assert len({revocation.leaf_digest(row) for row in StatusChange.objects.all()}) == 3


def test_the_database_itself_refuses_a_checker_who_is_the_maker(lei: cast.Citizen) -> None:
    application = cast.draft_application(to=lei)
    with pytest.raises(IntegrityError, match="checker_is_not_maker"), transaction.atomic():
        Application.objects.filter(pk=application.pk).update(checker=application.maker)


def test_every_act_is_in_the_audit_trail_without_values(lei: cast.Citizen) -> None:
    from authorization.models import AuditEvent

    credential = cast.issue_certificate(to=lei)
    change(credential, State.REVOKED)
    application = cast.draft_application(to=lei)
    applications.cancel(application=application, maker=cast.ana())
    events = list(AuditEvent.objects.filter(action__regex="^(application|credential)").order_by("sequence"))
    assert [event.action for event in events] == [
        "application.submitted",
        "application.approved",
        "credential.issued",
        "credential.revoked",
        "application.cancelled",
    ]
    assert {event.weid_id for event in events if event.action.startswith("credential")} == {lei.weid.pk}
    assert "Lei" not in "".join(str(event.details) for event in events)


def add_leaf(record_id: str, kind: str) -> None:
    LogEntry.objects.create(record_id=record_id, kind=kind, digest=bytes(32))


def test_leaves_that_outlived_their_records_are_for_the_log_to_note(credential: Credential) -> None:
    add_leaf("recovered:7", "credential")
    add_leaf("recovered:8", "status")
    assert fsck.check() == []


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda one: LogEntry.objects.filter(record_id=f"credential:{one.pk}").delete(), "credential_without_leaf"),
        (
            lambda one: LogEntry.objects.filter(record_id=f"credential:{one.pk}").update(digest=b"\1" * 32),
            "credential_leaf_differs",
        ),
        (
            lambda one: status.set_statuses([(one.status_list_id, one.status_index)], status=1),
            "status_bit_unaccounted",
        ),
        (lambda one: Credential.objects.filter(pk=one.pk).update(state="revoked"), "status_bit_differs"),
        (lambda one: Credential.objects.filter(pk=one.pk).update(number="X"), "credential_differs_from_intent"),
        (lambda one: Application.objects.update(replaces=one), "replaced_credential_not_revoked"),
        (lambda _: Application.objects.update(state="approved"), "credential_before_application"),
        (lambda _: add_leaf(f"credential:{uuid4()}", "credential"), "leaf_without_credential"),
        (lambda _: add_leaf("credential:7", "credential"), "leaf_without_credential"),
        (lambda _: add_leaf("status:999999", "status"), "leaf_without_status_change"),
        (lambda _: add_leaf(f"status:{'9' * 40}", "status"), "leaf_without_status_change"),
    ],
)
def test_fsck_finds_what_was_changed_behind_the_verbs(credential: Credential, damage: object, code: str) -> None:
    assert fsck.check() == []
    assert callable(damage)
    damage(credential)
    assert code in {finding.code for finding in fsck.check()}


def test_indices_are_random_and_unique_and_a_full_list_is_followed_by_another(settings: Settings) -> None:
    from credentials.models import IssuanceIntent

    settings.STATUS_LIST_SIZE = 40
    office = cast.agency()
    drawn = status.draw_indices(office, count=50)
    lists = [row.pk for row, _ in drawn]
    assert len(set(lists)) == 2
    assert [lists.count(pk) for pk in dict.fromkeys(lists)] == [32, 18]
    first = [index for row, index in drawn if row.pk == lists[0]]
    assert len(set(first)) == 32
    assert first != sorted(first)
    assert not IssuanceIntent.objects.exists()


def test_a_status_list_hides_each_among_a_hundred_thousand(credential: Credential) -> None:
    assert StatusList.objects.get().size >= 100_000

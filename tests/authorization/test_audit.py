"""The audit trail: any change or gap is found, also by those who can write to the database."""

from __future__ import annotations

from typing import Any

import pytest

from anchoring.models import LogEntry
from authorization import audit, fsck
from authorization.models import AuditEvent, AuditHead, Authorization, PresentationRequest, Transfer
from authorization.tasks import anchor_audit_head, purge_envelopes
from identity.weid import person_of
from tests import cast

pytestmark = pytest.mark.django_db


def record_some(count: int = 5) -> None:
    for number in range(count):
        audit.record(actor="system", action="test", subject=f"thing:{number}", details={"number": number})


def codes() -> set[str]:
    return {finding.code for finding in audit.check_chain()}


def test_an_untouched_chain_is_whole() -> None:
    assert audit.anchor_head() is None
    record_some()
    assert codes() == set()
    assert list(AuditEvent.objects.values_list("sequence", flat=True)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "account:1"},
        {"action": "other"},
        {"subject": "thing:9"},
        {"outcome": "refused"},
        {"details": {"number": 9}},
        {"details": {}},
        {"at": "2026-01-01T00:00:00Z"},
        {"previous_hash": "0" * 64},
        {"hash": "0" * 64},
    ],
    ids=str,
)
@pytest.mark.parametrize("sequence", [1, 3, 5])
def test_any_change_is_found(change: dict[str, Any], sequence: int) -> None:
    record_some()
    AuditEvent.objects.filter(sequence=sequence).update(**change)
    if change == {"previous_hash": "0" * 64} and sequence == 1:
        assert codes() == set()  # the very value it had
    else:
        assert codes()


@pytest.mark.parametrize(("sequence", "code"), [(1, "audit_gap"), (3, "audit_gap"), (5, "audit_cut_short")])
def test_any_deletion_is_found(sequence: int, code: str) -> None:
    record_some()
    AuditEvent.objects.filter(sequence=sequence).delete()
    assert code in codes()


def test_a_gap_closed_by_renumbering_is_found() -> None:
    record_some()
    AuditEvent.objects.filter(sequence=3).delete()
    # One by one and in order: the constraint is checked row by row.
    for event in AuditEvent.objects.filter(sequence__gt=3).order_by("sequence"):
        AuditEvent.objects.filter(pk=event.pk).update(sequence=event.sequence - 1)
    assert "audit_changed" in codes()


def test_a_chain_rewritten_from_its_beginning_contradicts_the_log() -> None:
    record_some()
    anchor_audit_head()
    anchor_audit_head()
    assert LogEntry.objects.filter(kind="audit").count() == 1
    AuditEvent.objects.all().delete()
    AuditHead.objects.all().delete()
    record_some(4)
    assert codes() == {"audit_contradicts_log"}
    record_some(1)
    AuditEvent.objects.filter(sequence=5).delete()
    assert "audit_contradicts_log" in codes()


def test_opening_the_link_to_a_person_shows_in_the_citizens_timeline() -> None:
    lei = cast.lei()
    person_of(lei.weid, actor="account:7", reason="court order")
    event = audit.timeline(lei.weid).get(action="weid.open_link")
    assert (event.actor, event.details) == ("account:7", {"reason": "court order"})


def test_a_day_of_work_leaves_no_finding(lei: cast.Citizen, asked: PresentationRequest) -> None:
    authorization = cast.share(lei, asked)
    from authorization import consent, transfer

    transfer.read(authorization=authorization, organisation=cast.bank())
    consent.withdraw(authorization=authorization, person=lei.person)
    purge_envelopes()
    assert list(fsck.check()) == []


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda: Authorization.objects.update(terms="e30"), "terms_changed"),
        (lambda: Authorization.objects.update(receipt="a.b.c"), "authorization_without_leaf"),
        (lambda: LogEntry.objects.filter(kind="authorization").delete(), "authorization_without_leaf"),
        (lambda: Authorization.objects.update(withdrawn_at="2026-01-01T00:00:00Z"), "withdrawal_contradicts_log"),
        (lambda: PresentationRequest.objects.update(state="pending"), "authorization_without_request"),
        (lambda: PresentationRequest.objects.update(weid=None), "authorization_of_another_weid"),
        (lambda: Authorization.objects.all().delete(), "leaf_without_authorization"),
        (lambda: Authorization.objects.all().delete(), "request_without_authorization"),
        (lambda: Authorization.objects.update(withdrawn_at="2026-01-01T00:00:00Z"), "envelope_kept"),
        (lambda: AuditEvent.objects.filter(sequence=2).delete(), "audit_gap"),
    ],
)
def test_harm_to_consents_is_found(lei: cast.Citizen, asked: PresentationRequest, harm: Any, code: str) -> None:
    cast.share(lei, asked)
    assert Transfer.objects.exists()
    harm()
    assert code in {finding.code for finding in fsck.check()}

"""What is used up is used once: by whoever was shown it, however often it is sent, however many send it at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from anchoring import sequencer
from anchoring.models import LogEntry
from anchoring.receipts import anchoring_state
from authorization.models import AuditEvent
from credentials import fsck, redemption, reissue, revocation
from credentials.errors import (
    IdempotencyConflictError,
    NotRedeemableError,
    PresentationInvalidError,
    PresentationUndeterminedError,
    PresentationUsedError,
    RedemptionMissingError,
    RedemptionReversedError,
    UnitsExhaustedError,
)
from credentials.facts import CouldNotCheckError
from credentials.holdings import read_sd_jwt
from credentials.models import Credential, CredentialType, Redemption
from credentials.sources import DatabaseSources
from identity.organisations import register_organisation
from tests import cast
from tests.authorization.test_races import WIDTH, at_once
from tests.cast import Citizen

pytestmark = pytest.mark.django_db

PHARMACY = "http://localhost:8000/organisations/daiwan"
SHOWN = [("medicines", 0)]


@pytest.fixture
def prescription(lei: Citizen) -> Credential:
    cast.bank()
    return cast.issue_certificate(to=lei, slug="prescription")


def grant(units: int) -> None:
    CredentialType.objects.filter(slug="prescription").update(units=units)


def units_left(credential: Credential) -> int | None:
    return redemption.units_left(Credential.objects.get(pk=credential.pk))


def present(holder: Citizen, credential: Credential, *, audience: str = PHARMACY, nonce: str = "n-1") -> str:
    text = read_sd_jwt(credential, holder.person)
    return holder.device.present(text, paths=SHOWN, audience=audience, nonce=nonce)


def redeem(presentation: str, *, key: str = "sale-1", nonce: str = "n-1", units: int = 1) -> Redemption:
    return redemption.redeem(
        presentation=presentation,
        organisation=cast.bank(),
        audience=PHARMACY,
        nonce=nonce,
        idempotency_key=key,
        units=units,
    )


def test_a_prescription_is_dispensed_once(lei: Citizen, prescription: Credential) -> None:
    assert units_left(prescription) == 1
    taken = redeem(present(lei, prescription))
    assert (taken.number, taken.units, units_left(prescription)) == (1, 1, 0)
    with pytest.raises(UnitsExhaustedError):
        redeem(present(lei, prescription, nonce="n-2"), key="sale-2", nonce="n-2")
    assert Redemption.objects.count() == 1


def test_each_use_is_a_leaf_that_tells_a_stranger_nothing(lei: Citizen, prescription: Credential) -> None:
    grant(5)
    one, two = (redeem(present(lei, prescription, nonce=key), key=key, nonce=key) for key in ("a", "b"))
    leaves = LogEntry.objects.filter(kind="redemption").order_by("pk")
    assert [leaf.record_id for leaf in leaves] == [redemption.record_id(one), redemption.record_id(two)]
    # The same facts, but for number and moment, under another salt.
    assert bytes(leaves[0].digest) != bytes(leaves[1].digest)
    sequencer.sequence()
    sequencer.sign_checkpoint()
    assert anchoring_state(redemption.record_id(one)) == "published"
    assert fsck.check() == []


def test_parts_are_taken_until_nothing_is_left(lei: Citizen, prescription: Credential) -> None:
    grant(5)
    assert redeem(present(lei, prescription, nonce="a"), key="a", nonce="a", units=3).units == 3
    with pytest.raises(UnitsExhaustedError):
        redeem(present(lei, prescription, nonce="b"), key="b", nonce="b", units=3)
    redeem(present(lei, prescription, nonce="c"), key="c", nonce="c", units=2)
    assert units_left(prescription) == 0


def test_the_same_request_again_has_no_second_effect(lei: Citizen, prescription: Credential) -> None:
    grant(5)
    shown = present(lei, prescription)
    assert redeem(shown) == redeem(shown)
    assert (Redemption.objects.count(), LogEntry.objects.filter(kind="redemption").count()) == (1, 1)


def test_a_key_stands_for_one_request(lei: Citizen, prescription: Credential) -> None:
    grant(5)
    shown = present(lei, prescription)
    redeem(shown)
    with pytest.raises(IdempotencyConflictError):
        redeem(shown, units=2)


def test_one_presentation_serves_once(lei: Citizen, prescription: Credential) -> None:
    grant(5)
    shown = present(lei, prescription)
    redeem(shown)
    with pytest.raises(PresentationUsedError):
        redeem(shown, key="sale-2")


@pytest.mark.parametrize("change", [{"audience": "http://localhost:8000/organisations/rival"}, {"nonce": "stale"}])
def test_what_was_shown_to_another_or_earlier_is_refused(
    lei: Citizen, prescription: Credential, change: dict[str, str]
) -> None:
    with pytest.raises(PresentationInvalidError, match="key_binding"):
        redeem(present(lei, prescription, **change))
    assert not Redemption.objects.exists()


def test_a_certificate_without_the_holder_is_refused(lei: Citizen, prescription: Credential) -> None:
    with pytest.raises(PresentationInvalidError, match="key_binding"):
        redeem(read_sd_jwt(prescription, lei.person))


def test_a_certificate_that_is_not_for_using_up_is_refused(lei: Citizen) -> None:
    birth = cast.issue_certificate(to=lei)
    text = lei.device.present(read_sd_jwt(birth, lei.person), paths=[("family_name",)], audience=PHARMACY, nonce="n-1")
    with pytest.raises(NotRedeemableError):
        redeem(text)


@pytest.mark.parametrize("state", ["revoked", "suspended"])
def test_a_withdrawn_certificate_is_refused(lei: Citizen, prescription: Credential, state: str) -> None:
    shown = present(lei, prescription)
    revocation.change_status(
        credential=prescription,
        actor=cast.checker_of(prescription.agency),
        reason="key_compromise",
        to_state=Credential.State(state),
    )
    with pytest.raises(PresentationInvalidError, match=f"credential_{state}"):
        redeem(shown)


def test_withdrawn_while_it_was_being_judged_it_is_refused(
    lei: Citizen, prescription: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = present(lei, prescription)
    monkeypatch.setattr(redemption, "_check_presentation", lambda *_: None)
    Credential.objects.update(state=Credential.State.REVOKED)
    with pytest.raises(PresentationInvalidError, match="credential_revoked"):
        redeem(shown)


def test_nothing_is_taken_while_something_could_not_be_checked(
    lei: Citizen, prescription: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_status(*_: object, **__: object) -> None:
        raise CouldNotCheckError("status_unavailable")

    monkeypatch.setattr(DatabaseSources, "find_status", find_status)
    with pytest.raises(PresentationUndeterminedError, match="status"):
        redeem(present(lei, prescription))
    assert not Redemption.objects.exists()


def test_an_expired_prescription_is_refused(lei: Citizen, prescription: Credential) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=31)), pytest.raises(PresentationInvalidError):
        redeem(present(lei, prescription))


def test_what_was_used_stays_used_on_the_next_phone(lei: Citizen, prescription: Credential) -> None:
    grant(3)
    redeem(present(lei, prescription), units=2)
    later = cast.change_device(lei)
    (restored,) = reissue.restore_all(weid=later.weid, person=later.person)
    assert units_left(restored) == 1
    with pytest.raises(UnitsExhaustedError):
        redeem(present(later, restored, nonce="b"), key="b", nonce="b", units=2)
    redeem(present(later, restored, nonce="c"), key="c", nonce="c")
    assert units_left(restored) == 0
    assert fsck.check() == []


def test_reversal_gives_the_units_back_and_stands_in_the_log(lei: Citizen, prescription: Credential) -> None:
    taken = redeem(present(lei, prescription))
    back = redemption.reverse(redemption=taken, organisation=cast.bank(), reason="wrong medicine")
    assert (units_left(prescription), back.reversal_reason) == (1, "wrong medicine")
    assert LogEntry.objects.filter(record_id=f"redemption:{taken.pk}:reversed").count() == 1
    with pytest.raises(RedemptionReversedError):
        redemption.reverse(redemption=taken, organisation=cast.bank(), reason="again")
    again = redeem(present(lei, prescription, nonce="b"), key="b", nonce="b")
    assert (again.number, units_left(prescription)) == (2, 0)
    assert fsck.check() == []


def test_only_who_took_gives_back(lei: Citizen, prescription: Credential) -> None:
    taken = redeem(present(lei, prescription))
    other = register_organisation(slug="other", name={"en": "Other"})
    with pytest.raises(RedemptionMissingError):
        redemption.reverse(redemption=taken, organisation=other, reason="mine now")
    with pytest.raises(RedemptionMissingError):
        redemption.find_redemption(organisation=other, redemption_id=taken.pk)


def test_the_citizen_sees_who_used_it(lei: Citizen, prescription: Credential) -> None:
    taken = redeem(present(lei, prescription))
    redemption.reverse(redemption=taken, organisation=cast.bank(), reason="mistake")
    events = AuditEvent.objects.filter(weid=lei.weid, organisation=cast.bank()).order_by("sequence")
    assert [event.action for event in events] == ["credential.redeemed", "credential.redemption_reversed"]
    assert {event.actor for event in events} == {"organisation:daiwan"}


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_take_no_more_than_there_is() -> None:
    holder = cast.lei()
    cast.bank()
    credential = cast.issue_certificate(to=holder, slug="prescription")
    grant(3)
    waiting = [(str(number), present(holder, credential, nonce=str(number))) for number in range(50)]

    def use() -> None:
        number, shown = waiting.pop()
        redeem(shown, key=number, nonce=number)

    outcomes = at_once(use, times=50)
    assert outcomes == {"done": 3, "units_exhausted": 47}
    assert units_left(credential) == 0
    assert fsck.check() == []


@pytest.mark.django_db(transaction=True)
def test_one_key_for_two_certificates_at_once_is_one_redemption() -> None:
    holder = cast.lei()
    cast.bank()
    both = [present(holder, cast.issue_certificate(to=holder, slug="prescription")) for _ in range(WIDTH)]
    assert at_once(lambda: redeem(both.pop()), times=WIDTH) == {"done": 1, "idempotency_conflict": WIDTH - 1}


@pytest.mark.django_db(transaction=True)
def test_fifty_times_the_same_request_is_one_redemption() -> None:
    holder = cast.lei()
    cast.bank()
    credential = cast.issue_certificate(to=holder, slug="prescription")
    grant(3)
    shown = present(holder, credential)
    assert at_once(lambda: redeem(shown), times=50) == {"done": 50}
    assert Redemption.objects.count() == 1


class TestFsck:
    """What the database says must be what was logged, and within what was granted."""

    @pytest.fixture
    def taken(self, lei: Citizen, prescription: Credential) -> Redemption:
        return redeem(present(lei, prescription))

    @pytest.mark.parametrize(
        ("damage", "code"),
        [
            (lambda: LogEntry.objects.filter(kind="redemption").delete(), "redemption_without_leaf"),
            (lambda: Redemption.objects.update(units=7), "redemption_leaf_differs"),
            (lambda: Redemption.objects.all().delete(), "leaf_without_redemption"),
            (lambda: Redemption.objects.update(reversed_at=timezone.now()), "redemption_without_leaf"),
            (lambda: CredentialType.objects.update(units=0), "redeemed_too_often"),
            (lambda: CredentialType.objects.update(units=None), "redeemed_too_often"),
        ],
    )
    @pytest.mark.usefixtures("taken")
    def test_damage_is_found(self, damage: Any, code: str) -> None:
        assert fsck.check() == []
        damage()
        assert code in {finding.code for finding in fsck.check()}

    def test_the_database_itself_keeps_the_count(self, taken: Redemption) -> None:
        twin = Redemption.objects.get(pk=taken.pk)
        twin.pk, twin.idempotency_key, twin.presentation_digest = uuid4(), "other", bytes(32)
        with pytest.raises(IntegrityError, match="one_redemption_at_a_time"), transaction.atomic():
            twin.save(force_insert=True)

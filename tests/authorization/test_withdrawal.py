"""Taking a consent back."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.conf import settings

from anchoring.models import LogEntry
from authorization import consent
from authorization.errors import AuthorizationMissingError, WithdrawalProofError
from authorization.models import AuditEvent, Authorization
from authorization.withdrawal import WITHDRAWAL_TYPE
from protocol.errors import ProtocolError
from protocol.jose import sign_compact
from tests import cast
from tests.simulators.device import Device

pytestmark = pytest.mark.django_db


@pytest.fixture
def granted(lei: cast.Citizen, asked: Any) -> Authorization:
    return cast.share(lei, asked)


def proof_of(granted: Authorization, device: Device, **changes: Any) -> str:
    members = {
        "authorization_id": str(granted.pk),
        "terms_digest": granted.terms_digest,
        "aud": settings.PUBLIC_URL,
        "iat": int(time.time()),
    }
    return device.sign({**members, **changes}, typ=WITHDRAWAL_TYPE)


@pytest.mark.parametrize("is_signed", [True, False])
def test_a_withdrawal_is_recorded_and_logged_once(lei: cast.Citizen, granted: Authorization, is_signed: bool) -> None:
    proof = proof_of(granted, lei.device) if is_signed else None
    first = consent.withdraw(authorization=granted, person=lei.person, proof=proof)
    again = consent.withdraw(authorization=granted, person=lei.person)
    assert first.withdrawn_at == again.withdrawn_at is not None
    assert again.withdrawal_jwt == (proof or "")
    assert LogEntry.objects.filter(record_id=f"withdrawal:{granted.pk}").count() == 1
    assert AuditEvent.objects.filter(action="authorization.withdrawn").count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"authorization_id": "another"},
        {"terms_digest": "another"},
        {"aud": "https://elsewhere.example"},
        {"iat": 1},
        {"iat": True},
        {"iat": None},
    ],
    ids=str,
)
def test_a_signed_withdrawal_of_something_else_is_refused(
    lei: cast.Citizen, granted: Authorization, change: dict[str, Any]
) -> None:
    with pytest.raises(WithdrawalProofError):
        consent.withdraw(authorization=granted, person=lei.person, proof=proof_of(granted, lei.device, **change))
    granted.refresh_from_db()
    assert granted.withdrawn_at is None


def test_a_withdrawal_signed_by_another_device_is_refused(lei: cast.Citizen, granted: Authorization) -> None:
    with pytest.raises(WithdrawalProofError):
        consent.withdraw(authorization=granted, person=lei.person, proof=proof_of(granted, Device()))


@pytest.mark.parametrize("proof", ["x", "a.b.c", "x" * 5000])
def test_a_proof_that_is_no_token_is_refused(lei: cast.Citizen, granted: Authorization, proof: str) -> None:
    with pytest.raises(ProtocolError):
        consent.withdraw(authorization=granted, person=lei.person, proof=proof)


def test_a_proof_without_an_object_is_refused(lei: cast.Citizen, granted: Authorization) -> None:
    proof = sign_compact(b"[]", signer=lei.device.signer, header={"typ": WITHDRAWAL_TYPE})
    with pytest.raises(WithdrawalProofError):
        consent.withdraw(authorization=granted, person=lei.person, proof=proof)


def test_nobody_withdraws_for_another(lei: cast.Citizen, granted: Authorization) -> None:
    other = cast.another_citizen()
    with pytest.raises(AuthorizationMissingError):
        consent.withdraw(authorization=granted, person=other.person)

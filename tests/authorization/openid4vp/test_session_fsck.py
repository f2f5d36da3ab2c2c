"""What must agree between a wallet's session and its request, and is found where it does not."""

from __future__ import annotations

from typing import Any

import pytest

from authorization import fsck
from authorization.models import PresentationRequest, PresentationSession
from authorization.openid4vp.request_objects import wallet_link
from tests.authorization.openid4vp.conftest import Asking
from tests.simulators.presenting_wallet import Wallet


def findings() -> list[str]:
    return [finding.code for finding in fsck.check()]


@pytest.fixture
def answered(ask: Asking, wallet: Wallet) -> None:
    shown, refused = (wallet.open_link(wallet_link(ask())) for _ in range(2))
    wallet.answer(shown)
    wallet.refuse(refused)
    ask()


def test_sessions_that_were_answered_agree(answered: None) -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("outcome", "state", "codes"),
    [
        ("presented", "pending", ["session_contradicts_request"]),
        ("presented", "refused", ["session_contradicts_request"]),
        ("refused", "presented", ["session_contradicts_request", "request_without_session"]),
        ("refused", "pending", ["session_contradicts_request"]),
    ],
)
def test_a_contradiction_is_found(answered: None, outcome: str, state: str, codes: list[str]) -> None:
    session = PresentationSession.objects.get(outcome=outcome)
    PresentationRequest.objects.filter(session=session).update(state=state)
    assert findings() == codes


def test_a_key_that_was_kept_is_found(answered: None) -> None:
    PresentationSession.objects.filter(outcome="presented").update(secrets_ciphertext=b"key")
    assert findings() == ["session_key_kept"]


def test_an_answer_from_nowhere_is_found(answered: None) -> None:
    waiting: Any = PresentationSession.objects.filter(outcome="").get()
    PresentationRequest.objects.filter(session=waiting).update(state="presented")
    assert findings() == ["request_without_session"]

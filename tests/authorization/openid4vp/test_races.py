"""Fifty at once (O-7): one answer, one code, one reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from anchoring.models import LogEntry
from authorization import audit
from authorization.models import AuditEvent, PresentationSession
from authorization.openid4vp.request_objects import wallet_link
from authorization.openid4vp.responses import receive
from authorization.openid4vp.results import read_result
from authorization.openid4vp.sessions import WalletOptions, ask_wallet
from credentials.holdings import read_sd_jwt
from protocol.encoding import json_dumps
from protocol.request_object import AuthorizationRequest
from tests import cast
from tests.authorization.openid4vp.conftest import session_of
from tests.authorization.test_races import at_once
from tests.simulators.presenting_wallet import Wallet, encode_form

pytestmark = pytest.mark.django_db(transaction=True)


def asked_by_the_bank(**options: Any) -> tuple[Wallet, AuthorizationRequest]:
    lei = cast.lei()
    certificate = cast.issue_certificate(to=lei)
    session = ask_wallet(template=cast.approved_template(), organisation=cast.bank(), options=WalletOptions(**options))
    wallet = Wallet(lei.device.signer, [read_sd_jwt(certificate, lei.person)], Client())
    return wallet, wallet.open_link(wallet_link(session))


def answering(wallet: Wallet, asked: AuthorizationRequest) -> Callable[[], object]:
    members = {"vp_token": json_dumps(wallet.present(asked)).decode(), "state": asked.state}
    body, session_id = encode_form(members), session_of(asked).pk
    return lambda: receive(session_id=session_id, body=body)


@pytest.mark.requirement("OpenID4VP 1.0 §14.1", "fifty parallel posts of one answer give one acceptance")
def test_fifty_parallel_answers_give_one_acceptance() -> None:
    wallet, asked = asked_by_the_bank(response_mode="direct_post", terms=True)
    assert at_once(answering(wallet, asked), times=50) == Counter(done=1, presentation_answered=49)
    assert AuditEvent.objects.filter(action="presentation.received").count() == 1
    assert LogEntry.objects.filter(kind="authorization").count() == 1
    assert audit.check_chain() == []


def test_a_response_code_is_redeemed_once() -> None:
    wallet, asked = asked_by_the_bank(redirect_uri="https://bank.example/done")
    code = wallet.answer(asked).json()["redirect_uri"].partition("response_code=")[2]

    def read() -> None:
        read_result(session=session_of(asked), organisation=cast.bank(), response_code=code)

    assert at_once(read, times=20) == Counter(done=1, response_code_invalid=19)


def test_what_is_not_kept_is_read_once() -> None:
    wallet, asked = asked_by_the_bank(keep="first_read")
    wallet.answer(asked)
    assert at_once(lambda: read_result(session=session_of(asked), organisation=cast.bank()), times=20) == Counter(
        done=1, presentation_gone=19
    )
    assert PresentationSession.objects.get().presentation_ciphertext is None


def test_an_organisation_that_asks_twice_at_once_has_one_key() -> None:
    template = cast.approved_template()

    def ask() -> None:
        ask_wallet(template=template, organisation=cast.bank(), options=WalletOptions())

    assert at_once(ask, times=10) == Counter(done=10)
    assert len(set(PresentationSession.objects.values_list("client_id", flat=True))) == 1

"""What nobody answered goes after a day; what led to a wallet stays, to be accounted for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client

from credentials.models import Credential, CredentialOffer, WalletAuthorization
from credentials.tasks import purge_wallets
from identity.models import OneTimeValue
from tests import cast
from tests.credentials.conftest import Enter
from tests.credentials.openid4vci.steps import copies
from tests.credentials.openid4vci.test_authorization_code import agree, push
from tests.simulators.wallet import Wallet

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(lei: cast.Citizen, enter: Enter) -> Client:
    return enter(lei.account)


def test_old_requests_and_used_nonces_go(certificate: Credential, browser: Client) -> None:
    answered, ignored = Wallet(dpop=True), Wallet()
    answered.exchange(agree(browser, answered, push(answered)))
    assert len(copies(answered.request())) == 1
    push(ignored)
    purge_wallets()
    assert WalletAuthorization.objects.count() == 2
    assert OneTimeValue.objects.exists()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1, minutes=11)):
        purge_wallets()
    assert WalletAuthorization.objects.get().wallet_grant is not None
    assert not OneTimeValue.objects.exists()


def test_a_clerk_without_mail_shows_the_code_to_scan(
    certificate: Credential, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> int:
        raise SMTPServerDisconnected

    monkeypatch.setattr("django.core.mail.message.EmailMessage.send", fail)
    answer = enter(cast.ana()).post(f"/clerk/credentials/{certificate.pk}/offer/")
    assert answer.status_code == 201
    assert "data:image/svg+xml" in answer.content.decode()
    assert mail.outbox == []
    assert CredentialOffer.objects.count() == 1

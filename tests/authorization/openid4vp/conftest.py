from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from authorization.models import PresentationSession, RequestTemplate
from authorization.openid4vp.request_objects import wallet_link
from authorization.openid4vp.sessions import WalletOptions, ask_wallet
from credentials.holdings import read_sd_jwt
from credentials.models import Credential
from protocol.request_object import AuthorizationRequest
from tests import cast
from tests.simulators.presenting_wallet import Wallet

Asking = Callable[..., PresentationSession]


@pytest.fixture
def lei(db: None) -> cast.Citizen:
    return cast.lei()


@pytest.fixture
def certificate(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


@pytest.fixture
def wallet(lei: cast.Citizen, certificate: Credential) -> Wallet:
    """Lei's certificate in a wallet that is not ours."""
    return Wallet(lei.device.signer, [read_sd_jwt(certificate, lei.person)])


@pytest.fixture
def template(db: None) -> RequestTemplate:
    return cast.approved_template()


@pytest.fixture
def ask(template: RequestTemplate) -> Asking:
    """The bank asks any wallet; options by name."""

    def ask(**options: Any) -> PresentationSession:
        return ask_wallet(template=template, organisation=cast.bank(), options=WalletOptions(**options))

    return ask


@pytest.fixture
def asked(ask: Asking, wallet: Wallet) -> AuthorizationRequest:
    """A plain request, as Lei's wallet has fetched it."""
    return wallet.open_link(wallet_link(ask(response_mode="direct_post")))


def session_of(asked: AuthorizationRequest) -> PresentationSession:
    related = ("request__organisation", "request__template", "signing_key", "weid")
    session_id = str(asked.response_uri).rpartition("/")[2]
    return PresentationSession.objects.select_related(*related).get(pk=session_id)

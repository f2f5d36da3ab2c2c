from __future__ import annotations

import pytest

from authorization.models import RequestTemplate
from credentials.holdings import read_sd_jwt
from credentials.models import Credential
from tests import cast
from tests.authorization.oidc.relying_party import Party
from tests.simulators.presenting_wallet import Wallet


@pytest.fixture
def lei(db: None) -> cast.Citizen:
    return cast.lei()


@pytest.fixture
def certificate(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


@pytest.fixture
def wallet(lei: cast.Citizen, certificate: Credential) -> Wallet:
    return Wallet(lei.device.signer, [read_sd_jwt(certificate, lei.person)])


@pytest.fixture
def template(db: None) -> RequestTemplate:
    return cast.sign_in_template()


@pytest.fixture
def party(template: RequestTemplate) -> Party:
    return Party(*cast.relying_party(template=template))

from __future__ import annotations

import pytest

from authorization.models import PresentationRequest
from credentials.models import Credential
from tests import cast


@pytest.fixture
def lei(db: None) -> cast.Citizen:
    return cast.lei()


@pytest.fixture
def certificate(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


@pytest.fixture
def asked(certificate: Credential) -> PresentationRequest:
    """A request of the bank that Lei's certificate answers."""
    return cast.ask()

from __future__ import annotations

import pytest
from django.core.cache import cache

from authorization.models import PresentationRequest
from credentials import admission
from credentials.models import Credential
from credentials.sources import database_sources
from tests import cast


@pytest.fixture(autouse=True)
def fresh_process() -> None:
    """Nothing that one test's process memory holds reaches the next."""
    cache.clear()
    admission.forget()
    database_sources().forget()


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

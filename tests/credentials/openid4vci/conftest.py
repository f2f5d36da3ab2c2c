"""A citizen with a certificate, and offers of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from credentials.models import Application, Credential
from credentials.openid4vci.offers import MadeOffer, Options, make_offer
from tests import cast
from tests.credentials.conftest import enter, in_memory_broker, lei, rung

__all__ = ["enter", "in_memory_broker", "lei", "rung"]

MakeOffer = Callable[..., MadeOffer]


@pytest.fixture
def certificate(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


@pytest.fixture
def offer(certificate: Credential) -> MakeOffer:
    """Return a function that offers Lei's certificate."""

    def make(**options: Any) -> MadeOffer:
        application = Application.objects.get(credential=certificate)
        return make_offer(application=application, options=Options(**options), actor="system")

    return make

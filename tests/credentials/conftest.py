"""A browser for anyone of the cast, and a broker that reaches nobody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from identity.models import Account
from identity.views.access import PERSONA_SESSION_KEY
from tests import cast
from tests.anchoring.conftest import in_memory_broker, rung

__all__ = ["in_memory_broker", "rung"]

Enter = Callable[[Account], Client]


@pytest.fixture
def enter() -> Enter:
    """Return a function: an account in, a browser signed in with a second factor out."""

    def sign_in(account: Account) -> Client:
        client = Client(headers={"accept-language": "en"})
        client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        session[PERSONA_SESSION_KEY] = account.pk
        session.save()
        return client

    return sign_in


@pytest.fixture
def lei(db: None) -> cast.Citizen:
    return cast.lei()

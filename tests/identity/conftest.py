"""A browser for any member of the cast, let in through the demonstration's real door."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from identity import personas

SignIn = Callable[[str], Client]


@pytest.fixture
def sign_in(db: None) -> SignIn:
    """Return a function: the persona's slug in, a signed-in client out."""

    def enter(slug: str) -> Client:
        personas.ensure_persona(slug)
        client = Client(headers={"accept-language": "en"})
        response = client.post(f"/demo/{slug}/")
        assert response.status_code == 302
        return client

    return enter

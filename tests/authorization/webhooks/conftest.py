"""A receiver on loopback, real in everything but its address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.authorization.webhooks.receiving import Receiver
from tests.simulators.web import serve, write_certificate


@pytest.fixture(scope="session")
def receiver_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("receiver"))


@pytest.fixture
def receiver(receiver_certificate: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A server that this service is allowed to contact, and whose certificate it trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(receiver_certificate))
    settings.FETCH_ALLOWED_PRIVATE_HOSTS = ["localhost"]
    with serve(receiver_certificate) as web:
        yield Receiver(web)

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery import Celery
from celery.signals import after_task_publish
from django.conf import settings

from config import celery_app
from tests.simulators.anvil import Anvil


@pytest.fixture(autouse=True)
def in_memory_broker(request: pytest.FixtureRequest) -> Iterator[Celery]:
    """A Celery application of this test's own, on a broker inside the process: nothing leaks into a shared Redis."""
    url = getattr(request, "param", "memory://")
    app = Celery("test", set_as_current=False)
    # Not broker_url, which the environment would override.
    app.conf.update(broker_read_url=url, broker_write_url=url)
    app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    app.set_current()
    yield app
    celery_app.set_current()
    app.close()


@pytest.fixture
def rung() -> Iterator[list[str]]:
    """The names of the tasks that have been sent."""
    names: list[str] = []

    def note(sender: str, **_: object) -> None:
        names.append(sender)

    after_task_publish.connect(note, weak=False)
    yield names
    after_task_publish.disconnect(note)


@pytest.fixture(scope="session")
def anvil() -> Iterator[Anvil]:
    """A chain that mines each transaction at once. Tests share it, each with a key and a contract of its own."""
    with Anvil() as running:
        yield running


@pytest.fixture
def chain() -> Iterator[Anvil]:
    """A chain for this test alone: it may be stopped, reorganised and thrown away."""
    with Anvil() as running:
        yield running

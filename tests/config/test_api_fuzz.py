"""The API against what nobody would send: requests generated from its own document, with and without a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from pytest_django import Settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation

from anchoring import sequencer
from identity.api_keys import create_api_key
from tests import cast

pytestmark = pytest.mark.django_db

CONFIG = SchemathesisConfig.from_dict(
    {
        "seed": 20261124,
        "generation": {"deterministic": True, "max-examples": 15, "database": "none"},
        # No schema can say which DIDs exist, or are well-formed in the eyes of their method.
        "operations": [
            {
                "include-operation-id": "resolve_did",
                "checks": {"positive_data_acceptance": {"expected-statuses": [200, 400, 404]}},
            }
        ],
    }
)
# The document as published, read from the running application: each of its operations is a test.
api = schemathesis.openapi.from_wsgi("/api/openapi.json", get_wsgi_application(), config=CONFIG)


@pytest.fixture(autouse=True)
def one_transaction() -> Iterator[None]:
    """Keep the test's connection open between requests, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(autouse=True)
def no_limit(settings: Settings) -> None:
    rates = {"verify_anonymous": "1000000/s"}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}


@pytest.fixture
def bank_key(db: None) -> str:
    return create_api_key(organisation=cast.bank(), label="server")[1]


@pytest.fixture
def addresses(db: None) -> dict[str, Any]:
    """Path parameters at which there is something to find."""
    lei = cast.lei()
    credential = cast.issue_certificate(to=lei)
    asked = cast.ask()
    cast.share(lei, asked)
    sequencer.sequence()
    sequencer.sign_checkpoint()
    return {
        "request_id": str(asked.pk),
        "record_id": f"credential:{credential.pk}",
        "list_id": str(credential.status_list_id),
        "slug": "birth-certificate",
        "version": 1,
        "position": "000.p/2",
        "level": 0,
        "did": lei.weid.did,
    }


@api.parametrize()
def test_strangers_are_answered_as_documented(case: Any) -> None:
    case.call_and_validate()


# The key and what stands at the addresses are the same for every request.
@api.parametrize()
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_the_bank_is_answered_as_documented(case: Any, bank_key: str, addresses: dict[str, Any]) -> None:
    in_path = case.meta.components.get(ParameterLocation.PATH)
    if in_path is not None and in_path.mode.is_positive:
        case.path_parameters = {name: addresses[name] for name in case.path_parameters}
    case.call_and_validate(headers={"Authorization": f"Bearer {bank_key}"})

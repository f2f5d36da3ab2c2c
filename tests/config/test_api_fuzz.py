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
from anchoring.witnessing import cosign_checkpoint, hash_of_origin
from identity.api_keys import create_api_key
from tests import cast
from tests.anchoring.foreign_log import ForeignLog

pytestmark = pytest.mark.django_db

CONFIG = SchemathesisConfig.from_dict(
    {
        "seed": 20261124,
        "generation": {"deterministic": True, "max-examples": 100, "database": "none"},
        # No schema can say which DIDs exist, or are well-formed in the eyes of their method.
        "operations": [
            {
                "include-operation-id": "resolve_did",
                "checks": {"positive_data_acceptance": {"expected-statuses": [200, 400, 404]}},
            },
            # Nor can it say what the text of a quorum policy is.
            *(
                {
                    "include-operation-id": operation,
                    "checks": {"positive_data_acceptance": {"expected-statuses": [200, 400]}},
                }
                for operation in ("verify_presentation", "create_evidence")
            ),
            # Nor can it say what a holder signed.
            {
                "include-operation-id": "create_redemption",
                "checks": {"positive_data_acceptance": {"expected-statuses": [201, 400, 401]}},
            },
            # Nor can it say what a checkpoint is, and who has signed it.
            {
                "include-operation-id": "create_cosignature",
                "checks": {"positive_data_acceptance": {"expected-statuses": [200, 400, 403, 404, 409, 422]}},
            },
        ],
    }
)
# The document as published, read from the running application.
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
def headers(actor: str, db: None) -> dict[str, str]:
    if actor == "stranger":
        return {}
    return {"Authorization": f"Bearer {create_api_key(organisation=cast.bank(), label='server')[1]}"}


@pytest.fixture
def things(actor: str, db: None) -> dict[str, Any]:
    """What finds something when put into an address or a body, by operation where it matters; nothing for a stranger."""
    if actor == "stranger":
        return {}
    lei = cast.lei()
    credential = cast.issue_certificate(to=lei)
    asked = cast.ask(cast.approved_template(max_reads=1000))
    cast.share(lei, asked)
    sequencer.sequence()
    sequencer.sign_checkpoint()
    return {
        "request_id": str(asked.pk),
        "redemption_id": str(cast.redeem_prescription(of=lei).pk),
        "template": str(asked.template_id),
        "record_id": f"credential:{credential.pk}",
        "list_id": str(credential.status_list_id),
        "slug": {"read_type": "birth-certificate", "read_issuer": "identification"},
        "version": 1,
        "position": "000.p/2",
        "level": 0,
        "origin_hash": witnessed_origin_hash(),
        "did": lei.weid.did,
    }


def witnessed_origin_hash() -> str:
    """The hash of a log of which a checkpoint has been cosigned here, and entered into our log."""
    log = ForeignLog()
    log.register()
    cosign_checkpoint(log.request(5).encode())
    sequencer.sequence()
    sequencer.sign_checkpoint()
    return hash_of_origin(log.origin)


# Each operation is a test, and what it may find is the same for all of its requests.
@api.parametrize()
@pytest.mark.parametrize("actor", ["stranger", "bank"])
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_every_answer_is_as_documented(case: Any, actor: str, headers: dict[str, str], things: dict[str, Any]) -> None:
    if things and is_valid(case, ParameterLocation.PATH):
        case.path_parameters = {name: find(things, name, case) for name in case.path_parameters}
    if things and is_valid(case, ParameterLocation.BODY) and "template" in case.body:
        case.body["template"] = things["template"]
    case.call_and_validate(headers=headers)


def is_valid(case: Any, location: ParameterLocation) -> bool:
    part = case.meta.components.get(location)
    return part is not None and part.mode.is_positive


def find(things: dict[str, Any], name: str, case: Any) -> Any:
    thing = things[name]
    return thing[case.operation.definition.raw["operationId"]] if isinstance(thing, dict) else thing

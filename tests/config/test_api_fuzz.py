"""The API against what nobody would send: requests generated from its own document, with and without a key."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.utils import timezone
from pytest_django import Settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation

from anchoring import sequencer
from anchoring.witnessing import cosign_checkpoint, hash_of_origin
from authorization.models import PresentationSession, RequestTemplate
from authorization.openid4vp.request_objects import fetch_request
from authorization.openid4vp.responses import receive
from authorization.openid4vp.sessions import ask_wallet
from authorization.webhooks import endpoints
from credentials.holdings import read_sd_jwt
from credentials.judging import answer
from credentials.openid4vci.offers import Options, make_offer
from credentials.stored_policies import create_policy
from credentials.verify_request import Question, VerifyRequest
from identity import personas
from identity.api_keys import create_agency_key, create_api_key
from tests import cast
from tests.anchoring.foreign_log import ForeignLog
from tests.simulators.presenting_wallet import Wallet, encode_form, encrypt

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
            # Nor can it say what the text of a quorum policy is, which policies are stored, and who may keep what.
            *(
                {
                    "include-operation-id": operation,
                    "checks": {"positive_data_acceptance": {"expected-statuses": statuses}},
                }
                for operation, statuses in (
                    ("verify_presentation", [200, 400, 401, 403, 404, 409]),
                    ("verify_batch", [200, 400, 401, 404, 409]),
                    ("create_evidence", [200, 400, 401, 404]),
                )
            ),
            # Nor can it say what a query, transaction data or an address to lead back to are, and what may be asked.
            {
                "include-operation-id": "create_request",
                "checks": {"positive_data_acceptance": {"expected-statuses": [201, 400, 401, 403, 404, 409]}},
            },
            # Nor what a wallet signs and encrypts, or which code it was given.
            *(
                {
                    "include-operation-id": operation,
                    "checks": {"positive_data_acceptance": {"expected-statuses": [200, 400, 404]}},
                }
                for operation in ("create_request_object", "create_wallet_response", "create_digital_response")
            ),
            # Nor how long a body may become.
            *(
                {
                    "include-operation-id": operation,
                    "checks": {
                        "positive_data_acceptance": {"expected-statuses": [200, 201, 400, 401, 404, 409]},
                        "negative_data_rejection": {"expected-statuses": [400, 401, 404, 409, 413, 415]},
                    },
                }
                for operation in ("create_policy", "revise_policy")
            ),
            # Nor can it say what a holder signed.
            {
                "include-operation-id": "create_redemption",
                "checks": {"positive_data_acceptance": {"expected-statuses": [201, 400, 401]}},
            },
            # Nor what a wallet may still be refused for: codes, tokens and proofs are not of any shape that it could know.
            *(
                {
                    "include-operation-id": operation,
                    "checks": {
                        "positive_data_acceptance": {"expected-statuses": [200, 201, 202, 204, 400, 401, 404, 409]}
                    },
                }
                for operation in (
                    "create_pushed_request",
                    "create_token",
                    "create_wallet_credential",
                    "create_deferred_credential",
                    "report_notification",
                    "create_offer",
                    "read_offer_by_reference",
                )
            ),
            # Nor can it say which events are whose, and how many endpoints there are already.
            {
                "include-operation-id": "create_webhook",
                "checks": {"positive_data_acceptance": {"expected-statuses": [201, 400, 401, 409]}},
            },
            # Nor can it say which codes and tokens were given out.
            {
                "include-operation-id": "create_sign_in_tokens",
                "checks": {"positive_data_acceptance": {"expected-statuses": [200, 400, 401]}},
            },
            *(
                {
                    "include-operation-id": operation,
                    "checks": {"positive_data_acceptance": {"expected-statuses": [200, 401]}},
                }
                for operation in ("read_sign_in_claims", "read_sign_in_claims_by_post")
            ),
            # Nor can it say what a checkpoint is, and who has signed it.
            {
                "include-operation-id": "create_cosignature",
                "checks": {"positive_data_acceptance": {"expected-statuses": [200, 400, 403, 404, 409, 422]}},
            },
        ],
    }
)


@schemathesis.serializer("application/x-ndjson")
def write_lines(_context: Any, value: Any) -> bytes:
    # What is no text becomes one line that is no object.
    return (value if isinstance(value, str) else json.dumps([value])).encode("utf-8", "surrogatepass")


# The document as published, read from the running application.
api = schemathesis.openapi.from_wsgi("/api/openapi.json", get_wsgi_application(), config=CONFIG)


@schemathesis.deserializer("application/json")
def read_body(context: Any, response: Any) -> Any:
    """A JWT is text (RFC 7519 §10.3.1), although the tool takes its media type for one of JSON."""
    is_jwt = response.headers["content-type"][0].startswith("application/jwt")
    return response.text if is_jwt else response.json()


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
    rates = dict.fromkeys(["verify_anonymous", "wallet_anonymous", "resolve_anonymous"], "1000000/s")
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}


@pytest.fixture
def headers(actor: str, db: None) -> dict[str, str]:
    if actor == "stranger":
        return {}
    if actor == "agency":
        return {"Authorization": f"Bearer {create_agency_key(agency=cast.agency(), label='server')[1]}"}
    return {"Authorization": f"Bearer {create_api_key(organisation=cast.bank(), label='server')[1]}"}


@pytest.fixture
def things(actor: str, db: None) -> dict[str, Any]:
    """What finds something when put into an address or a body, by operation where it matters; nothing for a stranger."""
    return {} if actor == "stranger" else make_things()


def make_things() -> dict[str, Any]:
    """One of everything that an address or a body can name."""
    lei = cast.lei()
    credential = cast.issue_certificate(to=lei)
    asked = cast.ask(cast.approved_template(max_reads=1000))
    cast.share(lei, asked)
    offer = make_offer(application=credential.application, options=Options(by_reference=True), actor="system")
    personas.ensure_trust_lists()
    sequencer.sequence()
    sequencer.sign_checkpoint()
    sessions = {name: str(asking.pk) for name, asking in wallet_sessions(asked.template).items()}
    return {
        "session_id": sessions,
        "request_id": {
            "read_result": str(answered_by_wallet(lei, asked.template)),
            "read_request": str(asked.pk),
            "read_presentation": str(asked.pk),
        },
        "redemption_id": str(cast.redeem_prescription(of=lei).pk),
        "template": str(asked.template_id),
        "credential": credential.number,
        "record_id": f"credential:{credential.pk}",
        "list_id": str(credential.status_list_id),
        "slug": defaultdict(
            lambda: "identification",
            read_type="birth-certificate",
            read_template="birth-certificate",
            read_trust_list="root",
            read_verifier_did="daiwan",
        ),
        "locale": "zh-Hant",
        "offer_id": str(offer.row.pk),
        "reference": offer.uri.rpartition("%2F")[2],
        "version": 1,
        "position": "000.p/2",
        "level": 0,
        "origin_hash": witnessed_origin_hash(),
        "did": lei.weid.did,
        "name": stored_policy(),
        "report_id": kept_report(),
        **webhook_ids(),
    }


def wallet_sessions(template: RequestTemplate) -> dict[str, PresentationSession]:
    """One session per operation of wallets, so that an answer to one ends no other."""
    return {
        name: ask_wallet(template=template, organisation=cast.bank())
        for name in ("read_request_object", "create_request_object", "create_wallet_response", "read_digital_request",
                     "create_digital_response")
    }  # fmt: skip


def answered_by_wallet(lei: cast.Citizen, template: RequestTemplate) -> uuid.UUID:
    """A request that a wallet has answered, by the verbs: Django's client would undo `one_transaction`."""
    session = ask_wallet(template=template, organisation=cast.bank())
    wallet = Wallet(lei.device.signer, [read_sd_jwt(lei.weid.credentials.get(), lei.person)])
    asked = wallet.read(fetch_request(session_id=session.pk), client_id=session.client_id)
    answer = encrypt(asked, {"vp_token": wallet.present(asked), "state": asked.state})
    receive(session_id=session.pk, body=encode_form({"response": answer}))
    return session.request_id


def stored_policy() -> str:
    return create_policy(organisation=cast.bank(), slug="desk", rules={}, actor="organisation:daiwan").slug


def kept_report() -> str:
    asked = VerifyRequest(Question("nothing that can be read"), retain_days=1)
    kept = answer(asked, organisation=cast.bank(), now=timezone.now()).kept
    assert kept is not None
    return str(kept.pk)


def webhook_ids() -> dict[str, str]:
    """An endpoint of the bank, and what is on its way there."""
    endpoint, _ = endpoints.add(owner=cast.bank(), url="https://a.example/", events=["anchor.final"], actor="account:1")
    sent = endpoints.send_test(endpoint=endpoint)
    return {"endpoint_id": str(endpoint.pk), "delivery_id": str(sent.pk)}


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
@pytest.mark.parametrize("actor", ["stranger", "bank", "agency"])
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_every_answer_is_as_documented(case: Any, actor: str, headers: dict[str, str], things: dict[str, Any]) -> None:
    if things and is_valid(case, ParameterLocation.PATH):
        case.path_parameters = {name: find(things, name, case) for name in case.path_parameters}
    if things and isinstance(case.body, dict) and is_valid(case, ParameterLocation.BODY):
        case.body.update({name: things[name] for name in case.body.keys() & {"template", "credential"}})
    case.call_and_validate(headers=headers)


def is_valid(case: Any, location: ParameterLocation) -> bool:
    part = case.meta.components.get(location)
    return part is not None and part.mode.is_positive


def find(things: dict[str, Any], name: str, case: Any) -> Any:
    thing = things[name]
    return thing[case.operation.definition.raw["operationId"]] if isinstance(thing, dict) else thing

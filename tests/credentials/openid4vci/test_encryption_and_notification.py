"""Requests and answers that nobody between reads, and what a wallet reports afterwards."""

from __future__ import annotations

import json
import uuid
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from credentials.models import CredentialInstance, RequestKey
from protocol import sd_jwt_vc
from protocol.encoding import b64u_decode, b64u_encode, json_dumps
from protocol.envelope import seal_compact
from tests import cast
from tests.credentials.openid4vci.conftest import MakeOffer
from tests.credentials.openid4vci.steps import admit, error_of
from tests.simulators.wallet import CONFIGURATION, Wallet

pytestmark = pytest.mark.django_db


@pytest.fixture
def metadata(db: None) -> dict[str, Any]:
    cast.credential_type()
    found: dict[str, Any] = Client().get("/.well-known/openid-credential-issuer/issuers/identification").json()
    return found


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §10", "a request encrypted to our key is read, and its answer sealed to the wallet's"
)
def test_request_and_answer_are_encrypted(offer: MakeOffer, metadata: dict[str, Any]) -> None:
    wallet = admit(offer())
    answer, opened = wallet.request_encrypted(
        metadata, credential_configuration_id=CONFIGURATION, proofs=wallet.proofs(2)
    )
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/jwt")
    texts = [one["credential"] for one in json.loads(opened)["credentials"]]
    assert sd_jwt_vc.parse(texts[1]).payload["cnf"] == {"jwk": wallet.keys[1].public_jwk}
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.requirement("OpenID4VCI 1.0 §10", "a key for the answer in a request that was not encrypted is refused")
def test_a_key_for_the_answer_comes_encrypted(offer: MakeOffer) -> None:
    wallet = admit(offer())
    key = {**wallet.instance_key.public_jwk, "use": "enc", "alg": "ECDH-ES", "kid": "x"}
    answer = wallet.request(credential_response_encryption={"jwk": key, "enc": "A256GCM"})
    assert error_of(answer) == (400, "invalid_encryption_parameters")


def hostile(metadata: dict[str, Any]) -> dict[str, bytes]:
    key = metadata["credential_request_encryption"]["jwks"]["keys"][0]
    good = seal_compact(b"{}", key)
    head, rest = good.split(".", 1)
    header = json.loads(b64u_decode(head))

    def with_header(**changes: Any) -> bytes:
        return f"{b64u_encode(json_dumps({**header, **changes}))}.{rest}".encode()

    return {
        "compressed": with_header(zip="DEF"),
        "by password": with_header(alg="PBES2-HS256+A128KW", p2s="AAAA", p2c=2_000_000_000),
        "of another cipher": with_header(enc="A128CBC-HS256"),
        "to a key of others": with_header(kid="elsewhere"),
        "altered": good[:-2].encode() + b"AA",
        "not JSON": seal_compact(b"\xff", key).encode(),
        "no JWE": b"x.y.z",
        "endless": good.encode() + b"A" * 300_000,
    }


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §10", "compressed, password-based, foreign, altered and oversized messages are refused (O-11)"
)
def test_hostile_encrypted_requests_are_refused(offer: MakeOffer, metadata: dict[str, Any]) -> None:
    wallet = admit(offer())
    for name, body in hostile(metadata).items():
        status, error = error_of(wallet.post("credential", body, "application/jwt"))
        assert (status, error in {"invalid_encryption_parameters", "invalid_credential_request"}) == (400, True), name
    assert wallet.request().status_code == 200


def test_a_request_key_is_wrapped_and_rotates_with_overlap(offer: MakeOffer, metadata: dict[str, Any]) -> None:
    assert b"PRIVATE" not in bytes(RequestKey.objects.get().wrapped_private_key)
    call_command("wallets", "rotate", "identification", stdout=StringIO())
    assert RequestKey.objects.filter(retired_at__isnull=True).count() == 1
    with pytest.raises(CommandError):
        call_command("wallets", "rotate", "nowhere", stdout=StringIO())
    wallet = admit(offer())
    # To the key of before: it was in a wallet's hands already.
    answer, _ = wallet.request_encrypted(metadata, credential_configuration_id=CONFIGURATION, proofs=wallet.proofs())
    assert answer.status_code == 200
    RequestKey.objects.filter(retired_at__isnull=False).update(retired_at="2020-01-01T00:00:00Z")
    answer, _ = wallet.request_encrypted(metadata, credential_configuration_id=CONFIGURATION, proofs=wallet.proofs())
    assert error_of(answer) == (400, "invalid_encryption_parameters")


@pytest.mark.requirement("OpenID4VCI 1.0 §11", "a report on copies is noted, twice as well as once, with 204")
def test_a_wallet_reports_what_became_of_the_copies(offer: MakeOffer) -> None:
    wallet = admit(offer())
    notification_id = wallet.request(count=2).json()["notification_id"]
    for event in ("credential_accepted", "credential_accepted", "credential_deleted"):
        assert wallet.notify(notification_id, event).status_code == 204
    assert set(CredentialInstance.objects.values_list("wallet_event", flat=True)) == {"credential_deleted"}


@pytest.mark.requirement("OpenID4VCI 1.0 §11.3", "an unknown report is refused by its own error")
def test_a_report_on_what_the_wallet_never_got_is_refused(offer: MakeOffer) -> None:
    wallet, other = admit(offer()), admit(offer())
    notification_id = other.request().json()["notification_id"]
    for unknown in (notification_id, str(uuid.uuid4()), "x"):
        assert error_of(wallet.notify(unknown)) == (400, "invalid_notification_id")
    assert error_of(wallet.notify(notification_id, "eaten")) == (400, "invalid_notification_request")
    assert Wallet().notify(notification_id).status_code == 401

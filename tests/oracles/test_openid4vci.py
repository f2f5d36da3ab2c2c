"""@openid4vc/oauth2, @openid4vc/openid4vci and jose on Node: our offers, metadata and answers there, its requests here."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from protocol import client_attestation, dpop, oauth, openid4vci, pkce
from protocol.encoding import json_dumps, json_object
from protocol.envelope import open_envelope
from protocol.openid4vci import CodeGrant, CredentialOffer, PreAuthorizedGrant, TxCode
from tests.oracles.node import run
from tests.protocol.issuance_makers import CREDENTIAL_ISSUER, KEYS, PROVIDER, WALLET, private_jwk, thumbprint
from tests.protocol.makers import ISSUER

SCRIPT = "openid4vci.mjs"
CLIENT = "https://wallet.example"
REDIRECT = "https://wallet.example/cb"
TOKEN, NONCE, TRANSACTION = "an-access-token", "wKI4LT17ac15ES9bw8ac4", "8xLOxBtZp8"
DISPLAY = [{"name": "Birth certificate", "locale": "en"}, {"name": "出生證明", "locale": "zh-Hant"}]
CLAIMS = [{"path": ["name"], "mandatory": True, "display": [{"name": "Name", "locale": "en"}]}]
OFFER = CredentialOffer(
    CREDENTIAL_ISSUER, ("birth_1",), PreAuthorizedGrant("the-pre-authorized-code", TxCode(length=6)), CodeGrant("state-1")
)  # fmt: skip
TRUSTED = [PROVIDER.public_jwk]
REQUEST_URI = "urn:ietf:params:oauth:request_uri:6esc"


def endpoint(name: str) -> str:
    return f"{CREDENTIAL_ISSUER}/{name}"


def metadata() -> dict[str, Any]:
    configuration = openid4vci.credential_configuration(
        credential_format="dc+sd-jwt", scope="birth_1", parameters={"vct": "urn:birth"}, display=DISPLAY, claims=CLAIMS
    )
    return openid4vci.issuer_metadata(
        issuer=CREDENTIAL_ISSUER, credential_endpoint=endpoint("credential"), nonce_endpoint=endpoint("nonce"),
        configurations={"birth_1": configuration}, display=[{"name": "DSI", "locale": "pt"}], batch_size=10,
        deferred_endpoint=endpoint("deferred"), notification_endpoint=endpoint("notification"),
        request_encryption_keys=[{**ISSUER.public_jwk, "kid": "e1"}],
    )  # fmt: skip


def server_metadata() -> dict[str, Any]:
    return oauth.authorization_server_metadata(
        issuer=CREDENTIAL_ISSUER, token_endpoint=endpoint("token"), authorization_endpoint=endpoint("authorize"),
        pushed_endpoint=endpoint("par"), requires_pushed=True, scopes=["birth_1"], is_anonymous_allowed=False,
        client_authentication=[client_attestation.AUTHENTICATION_METHOD],
        grant_types=[oauth.AUTHORIZATION_CODE_GRANT, oauth.PRE_AUTHORIZED_GRANT, oauth.REFRESH_GRANT],
    )  # fmt: skip


def answers(issuer: dict[str, Any]) -> dict[str, Any]:
    at = openid4vci.well_known_url
    token = oauth.token_response(
        access_token=TOKEN, token_type="DPoP", expires_in=300, refresh_token="r", scopes=["birth_1"]
    )
    return {
        at(CREDENTIAL_ISSUER, openid4vci.ISSUER_SUFFIX): issuer,
        at(CREDENTIAL_ISSUER, openid4vci.AUTHORIZATION_SERVER_SUFFIX): {"body": server_metadata()},
        endpoint("offers/1"): {"body": openid4vci.write_offer(OFFER)},
        endpoint("par"): {"status": 201, "body": oauth.pushed_response(REQUEST_URI, expires_in=60)},
        endpoint("token"): {"body": token},
        endpoint("nonce"): {"body": openid4vci.nonce_response(NONCE)},
        endpoint("credential"): {"body": openid4vci.credential_response(["a~", "b~"], notification_id="n1")},
        endpoint("deferred"): {"status": 202, "body": openid4vci.deferred_response(TRANSACTION, interval=5)},
        endpoint("notification"): {"status": 204},
    }


def received(offer: str, issuer: dict[str, Any] | None = None) -> Any:
    answer = oauth.authorization_response_url(REDIRECT, issuer=CREDENTIAL_ISSUER, state="s", code="the-code")
    return run(
        SCRIPT, do="receive", offer=offer, answers=answers(issuer or {"body": metadata()}), clientId=CLIENT, nonce=NONCE,
        redirectUri=REDIRECT, redirectAnswer=answer, txCode="493536", transactionId=TRANSACTION, provider=private_jwk(PROVIDER),
        wallet={"private": private_jwk(WALLET), "public": WALLET.public_jwk}, holders=[private_jwk(key) for key in KEYS],
        trusted=[ISSUER.public_jwk],
    )  # fmt: skip


@pytest.fixture(scope="module")
def wallet() -> Any:
    """Everything the wallet sent and understood on its way, once for all tests."""
    return received(openid4vci.offer_uri(OFFER))


def sent_to(wallet: Any, name: str) -> list[Any]:
    return [request for request in wallet["sent"] if request["url"] == endpoint(name)]


def form_of(request: Any) -> list[tuple[str, str]]:
    return oauth.parse_form(request["body"].encode())


def test_the_wallet_takes_our_metadata_for_1_0_and_knows_the_format(wallet: Any) -> None:
    assert wallet["version"] == "V1"
    assert wallet["known"] == ["birth_1"]


def test_the_wallet_takes_an_offer_by_reference() -> None:
    assert received(openid4vci.offer_reference_uri(endpoint("offers/1")))["version"] == "V1"


def test_the_wallet_takes_signed_metadata() -> None:
    header = {"kid": "metadata-key-1"}
    signed = openid4vci.sign_issuer_metadata(metadata(), signer=ISSUER, issued_at=int(time.time()), header=header)
    found = received(openid4vci.offer_uri(OFFER), {"body": signed, "type": "application/jwt"})
    assert found["signedBy"] == ISSUER.public_jwk


def test_the_wallet_understands_every_answer(wallet: Any) -> None:
    assert wallet["accessTokenResponse"]["access_token"] == wallet["byCode"]["access_token"] == TOKEN
    assert wallet["credentialResponse"]["credentials"] == [{"credential": "a~"}, {"credential": "b~"}]
    assert wallet["deferred"] == {"transaction_id": TRANSACTION, "interval": 5}
    assert wallet["answer"]["code"] == "the-code"


def test_we_read_its_pushed_request(wallet: Any) -> None:
    (pushed,) = sent_to(wallet, "par")
    request = oauth.parse_pushed_request(form_of(pushed))
    assert (request.client_id, request.redirect_uri, request.scopes) == (CLIENT, REDIRECT, ("birth_1",))
    assert (request.issuer_state, request.resources) == ("state-1", (CREDENTIAL_ISSUER,))
    reference = oauth.parse_pushed_reference(parse_qsl(urlsplit(wallet["authorization"]).query))
    assert reference == oauth.PushedReference(CLIENT, REQUEST_URI)
    token = oauth.parse_token_request(form_of(sent_to(wallet, "token")[0]))
    assert isinstance(token, oauth.CodeTokenRequest)
    pkce.verify(token.code_verifier, request.code_challenge)


def test_we_read_its_token_requests(wallet: Any) -> None:
    _, offered = (oauth.parse_token_request(form_of(request)) for request in sent_to(wallet, "token"))
    assert isinstance(offered, oauth.PreAuthorizedTokenRequest)
    assert (offered.code, offered.tx_code) == ("the-pre-authorized-code", "493536")


def test_we_accept_its_wallet_attestation_wherever_it_authenticates(wallet: Any) -> None:
    for request in (*sent_to(wallet, "par"), *sent_to(wallet, "token")):
        client = client_attestation.verify(
            request["headers"][client_attestation.ATTESTATION_HEADER.lower()],
            request["headers"][client_attestation.PROOF_HEADER.lower()],
            keys=TRUSTED, audience=CREDENTIAL_ISSUER, now=time.time(),
        )  # fmt: skip
        assert (client.client_id, client.thumbprint) == (CLIENT, thumbprint(WALLET))


def test_we_accept_its_dpop_proofs_at_every_endpoint(wallet: Any) -> None:
    with_token = ("credential", "deferred", "notification")
    for request in (request for name in ("token", *with_token) for request in sent_to(wallet, name)):
        token = TOKEN if any(request["url"] == endpoint(name) for name in with_token) else None
        made = dpop.verify_proof(
            request["headers"]["dpop"], method=request["method"], url=request["url"], now=time.time(), access_token=token,
            thumbprint=thumbprint(WALLET),
        )  # fmt: skip
        assert made.jwk == WALLET.public_jwk
        if token:
            presented = oauth.parse_authorization_header(request["headers"]["authorization"])
            assert presented == oauth.PresentedToken("DPoP", TOKEN)


def test_we_accept_its_proofs_of_all_kinds(wallet: Any) -> None:
    keys = tuple(key.public_jwk for key in KEYS)
    for request, attested in zip(sent_to(wallet, "credential"), (0, 1, 1), strict=True):
        asked = openid4vci.parse_credential_request(request["body"], was_encrypted=False, max_proofs=10)
        proven = openid4vci.verify_proofs(
            asked, audience=CREDENTIAL_ISSUER, now=time.time(), client_id=CLIENT, attester_keys=TRUSTED, max_keys=10
        )
        assert asked.configuration_id == "birth_1"
        assert (proven.keys, len(proven.attestations)) == (keys, attested)
        assert proven.nonces == {NONCE}


def test_we_read_its_deferred_request_and_notification(wallet: Any) -> None:
    (deferred,), (notified,) = sent_to(wallet, "deferred"), sent_to(wallet, "notification")
    assert openid4vci.parse_deferred_request(deferred["body"], was_encrypted=False).transaction_id == TRANSACTION
    notification = openid4vci.parse_notification(notified["body"])
    assert (notification.notification_id, notification.event) == ("n1", "credential_accepted")


@pytest.mark.parametrize("enc", ["A128GCM", "A256GCM"])
def test_jose_and_we_open_each_others_envelopes(enc: str) -> None:
    key = {**private_jwk(WALLET), "kid": "e1", "alg": "ECDH-ES"}
    response = openid4vci.credential_response(["a~"])
    encryption = openid4vci.ResponseEncryption({**WALLET.public_jwk, "kid": "e1", "alg": "ECDH-ES"}, enc)
    assert json_object(run(SCRIPT, do="open", key=key, jwe=openid4vci.seal_response(response, encryption))) == response
    body = {
        "credential_configuration_id": "birth_1",
        "credential_response_encryption": {"jwk": encryption.jwk, "enc": enc},
    }
    how = {"enc": enc, "apu": "wallet", "apv": "issuer", "typ": "JWT"}
    sealed = run(SCRIPT, do="seal", key=encryption.jwk, text=json_dumps(body).decode(), how=how)
    opened = openid4vci.open_request(sealed, {"e1": WALLET._key})  # type: ignore[dict-item]
    assert openid4vci.parse_credential_request(opened, was_encrypted=True).response_encryption == encryption
    assert json.loads(open_envelope(sealed, WALLET._key, "e1")) == body  # type: ignore[arg-type]

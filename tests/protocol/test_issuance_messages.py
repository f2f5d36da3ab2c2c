"""Requests and answers of the credential, deferred, nonce and notification endpoints."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from protocol import openid4vci
from protocol.encoding import b64u_encode, json_dumps, json_object
from protocol.envelope import open_envelope, seal, seal_compact
from protocol.errors import (
    CredentialRequestError,
    KeyProofError,
    NotificationRequestError,
    OAuthError,
    ResponseEncryptionError,
)
from protocol.keys import public_jwk
from protocol.openid4vci import (
    CredentialRequest,
    DeferredRequest,
    Notification,
    ResponseEncryption,
    open_request,
    parse_credential_request,
    parse_deferred_request,
    parse_notification,
    seal_response,
)
from tests.protocol.issuance_makers import OTHER_CURVE

PLAIN = {"credential_configuration_id": "birth_1", "proofs": {"jwt": ["a.b.c"]}}
KEY = ec.derive_private_key(0x77, ec.SECP256R1())
JWK = {**public_jwk(KEY.public_key()), "kid": "k1", "alg": "ECDH-ES", "use": "enc"}
ENCRYPTION = {"jwk": JWK, "enc": "A256GCM"}
KEYS = {"k1": KEY, "k2": ec.derive_private_key(0x78, ec.SECP256R1())}


def parsed(members: Any, **how: Any) -> CredentialRequest:
    return parse_credential_request(members, **{"was_encrypted": True, "max_proofs": 2, **how})


@pytest.mark.requirement("OpenID4VCI 1.0 §8.2", "a credential is asked for by configuration or identifier, with proofs")
def test_a_credential_request_is_read() -> None:
    expected = CredentialRequest("birth_1", None, "jwt", ("a.b.c",), None)
    assert parsed(PLAIN) == parsed(json.dumps(PLAIN).encode()) == parsed(json.dumps(PLAIN)) == expected
    by_identifier = {"credential_identifier": "x", "proofs": {"attestation": ["a.b.c"]}, "unknown": 1, "proof": {}}
    assert parsed(by_identifier) == CredentialRequest(None, "x", "attestation", ("a.b.c",), None)
    assert parsed({"credential_identifier": "x"}).proof_type is None
    assert parsed({**PLAIN, "proofs": {"jwt": ["a", "b"]}}).proofs == ("a", "b")


MALFORMED: dict[str, Any] = {
    "empty": b"", "no JSON": b"{", "an array": b"[]", "not UTF-8": b"\xff", "deep": b"[" * 1000,
    "a member twice": b'{"credential_identifier":"a","credential_identifier":"b"}',
    "neither": {"proofs": {"jwt": ["a"]}}, "both": {**PLAIN, "credential_identifier": "x"},
    "empty configuration": {"credential_configuration_id": ""}, "configuration a number": {"credential_configuration_id": 1},
    "identifier null": {"credential_identifier": None},
}  # fmt: skip


@pytest.mark.requirement("OpenID4VCI 1.0 §8.3.1.2", "a malformed request is invalid_credential_request")
@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_is_refused(name: str) -> None:
    with pytest.raises(CredentialRequestError) as refusal:
        parsed(MALFORMED[name])
    assert refusal.value.oauth_error == "invalid_credential_request"


PROOFS: dict[str, Any] = {
    "null": None, "a list": ["a"], "no type": {}, "two types": {"jwt": ["a"], "attestation": ["a"]}, "unknown": {"di_vp": [{}]},
    "text": {"jwt": "a"}, "empty": {"jwt": []}, "too many": {"jwt": ["a", "b", "c"]}, "a number": {"jwt": [1]},
    "two attestations": {"attestation": ["a", "b"]},
}  # fmt: skip


@pytest.mark.requirement("OpenID4VCI 1.0 §8.2", "proofs holds exactly one proof type, within the batch size")
@pytest.mark.parametrize("name", PROOFS)
def test_malformed_proofs_are_refused(name: str) -> None:
    with pytest.raises(KeyProofError) as refusal:
        parsed({**PLAIN, "proofs": PROOFS[name]})
    assert refusal.value.oauth_error == "invalid_proof"


@pytest.mark.requirement("OpenID4VCI 1.0 §9.1", "a deferred request names its transaction")
def test_a_deferred_request_is_read() -> None:
    body = {"transaction_id": "8xLOxBtZp8", "credential_response_encryption": ENCRYPTION}
    found = parse_deferred_request(json.dumps(body), was_encrypted=True)
    assert found == DeferredRequest("8xLOxBtZp8", ResponseEncryption(JWK, "A256GCM"))
    assert parse_deferred_request({"transaction_id": "x"}, was_encrypted=False).response_encryption is None
    for malformed in ({}, {"transaction_id": 1}, {"transaction_id": ""}, {"transaction_id": "x" * 513}):
        with pytest.raises(CredentialRequestError):
            parse_deferred_request(malformed, was_encrypted=False)


@pytest.mark.requirement("OpenID4VCI 1.0 §11.1", "a notification names its issuance and one of three events")
def test_a_notification_is_read() -> None:
    body = {"notification_id": "3fwe98js", "event": "credential_failure", "event_description": "Out of storage."}
    assert parse_notification(body) == Notification("3fwe98js", "credential_failure", "Out of storage.")
    for event in openid4vci.EVENTS:
        assert parse_notification({"notification_id": "x", "event": event}).event == event
    for change in ({"event": "other"}, {"event": ["credential_deleted"]}, {"notification_id": 1}, {"notification_id": ""},
                   {"event_description": "é"}, {"event_description": 'a"b'}, {"event_description": 1}):  # fmt: skip
        with pytest.raises(NotificationRequestError) as refusal:
            parse_notification({**body, **change})
        assert refusal.value.oauth_error == "invalid_notification_request"


@pytest.mark.requirement("OpenID4VCI 1.0 §10", "an answer is sealed to the key and with the cipher that were asked for")
@pytest.mark.parametrize("enc", ["A128GCM", "A256GCM"])
def test_an_answer_is_sealed_as_asked(enc: str) -> None:
    asked = parsed({**PLAIN, "credential_response_encryption": {"jwk": JWK, "enc": enc, "alg": "ignored"}})
    assert asked.response_encryption == ResponseEncryption(JWK, enc)
    response = openid4vci.credential_response(["eyJ~"], notification_id="n")
    sealed = seal_response(response, asked.response_encryption)
    assert json_object(open_envelope(sealed, KEY, "k1")) == response


ENCRYPTIONS: dict[str, tuple[Any, str]] = {
    "text": ("x", "an object"),
    "no key": ({"enc": "A256GCM"}, "required"),
    "key text": ({"jwk": "x", "enc": "A256GCM"}, "a JWK"),
    "key without alg": ({"jwk": {**JWK, "alg": None}, "enc": "A256GCM"}, "§10: alg must be present"),
    "key for key wrapping": ({"jwk": {**JWK, "alg": "ECDH-ES+A256KW"}, "enc": "A256GCM"}, "not offered"),
    "key for signing": ({"jwk": {**JWK, "use": "sig"}, "enc": "A256GCM"}, "stated for another use"),
    "private key": ({"jwk": {**JWK, "d": "AA"}, "enc": "A256GCM"}, "leaked"),
    "Ed25519 key": ({"jwk": {**OTHER_CURVE, "alg": "ECDH-ES"}, "enc": "A256GCM"}, "no key agreement"),
    "off the curve": ({"jwk": {**JWK, "y": JWK["x"]}, "enc": "A256GCM"}, "invalid-curve attack"),
    "no enc": ({"jwk": JWK}, "required"),
    "unknown enc": ({"jwk": JWK, "enc": "A128CBC-HS256"}, "not offered"),
    "enc a list": ({"jwk": JWK, "enc": ["A256GCM"]}, "a string"),
    "compression": ({"jwk": JWK, "enc": "A256GCM", "zip": "DEF"}, "compression tells lengths and hides bombs"),
}


@pytest.mark.requirement("OpenID4VCI 1.0 §8.3.1.2", "encryption parameters that are wrong are named so")
@pytest.mark.parametrize("name", ENCRYPTIONS)
def test_unusable_encryption_parameters_are_refused(name: str) -> None:
    asked, reason = ENCRYPTIONS[name]
    with pytest.raises(ResponseEncryptionError) as refusal:
        parsed({**PLAIN, "credential_response_encryption": asked})
    assert refusal.value.oauth_error == "invalid_encryption_parameters", reason


@pytest.mark.requirement("OpenID4VCI 1.0 §8.2", "a key for the answer is taken from an encrypted request only")
def test_a_key_in_a_plain_request_is_refused() -> None:
    body = {**PLAIN, "credential_response_encryption": ENCRYPTION}
    with pytest.raises(ResponseEncryptionError, match="encrypted itself"):
        parsed(body, was_encrypted=False)
    assert parsed(PLAIN, was_encrypted=False).response_encryption is None


@pytest.mark.requirement("OpenID4VCI 1.0 §10", "a request sealed to the issuer's key opens")
@pytest.mark.parametrize("enc", ["A128GCM", "A256GCM"])
def test_a_sealed_request_opens(enc: str) -> None:
    sealed = seal_compact(
        json_dumps(PLAIN), JWK, encryption=enc, protected={"typ": "JWT"}, apu=b"wallet", apv=b"issuer"
    )
    assert parsed(open_request(sealed, KEYS)).configuration_id == "birth_1"
    assert json_object(open_request(sealed.encode(), KEYS)) == PLAIN


def tampered(**header: Any) -> str:
    """A sealed request whose header has been exchanged: what it says is judged before anything is computed."""
    _, *rest = seal_compact(b"{}", JWK).split(".")
    members = {"alg": "ECDH-ES", "enc": "A256GCM", "epk": JWK, "kid": "k1", **header}
    return ".".join([b64u_encode(json_dumps(members)), *rest])


SEALED: dict[str, tuple[Any, str]] = {
    "empty": ("", "nothing"),
    "plain JSON": (json.dumps(PLAIN), "not sealed"),
    "General JSON": (json.dumps(seal(b"{}", [JWK])), "the compact form is prescribed"),
    "a JWS": ("a.b.c", "three parts"),
    "six parts": ("a.b.c.d.e.f", "five parts"),
    "beyond ASCII": (b"\xff.b.c.d.e", "not base64url"),
    "no kid": (seal_compact(b"{}", {**JWK, "kid": "k3"}), "a key nobody here has"),
    "kid a list": (tampered(kid=["k1"]), "text"),
    "wrong key": (seal_compact(b"{}", {**JWK, "kid": "k2"}), "sealed to another key"),
    "compressed": (tampered(zip="DEF"), "O-11: 1 MB that becomes 1 GB"),
    "password": (tampered(alg="PBES2-HS256+A128KW", p2c=2**31 - 1, p2s="AAAA"), "O-11: work chosen by the sender"),
    "password count beside": (tampered(p2c=2**31 - 1), "O-11"),
    "key wrapping": (tampered(alg="ECDH-ES+A256KW"), "§10: alg is that of the key"),
    "RSA": (tampered(alg="RSA1_5"), "not offered"),
    "unknown cipher": (tampered(enc="A128CBC-HS256"), "not offered"),
    "critical": (tampered(crit=["exp"]), "no extension is understood"),
    "ephemeral key off the curve": (tampered(epk={**JWK, "y": JWK["x"]}), "invalid-curve attack"),
    "no ephemeral key": (tampered(epk=None), "required"),
    "altered": (tampered(extra=1), "the header is authenticated"),
    "huge": ("A" * (3 << 20), "bounded before any work"),
}


@pytest.mark.requirement("RFC 7516 §4.1", "a sealed request with other algorithms, compression or key is refused")
@pytest.mark.parametrize("name", SEALED)
def test_an_unsound_sealed_request_is_refused(name: str) -> None:
    sealed, reason = SEALED[name]
    with pytest.raises(ResponseEncryptionError) as refusal:
        open_request(sealed, KEYS)
    assert refusal.value.oauth_error == "invalid_encryption_parameters", reason


@pytest.mark.requirement("OpenID4VCI 1.0 §8.3", "an answer holds credentials, or a transaction and when to ask again")
def test_answers_have_the_members_of_the_standard() -> None:
    assert openid4vci.credential_response(["a", {"b": 1}]) == {
        "credentials": [{"credential": "a"}, {"credential": {"b": 1}}]
    }
    assert openid4vci.deferred_response("t", interval=0) == {"transaction_id": "t", "interval": 1}
    assert openid4vci.deferred_response("t", interval=86_400)["interval"] == 86_400
    assert openid4vci.nonce_response("n") == {"c_nonce": "n"}


@pytest.mark.parametrize("body", [b"null", b"1", b'"x"', b"\x00", b'{"a":NaN}', b"{}" * 9, b"[" + b"9" * 10_000 + b"]"])
def test_no_body_is_answered_with_anything_but_a_named_refusal(body: bytes) -> None:
    for parse in (parsed, parse_notification):
        with pytest.raises(OAuthError):
            parse(body)

"""Requests of verifiers: made, and taken apart by a wallet that believes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from protocol.encoding import json_object
from protocol.errors import (
    CertificateChainError,
    CodedError,
    RequestClientError,
    RequestObjectFormatError,
    WalletNonceError,
)
from protocol.jose import parse_compact, sign_compact
from protocol.keys import SoftwareSigner, generate_p256, p256_from_jwk, public_jwk
from protocol.request_object import (
    MEDIA_TYPE,
    REQUEST_TYPE,
    SELF_ISSUED,
    AuthorizationRequest,
    ClientTrust,
    build_request,
    client_metadata,
    link_by_reference,
    link_by_value,
    read_parameters,
    read_signed_request,
    sign_request,
    split_client_id,
)
from protocol.x5c import leaf_hash, verify_chain
from tests.protocol.certified import MOMENT, Authority, encode
from tests.protocol.makers import DROP, EVE, NOW, js, with_changes

AUTHORITY = Authority()
KEY = generate_p256()
VERIFIER = SoftwareSigner(KEY, "verifier")
CERTIFICATE = AUTHORITY.certify(KEY.public_key())
BY_HASH = f"x509_hash:{leaf_hash(CERTIFICATE)}"
BY_NAME = "x509_san_dns:verifier.example"
DID = "did:web:verifier.example"
BY_DID = f"decentralized_identifier:{DID}"
ENDPOINT = "https://verifier.example/response"
NONCE = "nonce-of-a-session-of-enough-characters"
QUERY = {"credentials": [{"id": "a", "format": "dc+sd-jwt", "meta": {"vct_values": ["urn:x"]}}]}
ANSWER_KEY = {**public_jwk(generate_p256().public_key()), "kid": "answer"}
METADATA = client_metadata(name={"en": "The bank", "zh-Hant": "銀行"}, encryption_key=ANSWER_KEY)
TRUST = ClientTrust(anchors=[AUTHORITY.der], did_keys={f"{DID}#1": VERIFIER.public_jwk})


def request_for(client_id: str = BY_HASH, **changes: Any) -> dict[str, Any]:
    parameters = {
        "client_id": client_id,
        "response_mode": "direct_post.jwt",
        "response_uri": ENDPOINT,
        "nonce": NONCE,
        "state": "state",
        "dcql_query": QUERY,
        "client_metadata": METADATA,
    }
    return build_request(**{**parameters, **changes})


def signed(parameters: Mapping[str, Any] | None = None, **changes: Any) -> str:
    making = {"signer": VERIFIER, "key_header": {"x5c": encode(CERTIFICATE)}, "issued_at": NOW, "expires_at": NOW + 600}
    return sign_request(parameters or request_for(), **{**making, **changes})


def altered(header: Mapping[str, Any] | None = None, signer: SoftwareSigner = VERIFIER, **changes: Any) -> str:
    """A request signed over any claims, as build_request would refuse to make it."""
    claims = {"aud": SELF_ISSUED, "iat": NOW, "exp": NOW + 600, **request_for()}
    head = {"typ": REQUEST_TYPE, "x5c": encode(CERTIFICATE), **(header or {})}
    return sign_compact(js(with_changes(claims, changes)).encode(), signer=signer, header=head)


def read(token: str, client_id: str = BY_HASH, **changes: Any) -> AuthorizationRequest:
    return read_signed_request(token, client_id=client_id, **{"trust": TRUST, "now": NOW, **changes})


@pytest.mark.requirement("OpenID4VP 1.0 §5", "a signed request is a JWT of typ oauth-authz-req+jwt")
def test_a_signed_request_arrives_whole() -> None:
    token = signed()
    assert parse_compact(token, allowed_types=frozenset({"oauth-authz-req+jwt"})).header["alg"] == "ES256"
    found = read(token)
    assert (found.client_id, found.response_uri, found.nonce, found.state) == (BY_HASH, ENDPOINT, NONCE, "state")
    assert (found.response_mode, found.dcql_query, found.transaction_data) == ("direct_post.jwt", QUERY, ())
    assert found.parameters["client_metadata"]["client_name#zh-Hant"] == "銀行"
    assert MEDIA_TYPE == "application/oauth-authz-req+jwt"


@pytest.mark.requirement("OpenID4VP 1.0 §5.9.3", "client id prefixes x509_hash, x509_san_dns, decentralized_identifier")
@pytest.mark.parametrize(
    ("client_id", "key_header"),
    [
        (BY_HASH, {"x5c": encode(CERTIFICATE)}),
        (BY_NAME, {"x5c": encode(CERTIFICATE)}),
        (BY_NAME, {"x5c": encode(CERTIFICATE, AUTHORITY.der)}),
        (BY_DID, {"kid": f"{DID}#1"}),
    ],
    ids=["hash", "name", "name-with-root", "did"],
)
def test_every_signed_prefix_is_spoken(client_id: str, key_header: dict[str, Any]) -> None:
    assert read(signed(request_for(client_id), key_header=key_header), client_id).client_id == client_id


@pytest.mark.requirement("OpenID4VP 1.0 §5.1", "client_metadata brings a key with alg and kid, and the formats spoken")
def test_the_metadata_say_how_to_answer() -> None:
    (key,) = METADATA["jwks"]["keys"]
    assert key == {**ANSWER_KEY, "use": "enc", "alg": "ECDH-ES"}
    assert METADATA["encrypted_response_enc_values_supported"] == ["A128GCM", "A256GCM"]
    assert METADATA["vp_formats_supported"] == {
        "dc+sd-jwt": {"sd-jwt_alg_values": ["ES256"], "kb-jwt_alg_values": ["ES256"]}
    }
    assert "jwks" not in client_metadata(name={}, encryption_key=None)


ELSEWHERE = Authority("elsewhere")
EVES_CERTIFICATE = ELSEWHERE.certify(p256_from_jwk(EVE.public_jwk))
EVES_OWN = AUTHORITY.certify(p256_from_jwk(EVE.public_jwk), names=("eve.example",))
MIDDLE_KEY = generate_p256()

# name, token, client id of the link, what must come of it, why
ATTACKS: list[tuple[str, Callable[[], str], str, str, str]] = [
    ("outsider", lambda: altered({"x5c": encode(EVES_CERTIFICATE)}, EVE), BY_NAME, "certificate_chain_invalid",
     "a certificate of an authority that the wallet does not trust"),
    ("own authority", lambda: altered({"x5c": encode(EVES_CERTIFICATE, ELSEWHERE.der)}, EVE), BY_NAME,
     "certificate_chain_invalid", "a chain never brings its own anchor"),
    ("stolen certificate", lambda: altered(signer=EVE), BY_HASH, "signature_invalid",
     "the certificate is public; the key is not"),
    ("other client", lambda: altered({"x5c": encode(EVES_OWN)}, EVE), BY_HASH, "request_object_client",
     "certified here, and still not the client of the link"),
    ("other name", lambda: altered({"x5c": encode(EVES_OWN)}, EVE, client_id=BY_NAME), BY_NAME,
     "request_object_client", "certified for another host"),
    ("other client id inside", lambda: altered(client_id=BY_NAME), BY_HASH, "request_object_client",
     "link and object must name one client"),
    ("certificate of a DID", lambda: altered(client_id=BY_DID), BY_DID,
     "request_object_client", "a certificate proves no DID"),
    ("another's DID key", lambda: altered({"kid": "did:web:eve.example#1"}, client_id=BY_DID), BY_DID,
     "request_object_client", "a key of another DID"),
    ("no key", lambda: altered(client_id=f"redirect_uri:{ENDPOINT}"), f"redirect_uri:{ENDPOINT}",
     "request_object_client", "that client has no key, so no signature is its own"),
    ("unknown prefix", lambda: altered(client_id="pre-registered"), "pre-registered", "request_object_client",
     "trust would have to come from nowhere"),
    ("authority as verifier", lambda: altered({"x5c": encode(AUTHORITY.der)}, SoftwareSigner(AUTHORITY.key, "a")),
     BY_HASH, "certificate_chain_invalid", "an authority certifies, it does not ask"),
    ("expired certificate", lambda: altered({"x5c": encode(AUTHORITY.certify(KEY.public_key(), expired=True))}),
     BY_NAME, "certificate_chain_invalid", "validity has ended"),
    ("key for agreement", lambda: altered({"x5c": encode(AUTHORITY.certify(KEY.public_key(), signs=False))}),
     BY_NAME, "certificate_chain_invalid", "a key that is not for signatures"),
    ("other typ", lambda: altered({"typ": "JWT"}), BY_HASH, "typ_not_allowed", "any JWT of the client would do"),
    ("other audience", lambda: altered(aud="https://other.example"), BY_HASH, "request_object_audience", "§5.8"),
    ("no audience", lambda: altered(aud=DROP), BY_HASH, "request_object_audience", "§5.8"),
    ("expired", lambda: altered(exp=NOW - 61), BY_HASH, "request_object_expired", "the verifier's time is over"),
    ("of the future", lambda: altered(iat=NOW + 61), BY_HASH, "request_object_expired", "not made yet"),
    ("nonce of another wallet", lambda: altered(wallet_nonce="x"), BY_HASH, "wallet_nonce_mismatch",
     "replayed from another wallet's fetch"),
    ("answer elsewhere", lambda: altered(client_id=BY_NAME, response_uri="https://eve.example/r"), BY_NAME,
     "response_uri_mismatch", "§5.9.3: the host of response_uri is the certificate's"),
    ("no nonce", lambda: altered(nonce=DROP), BY_HASH, "request_object_malformed", "nothing would bind the answer"),
    ("short nonce", lambda: altered(nonce="1"), BY_HASH, "request_object_malformed", "guessable"),
    ("nonce of other signs", lambda: altered(nonce="銀行" * 16), BY_HASH, "request_object_malformed", "§5.2"),
    ("two places to answer", lambda: altered(redirect_uri=ENDPOINT), BY_HASH, "request_object_malformed", "§8.2"),
    ("nested reference", lambda: altered(request_uri=ENDPOINT), BY_HASH, "request_object_malformed", "RFC 9101 §4"),
    ("other response type", lambda: altered(response_type="code"), BY_HASH, "request_object_malformed", "§5.4"),
    ("other mode", lambda: altered(response_mode="fragment"), BY_HASH, "request_object_malformed", "not spoken here"),
    ("endpoint of another kind", lambda: altered(response_uri="javascript:x"), BY_HASH, "request_object_malformed", "§8.2"),
    ("endpoint that is none", lambda: altered(response_uri="https://["), BY_HASH, "request_object_malformed", "§8.2"),
    ("no endpoint", lambda: altered(response_uri=DROP), BY_HASH, "request_object_malformed", "§8.2"),
    ("no query", lambda: altered(dcql_query=DROP), BY_HASH, "request_object_malformed", "§5.1"),
    ("no key to encrypt to", lambda: altered(client_metadata={"vp_formats_supported": {}}), BY_HASH,
     "request_object_malformed", "§8.3: the mode asks for encryption"),
    ("transaction data of another kind", lambda: altered(transaction_data=[{}]), BY_HASH, "request_object_malformed", "§5.1"),
]  # fmt: skip


@pytest.mark.requirement("OpenID4VP 1.0 §5.9", "a wallet refuses a request that is not provably the client's")
@pytest.mark.parametrize(
    ("build", "client_id", "code"), [each[1:4] for each in ATTACKS], ids=[each[0] for each in ATTACKS]
)
def test_a_forged_request_is_refused(build: Callable[[], str], client_id: str, code: str) -> None:
    with pytest.raises(CodedError) as refused:
        read(build(), client_id)
    assert refused.value.code == code


def test_what_surrounds_the_attacks_is_accepted() -> None:
    assert read(altered()).nonce == NONCE
    assert read(altered(client_id=BY_NAME), BY_NAME).client_id == BY_NAME
    assert read(altered({"kid": f"{DID}#1"}, client_id=BY_DID), BY_DID).client_id == BY_DID


@pytest.mark.requirement("OpenID4VP 1.0 §5.10", "the wallet's nonce comes back inside the signature")
def test_the_wallets_nonce_comes_back() -> None:
    assert read(signed(wallet_nonce="mine"), wallet_nonce="mine").nonce == NONCE
    with pytest.raises(WalletNonceError):
        read(signed(), wallet_nonce="mine")
    for nonce in ("", "x" * 513, "a\nb", "é"):
        with pytest.raises(WalletNonceError):
            signed(wallet_nonce=nonce)


@pytest.mark.requirement("OpenID4VP 1.0 §5.9.3", "with the prefix redirect_uri the response goes to that address alone")
def test_an_unsigned_request_stands_in_its_link() -> None:
    client_id = f"redirect_uri:{ENDPOINT}"
    link = link_by_value(request_for(client_id))
    query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    assert (link.partition("?")[0], query["client_id"], query["response_uri"]) == ("openid4vp://", client_id, ENDPOINT)
    assert json_object(query["dcql_query"].encode()) == QUERY
    with pytest.raises(CodedError, match="response_uri_mismatch"):
        read_parameters({**request_for(client_id), "response_uri": "https://eve.example/"}, client_id=client_id)


def test_a_link_by_reference_names_client_and_place() -> None:
    link = link_by_reference(
        client_id=BY_NAME, request_uri="https://verifier.example/r?a=b&c", request_uri_method="post"
    )
    assert parse_qs(urlsplit(link).query) == {
        "client_id": [BY_NAME],
        "request_uri": ["https://verifier.example/r?a=b&c"],
        "request_uri_method": ["post"],
    }
    assert "request_uri_method" not in link_by_reference(client_id=BY_NAME, request_uri="https://verifier.example/r")


@pytest.mark.requirement("OpenID4VP 1.0 §A.2", "a signed request of the Digital Credentials API names its origins")
def test_a_request_through_the_browser_has_origins_instead_of_an_endpoint() -> None:
    changes: dict[str, Any] = {
        "response_mode": "dc_api.jwt",
        "response_uri": None,
        "expected_origins": ["https://verifier.example"],
    }
    found = read(signed(request_for(**changes)))
    assert (found.response_uri, found.parameters["expected_origins"]) == (None, ["https://verifier.example"])
    attempts: list[dict[str, Any]] = [{"expected_origins": []}, {"response_uri": ENDPOINT}]
    for wrong in attempts:
        with pytest.raises(RequestObjectFormatError):
            request_for(**{**changes, **wrong})


def test_nothing_is_made_that_would_be_refused() -> None:
    with pytest.raises(RequestObjectFormatError):
        request_for(nonce="short")
    with pytest.raises(RequestClientError):
        request_for("https://verifier.example")


@pytest.mark.parametrize(
    "client_id", ["", "x509_hash", "x509_hash:", "origin:https://a", "openid_federation:https://a"]
)
def test_prefixes_that_are_not_spoken_are_no_clients(client_id: str) -> None:
    with pytest.raises(RequestClientError):
        split_client_id(client_id)


@pytest.mark.parametrize(
    "x5c",
    [None, [], "x", ["not base64"], ["AAAA"], [1], encode(CERTIFICATE)[0]],
    ids=["none", "empty", "text", "not base64", "not DER", "number", "not a list"],
)
def test_what_is_no_chain_is_refused(x5c: Any) -> None:
    with pytest.raises(CertificateChainError):
        verify_chain(x5c, anchors=[AUTHORITY.der], moment=MOMENT)


def test_a_chain_may_have_steps_between() -> None:
    middle = AUTHORITY.certify(MIDDLE_KEY.public_key(), names=(), is_authority=True)
    below = Authority("verifier")
    below.key = MIDDLE_KEY
    leaf = below.certify(KEY.public_key())
    assert verify_chain(encode(leaf, middle), anchors=[AUTHORITY.der], moment=MOMENT).serial_number > 0
    with pytest.raises(CertificateChainError):
        verify_chain(encode(leaf), anchors=[AUTHORITY.der], moment=MOMENT)

"""The Authorization Request of OpenID4VP 1.0 (§5): made by a verifier, and verified as a careful wallet would.

A signed request is a JWT of ``typ`` ``oauth-authz-req+jwt`` whose key belongs to ``client_id``: by certificate
(``x509_hash``, ``x509_san_dns``), or by DID (``decentralized_identifier``). With the prefix ``redirect_uri`` there is no
key, and so no signature: the parameters stand in the link itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.claims import numeric_date
from protocol.encoding import json_dumps, json_object
from protocol.envelope import CONTENT_KEY_BYTES, DIRECT
from protocol.errors import (
    ClaimFormatError,
    RequestAudienceError,
    RequestClientError,
    RequestObjectExpiredError,
    RequestObjectFormatError,
    ResponseEndpointError,
    WalletNonceError,
)
from protocol.jose import Jws, parse_compact, sign_compact, verify_es256
from protocol.keys import Signer, p256_from_jwk
from protocol.sd_jwt_vc import CREDENTIAL_TYPE
from protocol.x5c import dns_names, leaf_hash, signing_key, verify_chain

REQUEST_TYPE = "oauth-authz-req+jwt"
MEDIA_TYPE = f"application/{REQUEST_TYPE}"
SELF_ISSUED = "https://self-issued.me/v2"
LINK_SCHEME = "openid4vp"
X509_HASH, X509_SAN_DNS, DID, REDIRECT_URI = "x509_hash", "x509_san_dns", "decentralized_identifier", "redirect_uri"
SIGNED_PREFIXES = frozenset({X509_HASH, X509_SAN_DNS, DID})
DIRECT_POST, DIRECT_POST_JWT, DC_API_JWT = "direct_post", "direct_post.jwt", "dc_api.jwt"
RESPONSE_MODES = frozenset({DIRECT_POST, DIRECT_POST_JWT, DC_API_JWT})
ENCRYPTED_MODES = frozenset({DIRECT_POST_JWT, DC_API_JWT})
MAX_REQUEST_BYTES = 1 << 17
MAX_WALLET_NONCE = 512
LEEWAY_SECONDS = 60

_REQUEST_TYPES = frozenset({REQUEST_TYPE})
# OpenID4VP §5.2: a nonce is of ASCII URL-safe characters.
_NONCE = re.compile(r"[A-Za-z0-9._~-]{16,512}\Z")
_PRINTABLE = re.compile(r"[\x20-\x7e]+\Z")
_SCHEMES = {"http", "https"}


@dataclass(frozen=True, slots=True)
class ClientTrust:
    """What a wallet holds to judge a client by: certificates (DER) it trusts, and the keys of resolved DIDs by key id."""

    anchors: Sequence[bytes] = ()
    did_keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request whose every parameter has been checked. ``parameters`` holds all of them as received."""

    client_id: str
    response_mode: str
    response_uri: str | None
    nonce: str
    state: str | None
    dcql_query: Mapping[str, Any]
    transaction_data: tuple[str, ...]
    client_metadata: Mapping[str, Any]
    parameters: Mapping[str, Any]


def build_request(
    *,
    client_id: str,
    response_mode: str,
    nonce: str,
    dcql_query: Mapping[str, Any],
    client_metadata: Mapping[str, Any],
    response_uri: str | None = None,
    state: str | None = None,
    transaction_data: Sequence[str] = (),
    expected_origins: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the parameters of a request (§5.1-5.3; appendix A.2 for ``dc_api.jwt``, which has origins and no state).

    Raises as read_parameters, so that nothing is made here that would be refused.
    """
    parameters = {
        "response_type": "vp_token",
        "client_id": client_id,
        "response_mode": response_mode,
        "response_uri": response_uri,
        "expected_origins": list(expected_origins),
        "nonce": nonce,
        "state": state,
        "dcql_query": dict(dcql_query),
        "transaction_data": list(transaction_data),
        "client_metadata": dict(client_metadata),
    }
    stated = {name: value for name, value in parameters.items() if value not in (None, [])}
    read_parameters(stated, client_id=client_id)
    return stated


def client_metadata(*, name: Mapping[str, str], encryption_key: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return ``client_metadata`` (§5.1): *name* by language tag, and the public P-256 JWK, with ``kid``, to answer to."""
    metadata: dict[str, Any] = {f"client_name#{language}": text for language, text in name.items()}
    metadata["vp_formats_supported"] = {
        CREDENTIAL_TYPE: {"sd-jwt_alg_values": ["ES256"], "kb-jwt_alg_values": ["ES256"]}
    }
    if encryption_key is not None:
        metadata["jwks"] = {"keys": [{**encryption_key, "use": "enc", "alg": DIRECT}]}
        metadata["encrypted_response_enc_values_supported"] = sorted(CONTENT_KEY_BYTES)
    return metadata


def sign_request(
    parameters: Mapping[str, Any],
    *,
    signer: Signer,
    key_header: Mapping[str, Any],
    issued_at: int,
    expires_at: int,
    audience: str = SELF_ISSUED,
    wallet_nonce: str | None = None,
) -> str:
    """Return *parameters* as a signed request object (§5, RFC 9101 §4). *key_header* is ``x5c`` or ``kid``; times in seconds.

    Raises WalletNonceError for a *wallet_nonce* that is not short printable text.
    """
    claims = {**parameters, "aud": audience, "iat": issued_at, "exp": expires_at}
    if wallet_nonce is not None:
        claims["wallet_nonce"] = check_wallet_nonce(wallet_nonce)
    return sign_compact(json_dumps(claims), signer=signer, header={"typ": REQUEST_TYPE, **key_header})


def check_wallet_nonce(value: str) -> str:
    """Return *value* if it can be echoed (§5.10). Raises WalletNonceError."""
    if not _PRINTABLE.match(value) or len(value) > MAX_WALLET_NONCE:
        raise WalletNonceError("not short printable text")
    return value


def link_by_reference(*, client_id: str, request_uri: str, request_uri_method: str = "get") -> str:
    """Return the link that leads a wallet to a signed request (§5.7, §5.10)."""
    query = {"client_id": client_id, "request_uri": request_uri}
    if request_uri_method != "get":
        query["request_uri_method"] = request_uri_method
    return f"{LINK_SCHEME}://?{urlencode(query)}"


def link_by_value(parameters: Mapping[str, Any]) -> str:
    """Return the link that holds the whole of an unsigned request; objects and arrays as JSON (§5.1)."""
    texts = {
        name: value if isinstance(value, str) else json_dumps(value).decode() for name, value in parameters.items()
    }
    return f"{LINK_SCHEME}://?{urlencode(texts)}"


def split_client_id(client_id: str) -> tuple[str, str]:
    """Return prefix and identifier (§5.9). Raises RequestClientError for a prefix that is not known here."""
    prefix, colon, identifier = client_id.partition(":")
    if not colon or not identifier or prefix not in SIGNED_PREFIXES | {REDIRECT_URI}:
        raise RequestClientError("a client id prefix that is not known here")
    return prefix, identifier


def read_signed_request(
    token: str,
    *,
    client_id: str,
    trust: ClientTrust,
    now: float,
    wallet_nonce: str | None = None,
    audiences: frozenset[str] = frozenset({SELF_ISSUED}),
) -> AuthorizationRequest:
    """Return the request in *token*, to which a link with *client_id* led, once all of it holds (§5, §5.9, §5.10).

    *now* is in seconds since 1970. Raises CertificateChainError, RequestClientError, SignatureError,
    RequestObjectFormatError, RequestAudienceError, RequestObjectExpiredError, WalletNonceError, ResponseEndpointError, and
    what parse_compact raises.
    """
    jws = parse_compact(token, allowed_types=_REQUEST_TYPES, max_bytes=MAX_REQUEST_BYTES)
    claims = json_object(verify_es256(jws, _find_key(jws, client_id, trust, now)))
    if claims.get("aud") not in audiences:
        raise RequestAudienceError("not for wallets of this kind")
    _check_times(claims, now)
    if claims.get("wallet_nonce") != wallet_nonce:
        raise WalletNonceError("not the one that was sent")
    return read_parameters(claims, client_id=client_id)


def read_parameters(parameters: Mapping[str, Any], *, client_id: str) -> AuthorizationRequest:
    """Return the request that *parameters* state, whoever made it. Raises as read_signed_request, where it concerns them."""
    if parameters.get("client_id") != client_id:
        raise RequestClientError("client_id differs from the link's")
    if parameters.get("response_type") != "vp_token" or "redirect_uri" in parameters or "request_uri" in parameters:
        raise RequestObjectFormatError("response_type, redirect_uri or request_uri")
    mode = parameters.get("response_mode")
    if not isinstance(mode, str) or mode not in RESPONSE_MODES:
        raise RequestObjectFormatError("response_mode")
    nonce = parameters.get("nonce")
    if not isinstance(nonce, str) or not _NONCE.match(nonce):
        raise RequestObjectFormatError("nonce")
    response_uri = _read_endpoint(parameters, mode, client_id)
    return AuthorizationRequest(
        client_id=client_id,
        response_mode=mode,
        response_uri=response_uri,
        nonce=nonce,
        state=_optional(parameters, "state", str),
        dcql_query=_member(parameters, "dcql_query", dict),
        transaction_data=_read_transaction_data(parameters),
        client_metadata=_read_metadata(parameters, mode),
        parameters=parameters,
    )


def _find_key(jws: Jws, client_id: str, trust: ClientTrust, now: float) -> ec.EllipticCurvePublicKey:
    prefix, identifier = split_client_id(client_id)
    if prefix == REDIRECT_URI:
        raise RequestClientError("a client without a key cannot sign")
    if prefix == DID:
        # The key id must be one of the DID itself: the document of another could hold any key.
        kid = jws.header.get("kid")
        jwk = trust.did_keys.get(kid) if isinstance(kid, str) and kid.partition("#")[0] == identifier else None
        if jwk is None:
            raise RequestClientError("signed by no key of the client's DID")
        return p256_from_jwk(jwk)
    leaf = verify_chain(jws.header.get("x5c"), anchors=trust.anchors, moment=datetime.fromtimestamp(now, UTC))
    is_client = (
        leaf_hash(leaf.public_bytes(Encoding.DER)) == identifier
        if prefix == X509_HASH
        else identifier in dns_names(leaf)
    )
    if not is_client:
        raise RequestClientError("the certificate is another client's")
    return signing_key(leaf)


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    try:
        issued_at, expires_at = numeric_date(claims, "iat"), numeric_date(claims, "exp")
        not_before = numeric_date(claims, "nbf")
    except ClaimFormatError as error:
        raise RequestObjectFormatError(error.detail) from None
    if expires_at is not None and expires_at + LEEWAY_SECONDS <= now:
        raise RequestObjectExpiredError("exp has passed")
    if any(moment is not None and moment > now + LEEWAY_SECONDS for moment in (issued_at, not_before)):
        raise RequestObjectExpiredError("not made yet")


def _read_endpoint(parameters: Mapping[str, Any], mode: str, client_id: str) -> str | None:
    if mode == DC_API_JWT:
        origins = _member(parameters, "expected_origins", list)
        if "response_uri" in parameters or not origins or not all(isinstance(origin, str) for origin in origins):
            raise RequestObjectFormatError("expected_origins, or response_uri beside them")
        return None
    response_uri: str = _member(parameters, "response_uri", str)
    prefix, identifier = split_client_id(client_id)
    host = _host_of(response_uri)
    if prefix == X509_SAN_DNS and host != identifier:
        raise ResponseEndpointError("on another host than the certificate's")
    if prefix == REDIRECT_URI and response_uri != identifier:
        raise ResponseEndpointError("not the one that the client is called by")
    return response_uri


def _host_of(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        raise RequestObjectFormatError("response_uri") from None
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.fragment:
        raise RequestObjectFormatError("response_uri")
    return parts.hostname


def _read_transaction_data(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    items = parameters.get("transaction_data", [])
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise RequestObjectFormatError("transaction_data")
    return tuple(items)


def _read_metadata(parameters: Mapping[str, Any], mode: str) -> Mapping[str, Any]:
    metadata: Mapping[str, Any] = _member(parameters, "client_metadata", dict)
    keys = metadata.get("jwks")
    if mode in ENCRYPTED_MODES and not (isinstance(keys, dict) and isinstance(keys.get("keys"), list) and keys["keys"]):
        raise RequestObjectFormatError("no key to encrypt the answer to")
    return metadata


def _member(parameters: Mapping[str, Any], name: str, kind: type) -> Any:
    value = parameters.get(name)
    if not isinstance(value, kind) or not value:
        raise RequestObjectFormatError(name)
    return value


def _optional(parameters: Mapping[str, Any], name: str, kind: type) -> Any:
    return _member(parameters, name, kind) if name in parameters else None

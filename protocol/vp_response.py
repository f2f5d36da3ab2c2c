"""The Authorization Response of OpenID4VP 1.0 (§8), as it reaches a verifier: a form, plain or encrypted.

What a wallet posts is strange input: sizes are bounded before work, names may not repeat, and of the many forms of
JWE only the one that the request asked for is opened, with the one key made for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric import ec

from protocol.encoding import b64u_decode, json_object
from protocol.envelope import DIRECT, MAX_HEADER_BYTES, open_envelope
from protocol.errors import (
    EncodingError,
    EnvelopeError,
    ResponseFormatError,
    TooLargeError,
    WalletResponseEncryptionError,
)
from protocol.request_object import ENCRYPTED_MODES

MAX_RESPONSE_BYTES = 1 << 19
MAX_PARAMETERS = 16
MAX_QUERIES = 16
MAX_PRESENTATIONS = 16
MAX_TEXT = 512
ACCESS_DENIED = "access_denied"


@dataclass(frozen=True, slots=True)
class WalletResponse:
    """Either ``vp_token`` (query id → presentations) or ``error``; nothing in it has been judged yet."""

    state: str | None
    vp_token: Mapping[str, tuple[str, ...]]
    error: str | None = None
    is_encrypted: bool = False


def read_response(
    body: bytes, *, response_mode: str, private_key: ec.EllipticCurvePrivateKey | None, kid: str | None
) -> WalletResponse:
    """Return what the form *body* holds (§8.2, §8.3.1). *private_key* and its *kid* are those of this request.

    An error may come in the clear, for a wallet that cannot encrypt must still be able to say so (§8.3). Raises
    TooLargeError, ResponseFormatError and WalletResponseEncryptionError.
    """
    parameters: Mapping[str, Any] = parse_form(body)
    if response_mode in ENCRYPTED_MODES and "error" not in parameters:
        return _read_parameters(_decrypt(parameters, private_key, kid), is_encrypted=True)
    if "response" in parameters:
        raise WalletResponseEncryptionError("encrypted, and nobody asked for it")
    if "vp_token" in parameters:
        parameters = {**parameters, "vp_token": _parse_token(parameters["vp_token"])}
    return _read_parameters(parameters, is_encrypted=False)


def parse_form(body: bytes) -> dict[str, str]:
    """Return the parameters of a form (RFC 6749 appendix B), none of them twice (§3.1). Raises as read_response."""
    if len(body) > MAX_RESPONSE_BYTES:
        raise TooLargeError(f"at most {MAX_RESPONSE_BYTES} bytes")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )  # fmt: skip
    except ValueError:
        raise ResponseFormatError("not a form") from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise ResponseFormatError("a parameter given twice")
    return parameters


def _decrypt(parameters: Mapping[str, Any], private_key: ec.EllipticCurvePrivateKey | None, kid: str | None) -> Any:
    jwe = parameters.get("response")
    if not isinstance(jwe, str) or "vp_token" in parameters or private_key is None:
        # An answer in the clear would let whoever carries it read it.
        raise WalletResponseEncryptionError("not encrypted")
    _check_header(jwe, kid)
    try:
        plaintext = open_envelope(jwe, private_key, kid)
        return json_object(plaintext, max_bytes=MAX_RESPONSE_BYTES)
    except EnvelopeError as error:
        raise WalletResponseEncryptionError(error.detail) from None
    except EncodingError:
        raise ResponseFormatError("what was encrypted is not a JSON object") from None


def _check_header(jwe: str, kid: str | None) -> None:
    """Before any cryptography: compact, agreed directly, to the key of this request, nothing compressed (§8.3)."""
    protected, dot, _ = jwe.partition(".")
    if not dot or jwe.count(".") != 4 or len(protected) > MAX_HEADER_BYTES:
        raise WalletResponseEncryptionError("not a compact JWE")
    try:
        header = json_object(b64u_decode(protected), max_bytes=MAX_HEADER_BYTES)
    except EncodingError:
        raise WalletResponseEncryptionError("the header is not JSON") from None
    if header.get("alg") != DIRECT or "zip" in header:
        raise WalletResponseEncryptionError("an algorithm that was not asked for")
    if header.get("kid") != kid:
        raise WalletResponseEncryptionError("to another key than this request's")


def _read_parameters(parameters: Mapping[str, Any], *, is_encrypted: bool) -> WalletResponse:
    state, error = _short_text(parameters, "state"), _short_text(parameters, "error")
    if (error is None) == ("vp_token" not in parameters):
        raise ResponseFormatError("neither vp_token nor error, or both")
    token = {} if error is not None else _read_token(parameters["vp_token"])
    return WalletResponse(state, token, error, is_encrypted)


def _parse_token(text: str) -> Any:
    try:
        return json_object(text, max_bytes=MAX_RESPONSE_BYTES)
    except EncodingError:
        raise ResponseFormatError("vp_token is not a JSON object") from None


def _read_token(value: Any) -> dict[str, tuple[str, ...]]:
    """A JSON object of arrays, each of at least one presentation as text (§8.1)."""
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_QUERIES:
        raise ResponseFormatError("vp_token is not an object of a few members")
    if not all(isinstance(items, list) and items and all(isinstance(item, str) for item in items)
               for items in value.values()):  # fmt: skip
        raise ResponseFormatError("a member of vp_token is not an array of text")
    if sum(map(len, value.values())) > MAX_PRESENTATIONS:
        raise ResponseFormatError("too many presentations")
    return {query_id: tuple(items) for query_id, items in value.items()}


def _short_text(parameters: Mapping[str, Any], name: str) -> str | None:
    value = parameters.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > MAX_TEXT):
        raise ResponseFormatError(f"{name} is not short text")
    return value

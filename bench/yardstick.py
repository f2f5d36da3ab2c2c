"""The yardstick of the REST benchmark: the same checks written by hand with `cryptography` and `orjson`, for one type of
credential, behind a bare WSGI callable. No framework, no reports, no care for odd input: the least that the work costs.

Serve it with `granian --interface wsgi bench.yardstick:application`; the file that YARDSTICK_TRUST names holds what it
knows: {"issuer", "vct", "issuer_jwk", "status_size", "anchored"}.
"""

from __future__ import annotations

import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

_ES256: Final = ec.ECDSA(hashes.SHA256())
_MAX_AGE: Final = 300
_SKEW: Final = 60


class Refused(Exception):  # noqa: N818 a verdict, not a fault
    """The presentation is not valid; the argument says why."""


class Yardstick:
    """One trusted issuer, its status bits, and the digests that stand in the log."""

    def __init__(self, trust: dict[str, Any]) -> None:
        self.issuer, self.vct = trust["issuer"], trust["vct"]
        self.issuer_key = _key(trust["issuer_jwk"])
        self.statuses = bytearray(trust["status_size"] // 4)
        self.holder_keys: dict[str, ec.EllipticCurvePublicKey] = {}
        self.anchored = {bytes.fromhex(digest) for digest in trust["anchored"]}

    def verify(self, presentation: str, audience: str, nonce: str, now: float) -> dict[str, Any]:
        """Return the claims shown. Raises Refused."""
        *shown, binding = presentation.split("~")
        header, payload = self._issued(shown[0])
        claims, found = _reveal(payload, shown[1:])
        if header["typ"] != "dc+sd-jwt" or payload["iss"] != self.issuer or payload["vct"] != self.vct:
            raise Refused("issuer or type")
        bound = self._bound(binding, payload["cnf"]["jwk"], presentation[: -len(binding)])
        if bound["aud"] != audience or bound["nonce"] != nonce or not now - _MAX_AGE <= bound["iat"] <= now + _SKEW:
            raise Refused("audience, nonce or time")
        if not payload["iat"] - _SKEW <= now < payload["exp"] + _SKEW:
            raise Refused("dates")
        index = payload["status"]["status_list"]["idx"]
        if self.statuses[index >> 2] >> (index & 3) * 2 & 3:
            raise Refused("status")
        is_anchored = sha256(shown[0].rpartition(".")[0].encode()).digest() in self.anchored
        return {"claims": claims, "disclosed": found, "anchored": is_anchored}

    def _issued(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        header, payload, signature = token.split(".")
        _check_signature(self.issuer_key, signature, f"{header}.{payload}")
        return orjson.loads(_decode(header)), orjson.loads(_decode(payload))

    def _bound(self, token: str, jwk: dict[str, str], presented: str) -> dict[str, Any]:
        key = self.holder_keys.get(jwk["x"])
        if key is None:
            key = self.holder_keys[jwk["x"]] = _key(jwk)
        header, payload, signature = token.split(".")
        _check_signature(key, signature, f"{header}.{payload}")
        claims: dict[str, Any] = orjson.loads(_decode(payload))
        if orjson.loads(_decode(header))["typ"] != "kb+jwt" or claims["sd_hash"] != _digest(presented):
            raise Refused("key binding")
        return claims


def _reveal(payload: dict[str, Any], disclosures: list[str]) -> tuple[dict[str, Any], list[str]]:
    signed = set(payload["_sd"])
    claims, found = dict(payload), []
    for encoded in disclosures:
        _, name, value = orjson.loads(_decode(encoded))
        digest = _digest(encoded)
        if digest not in signed or name in claims:
            raise Refused("disclosure")
        signed.remove(digest)
        claims[name] = value
        found.append(name)
    del claims["_sd"], claims["_sd_alg"]
    return claims, found


def _check_signature(key: ec.EllipticCurvePublicKey, signature: str, signing_input: str) -> None:
    raw = _decode(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    try:
        key.verify(der, signing_input.encode(), _ES256)
    except InvalidSignature:
        raise Refused("signature") from None


def _key(jwk: dict[str, str]) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + _decode(jwk["x"]) + _decode(jwk["y"]))


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _digest(text: str) -> str:
    return urlsafe_b64encode(sha256(text.encode()).digest())[:43].decode()


StartResponse = Callable[[str, list[tuple[str, str]]], object]


def make_application(yardstick: Yardstick) -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
    """Return a WSGI callable that answers as POST /api/v1/verify does, in the plainest form."""

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        body = orjson.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        try:
            found = yardstick.verify(body["presentation"], body["audience"], body["nonce"], time.time())
            answer = orjson.dumps({"verdict": "valid", "issuer": yardstick.issuer, "vct": yardstick.vct, **found})
        except Refused as refused:
            answer = orjson.dumps({"verdict": "invalid", "reason": str(refused)})
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]

    return application


if "YARDSTICK_TRUST" in os.environ:
    application = make_application(Yardstick(orjson.loads(Path(os.environ["YARDSTICK_TRUST"]).read_bytes())))

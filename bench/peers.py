"""The same work done by PyPI sd-jwt, the reference implementation in Python."""

from __future__ import annotations

from typing import Any

from jwcrypto.jwk import JWK
from sd_jwt.common import SDObj
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from bench import sample
from bench.measure import Work
from protocol.status_list import status_claim


def verifying(keys: sample.Keys, presentation: str) -> Work:
    """Return the work of verifying *presentation* with sd-jwt, key binding included. The issuer's key is at hand."""
    issuer_key = JWK.from_pyca(keys.issuer.public_key())

    def work() -> dict[str, Any]:
        verifier = SDJWTVerifier(presentation, lambda *_: issuer_key, sample.AUDIENCE, sample.NONCE)
        claims: dict[str, Any] = verifier.get_verified_payload()
        return claims

    shown = {str(name) for (name,) in sample.SHOWN}
    assert shown <= work().keys()
    return work


def issuing(keys: sample.Keys, now: int) -> Work:
    """Return the work of issuing the sample credential with sd-jwt."""
    issuer_key, holder_key = JWK.from_pyca(keys.issuer), JWK.from_pyca(keys.holder.public_key())
    issued_at = now - now % sample.DAY
    registered = {"iss": sample.ISSUER, "iat": issued_at, "exp": issued_at + 365 * sample.DAY, "vct": sample.VCT}
    registered["status"] = status_claim(1, sample.STATUS_URI)
    header = {"typ": "dc+sd-jwt", **keys.header}

    def work() -> str:
        claims = {**registered, **{SDObj(name): value for name, value in sample.CLAIMS.items()}}
        issuer = SDJWTIssuer(claims, issuer_key, holder_key=holder_key, extra_header_parameters=header)
        text: str = issuer.sd_jwt_issuance
        return text

    return work

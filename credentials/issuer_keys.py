"""Which registered key a token may have been signed with: its header chooses among them, and never adds one."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from protocol.keys import jwk_thumbprint, p256_from_jwk, public_jwk

_MAX_CANDIDATES = 8
# RFC 9278 §3.
_THUMBPRINT_URN = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:"


def candidate_keys(
    header: Mapping[str, Any], registered: Mapping[str, Mapping[str, Any]], *, owner: str | None = None
) -> list[ec.EllipticCurvePublicKey]:
    """Return the registered keys that *header* can mean: by ``kid``, else by the key in ``x5c``, else all of them.

    *owner* is who registered them. A ``kid`` may then be a URL of theirs: a DID URL, or that of a verification method.
    """
    kid = header.get("kid")
    if kid is not None:
        name = _local_name(kid, owner) if owner else kid
        jwk = registered.get(kid) or registered.get(name) or _by_thumbprint(registered, name)
        return [p256_from_jwk(jwk)] if jwk else []
    if "x5c" in header:
        thumbprint = _certificate_thumbprint(header["x5c"][0])
        jwk = _by_thumbprint(registered, thumbprint) if thumbprint else None
        return [p256_from_jwk(jwk)] if jwk else []
    return [p256_from_jwk(jwk) for jwk in list(registered.values())[:_MAX_CANDIDATES]]


def key_url(owner: str, key_id: str) -> str:
    """Return the URL of *owner*'s verification method for a key (VC-JOSE-COSE §4.2)."""
    return f"{owner}#{key_id}"


def _local_name(kid: str, owner: str) -> str:
    """Return the key's own name out of a URL that starts with its owner's (VC-JOSE-COSE §4.1.1, §4.2)."""
    for start in (f"{owner}#", f"{owner}/keys/"):
        if kid.startswith(start):
            return kid.removeprefix(start).removeprefix(_THUMBPRINT_URN)
    return kid


def _by_thumbprint(registered: Mapping[str, Mapping[str, Any]], thumbprint: str) -> Mapping[str, Any] | None:
    return next((jwk for jwk in registered.values() if jwk_thumbprint(jwk) == thumbprint), None)


@lru_cache(maxsize=256)
def _certificate_thumbprint(certificate: str) -> str | None:
    try:
        key = x509.load_der_x509_certificate(b64decode(certificate)).public_key()
        return jwk_thumbprint(public_jwk(key)) if isinstance(key, ec.EllipticCurvePublicKey) else None
    except ValueError:
        return None

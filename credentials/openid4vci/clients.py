"""Which wallet asks: by the key it proves with every request (DPoP), and by who vouches for it (wallet attestation).

Both are optional until an agency issues under HAIP, or an offer asks for DPoP. What a wallet has shown once, it shows
again: a code or token that was given to a key is worth nothing without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction

from credentials.models import WalletGrant
from credentials.openid4vci import providers
from identity import nonces
from identity.errors import OneTimeValueError
from identity.models import Agency
from identity.trust import issuer_identifier
from protocol import client_attestation, dpop
from protocol.errors import (
    AccessTokenError,
    ClientAttestationError,
    DpopKeyError,
    DpopProofError,
    GrantError,
    OAuthClientError,
    OAuthError,
)
from protocol.oauth import PresentedToken

PROOF_AGE = timedelta(minutes=5)
DPOP_NONCE_LIFETIME = timedelta(minutes=5)
# A proof may come from a clock that is ahead by a minute.
_REMEMBERED = PROOF_AGE + timedelta(minutes=2)
_DPOP_NONCE = "dpop"


@dataclass(frozen=True, slots=True)
class Headers:
    """What a request brings to say who sends it; ``url`` is the endpoint's own address, never what the client wrote."""

    method: str
    url: str
    dpop: str | None = None
    attestation: str | None = None
    attestation_proof: str | None = None


@dataclass(frozen=True, slots=True)
class Wallet:
    """What is proven of a wallet; thumbprints are RFC 7638, empty for what it did not show."""

    client_id: str = ""
    client_thumbprint: str = ""
    dpop_thumbprint: str = ""


def dpop_nonce(slug: str) -> str:
    """Return a nonce for the next proofs at that agency (RFC 9449 §8); it may serve several, each proof serves once."""
    return nonces.give(purpose=_DPOP_NONCE, subject=slug, lifetime=DPOP_NONCE_LIFETIME)


def identify(headers: Headers, *, agency: Agency, client_id: str | None, now: float) -> Wallet:
    """Return who asks at an endpoint of the authorization server.

    Raises OAuthClientError, ClientAttestationError, DpopProofError and DpopNonceError; under HAIP both are demanded.
    """
    attested = _attested(headers, agency, client_id, now)
    if headers.dpop is None:
        if agency.haip:
            raise DpopProofError("this issuer binds every token to a key")
        return attested
    thumbprint = _prove(headers, agency, now, error=DpopProofError)
    return Wallet(attested.client_id, attested.client_thumbprint, thumbprint)


def check_access(headers: Headers, *, grant: WalletGrant, presented: PresentedToken, now: float) -> None:
    """The token is shown as it was bound (RFC 9449 §7.1). Raises AccessTokenError, DpopKeyError, DpopNonceError."""
    if not grant.dpop_thumbprint:
        if presented.scheme != "Bearer":
            raise AccessTokenError("not bound to a key")
        return
    if presented.scheme != "DPoP" or headers.dpop is None:
        raise DpopKeyError("bound to a key")
    _prove(headers, grant.agency, now, error=DpopProofError, token=presented.token, thumbprint=grant.dpop_thumbprint)


def check_same(wallet: Wallet, *, client_id: str, client_thumbprint: str, dpop_thumbprint: str) -> None:
    """What a code or token was given to is what brings it. Raises GrantError.

    A name that nobody vouches for proves nothing: it may be left out, and may not be another.
    """
    if dpop_thumbprint and wallet.dpop_thumbprint != dpop_thumbprint:
        raise GrantError("bound to another key")
    if client_thumbprint and wallet.client_thumbprint != client_thumbprint:
        raise GrantError("bound to another instance of the wallet")
    if client_id and wallet.client_id and wallet.client_id != client_id:
        raise GrantError("given to another client")


def _attested(headers: Headers, agency: Agency, client_id: str | None, now: float) -> Wallet:
    if headers.attestation is None and headers.attestation_proof is None:
        if agency.haip:
            raise OAuthClientError("this issuer admits attested wallets only")
        return Wallet(client_id or "")
    if headers.attestation is None or headers.attestation_proof is None:
        raise ClientAttestationError("an attestation and its proof come together")
    found = client_attestation.verify(
        headers.attestation,
        headers.attestation_proof,
        keys=providers.trusted_keys(providers.Purpose.WALLET),
        audience=issuer_identifier(agency),
        now=now,
        max_age=PROOF_AGE.total_seconds(),
        client_id=client_id,
    )
    _remember(f"{found.thumbprint}\x00{found.jti}", now, purpose="attestation-jti", error=ClientAttestationError)
    return Wallet(found.client_id, found.thumbprint)


def _prove(
    headers: Headers,
    agency: Agency,
    now: float,
    *,
    error: type[OAuthError],
    token: str | None = None,
    thumbprint: str | None = None,
) -> str:
    proof = dpop.verify_proof(
        headers.dpop or "",
        method=headers.method,
        url=headers.url,
        now=now,
        max_age=PROOF_AGE.total_seconds(),
        is_fresh_nonce=_is_ours(agency),
        access_token=token,
        thumbprint=thumbprint,
    )
    _remember(f"{proof.thumbprint}\x00{proof.jti}", now, purpose="dpop-jti", error=error)
    return proof.thumbprint


def _is_ours(agency: Agency) -> Callable[[str], bool]:
    return lambda nonce: nonces.is_fresh(nonce, purpose=_DPOP_NONCE, subject=agency.slug)


def _remember(value: str, now: float, *, purpose: str, error: type[OAuthError]) -> None:
    """A proof serves once (RFC 9449 §11.1), whatever becomes of the request that it came with."""
    try:
        with transaction.atomic():
            nonces.remember(value, purpose=purpose, until=datetime.fromtimestamp(now, UTC) + _REMEMBERED)
    except OneTimeValueError:
        raise error("shown before") from None

"""From a credential request to copies of a certificate, or to a promise of them (OpenID4VCI 1.0 §8, §9).

1. The access token says what the wallet may have, and to which key it is bound.  (tokens, clients)
2. What is asked for is one of these configurations.
3. Every proof is a key's own, for this issuer, made with a nonce of ours, and attested where that is demanded.
4. There is a valid certificate: copies are signed and released once, the nonces used up with them.  (instances)
5. It is still being made: the keys are settled now, and a transaction id comes back.  (deferral)
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings

from credentials.models import WalletGrant
from credentials.openid4vci import deferral, providers
from credentials.openid4vci.formats import FORMATS, CredentialFormat, configuration_of
from credentials.openid4vci.holding import certificate_of
from credentials.openid4vci.instances import Handover, hand_over
from identity import nonces
from identity.errors import OneTimeValueError, UnreadableError
from identity.models import Agency
from identity.trust import issuer_identifier
from protocol import openid4vci as messages
from protocol.errors import (
    CredentialConfigurationError,
    CredentialDeniedError,
    CredentialIdentifierError,
    KeyProofNonceError,
)

NONCE_LIFETIME = timedelta(minutes=5)
PROOF_AGE_SECONDS = 300
_NONCE = "openid4vci-proof"


def give_nonce(agency: Agency) -> str:
    """Return a nonce for one request's proofs (§7)."""
    return nonces.give(purpose=_NONCE, subject=agency.slug, lifetime=NONCE_LIFETIME)


def most_proofs(grant: WalletGrant) -> int:
    """Return how many copies one request may ask for."""
    return min(grant.most, settings.WALLET_BATCH_SIZE)


def issue_copies(*, grant: WalletGrant, request: messages.CredentialRequest, now: float) -> Handover | deferral.Promise:
    """Return the copies asked for, or the promise of them. Must not run inside a transaction.

    Raises CredentialConfigurationError, CredentialIdentifierError, KeyProofError, KeyAttestationError,
    KeyProofNonceError, CredentialDeniedError, and KeyStateError when the agency has no key to sign with.
    """
    form = _format_asked(grant, request)
    proven = _prove(grant, request, now)

    def use_up() -> None:
        _consume_nonces(grant.agency, proven.nonces)

    credential = certificate_of(grant)
    if credential is None:
        return deferral.promise(grant=grant, form=form, holder_jwks=proven.keys, use_up=use_up)
    try:
        return hand_over(grant=grant, credential=credential, form=form, holder_jwks=proven.keys, use_up=use_up)
    except UnreadableError:
        raise CredentialDeniedError("erased") from None


def _format_asked(grant: WalletGrant, request: messages.CredentialRequest) -> CredentialFormat:
    kind = grant.application.credential_type
    granted = {configuration_of(kind, form).id: form for form in FORMATS.values()}
    # A credential identifier (§6.2) is named as its configuration: there is one certificate for it.
    if request.identifier is not None:
        if request.identifier not in granted:
            raise CredentialIdentifierError("not among those of the token")
        return granted[request.identifier]
    if request.configuration_id not in granted:
        raise CredentialConfigurationError("not what the token was given for")
    return granted[request.configuration_id]


def _prove(grant: WalletGrant, request: messages.CredentialRequest, now: float) -> messages.ProvenKeys:
    return messages.verify_proofs(
        request,
        audience=issuer_identifier(grant.agency),
        now=now,
        max_age=PROOF_AGE_SECONDS,
        client_id=grant.client_id or None,
        attester_keys=providers.trusted_keys(providers.Purpose.KEY),
        policy=messages.AttestationPolicy() if grant.requires_key_attestation else None,
        max_keys=most_proofs(grant),
    )


def _consume_nonces(agency: Agency, used: frozenset[str]) -> None:
    try:
        for nonce in sorted(used):
            nonces.consume(nonce, purpose=_NONCE, subject=agency.slug)
    except OneTimeValueError:
        raise KeyProofNonceError("unknown, too old or used") from None


def answer(outcome: Handover | deferral.Promise) -> dict[str, Any]:
    """Return the credential response, or the deferred one."""
    if isinstance(outcome, Handover):
        return messages.credential_response(outcome.credentials, notification_id=str(outcome.id))
    return messages.deferred_response(outcome.transaction_id, interval=deferral.INTERVAL_SECONDS)

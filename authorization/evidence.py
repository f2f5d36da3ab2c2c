"""What makes a grant: signed terms, a key binding JWT over them and over one exact presentation.

1. the certificate is this citizen's, valid now, and answers the request
2. the terms say what the request says, for claims between the required and the requested ones
3. the certificate is bound to a key that the WeID has today
4. that key signed the presentation of exactly these claims, to this verifier, with this nonce, now
5. and signed it over these terms
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from authorization.errors import (
    ClaimsOutsideRequestError,
    CredentialUnusableError,
    DeviceKeyNotCurrentError,
    PresentationMismatchError,
)
from authorization.models import PresentationRequest
from authorization.offers import CredentialOffer, offer_credential, present
from authorization.requests import audience_of
from authorization.terms import build_terms, check_terms, claims_in
from credentials.holdings import credentials_of, read_sd_jwt
from credentials.models import Credential
from identity.models import Person, WeID
from identity.weid import device_keys
from protocol.disclosure import Path, SdJwt, hash_of
from protocol.errors import KeyBindingHashError
from protocol.key_binding import verify_key_binding
from protocol.openid4vp import check_transaction_data

KEY_BINDING_MAX_AGE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Evidence:
    """A consent that has been checked in full."""

    credential: Credential
    claims: tuple[Path, ...]
    terms: str
    key_binding_jwt: str


def check_evidence(
    *, request: PresentationRequest, person: Person, weid: WeID, terms: str, key_binding_jwt: str
) -> Evidence:
    """Return the evidence once all five checks passed.

    Raises CredentialUnusableError, TermsMismatchError, ClaimsOutsideRequestError, DeviceKeyNotCurrentError,
    PresentationMismatchError, and ProtocolError for what breaks a standard.
    """
    members, claims = claims_in(terms)
    offer = _find_offer(request, person, weid, members.get("credential_number"))
    _check_choice(offer, claims)
    expected = build_terms(request=request, credential_number=offer.credential.number, claims=claims)
    check_terms(members, expected)
    if not offer.is_bound_to_device:
        raise DeviceKeyNotCurrentError(weid.did)
    held, presentation = present(read_sd_jwt(offer.credential, person), claims)
    binding = _check_key_binding(request, held, presentation, key_binding_jwt)
    check_transaction_data(binding, [terms])
    return Evidence(offer.credential, claims, terms, key_binding_jwt)


def _find_offer(request: PresentationRequest, person: Person, weid: WeID, number: object) -> CredentialOffer:
    credential = None
    if isinstance(number, str):
        credential = (
            credentials_of(weid)
            .filter(number=number, state=Credential.State.VALID, expires_at__gt=timezone.now())
            .select_related("credential_type__agency")
            .first()
        )
    thumbprints = [method.thumbprint for method in device_keys(weid)]
    offer = credential and offer_credential(
        request=request, credential=credential, person=person, thumbprints=thumbprints
    )
    if not offer:
        raise CredentialUnusableError("no valid certificate of this WeID answers the request")
    return offer


def _check_choice(offer: CredentialOffer, claims: tuple[Path, ...]) -> None:
    required = {item.path for item in offer.required}
    allowed = [path for path in offer.paths if path in required or path in claims]
    # One spelling per choice: in the order of the request, each once, nothing else.
    if list(claims) != allowed or not claims:
        raise ClaimsOutsideRequestError(f"{len(claims)} chosen, {len(allowed)} allowed")


def _check_key_binding(
    request: PresentationRequest, held: SdJwt, presentation: str, key_binding_jwt: str
) -> dict[str, Any]:
    try:
        # Over the presentation that we make ourselves: one that shows anything else never gets a receipt.
        return verify_key_binding(
            presentation,
            issuer_payload=held.payload,
            key_binding_jwt=key_binding_jwt,
            audience=audience_of(request.organisation),
            nonce=request.nonce,
            now=timezone.now().timestamp(),
            max_age=KEY_BINDING_MAX_AGE_SECONDS,
            hash_name=hash_of(held.payload),
        )
    except KeyBindingHashError:
        raise PresentationMismatchError("signed over other disclosures") from None

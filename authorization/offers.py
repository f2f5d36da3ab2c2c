"""What the consent page shows: which certificates answer a request, the exact values, and what stays hidden."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from authorization.items import Item, Texts, hidden_labels, items_of
from authorization.models import PresentationRequest
from authorization.requests import asked_credential
from authorization.terms import build_terms
from credentials.holdings import credentials_of, read_sd_jwt
from credentials.models import Credential
from identity.models import Person, WeID
from identity.weid import device_keys
from protocol.dcql import match_credential
from protocol.disclosure import Path, SdJwt, reveal
from protocol.errors import DcqlNotSatisfiedError
from protocol.key_binding import holder_key
from protocol.keys import jwk_thumbprint, public_jwk
from protocol.sd_jwt import hold, select
from protocol.sd_jwt_vc import CREDENTIAL_TYPE

_TYPES = frozenset({CREDENTIAL_TYPE})


@dataclass(frozen=True, slots=True)
class CredentialOffer:
    """One certificate that answers the request. ``terms`` lack only the claims that the citizen will choose."""

    credential: Credential
    required: tuple[Item, ...]
    optional: tuple[Item, ...]
    hidden: tuple[Texts, ...]
    terms: dict[str, Any]
    key_thumbprint: str
    # False after a change of device: the certificate must be issued anew before it can be shown.
    is_bound_to_device: bool

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(item.path for item in (*self.required, *self.optional))


@dataclass(frozen=True, slots=True)
class ConsentOffer:
    """Everything there is to decide about *request*; ``credentials`` is empty when nothing answers it."""

    request: PresentationRequest
    credentials: tuple[CredentialOffer, ...]

    def find(self, credential_id: str | None) -> CredentialOffer | None:
        """Return the offer of that certificate, or without one the first that this device can sign for."""
        if credential_id:
            return next((offer for offer in self.credentials if str(offer.credential.pk) == credential_id), None)
        return min(self.credentials, key=lambda offer: not offer.is_bound_to_device, default=None)


def prepare(*, request: PresentationRequest, person: Person, weid: WeID) -> ConsentOffer:
    """Return what *request* asks of this citizen, with the values as they stand in each fitting certificate."""
    query = asked_credential(request.template)
    fitting = credentials_of(weid).filter(
        credential_type__vct__in=query.vct_values, state=Credential.State.VALID, expires_at__gt=timezone.now()
    )
    thumbprints = {method.thumbprint for method in device_keys(weid)}
    offers = (
        offer_credential(request=request, credential=credential, person=person, thumbprints=thumbprints)
        for credential in fitting.select_related("credential_type__agency").order_by("-issued_at")
    )
    return ConsentOffer(request, tuple(offer for offer in offers if offer))


def offer_credential(
    *, request: PresentationRequest, credential: Credential, person: Person, thumbprints: Iterable[str]
) -> CredentialOffer | None:
    """Return the offer of one certificate; None when it lacks a claim that the request cannot do without."""
    held = hold(read_sd_jwt(credential, person), allowed_types=_TYPES)
    claims = reveal(held.payload, [disclosure.encoded for disclosure in held.disclosures])
    query = asked_credential(request.template)
    try:
        match_credential(query, claims)
    except DcqlNotSatisfiedError:
        return None
    needed = {tuple(path) for path in request.template.required_claims}
    items = items_of(credential.credential_type, claims, [claim.path for claim in query.claims])
    thumbprint = jwk_thumbprint(public_jwk(holder_key(held.payload)))
    return CredentialOffer(
        credential=credential,
        required=tuple(item for item in items if item.path in needed),
        optional=tuple(item for item in items if item.path not in needed),
        hidden=hidden_labels(credential.credential_type, claims, [item.path for item in items]),
        terms=build_terms(request=request, credential_number=credential.number, claims=()),
        key_thumbprint=thumbprint,
        is_bound_to_device=thumbprint in set(thumbprints),
    )


def present(sd_jwt: str, paths: Iterable[Path]) -> tuple[SdJwt, str]:
    """Return the certificate as held and the one presentation, without key binding, that shows *paths*."""
    held = hold(sd_jwt, allowed_types=_TYPES)
    return held, select(held, paths)

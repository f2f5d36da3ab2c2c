"""What a citizen holds."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from credentials.issuance import sd_jwt_context
from credentials.models import Application, Credential
from credentials.verification import REGISTERED
from identity import vault
from identity.models import Person, WeID
from protocol import sd_jwt_vc
from protocol.key_binding import holder_key
from protocol.keys import jwk_thumbprint, public_jwk

_IS_REPLACED = Q(replacement__state=Application.State.ISSUED)


def credentials_of(weid: WeID) -> QuerySet[Credential]:
    """Return the WeID's credentials, newest first, with what a list shows."""
    held = Credential.objects.filter(weid=weid).select_related("credential_type", "agency")
    return held.order_by("-issued_at", "-number")


def current_credentials(weid: WeID) -> QuerySet[Credential]:
    """Return what a citizen calls their certificates: all but those issued again for a later device."""
    return credentials_of(weid).exclude(_IS_REPLACED)


def replaced_credentials(weid: WeID) -> QuerySet[Credential]:
    return credentials_of(weid).filter(_IS_REPLACED)


def holder_thumbprint(sd_jwt: str) -> str:
    """Return the thumbprint of the device key that an SD-JWT of ours is bound to."""
    payload = sd_jwt_vc.parse(sd_jwt).payload
    return jwk_thumbprint(public_jwk(holder_key(payload)))


def read_sd_jwt(credential: Credential, person: Person) -> str:
    """Return the SD-JWT with every disclosure. Raises UnreadableError for another person, and after erasure."""
    sealed = credential.sd_jwt_ciphertext
    return vault.unseal(person.wrapped_data_key, sealed, context=sd_jwt_context(credential.pk)).decode("ascii")


def reveal_all(sd_jwt: str) -> dict[str, Any]:
    """Return every claim of an SD-JWT that we issued, without the registered ones."""
    claims = sd_jwt_vc.reveal_claims(sd_jwt_vc.parse(sd_jwt))
    return {name: value for name, value in claims.items() if name not in REGISTERED}

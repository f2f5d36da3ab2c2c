"""What tests of trust lists do again and again: read ours as anyone elsewhere does, from nothing but the root's key."""

from __future__ import annotations

from django.test import Client

from identity import personas
from identity.models import SigningKey
from protocol.trust_chain import Anchor, Resolution, resolve
from protocol.trust_list import Publisher, TrustList, verify_list
from protocol.trust_party import ANY_TYPE
from tests import cast

HERE = "http://localhost:8000"
BUREAU, EDUCATION = f"{HERE}/issuers/identification", f"{HERE}/issuers/education"
BIRTH, DIPLOMA = f"{HERE}/types/birth-certificate/1", f"{HERE}/types/diploma/1"


def begin() -> None:
    """Two agencies with their types, and the key with which lists begin to be published."""
    cast.credential_type("birth-certificate")
    cast.credential_type("diploma")
    personas.ensure_trust_lists()


def root() -> Publisher:
    """The government as someone elsewhere has pinned it."""
    key = SigningKey.objects.filter(purpose="trust", agency=None).latest("pk")
    return Publisher(HERE, f"{HERE}/trust-lists/root.jwt", ({**key.public_jwk, "kid": key.key_id},))


def served(uri: str) -> str:
    response = Client().get(uri.removeprefix(HERE))
    assert (response.status_code, response["Content-Type"]) == (200, "application/jwt")
    return response.content.decode()


def read_list(slug: str = "root") -> TrustList:
    """One list of the root's key."""
    publisher = (
        root()
        if slug == "root"
        else Publisher(f"{HERE}/trust-lists/{slug}", f"{HERE}/trust-lists/{slug}.jwt", root().keys)
    )
    return verify_list(served(publisher.list_uri), publisher=publisher).content


def read_chain() -> Resolution:
    """Everyone whom our lists accredit, over HTTP."""

    def obtain(publisher: Publisher) -> TrustList:
        return verify_list(served(publisher.list_uri), publisher=publisher).content

    return resolve(Anchor(root(), frozenset({ANY_TYPE})), obtain=obtain)

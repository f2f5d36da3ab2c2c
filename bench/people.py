"""An agency with two clerks, and many citizens with proven identity and a WeID, for the bulk benchmark."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from credentials.catalog import seed_types
from credentials.models import CredentialType
from identity import personas
from identity.models import Account, Agency, Person, VerificationMethod, WeID
from identity.people import register_person
from identity.roles import grant_role
from identity.vault import lookup_hmac, seal_for_service
from protocol.did import weid
from protocol.keys import generate_p256, jwk_thumbprint, public_jwk

BIRTH_DATE = "1990-03-31"


def prepare_agency(slug: str) -> tuple[CredentialType, Account, Account]:
    """Return the type called *slug*, a maker and a checker of its agency."""
    personas.seed()
    seed_types(Agency.objects.all())
    kind = CredentialType.objects.select_related("agency").get(slug=slug)
    return kind, ensure_clerk(kind.agency, "maker"), ensure_clerk(kind.agency, "checker")


def ensure_clerk(agency: Agency, role: str) -> Account:
    """Return the one clerk of *agency* in *role*."""
    address = f"{role}@{agency.slug}.example"
    account, is_new = Account.objects.get_or_create(username=address, defaults={"email": address})
    if is_new:
        grant_role(account=account, agency=agency, name=role)
    return account


@transaction.atomic
def register_people(count: int) -> list[tuple[Person, dict[str, str]]]:
    """Return *count* people with their device keys. The WeIDs skip the ceremony in the browser, nothing else."""
    made = [_register(number) for number in range(1_000_000, 1_000_000 + count)]
    weids = WeID.objects.bulk_create([_weid(person, key) for person, key in made], batch_size=1000)
    methods = [_method(row, key) for row, (_, key) in zip(weids, made, strict=True)]
    VerificationMethod.objects.bulk_create(methods, batch_size=1000)
    return [(person, public_jwk(key)) for person, key in made]


def _register(number: int) -> tuple[Person, Any]:
    identity = {
        "name": "",
        "name_latin": f"Citizen {number}",
        "identity_number": f"{number:07d}",
        "document_kind": "passport",
        "birth_date": BIRTH_DATE,
    }
    return register_person(account=None, identity=identity, assurance="bench"), generate_p256().public_key()


def _weid(person: Person, key: Any) -> WeID:
    did = weid("1", key)
    return WeID(
        did=did,
        person_hmac=lookup_hmac("weid-person", str(person.pk)),
        person_ciphertext=seal_for_service(str(person.pk).encode(), context=f"weid-person:{did}"),
    )


def _method(row: WeID, key: Any) -> VerificationMethod:
    jwk = public_jwk(key)
    return VerificationMethod(weid=row, fragment="keys-1", public_jwk=jwk, thumbprint=jwk_thumbprint(jwk))

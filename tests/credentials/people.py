"""Many citizens with proven identity and a WeID, for batches and races."""

from __future__ import annotations

from identity.models import Person, VerificationMethod, WeID
from identity.people import register_person
from identity.vault import lookup_hmac, seal_for_service
from protocol.did import weid
from protocol.keys import generate_p256, jwk_thumbprint, public_jwk


def register_citizens(count: int, *, first: int = 1_000_000) -> list[Person]:
    """Return *count* people born when Lei was. The WeIDs skip the ceremony in the browser, nothing else."""
    people = [
        register_person(
            account=None,
            identity={
                "name": "",
                "name_latin": f"Citizen {number}",
                "identity_number": f"{number:07d}",
                "document_kind": "passport",
                "birth_date": "1990-03-31",
            },
            assurance="test",
        )
        for number in range(first, first + count)
    ]
    for person in people:
        _register_weid(person)
    return people


def _register_weid(person: Person) -> None:
    key = generate_p256().public_key()
    did = weid("1", key)
    row = WeID.objects.create(
        did=did,
        person_hmac=lookup_hmac("weid-person", str(person.pk)),
        person_ciphertext=seal_for_service(str(person.pk).encode(), context=f"weid-person:{did}"),
    )
    jwk = public_jwk(key)
    VerificationMethod.objects.create(weid=row, fragment="keys-1", public_jwk=jwk, thumbprint=jwk_thumbprint(jwk))

"""Whom an application is about: a sealed link, as between a person and their WeID.

Beside `Credential.weid`, a foreign key to the person would tell whoever reads the tables which WeID is whose. The digest
finds a person's applications from the person's side; from the application's side only the service's key opens the link.
"""

from __future__ import annotations

import uuid

from identity import vault
from identity.models import Person


def subject_hmac(person: Person) -> str:
    """Return the keyed digest under which all applications about *person* are found."""
    return vault.lookup_hmac("application-person", str(person.pk))


def seal_subject(application_id: uuid.UUID, person: Person) -> bytes:
    return vault.seal_for_service(str(person.pk).encode(), context=_context(application_id))


def open_subject(application_id: uuid.UUID, ciphertext: vault.Binary) -> Person:
    """Raises UnreadableError for a link that was moved or changed."""
    return Person.objects.get(pk=vault.unseal_for_service(ciphertext, context=_context(application_id)).decode())


def _context(application_id: uuid.UUID) -> str:
    return f"application:{application_id}:person"

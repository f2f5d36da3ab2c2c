"""People: found by the keyed digest of a document number, readable under their own data key, erased by destroying it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from identity import vault, weid
from identity.documents import normalise_number
from identity.errors import AccountLinkedError, PersonLinkedError, PersonMismatchError, UnreadableError
from identity.models import Account, Person
from identity.providers.base import LEVELS
from protocol.encoding import json_loads

IDENTITY_FIELDS = ("name", "name_latin", "identity_number", "document_kind", "birth_date")


def find_person(*, document_kind: str, identity_number: str) -> Person | None:
    """One digest and one index look-up, whether the number is known or not. Raises InvalidInputError."""
    number = normalise_number(document_kind=document_kind, identity_number=identity_number)
    return Person.objects.filter(identity_hmac=_number_hmac(document_kind, number)).first()


@transaction.atomic
def register_person(*, account: Account | None, identity: Mapping[str, Any], assurance: str) -> Person:
    """Return the person of this proven identity, new or met again, linked to *account*.

    *identity* holds name, name_latin, identity_number, document_kind and birth_date (ISO). A known number links again
    only where no other account holds it and the date of birth is the same. Raises PersonLinkedError,
    PersonMismatchError, AccountLinkedError and InvalidInputError.
    """
    kind = str(identity["document_kind"])
    number = normalise_number(document_kind=kind, identity_number=str(identity["identity_number"]))
    stated = {**{name: identity.get(name, "") for name in IDENTITY_FIELDS}, "identity_number": number}
    digest = _number_hmac(kind, number)
    known = Person.objects.select_for_update().filter(identity_hmac=digest).first()
    if known is not None:
        _check_link(known, account, stated)
    person = known or Person(identity_hmac=digest, wrapped_data_key=vault.create_data_key())
    person.account = account or person.account
    # A weaker proof replaces nothing that a stronger one said: its values would pass for as well proven.
    if known is None or _level(assurance) >= _level(known.assurance):
        person.assurance, person.verified_at = assurance, timezone.now()
        person.identity_ciphertext = vault.seal_json(person, stated, context=_identity_context(person))
    return _save_linked(person)


def read_identity(person: Person, data_key: vault.DataKey | None = None) -> dict[str, str]:
    """Return name, name_latin, identity_number, document_kind and birth_date. Raises UnreadableError after erasure.

    *data_key* is the person's, where the caller has unwrapped it already.
    """
    key = data_key or vault.DataKey(person.wrapped_data_key)
    identity = json_loads(key.unseal(person.identity_ciphertext, context=_identity_context(person)))
    return {name: str(identity.get(name, "")) for name in IDENTITY_FIELDS}


def is_sound(person: Person) -> bool:
    """Whether the identity opens and is found under its number, or was erased whole."""
    if not person.wrapped_data_key:
        return not person.identity_ciphertext and person.account_id is None
    try:
        identity = read_identity(person)
    except UnreadableError:
        return False
    return person.identity_hmac == _number_hmac(identity["document_kind"], identity["identity_number"])


@transaction.atomic
def erase_person(person: Person) -> None:
    """Destroy the data key, the identity and the link to every WeID. What was signed goes on verifying."""
    locked = Person.objects.select_for_update().get(pk=person.pk)
    weid.sever(person=locked)
    locked.account = None
    # A random digest meets no number, so the same document may be registered afresh.
    locked.identity_hmac = secrets.token_hex(32)
    locked.wrapped_data_key = locked.identity_ciphertext = b""
    locked.save(update_fields=["account", "identity_hmac", "wrapped_data_key", "identity_ciphertext"])


def _level(assurance: str) -> int:
    return LEVELS.index(assurance) if assurance in LEVELS else -1


def _check_link(person: Person, account: Account | None, stated: Mapping[str, str]) -> None:
    if account and person.account_id not in {None, account.pk}:
        raise PersonLinkedError("linked to another account")
    if read_identity(person)["birth_date"] != stated["birth_date"]:
        raise PersonMismatchError("another date of birth")


def _save_linked(person: Person) -> Person:
    holder = Person.objects.filter(account=person.account).exclude(pk=person.pk) if person.account else None
    if holder is not None and holder.exists():
        raise AccountLinkedError("the account belongs to another person")
    try:
        with transaction.atomic():
            person.save()
    except IntegrityError:
        # Lost a race for the same number or the same account.
        raise PersonLinkedError("registered at the same moment") from None
    return person


def _number_hmac(document_kind: str, number: str) -> str:
    return vault.lookup_hmac("identity-number", f"{document_kind}:{number}")


def _identity_context(person: Person) -> str:
    return f"person:{person.pk}:identity"

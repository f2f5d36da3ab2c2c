from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from identity import people
from identity.documents import format_number, normalise_number
from identity.errors import AccountLinkedError, PersonLinkedError, PersonMismatchError, UnreadableError
from identity.models import Account, Person, WeID
from identity.resolver import resolve
from protocol.errors import ConflictError, InvalidInputError
from tests import cast

pytestmark = pytest.mark.django_db
NUMBER = {"document_kind": "resident_card", "identity_number": "12345678"}
IDENTITY = {**NUMBER, "name": "李嘉敏", "name_latin": "LEI KA MAN", "birth_date": "1990-03-31"}


@pytest.mark.parametrize("typed", ["12345678", "1234567(8)", "1/234567/8", " 1234567（8） ", "１２３４５６７８"])
def test_one_number_has_one_spelling(typed: str) -> None:
    assert normalise_number(document_kind="resident_card", identity_number=typed) == "12345678"


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        ("resident_card", "22345678"),
        ("resident_card", "1234567"),
        ("resident_card", "123456789"),
        ("resident_card", "1234567A"),
        ("passport", "AB"),
        ("passport", "É1234567"),
        ("other", "12345678"),
        ("resident_card", "\x00"),
    ],
)
def test_a_number_that_no_document_has_is_refused(kind: str, typed: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        normalise_number(document_kind=kind, identity_number=typed)
    assert "identity_number" in refusal.value.fields


def test_a_number_is_shown_as_printed() -> None:
    assert format_number(**NUMBER) == "1234567(8)"
    assert format_number(document_kind="passport", identity_number="MA1234567") == "MA1234567"
    assert format_number(document_kind="resident_card", identity_number="") == ""


def test_a_person_is_found_by_number_and_read() -> None:
    person = people.register_person(account=cast.eve(), identity=IDENTITY, assurance="substantial")
    assert people.find_person(document_kind="resident_card", identity_number="1234567(8)") == person
    assert people.read_identity(person) == IDENTITY


def test_no_personal_value_stands_in_the_row_in_clear() -> None:
    person = people.register_person(account=cast.eve(), identity=IDENTITY, assurance="substantial")
    row = repr([bytes(v) if isinstance(v, memoryview) else v for v in Person.objects.values_list().get(pk=person.pk)])
    assert not any(value in row for value in ("12345678", "1990-03-31", "LEI KA MAN", "李嘉敏"))


def queries_of(act: Callable[..., Any], **arguments: Any) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        act(**arguments)
    return [query["sql"].replace(query["sql"].partition("'")[2].partition("'")[0], "") for query in captured]


def test_known_and_unknown_numbers_cost_the_same_work() -> None:
    people.register_person(account=cast.eve(), identity=IDENTITY, assurance="substantial")
    known = queries_of(people.find_person, **NUMBER)
    unknown = queries_of(people.find_person, **{**NUMBER, "identity_number": "12345679"})
    assert len(known) == 1
    assert known == unknown


def test_the_same_number_met_again_by_the_same_account_is_the_same_person() -> None:
    first = people.register_person(account=cast.eve(), identity=IDENTITY, assurance="low")
    again = people.register_person(account=cast.eve(), identity={**IDENTITY, "name": "李加敏"}, assurance="high")
    assert again == first
    assert (again.assurance, people.read_identity(again)["name"]) == ("high", "李加敏")


def test_a_weaker_proof_replaces_nothing_that_a_stronger_one_said() -> None:
    first = people.register_person(account=cast.eve(), identity=IDENTITY, assurance="high")
    again = people.register_person(account=cast.eve(), identity={**IDENTITY, "name": "某人"}, assurance="low")
    again.refresh_from_db()
    assert again == first
    assert (again.assurance, people.read_identity(again)["name"]) == ("high", "李嘉敏")
    assert again.verified_at == first.verified_at


def test_a_person_of_another_account_is_refused() -> None:
    cast.lei_person()
    with pytest.raises(PersonLinkedError):
        people.register_person(account=cast.eve(), identity=IDENTITY, assurance="high")


def test_a_person_without_account_links_again_only_with_the_same_birth_date() -> None:
    person = people.register_person(account=None, identity=IDENTITY, assurance="low")
    with pytest.raises(PersonMismatchError):
        people.register_person(account=cast.eve(), identity={**IDENTITY, "birth_date": "1991-01-01"}, assurance="low")
    assert people.register_person(account=cast.eve(), identity=IDENTITY, assurance="low") == person


def test_an_account_belongs_to_one_person() -> None:
    people.register_person(account=cast.eve(), identity=IDENTITY, assurance="low")
    with pytest.raises(AccountLinkedError):
        people.register_person(
            account=cast.eve(), identity={**IDENTITY, "identity_number": "52345678"}, assurance="low"
        )


def test_erasure_destroys_identity_and_link_and_frees_the_number() -> None:
    lei = cast.lei()
    ciphertext = bytes(lei.person.identity_ciphertext)
    people.erase_person(lei.person)
    erased = Person.objects.get(pk=lei.person.pk)
    erased.identity_ciphertext = ciphertext
    with pytest.raises(UnreadableError):
        people.read_identity(erased)
    assert people.find_person(**NUMBER) is None
    weid = WeID.objects.get(pk=lei.weid.pk)
    assert (weid.person_hmac, bytes(weid.person_ciphertext)) == ("", b"")
    assert resolve(weid.did)["didDocumentMetadata"]["deactivated"] is True


@pytest.mark.django_db(transaction=True)
def test_of_accounts_racing_for_one_number_one_becomes_the_person() -> None:
    accounts = [cast.eve(), cast.chan(), cast.ana(), cast.bo()]

    def claim(account: Account) -> bool:
        try:
            people.register_person(account=account, identity=IDENTITY, assurance="low")
        except ConflictError:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(claim, accounts)) == 1
    assert Person.objects.count() == 1

"""Keys, links and look-ups changed behind the verbs' back are found and named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from identity import fsck, people
from identity.models import Person, RecipientKey, SigningKey, VerificationMethod, WeID
from tests import cast
from tests.simulators.device import Device

pytestmark = pytest.mark.django_db


def point_the_link_elsewhere(lei: cast.Citizen) -> None:
    WeID.objects.update(person_hmac="0" * 64)


def exchange_a_device_key(lei: cast.Citizen) -> None:
    VerificationMethod.objects.update(public_jwk=Device().public_jwk)


def deactivate_by_hand(lei: cast.Citizen) -> None:
    WeID.objects.update(deactivated_at=timezone.now())


def move_the_number(lei: cast.Citizen) -> None:
    Person.objects.filter(pk=lei.person.pk).update(identity_hmac="0" * 64)


def damage_the_identity(lei: cast.Citizen) -> None:
    Person.objects.filter(pk=lei.person.pk).update(identity_ciphertext=b"\x01" * 64)


def exchange_a_signing_key(lei: cast.Citizen) -> None:
    SigningKey.objects.filter(purpose="status").update(public_jwk=Device().public_jwk)


def exchange_a_recipient_key(lei: cast.Citizen) -> None:
    cast.recipient_key()
    RecipientKey.objects.update(public_jwk=Device().public_jwk)


@pytest.mark.parametrize(
    ("damage", "codes"),
    [
        (point_the_link_elsewhere, {"weid_link_broken"}),
        (exchange_a_device_key, {"device_key_differs", "did_document_keys_differ"}),
        (deactivate_by_hand, {"did_deactivated_with_keys"}),
        (move_the_number, {"person_unreadable"}),
        (damage_the_identity, {"person_unreadable"}),
        (exchange_a_signing_key, {"signing_key_differs", "key_event_leaf_differs"}),
        (exchange_a_recipient_key, {"recipient_key_differs"}),
    ],
)
def test_fsck_finds_keys_and_links_changed_by_hand(damage: Callable[[cast.Citizen], None], codes: set[str]) -> None:
    lei = cast.lei()
    assert fsck.check() == []
    damage(lei)
    assert {finding.code for finding in fsck.check()} == codes


def test_fsck_finds_nothing_wrong_with_an_erased_person() -> None:
    people.erase_person(cast.lei().person)
    assert fsck.check() == []

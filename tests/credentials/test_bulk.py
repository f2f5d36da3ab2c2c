"""Many at once: the same result as one by one, and nothing of a chunk when one entry is wrong."""

from __future__ import annotations

import pytest

from anchoring.models import LogEntry
from credentials import bulk, fsck, holdings
from credentials.errors import ClaimsInvalidError, OwnWorkError, WeidMissingError
from credentials.models import Application, Credential, IssuanceIntent
from credentials.subject import subject_hmac
from tests import cast
from tests.credentials.people import register_citizens

pytestmark = pytest.mark.django_db


def test_a_batch_is_issued_as_if_one_by_one() -> None:
    kind = cast.credential_type()
    people = register_citizens(25)
    entries = [bulk.Entry(person, cast.claims_for(given_name=f"Number {n}")) for n, person in enumerate(people)]
    count = bulk.issue_many(credential_type=kind, maker=cast.ana(), checker=cast.bo(), entries=entries, chunk=10)
    assert count == Credential.objects.count() == IssuanceIntent.objects.count() == 25
    assert set(Application.objects.values_list("state", flat=True)) == {Application.State.ISSUED}
    for number, person in enumerate(people):
        credential = Credential.objects.get(application__person_hmac=subject_hmac(person))
        claims = holdings.reveal_all(holdings.read_sd_jwt(credential, person))
        assert claims["given_name"] == f"Number {number}"
        assert LogEntry.objects.filter(record_id=f"credential:{credential.pk}").exists()
    assert fsck.check() == []


def test_one_wrong_entry_stops_its_chunk_before_anything_is_stored() -> None:
    kind = cast.credential_type()
    people = register_citizens(3)
    entries = [bulk.Entry(person, cast.claims_for(sex="x" if n == 1 else "male")) for n, person in enumerate(people)]
    with pytest.raises(ClaimsInvalidError) as refused:
        bulk.issue_many(credential_type=kind, maker=cast.ana(), checker=cast.bo(), entries=entries)
    assert list(refused.value.fields) == ["1.sex"]
    assert not Application.objects.exists()


def test_a_person_without_a_device_stops_the_chunk() -> None:
    kind = cast.credential_type()
    entries = [bulk.Entry(cast.lei_person(), cast.claims_for())]
    with pytest.raises(WeidMissingError):
        bulk.issue_many(credential_type=kind, maker=cast.ana(), checker=cast.bo(), entries=entries)
    assert not IssuanceIntent.objects.exists()


def test_maker_and_checker_are_two_people() -> None:
    kind = cast.credential_type()
    with pytest.raises(OwnWorkError):
        bulk.issue_many(credential_type=kind, maker=cast.ana(), checker=cast.ana(), entries=[])

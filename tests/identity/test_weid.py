from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from anchoring.models import LogEntry
from authorization.models import AuditEvent
from identity import fsck, people, weid
from identity.errors import (
    KeyRegisteredError,
    OneTimeValueError,
    WeidDeactivatedError,
    WeidExistsError,
    WeidPersonError,
    WeidProofError,
)
from identity.models import DidVersion, Person, VerificationMethod, WeID
from identity.resolver import history_of
from protocol import did as dids
from protocol.encoding import canonical_json
from protocol.errors import ConflictError, JwsFormatError, KeyFormatError, SignatureError, TokenTypeError
from protocol.keys import p256_from_jwk
from tests import cast
from tests.simulators.device import Device

pytestmark = pytest.mark.django_db


def nonce_of(person: Person) -> str:
    assert person.account is not None
    return weid.registration_nonce(person.account)


def test_registration_publishes_a_document_whose_digest_is_a_leaf() -> None:
    lei = cast.lei()
    assert lei.weid.did == dids.weid("1", p256_from_jwk(lei.device.public_jwk))
    version = DidVersion.objects.get(weid=lei.weid)
    dids.check_document(version.document)
    entry = LogEntry.objects.get(record_id=f"weid:{lei.weid.did}:1")
    assert entry.kind == "weid"
    assert bytes(entry.digest) == sha256(canonical_json(version.document)).digest()


def test_the_document_says_nothing_about_the_person() -> None:
    lei = cast.lei()
    text = canonical_json(DidVersion.objects.get(weid=lei.weid).document).decode()
    assert not any(value in text for value in people.read_identity(lei.person).values())
    assert str(lei.person.pk) not in text


def test_person_and_weid_find_each_other_and_opening_leaves_a_trace() -> None:
    lei = cast.lei()
    assert weid.weid_of(lei.person) == lei.weid
    assert weid.person_of(lei.weid, actor="account:1", reason="issue a certificate") == lei.person
    event = AuditEvent.objects.get(action="weid.open_link")
    assert (event.actor, event.weid, event.details) == ("account:1", lei.weid, {"reason": "issue a certificate"})


def test_the_row_does_not_lead_to_the_person() -> None:
    lei = cast.lei()
    row = WeID.objects.values_list().get(pk=lei.weid.pk)
    assert str(lei.person.pk) not in repr([bytes(v) if isinstance(v, memoryview) else v for v in row])


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"aud": "https://elsewhere.example"}, WeidProofError),
        ({"aud": None}, WeidProofError),
        ({"iat": 0}, WeidProofError),
        ({"iat": int(time.time()) + 3600}, WeidProofError),
        ({"iat": True}, WeidProofError),
        ({"iat": "now"}, WeidProofError),
        ({"iat": 1e300}, WeidProofError),
        ({"nonce": "guessed"}, OneTimeValueError),
        ({"nonce": None}, WeidProofError),
        ({"nonce": ["x"]}, WeidProofError),
    ],
)
def test_a_proof_for_another_place_time_or_nonce_is_refused(changes: dict[str, Any], refusal: type[Exception]) -> None:
    person, phone = cast.lei_person(), Device()
    proof = phone.prove(**{"nonce": nonce_of(person), **changes})
    with pytest.raises(refusal):
        weid.register(person=person, public_jwk=phone.public_jwk, proof=proof)
    assert not WeID.objects.exists()


def test_a_refused_proof_does_not_burn_the_nonce() -> None:
    person, phone = cast.lei_person(), Device()
    nonce = nonce_of(person)
    with pytest.raises(WeidProofError):
        weid.register(person=person, public_jwk=phone.public_jwk, proof=phone.prove(nonce, iat=0))
    assert weid.register(person=person, public_jwk=phone.public_jwk, proof=phone.prove(nonce)).pk


def test_a_nonce_is_for_its_account_and_for_one_registration() -> None:
    lei = cast.lei()
    phone = Device()
    with pytest.raises(OneTimeValueError):
        weid.rotate(
            weid=lei.weid,
            person=lei.person,
            public_jwk=phone.public_jwk,
            proof=phone.prove(weid.registration_nonce(cast.eve())),
        )
    proof = phone.prove(nonce_of(lei.person))
    weid.rotate(weid=lei.weid, person=lei.person, public_jwk=phone.public_jwk, proof=proof)
    with pytest.raises((OneTimeValueError, KeyRegisteredError)):
        weid.rotate(weid=lei.weid, person=lei.person, public_jwk=phone.public_jwk, proof=proof)


def test_someone_elses_key_cannot_be_claimed() -> None:
    person, phone, stolen = cast.lei_person(), Device(), Device()
    with pytest.raises(SignatureError):
        weid.register(person=person, public_jwk=stolen.public_jwk, proof=phone.prove(nonce_of(person)))


@pytest.mark.parametrize(
    "jwk", [{}, {"kty": "EC"}, {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, {"kty": "oct", "k": "AA"}]
)
def test_a_bad_key_is_refused(jwk: dict[str, str]) -> None:
    person = cast.lei_person()
    with pytest.raises(KeyFormatError):
        weid.register(person=person, public_jwk=jwk, proof=Device().prove(nonce_of(person)))


def test_a_token_of_another_type_is_no_proof() -> None:
    person, phone = cast.lei_person(), Device()
    token = phone.sign({"aud": "http://localhost:8000", "nonce": nonce_of(person), "iat": 1}, typ="kb+jwt")
    with pytest.raises(TokenTypeError):
        weid.register(person=person, public_jwk=phone.public_jwk, proof=token)
    with pytest.raises(JwsFormatError):
        weid.register(person=person, public_jwk=phone.public_jwk, proof="nonsense")


def test_a_second_registration_is_refused_and_one_key_serves_one_weid() -> None:
    lei = cast.lei()
    phone = Device()
    with pytest.raises(WeidExistsError):
        weid.register(person=lei.person, public_jwk=phone.public_jwk, proof=phone.prove(nonce_of(lei.person)))
    with pytest.raises(KeyRegisteredError):
        weid.rotate(
            weid=lei.weid,
            person=lei.person,
            public_jwk=lei.device.public_jwk,
            proof=lei.device.prove(nonce_of(lei.person)),
        )


def test_a_new_phone_replaces_the_key_and_history_keeps_both() -> None:
    lei = cast.lei()
    phone = Device()
    same = weid.register_device(person=lei.person, public_jwk=phone.public_jwk, proof=phone.prove(nonce_of(lei.person)))
    assert same == lei.weid
    assert [key.thumbprint for key in weid.device_keys(lei.weid)] == [phone.thumbprint]
    assert lei.weid.verification_methods.count() == 2
    history = history_of(lei.weid)
    first, second = (version.document["verificationMethod"][0]["publicKeyJwk"] for version in history)
    assert (first["x"], second["x"]) == (lei.device.public_jwk["x"], phone.public_jwk["x"])
    before = history[0].metadata.created
    assert dids.key_at(history, before)["publicKeyJwk"]["x"] == lei.device.public_jwk["x"]
    assert LogEntry.objects.filter(record_id__startswith=f"weid:{lei.weid.did}").count() == 2


def test_revoking_a_device_twice_is_harmless_and_others_are_refused() -> None:
    lei = cast.lei()
    stranger = people.register_person(
        account=cast.eve(),
        identity={"document_kind": "passport", "identity_number": "MA123456", "birth_date": "1980-01-01", "name": "E"},
        assurance="low",
    )
    with pytest.raises(WeidPersonError):
        weid.revoke_device(weid=lei.weid, person=stranger, fragment="keys-1")
    weid.revoke_device(weid=lei.weid, person=lei.person, fragment="keys-1")
    weid.revoke_device(weid=lei.weid, person=lei.person, fragment="keys-1")
    assert weid.device_keys(lei.weid) == []
    assert lei.weid.versions.count() == 2


def test_a_deactivated_weid_never_changes_again_and_a_new_one_may_follow() -> None:
    lei = cast.lei()
    weid.deactivate(weid=lei.weid)
    with pytest.raises(WeidDeactivatedError):
        weid.deactivate(weid=lei.weid)
    assert weid.weid_of(lei.person) is None
    phone = Device()
    new = weid.register_device(person=lei.person, public_jwk=phone.public_jwk, proof=phone.prove(nonce_of(lei.person)))
    assert new.did != lei.weid.did


@pytest.mark.django_db(transaction=True)
def test_of_parallel_registrations_with_one_nonce_one_succeeds() -> None:
    person = cast.lei_person()
    nonce = nonce_of(person)

    def attempt(phone: Device) -> bool:
        try:
            weid.register(person=person, public_jwk=phone.public_jwk, proof=phone.prove(nonce))
        except ConflictError:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(attempt, [Device() for _ in range(6)])) == 1
    assert WeID.objects.count() == VerificationMethod.objects.count() == LogEntry.objects.filter(kind="weid").count()


def test_fsck_finds_what_no_longer_agrees_with_the_log() -> None:
    lei = cast.lei()
    assert fsck.check() == []
    version = DidVersion.objects.get(weid=lei.weid)
    version.document = {**version.document, "alsoKnownAs": ["https://lei.example"]}
    version.save()
    assert [finding.code for finding in fsck.check()] == ["did_version_leaf_differs"]
    version.document = {"id": "nonsense"}
    version.save()
    assert {finding.code for finding in fsck.check()} == {"did_version_leaf_differs", "did_document_invalid"}


def test_fsck_finds_a_missing_leaf_a_missing_version_and_a_foreign_key() -> None:
    lei = cast.lei()
    LogEntry.objects.filter(kind="weid").delete()
    VerificationMethod.objects.update(fragment="keys-7")
    assert {finding.code for finding in fsck.check()} == {"did_version_without_leaf", "did_document_keys_differ"}
    DidVersion.objects.filter(weid=lei.weid).delete()
    assert [finding.code for finding in fsck.check()] == ["did_versions_missing"]


@pytest.mark.django_db(transaction=True)
def test_of_two_people_with_one_key_at_one_moment_one_is_refused_by_name() -> None:
    device = Device()
    owners = [cast.lei_person(), cast.another_citizen().person]
    weid.deactivate(weid=weid.weid_of(owners[1]) or pytest.fail("no WeID"))
    proofs = [device.prove(weid.registration_nonce(owner.account or pytest.fail("no account"))) for owner in owners]
    both_ready = Barrier(2)

    def attempt(number: int) -> str:
        try:
            both_ready.wait()
            weid.register(person=owners[number], public_jwk=device.public_jwk, proof=proofs[number])
        except KeyRegisteredError:
            return "refused"
        finally:
            connection.close()
        return "registered"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(attempt, range(2))) == ["refused", "registered"]

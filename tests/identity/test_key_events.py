"""What becomes of a signing key stands in the log, committed to its key, in the transaction that made it so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from itertools import count

import pytest
import time_machine
from django.db import transaction

from anchoring.models import LogEntry
from identity import alerts, fsck, keystore
from identity.certificates import expiry_of
from identity.key_events import KeyEvent, leaf_digest, record_event
from identity.models import SigningKey
from protocol.encoding import canonical_json
from protocol.keys import jwk_thumbprint
from tests import cast

pytestmark = pytest.mark.django_db

CREDENTIAL = SigningKey.Purpose.CREDENTIAL


def leaves() -> dict[str, bytes]:
    return {row.record_id: bytes(row.digest) for row in LogEntry.objects.filter(kind=LogEntry.Kind.KEY)}


def active_key() -> SigningKey:
    return SigningKey.objects.get(agency=cast.agency(), purpose=CREDENTIAL, state=SigningKey.State.ACTIVE)


def test_every_key_that_is_made_is_a_leaf() -> None:
    cast.agency()
    keys = SigningKey.objects.all()
    assert SigningKey.Purpose.AUTHORITY in {key.purpose for key in keys}
    assert leaves() == {f"key:{key.key_id}:created": leaf_digest(key, KeyEvent.CREATED) for key in keys}


def test_rotation_and_withdrawal_are_leaves() -> None:
    first = active_key()
    second = keystore.rotate(purpose=CREDENTIAL, agency=cast.agency())
    keystore.disable(signing_key=second)
    names = [name for name in leaves() if first.key_id in name or second.key_id in name]
    assert sorted(names) == sorted([
        f"key:{first.key_id}:created", f"key:{first.key_id}:retired",
        f"key:{second.key_id}:created", f"key:{second.key_id}:disabled",
    ])  # fmt: skip
    keystore.disable(signing_key=first)
    assert f"key:{first.key_id}:disabled" in leaves()
    assert fsck.check() == []


def test_the_leaf_is_typed_versioned_and_committed_to_the_key() -> None:
    key = active_key()
    facts = {
        "event": "created",
        "key_id": key.key_id,
        "purpose": "credential",
        "thumbprint": jwk_thumbprint(key.public_jwk),
    }
    assert leaves()[f"key:{key.key_id}:created"] == sha256(b"chancela/key-event@v1\n" + canonical_json(facts)).digest()
    others = {leaf_digest(key, event) for event in KeyEvent}
    assert len(others) == len(KeyEvent)


def test_an_event_that_does_not_commit_leaves_nothing() -> None:
    key = active_key()

    def fail(_key: SigningKey) -> None:
        with transaction.atomic():
            keystore.disable(signing_key=_key)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail(key)
    assert f"key:{key.key_id}:disabled" not in leaves()


def test_recording_an_event_again_changes_nothing() -> None:
    key = active_key()
    before = leaves()
    record_event(key, KeyEvent.CREATED)
    assert leaves() == before


def drop_leaf(key: SigningKey) -> None:
    LogEntry.objects.filter(record_id=f"key:{key.key_id}:created").delete()


def change_leaf(key: SigningKey) -> None:
    LogEntry.objects.filter(record_id=f"key:{key.key_id}:created").update(digest=bytes(32))


def withdraw_by_hand(key: SigningKey) -> None:
    SigningKey.objects.filter(pk=key.pk).update(state=SigningKey.State.DISABLED)


def retire_by_hand(key: SigningKey) -> None:
    SigningKey.objects.filter(pk=key.pk).update(state=SigningKey.State.RETIRED)


def delete_by_hand(key: SigningKey) -> None:
    SigningKey.objects.filter(pk=key.pk).delete()


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (drop_leaf, "key_event_without_leaf"),
        (change_leaf, "key_event_leaf_differs"),
        (withdraw_by_hand, "key_event_without_leaf"),
        (retire_by_hand, "key_event_without_leaf"),
        (delete_by_hand, "leaf_without_key"),
    ],
)
def test_fsck_finds_keys_changed_behind_the_log(damage: Callable[[SigningKey], None], code: str) -> None:
    key = active_key()
    assert fsck.check() == []
    damage(key)
    assert [finding.code for finding in fsck.check()] == [code]


def test_fsck_finds_a_leaf_without_its_document_and_leaves_recovered_ones_to_the_log() -> None:
    numbers = count()
    for kind in (LogEntry.Kind.WEID, LogEntry.Kind.KEY):
        digest = sha256(kind.encode()).digest()
        LogEntry.objects.create(record_id=f"recovered:{next(numbers)}", kind=kind, digest=digest)
    assert fsck.check() == []
    LogEntry.objects.create(record_id="weid:did:weid:1:0xdead:1", kind=LogEntry.Kind.WEID, digest=bytes(32))
    assert [finding.code for finding in fsck.check()] == ["leaf_without_did_version"]


def test_a_key_that_expires_is_an_alert_in_time() -> None:
    key = active_key()
    expires_at = expiry_of(key.x5c[0])
    said = []
    for days in (-40, -20, 1):
        with time_machine.travel(expires_at + timedelta(days=days), tick=False):
            said.append({(alert.code, alert.severity) for alert in alerts.check() if alert.subject == key.key_id})
    assert said == [set(), {("key_expiring", "warning")}, {("key_expired", "error")}]

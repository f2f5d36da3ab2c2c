"""The log's two keys: one secret, two lines on each checkpoint, and a time that never goes back."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
import time_machine
from pytest_django import Settings

from anchoring.errors import LogForkError
from anchoring.fsck import check_log
from anchoring.log_key import (
    cosigned_at,
    is_signed_by_us,
    log_cosigner,
    log_key,
    log_keys,
    log_origin,
    log_signer,
    log_verifier_keys,
    sign_note,
)
from anchoring.models import Checkpoint as StoredCheckpoint
from anchoring.sequencer import sequence, sign_checkpoint
from protocol.checkpoint import Checkpoint, VerifierKey, add_signature, parse, sign, verified_lines, verify
from protocol.cosignature import MldsaCosigner, cosign
from protocol.errors import NoteSignatureError, NoteUnsignedError
from protocol.note import KeyType, signature_line
from protocol.quorum import parse_policy
from tests.anchoring.records import hand_over, log_records

HEAD = Checkpoint("localhost:8000/log", 7, bytes(range(32)))
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_both_keys_bear_the_origin_and_are_published_as_text() -> None:
    ed25519, mldsa = log_keys()
    assert (ed25519.name, mldsa.name) == (log_origin(), log_origin())
    assert (ed25519.type, mldsa.type) == (KeyType.ED25519, KeyType.COSIGNATURE_MLDSA44)
    assert [VerifierKey.from_vkey(text) for text in log_verifier_keys()] == [ed25519, mldsa]
    assert ed25519 == log_key()


def test_the_second_key_follows_from_the_one_secret_for_good(settings: Settings) -> None:
    """HKDF (RFC 5869) step by step: another rule would be another key, and every note of before would be refused."""
    extracted = hmac.digest(bytes(32), settings.LOG_SIGNING_SEED, "sha256")
    derived = hmac.digest(extracted, b"chancela/log/ml-dsa-44@v1\x01", "sha256")
    assert log_cosigner().verifier_key == MldsaCosigner(log_origin(), derived).verifier_key
    assert derived != settings.LOG_SIGNING_SEED
    before = log_cosigner().verifier_key
    settings.LOG_SIGNING_SEED = sha256(b"another").digest()
    assert log_cosigner().verifier_key != before


def test_a_note_bears_both_lines_and_its_time() -> None:
    note = sign_note(HEAD, timestamp=1_700_000_000)
    assert [(line.key.type, line.timestamp) for line in verified_lines(parse(note), log_keys())] == [
        (KeyType.ED25519, None),
        (KeyType.COSIGNATURE_MLDSA44, 1_700_000_000),
    ]
    for key in log_keys():
        assert verify(note, [key]) == HEAD
    assert cosigned_at(note) == 1_700_000_000
    assert is_signed_by_us(note)


def test_checkpoints_from_before_the_second_key_stay_ours() -> None:
    note = sign(HEAD, log_signer())
    assert is_signed_by_us(note)
    assert cosigned_at(note) == 0


def test_a_note_with_one_false_line_of_ours_is_not_ours(settings: Settings) -> None:
    note = sign(HEAD, log_signer())
    forged = note + signature_line(log_cosigner().verifier_key, bytes(8 + 2420))
    assert not is_signed_by_us(forged)
    with pytest.raises(NoteSignatureError):
        cosigned_at(forged)
    assert not is_signed_by_us(f"{HEAD.body()}\n{cosign(HEAD, log_cosigner(), 1)}"), "the second line alone"
    settings.LOG_SIGNING_SEED = sha256(b"another").digest()
    assert not is_signed_by_us(note)
    assert is_signed_by_us(add_signature(note, log_signer()))


@pytest.mark.django_db
def test_the_time_of_what_the_log_signs_never_goes_back() -> None:
    with time_machine.travel(NOON, tick=False):
        first = log_records(1)
    with time_machine.travel(NOON - timedelta(days=400), tick=False):
        second = log_records(2)
    with time_machine.travel(NOON + timedelta(seconds=30), tick=False):
        third = log_records(3)
    times = [cosigned_at(row.note) for row in (first, second, third)]
    assert times == [int(NOON.timestamp()), int(NOON.timestamp()), int(NOON.timestamp()) + 30]
    assert [row.signed_at for row in (first, second, third)] == [NOON, NOON, NOON + timedelta(seconds=30)]


@pytest.mark.django_db
def test_the_time_in_the_note_counts_even_where_its_row_says_an_earlier_one() -> None:
    with time_machine.travel(NOON, tick=False):
        first = log_records(1)
    StoredCheckpoint.objects.filter(pk=first.pk).update(signed_at=NOON - timedelta(days=2))
    with time_machine.travel(NOON - timedelta(days=1), tick=False):
        assert cosigned_at(log_records(2).note) == int(NOON.timestamp())


@pytest.mark.django_db
def test_the_log_goes_on_from_checkpoints_of_before_the_second_key() -> None:
    old = log_records(1)
    plain = sign(Checkpoint(old.origin, old.size, bytes(old.root)), log_signer())
    StoredCheckpoint.objects.filter(pk=old.pk).update(note=plain)
    new = log_records(2)
    assert verify(new.note, log_keys()).size == 2
    assert cosigned_at(new.note) > 0


@pytest.mark.django_db
def test_nothing_is_signed_on_a_newest_checkpoint_whose_second_line_is_damaged() -> None:
    old = log_records(1)
    damaged = sign(Checkpoint(old.origin, old.size, bytes(old.root)), log_signer())
    damaged += signature_line(log_cosigner().verifier_key, bytes(8 + 2420))
    StoredCheckpoint.objects.filter(pk=old.pk).update(note=damaged)
    hand_over(2)
    sequence()
    with pytest.raises(LogForkError):
        sign_checkpoint()
    assert ("checkpoint_unsigned", "1") in {(finding.code, finding.subject) for finding in check_log()}


@pytest.mark.django_db
def test_what_a_former_seed_signed_verifies_for_good_and_beside_what_the_next_one_signs(settings: Settings) -> None:
    """A key is rotated with the log's name (another key under one name is a fork); a policy then lists both logs."""
    old, old_keys = log_records(1), log_keys()
    settings.LOG_SIGNING_SEED, settings.LOG_ORIGIN = sha256(b"next").digest(), "localhost:8000/next"
    new = log_records(2)
    policy = parse_policy("".join(f"log {key.vkey}\n" for key in (*old_keys, *log_keys())) + "quorum none\n")
    assert verify(old.note, policy.log_keys) == Checkpoint("localhost:8000/log", 1, bytes(old.root))
    assert verify(new.note, policy.log_keys) == Checkpoint("localhost:8000/next", 2, bytes(new.root))
    assert (is_signed_by_us(old.note), is_signed_by_us(new.note)) == (False, True)
    with pytest.raises(NoteUnsignedError):
        verify(new.note, old_keys)

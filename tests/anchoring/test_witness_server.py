"""We as a witness over HTTP: C2SP tlog-witness, rule by rule, and the memory that survives a restored database."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from anchoring.models import WitnessedLog
from anchoring.witness_key import witness_cosigners, witness_vkeys
from anchoring.witnessing import cosigned_head, guard_path_of, hash_of_origin
from protocol.checkpoint import Checkpoint, SeedSigner, VerifierKey, add_signature, sign, verify
from protocol.cosignature import Cosignature, Ed25519Cosigner, add_lines, cosign, verified_cosignatures
from protocol.merkle import EMPTY_ROOT
from protocol.note import KeyType
from protocol.witness import MAX_REQUEST_BYTES, AddCheckpoint
from tests.anchoring.foreign_log import ORIGIN, ForeignLog

pytestmark = pytest.mark.django_db

SPEC = "C2SP tlog-witness, add-checkpoint"


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def log() -> ForeignLog:
    """Another deployment's log, which we witness."""
    log = ForeignLog()
    log.register()
    return log


def post(client: Client, request: AddCheckpoint | bytes, content_type: str = "application/octet-stream") -> Any:
    body = request if isinstance(request, bytes) else request.encode()
    return client.post("/witness/add-checkpoint", body, content_type=content_type)


def keys() -> list[VerifierKey]:
    return [cosigner.verifier_key for cosigner in witness_cosigners()]


def cosignatures(response: Any, note: str) -> tuple[Cosignature, ...]:
    assert response.status_code == 200, response.content
    return verified_cosignatures(add_lines(note, response.content.decode()), keys())


def head() -> int:
    log = WitnessedLog.objects.get(origin=ORIGIN)
    found = cosigned_head(log)
    return found.size if found else 0


def code(response: Any) -> str:
    return str(json.loads(response.content)["code"])


class TestCosigning:
    @pytest.mark.requirement(SPEC, "answers cosignatures by the witness keys, with the time, ML-DSA-44 among them")
    def test_a_checkpoint_that_extends_what_we_saw_is_cosigned(self, client: Client, log: ForeignLog) -> None:
        response = post(client, log.request(5))
        assert response["Content-Type"] == "text/plain; charset=utf-8"
        made = cosignatures(response, log.note(5))
        assert {cosignature.key.type for cosignature in made} == {
            KeyType.COSIGNATURE_ED25519,
            KeyType.COSIGNATURE_MLDSA44,
        }
        assert all(abs(cosignature.timestamp - timezone.now().timestamp()) < 60 for cosignature in made)
        assert cosignatures(post(client, log.request(300, old=5)), log.note(300))
        assert head() == 300

    def test_the_same_checkpoint_is_cosigned_afresh_and_the_head_stays(self, client: Client, log: ForeignLog) -> None:
        with time_machine.travel(timezone.now(), tick=False) as clock:
            first = cosignatures(post(client, log.request(5)), log.note(5))
            clock.shift(timedelta(seconds=100))
            again = cosignatures(post(client, log.request(5, old=5)), log.note(5))
        assert again[0].timestamp == first[0].timestamp + 100
        assert head() == 5

    def test_a_clock_that_went_back_does_not_date_a_statement_before_the_last(
        self, client: Client, log: ForeignLog
    ) -> None:
        with time_machine.travel(timezone.now(), tick=False) as clock:
            first = cosignatures(post(client, log.request(5)), log.note(5))
            clock.shift(timedelta(days=-1))
            later = cosignatures(post(client, log.request(9, old=5)), log.note(9))
        assert later[0].timestamp == first[0].timestamp

    @pytest.mark.requirement(SPEC, "the checkpoint of an empty tree is cosigned")
    def test_an_empty_log_is_cosigned(self, client: Client, log: ForeignLog) -> None:
        assert cosignatures(post(client, log.request(0)), log.note(0))
        assert cosignatures(post(client, log.request(7)), log.note(7))

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "application/x-www-form-urlencoded", "", "x/y; charset=UTF-8"]
    )
    def test_the_content_type_does_not_matter(self, client: Client, log: ForeignLog, content_type: str) -> None:
        assert post(client, log.request(5), content_type=content_type).status_code == 200

    def test_no_session_cookie_or_token_is_asked_for_or_given(self, log: ForeignLog) -> None:
        response = post(Client(enforce_csrf_checks=True), log.request(5))
        assert response.status_code == 200
        assert not response.cookies

    def test_a_log_that_signs_with_the_post_quantum_key_alone_is_witnessed(self, client: Client) -> None:
        log = ForeignLog()
        WitnessedLog.objects.create(origin=ORIGIN, vkeys=log.mldsa.verifier_key.vkey)
        checkpoint = Checkpoint(ORIGIN, 5, log.tree(5).root, ("an extension line",))
        note = f"{checkpoint.body()}\n{cosign(checkpoint, log.mldsa, 1)}"
        assert cosignatures(post(client, AddCheckpoint(0, (), note)), note)


class TestRefusing:
    @pytest.mark.requirement(SPEC, "404 for an unknown origin")
    @pytest.mark.parametrize("origin", ["elsewhere.example/log", "x", "é", f"{ORIGIN}/"])
    def test_an_unknown_log_is_404(self, client: Client, log: ForeignLog, origin: str) -> None:
        response = post(client, ForeignLog(origin=origin).request(5))
        assert (response.status_code, code(response)) == (404, "witness_origin_unknown")

    @pytest.mark.requirement(SPEC, "403 without a signature of a trusted key, or with one that fails")
    def test_a_checkpoint_that_its_log_did_not_sign_is_403(self, client: Client, log: ForeignLog) -> None:
        stranger = log.request(5).note.replace(sign(log.checkpoint(5), log.signer), ForeignLog(seed=bytes(32)).note(5))
        signature = log.note(9).rpartition("\n\n")[2]
        misplaced = f"{log.checkpoint(5).body()}\n{signature}"
        beside_a_good_one = log.note(5) + signature
        for note in (stranger, misplaced, beside_a_good_one):
            response = post(client, AddCheckpoint(0, (), note))
            assert (response.status_code, code(response)) == (403, "witness_checkpoint_unsigned")
        assert head() == 0

    @pytest.mark.requirement(SPEC, "signatures from unknown keys are ignored")
    def test_lines_of_others_are_ignored_and_never_stored(self, client: Client, log: ForeignLog) -> None:
        note = add_signature(log.note(5), SeedSigner("noise.example", b"\x03" * 32))
        note += cosign(note, Ed25519Cosigner(ORIGIN, b"\x04" * 32), 7)
        assert cosignatures(post(client, AddCheckpoint(0, (), note)), note)
        stored = WitnessedLog.objects.get().note
        assert "noise.example" not in stored
        assert stored.count("\N{EM DASH}") == 3

    @pytest.mark.requirement(SPEC, "400 for an old size above the checkpoint's")
    def test_an_old_size_above_the_checkpoints_is_400(self, client: Client, log: ForeignLog) -> None:
        response = post(client, replace(log.request(5), old_size=6))
        assert (response.status_code, code(response)) == (400, "witness_request_malformed")

    @pytest.mark.requirement(SPEC, "409 with the latest size as text/x.tlog.size for another old size")
    @pytest.mark.parametrize("old", [0, 3, 6, 9])
    def test_another_old_size_is_409_with_the_size(self, client: Client, log: ForeignLog, old: int) -> None:
        post(client, log.request(5))
        response = post(client, log.request(9, old=old))
        assert (response.status_code, response.content) == (409, b"5\n")
        assert response["Content-Type"] == "text/x.tlog.size"
        assert head() == 5

    @pytest.mark.requirement(SPEC, "409 with size zero before anything was cosigned")
    def test_an_old_size_where_nothing_was_cosigned_is_409_with_zero(self, client: Client, log: ForeignLog) -> None:
        assert post(client, log.request(9, old=5)).content == b"0\n"

    @pytest.mark.requirement(SPEC, "422 for a proof that does not verify, or is not empty from size zero")
    def test_a_wrong_proof_is_422(self, client: Client, log: ForeignLog) -> None:
        unwanted = replace(log.request(5), proof=(bytes(32),))
        assert post(client, unwanted).status_code == 422
        post(client, log.request(5))
        good = log.request(9, old=5)
        fork = ForeignLog(start=1000)
        for request in (
            replace(good, proof=()),
            replace(good, proof=good.proof[:-1]),
            replace(good, proof=(*good.proof, bytes(32))),
            replace(good, proof=(bytes(32), *good.proof[1:])),
            fork.request(9, old=5),
            replace(fork.request(9), old_size=5, proof=good.proof),
        ):
            response = post(client, request)
            assert (response.status_code, code(response)) == (422, "witness_proof_invalid")
        assert head() == 5

    @pytest.mark.requirement(SPEC, "422 for another root at the same size")
    def test_another_root_at_our_size_is_422(self, client: Client, log: ForeignLog) -> None:
        post(client, log.request(5))
        assert post(client, ForeignLog(start=1000).request(5, old=5)).status_code == 422
        assert post(client, replace(log.request(5, old=5), proof=(bytes(32),))).status_code == 422

    @pytest.mark.requirement(SPEC, "422 for an empty tree with another root")
    def test_an_empty_tree_with_another_root_is_422(self, client: Client, log: ForeignLog) -> None:
        body = f"{ORIGIN}\n0\n{b64encode(bytes(32)).decode()}\n"
        line = log.note(0).rpartition("\n\n")[2]
        response = post(client, f"old 0\n\n{body}\n{line}".encode())
        assert (response.status_code, code(response)) == (422, "witness_proof_invalid")
        assert log.checkpoint(0).root == EMPTY_ROOT

    @pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
    def test_only_post_asks(self, client: Client, method: str) -> None:
        response = getattr(client, method)("/witness/add-checkpoint")
        assert (response.status_code, response["Allow"]) == (405, "POST")

    def test_a_log_that_asks_too_often_is_429_and_strangers_are_not_counted(
        self, client: Client, log: ForeignLog, settings: Settings
    ) -> None:
        settings.WITNESS_LOG_RATE = "2/min"
        with time_machine.travel(timezone.now().replace(second=5, microsecond=0), tick=False) as clock:
            for _ in range(4):
                post(client, replace(log.request(5), note=ForeignLog(seed=bytes(32)).note(5)))
            assert post(client, log.request(5)).status_code == 200
            assert post(client, log.request(7, old=5)).status_code == 200
            response = post(client, log.request(9, old=7))
            assert (response.status_code, code(response), response["Retry-After"]) == (429, "too_many_requests", "55")
            assert head() == 7
            clock.shift(timedelta(minutes=1))
            assert post(client, log.request(9, old=7)).status_code == 200

    def test_whoever_replays_the_newest_head_takes_nothing_from_the_log(
        self, client: Client, log: ForeignLog, settings: Settings
    ) -> None:
        settings.WITNESS_LOG_RATE = "2/min"
        with time_machine.travel(timezone.now().replace(second=5, microsecond=0), tick=False):
            assert post(client, log.request(5)).status_code == 200
            replayed = [post(client, log.request(5, old=5)).status_code for _ in range(4)]
            assert replayed == [200, 200, 429, 429]
            assert post(client, log.request(9, old=5)).status_code == 200

    def test_a_body_past_the_bound_is_413_before_any_work(self, client: Client, log: ForeignLog) -> None:
        response = post(client, log.request(5).encode().ljust(MAX_REQUEST_BYTES + 1, b"\n"))
        assert (response.status_code, code(response)) == (413, "too_large")

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\n",
            b"old 0\n\n",
            b"old 00\n\nx\n0\nx\n\n",
            b"old -1\n\n",
            b"old 0\r\n\r\n",
            b"old 0\n\nx\x00\n1\nAAAA\n\n\xe2\x80\x94 x AAAAAAA=\n",
            b"old 9223372036854775808\n\n",
            b"\xff\xfe",
            b"old 0\n" + b"AAAA\n" * 64 + b"\n",
            b'{"old": 0}',
        ],
    )
    def test_what_is_no_request_is_400(self, client: Client, log: ForeignLog, body: bytes) -> None:
        response = post(client, body)
        assert (response.status_code, code(response)) == (400, "witness_request_malformed")

    @hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    @given(at=st.integers(0, 400), byte=st.integers(0, 255))
    def test_no_altered_byte_is_cosigned(self, client: Client, log: ForeignLog, at: int, byte: int) -> None:
        body = bytearray(log.request(300).encode())
        at %= len(body)
        if body[at] == byte:
            return
        body[at] = byte
        response = post(client, bytes(body))
        assert response.status_code in {400, 403, 404, 409, 422}
        assert head() == 0


class TestMemoryOutsideTheDatabase:
    """Trap 2 of a log is a witness's too: a restored database must not cosign a fork."""

    def restore_to(self, log: ForeignLog, size: int) -> None:
        root = log.tree(size).root if size else None
        WitnessedLog.objects.update(size=size, root=root, note="", cosigned_at=None)

    @pytest.mark.parametrize("size", [0, 5])
    def test_a_restored_witness_stands_where_its_file_says(self, client: Client, log: ForeignLog, size: int) -> None:
        post(client, log.request(5))
        post(client, log.request(9, old=5))
        self.restore_to(log, size)
        fork = ForeignLog(start=1000 if size == 0 else 0)
        for request in (fork.request(7, old=size), log.request(20, old=size)):
            response = post(client, request)
            assert (response.status_code, response.content) == (409, b"9\n")
        assert post(client, ForeignLog(start=1000).request(20, old=9)).status_code == 422
        assert cosignatures(post(client, log.request(20, old=9)), log.note(20))
        assert WitnessedLog.objects.get().size == 20

    def test_a_log_removed_and_added_again_goes_on_from_where_it_was(self, client: Client, log: ForeignLog) -> None:
        post(client, log.request(9))
        WitnessedLog.objects.all().delete()
        log.register()
        assert post(client, log.request(7)).content == b"9\n"

    def test_a_file_that_is_behind_is_caught_up(self, client: Client, log: ForeignLog) -> None:
        post(client, log.request(5))
        guard_path_of(ORIGIN).unlink()
        assert post(client, log.request(9)).content == b"5\n"
        assert post(client, log.request(5, old=5)).status_code == 200
        self.restore_to(log, 0)
        assert head() == 5

    def test_two_trees_of_one_size_stop_everything(self, client: Client, log: ForeignLog) -> None:
        post(client, log.request(5))
        WitnessedLog.objects.update(root=bytes(32))
        for request in (log.request(5, old=5), log.request(9, old=5)):
            response = post(client, request)
            assert (response.status_code, code(response)) == (503, "witness_memory_unsound")

    @pytest.mark.parametrize(
        "content", ["", "[]", "{", f'{{"{ORIGIN}": {{}}}}', f'{{"{ORIGIN}": {{"size": -1, "root": ""}}}}']
    )
    def test_a_damaged_file_stops_cosigning(self, client: Client, log: ForeignLog, content: str) -> None:
        post(client, log.request(5))
        guard_path_of(ORIGIN).write_text(content)
        response = post(client, log.request(9, old=5))
        assert (response.status_code, code(response)) == (503, "log_guard_unreadable")
        assert WitnessedLog.objects.get().size == 5

    def test_what_cannot_be_remembered_outside_is_not_cosigned(self, client: Client, log: ForeignLog) -> None:
        post(client, log.request(5))
        guard_path_of(ORIGIN).with_suffix(".new").mkdir()
        response = post(client, log.request(9, old=5))
        assert (response.status_code, code(response)) == (503, "log_guard_unreadable")
        assert head() == 5


class TestPublishing:
    @pytest.mark.requirement(
        "C2SP tlog-witness, Monitor Retrieval", "the newest checkpoint with the log's and our lines"
    )
    def test_the_newest_checkpoint_is_read_by_the_hash_of_its_origin(self, client: Client, log: ForeignLog) -> None:
        path = f"/witness/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
        assert client.get(path).status_code == 404
        post(client, log.request(5))
        post(client, log.request(9, old=5))
        response = client.get(path)
        assert response["Content-Type"] == "text/plain; charset=utf-8"
        assert verify(response.content, [VerifierKey.from_vkey(log.vkey)]).size == 9
        assert len(verified_cosignatures(response.content, keys())) == 2

    @pytest.mark.parametrize(
        "origin_hash", ["", "0" * 64, "x", hash_of_origin(ORIGIN).upper(), hash_of_origin(ORIGIN)[:-1]]
    )
    def test_other_addresses_hold_nothing(self, client: Client, log: ForeignLog, origin_hash: str) -> None:
        post(client, log.request(5))
        assert client.get(f"/witness/{origin_hash}/checkpoint").status_code == 404

    def test_the_keys_are_published(self, client: Client) -> None:
        vkeys = client.get("/witness/vkey").content.decode().splitlines()
        assert vkeys == list(witness_vkeys())
        types = [VerifierKey.from_vkey(vkey).type for vkey in vkeys]
        assert types == [KeyType.COSIGNATURE_ED25519, KeyType.COSIGNATURE_MLDSA44]
        assert {VerifierKey.from_vkey(vkey).name for vkey in vkeys} == {"localhost:8000/witness"}

    def test_without_a_seed_there_is_no_witness(self, client: Client, log: ForeignLog, settings: Settings) -> None:
        settings.WITNESS_SIGNING_SEED = None
        for response in (post(client, log.request(5)), client.get("/witness/vkey")):
            assert (response.status_code, code(response)) == (404, "witness_disabled")
        assert head() == 0

"""The log over HTTP: C2SP addresses, what is cached for ever and what is not, and no address that breaks it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from anchoring import sequencer
from anchoring.log_key import log_key, log_verifier_key
from anchoring.models import Tile
from protocol import cose_receipt
from protocol.checkpoint import VerifierKey, verify
from protocol.merkle import tile_path
from protocol.proof import leaf_data, parse_receipt, verify_receipt
from tests.anchoring.records import digest, hand_over, leaf_hash_of, log_records, record_id

pytestmark = pytest.mark.django_db

FOREVER = "public, max-age=31536000, immutable"


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def test_the_checkpoint_and_the_key_to_check_it(client: Client) -> None:
    assert client.get("/log/checkpoint").status_code == 404
    stored = log_records(*range(3))
    ed25519, mldsa = map(VerifierKey.from_vkey, client.get("/log/vkey").content.decode().splitlines())
    response = client.get("/log/checkpoint")
    for keys in ([ed25519], [mldsa], [ed25519, mldsa]):
        assert verify(response.content, keys).size == 3
    assert response.content.decode() == stored.note
    assert response["Cache-Control"] == "public, max-age=1"


def test_a_full_tile_is_cached_for_ever_and_a_partial_one_is_not(client: Client) -> None:
    log_records(*range(300))
    full = client.get("/log/tile/0/000")
    assert full["Cache-Control"] == FOREVER
    assert full["Content-Type"] == "application/octet-stream"
    assert full.content == b"".join(leaf_hash_of(number) for number in range(256))
    partial = client.get("/log/tile/0/001.p/44")
    assert partial["Cache-Control"] == "public, max-age=60"
    assert partial.content == b"".join(leaf_hash_of(number) for number in range(256, 300))
    assert client.get("/log/tile/1/000.p/1").content == bytes(Tile.objects.get(level=1).hashes)


def test_an_entry_bundle_holds_the_leaves_and_nothing_else(client: Client) -> None:
    log_records(*range(258))
    leaf = leaf_data("credential", digest(0))
    frame = len(leaf).to_bytes(2, "big")
    full = client.get("/log/tile/entries/000")
    assert full["Cache-Control"] == FOREVER
    assert full.content == b"".join(frame + leaf_data("credential", digest(number)) for number in range(256))
    partial = client.get("/log/tile/entries/001.p/2")
    assert partial.content == b"".join(frame + leaf_data("credential", digest(number)) for number in (256, 257))


def test_what_no_checkpoint_covers_is_not_published(client: Client) -> None:
    log_records(*range(10))
    hand_over(*range(10, 300))
    sequencer.sequence()
    for path in ("0/000", "0/000.p/11", "entries/000.p/11", "0/001.p/44", "1/000.p/1"):
        assert client.get(f"/log/tile/{path}").status_code == 404, path
    assert client.get("/log/tile/0/000.p/10").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "0/0", "0/00", "0/0000", "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p/", "0/000.p/-1", "0/000.p/1/",
        "0/x000/000", "0/x1/000", "0/000/000", "00/000", "01/000", "64/000", "99/000", "-1/000", "1e1/000", "a/000",
        "0/x999/x999/x999/x999/x999/x999/999", "0/" + "x999/" * 50 + "999", "0/０００", "0/000%0A", "0/000%00",
        "entries/abc", "entries/x000/000", "entries/999", "entries/000.p/999", "entries/../0/000", "0/000?x=1/../..",
        "0/%2e%2e", "0/000.P/1", "0/000.p/1.p/1",
    ],
)  # fmt: skip
def test_any_other_address_is_not_found(client: Client, path: str) -> None:
    log_records(1)
    assert client.get(f"/log/tile/{path}").status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["/log/checkpoint", "/log/vkey", "/log/tile/0/000.p/1", "/log/tile/entries/000.p/1"])
def test_the_log_is_read_only(client: Client, method: str, path: str) -> None:
    log_records(1)
    assert getattr(client, method)(path).status_code == 405
    assert client.head(path).status_code == 200


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.sampled_from(["log/tile/", "log/", "r/"]))
def test_no_address_breaks_the_log(client: Client, text: str, prefix: str) -> None:
    path = f"/{prefix}{text}" if prefix != "r/" else f"/api/v1/log/receipts/{text}"
    assert client.get(path, HTTP_ACCEPT="application/json").status_code < 500


def test_a_receipt_as_json(client: Client) -> None:
    hand_over(0)
    pending: dict[str, Any] = {"record_id": record_id(0), "state": "pending", "receipt": None, "attestations": []}
    assert receipt_json(client) == pending
    sequencer.sequence()
    assert receipt_json(client) == {**pending, "state": "sequenced"}
    checkpoint = sequencer.sign_checkpoint()
    assert checkpoint is not None
    assert receipt_json(client) == {
        "record_id": record_id(0),
        "state": "published",
        "receipt": {"index": 0, "path": [], "checkpoint": checkpoint.note},
        "attestations": [{"ledger_id": "embedded", "state": "planned"}],
    }


def receipt_json(client: Client) -> Any:
    response = client.get(f"/api/v1/log/receipts/{record_id(0)}")
    assert response.status_code == 200
    return response.json()


@pytest.mark.parametrize("asked", [{"QUERY_STRING": "format=tlog-proof"}, {"HTTP_ACCEPT": "text/plain"}])
def test_a_receipt_as_proof_text(client: Client, asked: dict[str, str]) -> None:
    log_records(*range(9))
    response = client.get(f"/api/v1/log/receipts/{record_id(4)}", **asked)  # type: ignore[arg-type]  # WSGI environ
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    key = VerifierKey.from_vkey(log_verifier_key())
    assert verify_receipt(parse_receipt(response.content), leaf_hash=leaf_hash_of(4), keys=[key]).size == 9


@pytest.mark.requirement("RFC 9942 §5.2.1", "served as application/cose")
@pytest.mark.parametrize("asked", [{"QUERY_STRING": "format=cose"}, {"HTTP_ACCEPT": "application/cose"}])
def test_a_receipt_as_cose(client: Client, asked: dict[str, str]) -> None:
    log_records(*range(9))
    response = client.get(f"/api/v1/log/receipts/{record_id(4)}", **asked)  # type: ignore[arg-type]  # WSGI environ
    assert response["Content-Type"] == "application/cose"
    receipt = cose_receipt.parse_receipt(response.content)
    assert cose_receipt.verify_receipt(receipt, leaf_hash=leaf_hash_of(4), keys=[log_key()]).size == 9


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("credential:nobody?format=cose", 404, "record_not_logged"),
        ("credential:1?format=cose", 409, "receipt_pending"),
        ("credential:nobody", 404, "record_not_logged"),
        ("a%00b", 404, "record_not_logged"),
        ("credential:1?format=tlog-proof", 409, "receipt_pending"),
        ("credential:1?format=xml", 404, "not_found"),
        ("credential:" + "9" * 400, 404, "record_not_logged"),
    ],
)
def test_a_receipt_that_is_not_there_is_a_problem(client: Client, path: str, status: int, code: str) -> None:
    hand_over(1)
    response = client.get(f"/api/v1/log/receipts/{path}")
    assert response["Content-Type"] == "application/problem+json"
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_reading_costs_few_queries(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    log_records(*range(700))
    for path, count in {
        "/log/checkpoint": 2,
        "/log/vkey": 0,
        "/log/tile/0/000": 2,
        "/log/tile/entries/001": 2,
        f"/api/v1/log/receipts/{record_id(350)}": 6,
        f"/api/v1/log/receipts/{record_id(350)}?format=tlog-proof": 6,
        f"/api/v1/log/receipts/{record_id(350)}?format=cose": 6,
    }.items():
        with django_assert_num_queries(count):
            assert client.get(path).status_code == 200


def test_tile_addresses_are_those_of_the_specification(client: Client) -> None:
    log_records(*range(300))
    assert client.get(f"/log/{tile_path(0, 1, 44)}").status_code == 200

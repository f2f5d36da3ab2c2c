"""A stranger checks a COSE Receipt: only bytes that anyone can GET, only scitt-cose's and sigstore's code."""

from __future__ import annotations

from base64 import b64decode

import cbor2
import pytest
from django.test import Client

from tests.anchoring.records import digest, log_records, record_id
from tests.oracles.log_oracles import ask_scitt, ask_sigstore

pytestmark = pytest.mark.django_db

COUNT = 300


@pytest.fixture
def client() -> Client:
    log_records(*range(COUNT - 50))
    log_records(*range(COUNT - 50, COUNT))
    return Client()


def published_leaf(client: Client, index: int) -> bytes:
    """The leaf out of its entry bundle, cut by hand as C2SP tlog-tiles says."""
    bundle_index, place = divmod(index, 256)
    width = min(COUNT - bundle_index * 256, 256)
    suffix = "" if width == 256 else f".p/{width}"
    bundle = client.get(f"/log/tile/entries/{bundle_index:03d}{suffix}").content
    for _ in range(place):
        bundle = bundle[2 + int.from_bytes(bundle[:2], "big") :]
    return bundle[2 : 2 + int.from_bytes(bundle[:2], "big")]


def published_key(client: Client) -> tuple[str, bytes, bytes]:
    """Name, key id and public key of the log's plain Ed25519 key, the type with the byte 1."""
    for vkey in client.get("/log/vkey").content.decode().splitlines():
        name, key_id, encoded = vkey.split("+", 2)
        if b64decode(encoded)[0] == 1:
            return name, bytes.fromhex(key_id), b64decode(encoded)[1:]
    raise AssertionError("no Ed25519 key is published")


@pytest.mark.parametrize("number", [0, 249, 250, 255, 256, 299])
def test_scitt_cose_accepts_the_receipt_we_publish(client: Client, number: int) -> None:
    receipt = client.get(f"/api/v1/log/receipts/{record_id(number)}?format=cose").content
    leaf, (name, key_id, public_key) = published_leaf(client, number), published_key(client)
    assert leaf.endswith(digest(number))
    result = ask_scitt(receipt, leaf=leaf, public_key=public_key)
    assert (result.ok, result.tree_size, result.leaf_index) == (True, COUNT, number)
    assert (result.issuer, result.protected_header_ext) == (name, {4: key_id})
    note = client.get("/log/checkpoint").content.decode().splitlines()
    assert (result.subject, bytes.fromhex(result.root or "")) == (f"{note[0]}#{note[1]}", b64decode(note[2]))


@pytest.mark.parametrize("number", [0, 256, 299])
def test_sigstore_accepts_the_path_inside(client: Client, number: int) -> None:
    receipt = client.get(f"/api/v1/log/receipts/{record_id(number)}?format=cose").content
    [proof] = cbor2.loads(receipt).value[1][396][-1]
    size, index, path = cbor2.loads(proof)
    root = b64decode(client.get("/log/checkpoint").content.decode().splitlines()[2])
    ask_sigstore(leaf=published_leaf(client, index), index=index, size=size, path=path, root=root)


def test_scitt_cose_refuses_it_for_another_leaf_or_key(client: Client) -> None:
    receipt = client.get(f"/api/v1/log/receipts/{record_id(7)}?format=cose").content
    public_key = published_key(client)[2]
    assert not ask_scitt(receipt, leaf=published_leaf(client, 8), public_key=public_key).ok
    other = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert not ask_scitt(receipt, leaf=published_leaf(client, 7), public_key=other).ok

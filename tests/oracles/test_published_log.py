"""A stranger's check: only bytes that anyone can GET, only code that none of us wrote."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pymerkle
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from django.test import Client
from pymerkle.proof import MerkleProof
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint

from tests.anchoring.records import digest, log_records, record_id

pytestmark = pytest.mark.django_db

COUNT = 700


@pytest.fixture
def client() -> Client:
    for start in range(0, COUNT, 175):
        log_records(*range(start, start + 175))
    return Client()


def published_leaves(client: Client) -> list[bytes]:
    """The leaves out of the entry bundles, cut by hand as C2SP tlog-tiles says."""
    leaves: list[bytes] = []
    full, rest = divmod(COUNT, 256)
    paths = [f"{index:03d}" for index in range(full)] + ([f"{full:03d}.p/{rest}"] if rest else [])
    for path in paths:
        bundle = client.get(f"/log/tile/entries/{path}").content
        while bundle:
            size = int.from_bytes(bundle[:2], "big")
            leaves.append(bundle[2 : 2 + size])
            bundle = bundle[2 + size :]
    return leaves


def proof_text(client: Client, number: int) -> tuple[int, list[bytes], str]:
    """Index, path and note out of a receipt, by string handling alone."""
    text = client.get(f"/api/v1/log/receipts/{record_id(number)}?format=tlog-proof").content.decode()
    head, _, note = text.partition("\n\n")
    version, index, *path = head.splitlines()
    assert version == "c2sp.org/tlog-proof@v1"
    return int(index.removeprefix("index ")), [b64decode(line) for line in path], note


def test_pymerkle_rebuilds_the_signed_root_from_the_published_entries(client: Client) -> None:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for leaf in published_leaves(client):
        tree.append_entry(leaf)
    note = client.get("/log/checkpoint").content.decode()
    assert tree.get_size() == int(note.splitlines()[1]) == COUNT
    assert tree.get_root(COUNT) == b64decode(note.splitlines()[2])


@pytest.mark.parametrize("number", [0, 255, 256, 511, 699])
def test_pymerkle_makes_the_receipt_we_publish(client: Client, number: int) -> None:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    leaves = published_leaves(client)
    for leaf in leaves:
        tree.append_entry(leaf)
    index, path, note = proof_text(client, number)
    assert leaves[index].endswith(digest(number))
    made: MerkleProof = tree.prove_inclusion(index + 1, COUNT)
    made.path = [sha256(b"\x00" + leaves[index]).digest(), *path]
    pymerkle.verify_inclusion(made.path[0], b64decode(note.splitlines()[2]), made, index=index + 1, size=COUNT)


@pytest.mark.parametrize("number", [0, 255, 256, 511, 699])
def test_sigstore_accepts_checkpoint_and_receipt(client: Client, number: int) -> None:
    index, path, note = proof_text(client, number)
    signed = SignedCheckpoint.from_text(note)
    text = signed.signed_note.note
    ed25519, mldsa = (
        b64decode(vkey.split("+", 2)[2]) for vkey in client.get("/log/vkey").content.decode().splitlines()
    )
    plain, cosigned = (b64decode(line.signature) for line in signed.signed_note.signatures)
    Ed25519PublicKey.from_public_bytes(ed25519[1:]).verify(plain, text.encode())
    MLDSA44PublicKey.from_public_bytes(mldsa[1:]).verify(cosigned[8:], cosigned_message(text, cosigned[:8]))
    verify_merkle_inclusion(entry(published_leaves(client)[index], index, path, signed.checkpoint))


def cosigned_message(text: str, timestamp: bytes) -> bytes:
    """What ML-DSA-44 signs of a checkpoint, put together by hand (C2SP tlog-cosignature): our log cosigns as itself."""
    origin, size, root = text.splitlines()
    name = bytes([len(origin)]) + origin.encode()
    return b"subtree/v1\n\0" + name + timestamp + name + bytes(8) + int(size).to_bytes(8, "big") + b64decode(root)


def entry(leaf: bytes, index: int, path: list[bytes], checkpoint: Any) -> Any:
    proof = SimpleNamespace(
        log_index=index,
        tree_size=checkpoint.log_size,
        hashes=path,
        root_hash=bytes.fromhex(checkpoint.log_hash),
    )
    return SimpleNamespace(_inner=SimpleNamespace(inclusion_proof=proof, canonicalized_body=leaf))

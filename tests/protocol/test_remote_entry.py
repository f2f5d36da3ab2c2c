"""Entries of a Rekor v2 log: Sigstore's own code agrees, and nothing but the digest in question is believed."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import verify_checkpoint
from sigstore._internal.trust import Keyring, RekorKeyring
from sigstore.models import TransparencyLogEntry
from sigstore_models.common.v1 import PublicKey, PublicKeyDetails
from sigstore_models.rekor.v1 import TransparencyLogEntry as EntryMessage
from sigstore_models.rekor.v2.entry import CreateEntryRequest, Entry

from protocol import remote_entry
from protocol.checkpoint import Checkpoint, SeedSigner, VerifierKey, add_signature, sign, verifier_key
from protocol.encoding import canonical_json
from protocol.errors import (
    CheckpointOriginError,
    InclusionProofError,
    NoteUnsignedError,
    ProtocolError,
    RemoteEntryDigestError,
    RemoteEntryFormatError,
    RemoteEntrySignatureError,
)
from protocol.keys import generate_p256
from protocol.merkle import inclusion_proof, leaf_hash
from protocol.remote_entry import RemoteEntry
from tests.protocol.trees import MemoryTree

ORIGIN = "log.rekor.example"
LOG = SeedSigner(ORIGIN, b"\x07" * 32)
KEY = generate_p256()
DIGEST = sha256(b"a checkpoint").digest()


def body(digest: bytes = DIGEST, signature: bytes | None = None, public_key: bytes | None = None) -> bytes:
    signature = remote_entry.sign_digest(KEY, digest) if signature is None else signature
    return remote_entry.write_body(digest, signature, public_key or remote_entry.public_bytes(KEY))


def entry(leaf: bytes | None = None, *, before: int = 5, after: int = 300) -> RemoteEntry:
    leaf = body() if leaf is None else leaf
    tree = MemoryTree(before)
    tree.append([leaf_hash(leaf), *[leaf_hash(f"after {number}".encode()) for number in range(after)]])
    note = sign(Checkpoint(ORIGIN, tree.size, tree.root), LOG)
    return RemoteEntry(before, leaf, tuple(inclusion_proof(tree.read, before, tree.size)), note)


def verify(
    found: RemoteEntry, digest: bytes = DIGEST, key: VerifierKey | None = None, origin: str = ORIGIN
) -> Checkpoint:
    return remote_entry.verify(found, digest, key=key or verifier_key(LOG), origin=origin)


def written(found: RemoteEntry) -> dict[str, Any]:
    return remote_entry.write_entry(found, verifier_key(LOG))


@pytest.mark.requirement("C2SP tlog-checkpoint", "an entry is held under a checkpoint that its log signed")
@pytest.mark.parametrize(("before", "after"), [(0, 0), (0, 1), (1, 0), (5, 300), (255, 1), (256, 0), (700, 3)])
def test_an_entry_leads_to_the_logs_checkpoint(before: int, after: int) -> None:
    found = entry(before=before, after=after)
    assert verify(found).size == before + after + 1
    assert remote_entry.read_entry(json.dumps(written(found)).encode()) == found


class TestOracles:
    """Sigstore's Python code, which real logs are used with."""

    def test_the_request_is_one(self) -> None:
        signature, public_key = remote_entry.sign_digest(KEY, DIGEST), remote_entry.public_bytes(KEY)
        request = CreateEntryRequest.from_json(remote_entry.write_request(DIGEST, signature, public_key))
        asked = request.hashed_rekord_request_v002
        assert asked is not None
        assert asked.digest == DIGEST
        assert asked.signature.verifier.key_details == PublicKeyDetails.PKIX_ECDSA_P256_SHA_256

    def test_the_body_is_an_entry(self) -> None:
        found = Entry.from_json(body())
        assert (found.kind, found.api_version) == ("hashedrekord", "0.0.2")
        assert found.spec.hashed_rekord_v002 is not None
        assert found.spec.hashed_rekord_v002.data.digest == DIGEST

    @pytest.mark.parametrize(("before", "after"), [(0, 0), (3, 1), (5, 300)])
    def test_what_we_write_verifies_there(self, before: int, after: int) -> None:
        message = EntryMessage.from_dict(written(entry(before=before, after=after)))
        verify_merkle_inclusion(TransparencyLogEntry(message))
        raw = ed25519.Ed25519PublicKey.from_public_bytes(LOG.public_key).public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        key = PublicKey(raw_bytes=b64encode(raw), key_details=PublicKeyDetails.PKIX_ED25519)
        verify_checkpoint(RekorKeyring(Keyring([key])), TransparencyLogEntry(message))
        assert message.log_id.key_id[:4] == verifier_key(LOG).key_id

    def test_the_signature_is_over_the_data_itself(self) -> None:
        signature = remote_entry.sign_digest(KEY, DIGEST)
        KEY.public_key().verify(signature, b"a checkpoint", ec.ECDSA(hashes.SHA256()))
        assert signature == remote_entry.sign_digest(KEY, DIGEST)


def test_a_request_gives_the_body_that_the_log_will_hash() -> None:
    signature, public_key = remote_entry.sign_digest(KEY, DIGEST), remote_entry.public_bytes(KEY)
    request = remote_entry.write_request(DIGEST, signature, public_key)
    assert remote_entry.body_of_request(request) == remote_entry.write_body(DIGEST, signature, public_key)
    for other in (
        request + b" ",
        b"{}",
        b"[]",
        b"",
        b'{"hashedRekordRequestV002":[]}',
        request.replace(b"P256", b"P384"),
    ):
        with pytest.raises(ProtocolError):
            remote_entry.body_of_request(other)


def test_another_digest_is_refused() -> None:
    with pytest.raises(RemoteEntryDigestError):
        verify(entry(), digest=bytes(32))


def test_the_key_in_the_entry_must_have_signed() -> None:
    other = generate_p256()
    for leaf in (
        body(signature=remote_entry.sign_digest(other, DIGEST)),
        body(signature=remote_entry.sign_digest(KEY, bytes(32))),
        body(signature=b"\0"),
        body(public_key=remote_entry.public_bytes(other)),
    ):
        with pytest.raises(RemoteEntrySignatureError):
            verify(entry(leaf))


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-384", "secp256k1", "Ed25519", "RSA"],
)
def test_keys_of_other_kinds_are_refused(key: Any) -> None:
    encoded = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(RemoteEntryFormatError):
        verify(entry(body(public_key=encoded)))


def test_only_the_pinned_log_counts() -> None:
    found = entry()
    with pytest.raises(NoteUnsignedError):
        verify(found, key=verifier_key(SeedSigner(ORIGIN, b"\x08" * 32)))
    with pytest.raises(CheckpointOriginError):
        verify(found, origin="elsewhere.example")
    witnessed = replace(found, note=add_signature(found.note, SeedSigner("witness.example", b"\x09" * 32)))
    assert verify(witnessed) == verify(found)


def test_index_path_and_body_belong_together() -> None:
    found = entry()
    for other in (
        replace(found, index=found.index + 1),
        replace(found, index=1 << 62),
        replace(found, hashes=found.hashes[:-1]),
        replace(found, hashes=(*found.hashes, bytes(32))),
        replace(found, hashes=(b"short", *found.hashes[1:])),
        replace(found, hashes=found.hashes[::-1]),
        replace(found, note=entry(before=6).note),
    ):
        with pytest.raises(InclusionProofError):
            verify(other)


def test_a_digest_hidden_beside_the_one_recorded_is_not_believed() -> None:
    """The log hashes bytes: a body with members that we do not read could say two things to two readers."""
    plain = json.loads(body())
    plain["spec"]["hashedRekordV002"]["data"]["other"] = "x"
    spaced = json.dumps(json.loads(body()), sort_keys=True).encode()
    twice = body().replace(b'"digest"', b'"digest":"AA==","digest"', 1)
    for leaf in (canonical_json(plain), spaced, twice, body() + b"\n", body().replace(b"0.0.2", b"0.0.1")):
        with pytest.raises(RemoteEntryFormatError):
            verify(entry(leaf))


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_anything_else_is_no_body_and_no_entry(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        verify(entry(data, after=1))
    with pytest.raises(ProtocolError):
        remote_entry.read_entry(data)


def test_every_changed_byte_of_a_body_is_noticed() -> None:
    leaf = body()
    for at in range(len(leaf)):
        mutant = leaf[:at] + bytes([leaf[at] ^ 1]) + leaf[at + 1 :]
        with pytest.raises(ProtocolError):
            verify(replace(entry(after=0), body=mutant))
        with pytest.raises(ProtocolError):
            verify(entry(mutant, after=0))


def _set(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda fields: fields.__setitem__(name, value)


@pytest.mark.parametrize(
    "change",
    [
        _set("logIndex", 5),
        _set("logIndex", "-1"),
        _set("logIndex", "5.0"),
        _set("logIndex", "٥"),
        _set("logIndex", "9" * 19),
        _set("logIndex", "1" * 30),
        _set("canonicalizedBody", None),
        _set("canonicalizedBody", "e30"),
        _set("canonicalizedBody", b64encode(bytes(1 << 13)).decode()),
        _set("inclusionProof", None),
        _set("inclusionProof", []),
        lambda fields: fields["inclusionProof"].update(hashes="x"),
        lambda fields: fields["inclusionProof"].update(hashes=[1]),
        lambda fields: fields["inclusionProof"].update(hashes=["AA=="] * 64),
        lambda fields: fields["inclusionProof"].update(checkpoint=None),
        lambda fields: fields["inclusionProof"]["checkpoint"].update(envelope=7),
        lambda fields: fields.pop("logIndex"),
        lambda fields: fields["inclusionProof"].pop("hashes"),
    ],
)
def test_answers_of_another_form_are_refused(change: Callable[[dict[str, Any]], object]) -> None:
    fields = written(entry())
    change(fields)
    with pytest.raises(RemoteEntryFormatError):
        remote_entry.read_entry(json.dumps(fields).encode())


def test_members_that_repeat_others_are_not_believed() -> None:
    found = entry()
    fields = written(found)
    fields["inclusionProof"].update(rootHash="AA==", treeSize="1", logIndex="0")
    fields.update(integratedTime="99", inclusionPromise=None, logId={"keyId": "AA=="})
    assert remote_entry.read_entry(json.dumps(fields).encode()) == found

"""A Rekor v2 log in memory: it takes what the real one takes, refuses what that refuses, and can be told to misbehave.

Requests are judged by the message types of the Sigstore project's own package. The tree is a real one: every answer
carries a proof under a checkpoint signed by the log's key, and its tiles are served.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_der_public_key
from sigstore_models.rekor.v2.entry import CreateEntryRequest
from sigstore_models.rekor.v2.hashedrekord import HashedRekordRequestV002

from protocol.checkpoint import Checkpoint, SeedSigner, VerifierKey, sign, verifier_key
from protocol.merkle import TILE_WIDTH, inclusion_proof, leaf_hash, tile_path
from tests.protocol.trees import MemoryTree
from tests.simulators.web import Answer, Web, serve

ORIGIN = "log.rekor.example"
ENTRIES = "/api/v2/log/entries"
JSON = {"Content-Type": "application/json"}

# The codes of gRPC, and the statuses that its gateway gives them.
INVALID_ARGUMENT, ALREADY_EXISTS, UNIMPLEMENTED, UNAVAILABLE = (3, 400), (6, 409), (12, 405), (14, 503)


@dataclass
class RemoteLog:
    """*change* alters the answer to a write; *loses_answers* takes the entry and answers with a broken gateway."""

    signer: SeedSigner = field(default_factory=lambda: SeedSigner(ORIGIN, b"\x21" * 32))
    bodies: list[bytes] = field(default_factory=list)
    tree: MemoryTree = field(default_factory=MemoryTree)
    change: Callable[[dict[str, Any]], object] | None = None
    is_frozen: bool = False
    is_busy: bool = False
    loses_answers: bool = False
    forgets_duplicates: bool = False
    delay: float = 0.0
    writes: int = 0

    @property
    def key(self) -> VerifierKey:
        return verifier_key(self.signer)

    def note(self) -> str:
        return sign(Checkpoint(self.signer.name, self.tree.size, self.tree.root), self.signer)

    def add_others(self, count: int) -> None:
        """Add entries of somebody else."""
        self._append([f"other {len(self.bodies) + number}".encode() for number in range(count)])

    def write(self, request: bytes) -> Answer:
        self.writes += 1
        time.sleep(self.delay)
        if self.is_frozen:
            return _error(UNIMPLEMENTED, "log frozen")
        if self.is_busy:
            return _error(UNAVAILABLE, "reached max pushback; retry")
        body = _canonical_body(request)
        if body is None:
            return _error(INVALID_ARGUMENT, "invalid hashedrekord request")
        if body in self.bodies and not self.forgets_duplicates:
            index = self.bodies.index(body)
            return _error(
                ALREADY_EXISTS, f"an equivalent entry already exists in the transparency log with index {index}"
            )
        self._append([body])
        return Answer(b"", status=502) if self.loses_answers else self._created(len(self.bodies) - 1)

    def read(self, path: str) -> Answer:
        """Answer a read by C2SP tlog-tiles."""
        if path == "/api/v2/checkpoint":
            return Answer(self.note().encode(), headers={"Content-Type": "text/plain"})
        for (level, index), tile in self.tree.tiles.items():
            for width in range(1, len(tile) // 32 + 1):
                if path == f"/api/v2/{tile_path(level, index, width)}" and width <= TILE_WIDTH:
                    return Answer(tile[: width * 32], headers={"Content-Type": "application/octet-stream"})
        return Answer(b"", status=404)

    def _append(self, bodies: list[bytes]) -> None:
        self.bodies += bodies
        self.tree.append([leaf_hash(body) for body in bodies])

    def _created(self, index: int) -> Answer:
        path = inclusion_proof(self.tree.read, index, self.tree.size)
        entry: dict[str, Any] = {
            "logIndex": str(index),
            "logId": {"keyId": _base64(self.signer.public_key)},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "integratedTime": "0",
            "inclusionPromise": None,
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": _base64(self.tree.root),
                "treeSize": str(self.tree.size),
                "hashes": [_base64(node) for node in path],
                "checkpoint": {"envelope": self.note()},
            },
            "canonicalizedBody": _base64(self.bodies[index]),
        }
        if self.change:
            self.change(entry)
        return Answer(json.dumps(entry).encode(), status=201, headers=JSON)


@contextmanager
def serving(log: RemoteLog) -> Iterator[str]:
    """Run the log; give its address."""
    with serve() as web:
        web.answers = _Routes(log, web)
        yield web.origin


class _Routes(dict[str, Any]):
    """Answers by path, computed when asked."""

    def __init__(self, log: RemoteLog, web: Web) -> None:
        super().__init__()
        self._log, self._web = log, web

    def get(self, path: str, default: Any = None) -> Any:
        if path == ENTRIES:
            return self._log.write(self._web.bodies.pop(path, b""))
        return self._log.read(path)


def _canonical_body(request: bytes) -> bytes | None:
    """Return the leaf for a valid request, in the order of members of RFC 8785, which here is the alphabet's."""
    try:
        asked = CreateEntryRequest.from_json(request).hashed_rekord_request_v002
        _check_signature(asked)
    except (ValueError, InvalidSignature):
        return None
    written = json.loads(request)["hashedRekordRequestV002"]
    data = {"algorithm": "SHA2_256", "digest": written["digest"]}
    spec = {"hashedRekordV002": {"data": data, "signature": written["signature"]}}
    entry = {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec}
    return json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()


def _check_signature(asked: HashedRekordRequestV002 | None) -> None:
    if asked is None or asked.signature.verifier.public_key is None or len(asked.digest) != 32:
        raise ValueError("not a hashedrekord by a public key")
    if asked.signature.verifier.key_details != "PKIX_ECDSA_P256_SHA_256":
        raise ValueError("an algorithm that does not hash first")
    key = load_der_public_key(asked.signature.verifier.public_key.raw_bytes)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("a key of another algorithm")  # noqa: TRY004  the caller sorts by ValueError
    key.verify(asked.signature.content, asked.digest, ec.ECDSA(Prehashed(hashes.SHA256())))


def _error(code: tuple[int, int], message: str) -> Answer:
    answer = {"code": code[0], "message": message, "details": []}
    return Answer(json.dumps(answer).encode(), status=code[1], headers=JSON)


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")

"""Short rows without a goal: envelope, inclusion proofs, status list."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwe
from joserfc.jwk import ECKey

from bench.bare_bulk import merkle_root_and_proofs
from bench.measure import Effort, Work, in_turns, microseconds, ratio
from bench.report import Row
from protocol import merkle
from protocol.envelope import open_envelope, seal
from protocol.keys import SoftwareSigner, generate_p256, p256_from_jwk, public_jwk
from protocol.status_list import StatusList, encode_token, verify_token

PLAINTEXT = b"x" * 2048
URI = "https://certificates.example/status/1"
ENTRIES = 1 << 17


def run(effort: Effort, leaves: int = 100_000) -> list[Row]:
    """Measure all of them."""
    return [*_envelope_rows(effort), *_tree_rows(leaves), *_status_rows(effort)]


def _envelope_rows(effort: Effort) -> list[Row]:
    private_key = generate_p256()
    samples = in_turns({**_ours(private_key), **_joserfc(private_key)}, effort)
    rows = []
    for name in ("seal", "open"):
        figures = {f"{side}, µs": microseconds(samples, f"{side} {name}") for side in ("ours", "joserfc")}
        value = ratio(samples, f"ours {name}", f"joserfc {name}")
        rows.append(Row(f"Envelope {name}, 2 KB, one recipient, ÷ joserfc", value, figures=figures))
    return rows


def _ours(private_key: ec.EllipticCurvePrivateKey) -> dict[str, Work]:
    recipients = [{**public_jwk(private_key.public_key()), "kid": "counter"}]
    sealed = seal(PLAINTEXT, recipients)
    assert open_envelope(sealed, private_key, "counter") == PLAINTEXT
    return {
        "ours seal": lambda: seal(PLAINTEXT, recipients),
        "ours open": lambda: open_envelope(sealed, private_key, "counter"),
    }


def _joserfc(private_key: ec.EllipticCurvePrivateKey) -> dict[str, Work]:
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = ECKey.import_key(pem, {"kid": "counter"})
    algorithms = ["ECDH-ES+A256KW", "A256GCM"]

    def encrypt() -> Any:
        made = jwe.GeneralJSONEncryption({"enc": "A256GCM"}, PLAINTEXT)
        made.add_recipient({"alg": "ECDH-ES+A256KW", "kid": "counter"}, key)
        return jwe.encrypt_json(made, None, algorithms=algorithms)

    sealed = encrypt()
    assert jwe.decrypt_json(sealed, key, algorithms=algorithms).plaintext == PLAINTEXT
    return {"joserfc seal": encrypt, "joserfc open": lambda: jwe.decrypt_json(sealed, key, algorithms=algorithms)}


def _tree_rows(leaves: int) -> list[Row]:
    hashes = [sha256(number.to_bytes(8, "big")).digest() for number in range(leaves)]
    tiles: merkle.Tiles = {}

    def read_tile(level: int, index: int) -> bytes:
        return tiles[level, index]

    def grow_and_prove() -> None:
        changed, size, _ = merkle.append(read_tile, 0, hashes)
        tiles.update(changed)
        assert len(merkle.inclusion_proofs(read_tile, 0, size, size)) == leaves

    ours, bare = _cpu(grow_and_prove), _cpu(lambda: merkle_root_and_proofs(hashes))
    assert merkle.root(read_tile, leaves) == merkle_root_and_proofs(hashes)[0]
    figures = {"ours, s": ours, "bare hashlib, s": bare, "leaves/s": leaves / ours}
    return [Row(f"Root, tiles and all {leaves:,} inclusion proofs ÷ bare hashlib", ours / bare, figures=figures)]


def _status_rows(effort: Effort) -> list[Row]:
    signer, now = SoftwareSigner(generate_p256(), "status"), int(time.time())
    statuses = StatusList.of_size(ENTRIES)
    for index in range(0, ENTRIES, 100):
        statuses.set(index, 1)
    token = encode_token(statuses, uri=URI, signer=signer, iat=now, exp=now + 86_400, ttl=300)
    key = p256_from_jwk(signer.public_jwk)
    work: dict[str, Work] = {
        "fetched list": lambda: verify_token(token, key=key, uri=URI, now=now),
        "one entry": lambda: statuses.get(4711),
    }
    samples = in_turns(work, effort)
    title = f"Status list of {ENTRIES:,} entries, 1 % revoked"
    return [
        Row(f"{title}, verify and inflate", microseconds(samples, "fetched list"), unit="µs"),
        Row(f"{title}, look up one entry", microseconds(samples, "one entry"), unit="µs"),
    ]


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start

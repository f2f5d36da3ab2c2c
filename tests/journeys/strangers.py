"""Software that none of us wrote, on the certificate of the journey: only bytes that the running service hands out."""

from __future__ import annotations

import json
import time
from base64 import b64decode, urlsafe_b64decode
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate
from jwcrypto.jwk import JWK
from playwright.sync_api import Page
from sd_jwt.holder import SDJWTHolder
from sd_jwt.verifier import SDJWTVerifier
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint

from tests.journeys.http import call, read
from tests.oracles.node import run

SCRIPT = "sd_jwt_vc.mjs"


def judge_certificate(page: Page, url: str) -> None:
    """*page* is the citizen's: their wallet hands out the certificate, the service its public keys."""
    held = page.request.get(f"{url}/portal/wallet/credentials").json()["credentials"][0]
    key = call(f"{url}/.well-known/jwt-vc-issuer/issuers/identification")[1]["jwks"]["keys"][0]
    accept_ours(held["sd_jwt"], key)
    for presentation in (shown_by_pypi(held["sd_jwt"]), shown_by_node(held["sd_jwt"])):
        status, report = call(f"{url}/api/v1/verify", body={"presentation": presentation})
        assert (status, report["verdict"], report["claims"]) == (200, "valid", {"family_name": "Lei"})
    judge_receipt(url, held["id"])


def accept_ours(sd_jwt: str, key: dict[str, Any]) -> None:
    verifier = SDJWTVerifier(sd_jwt, lambda _issuer, _header: JWK(**key))
    assert verifier.get_verified_payload()["name_zh"] == "李嘉敏"
    token, status_key = published_status(sd_jwt)
    job = {"presentation": sd_jwt, "issuerKey": key, "statusToken": token, "statusKey": status_key}
    answer = run(SCRIPT, do="verify", now=int(time.time()), **job)
    assert answer["payload"]["parents"][0]["name"] == "Lei Wai Man"


def published_status(sd_jwt: str) -> tuple[str, dict[str, str]]:
    """The status list token at the address in the certificate, and the key in its own x5c."""
    payload = json.loads(b64url(sd_jwt.split(".")[1]))
    token = read(payload["status"]["status_list"]["uri"]).decode()
    leaf = load_der_x509_certificate(b64decode(json.loads(b64url(token.split(".")[0]))["x5c"][0]))
    public: dict[str, str] = JWK.from_pem(
        leaf.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    ).export_public(as_dict=True)
    return token, public


def b64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def shown_by_pypi(sd_jwt: str) -> str:
    holder = SDJWTHolder(sd_jwt)
    holder.create_presentation({"family_name": True})
    presentation: str = holder.sd_jwt_presentation
    return presentation


def shown_by_node(sd_jwt: str) -> str:
    presentation: str = run(SCRIPT, do="present", credential=sd_jwt, frame={"family_name": True})
    return presentation


def judge_receipt(url: str, credential_id: str) -> None:
    """sigstore's own code checks the checkpoint's signature and the path from the published leaf."""
    text = wait_for_receipt(f"{url}/api/v1/log/receipts/credential:{credential_id}")
    head, _, note = text.partition("\n\n")
    _, index_line, *path = head.splitlines()
    index = int(index_line.removeprefix("index "))
    signed = SignedCheckpoint.from_text(note)
    name, key_id, encoded = read(f"{url}/log/vkey").decode().splitlines()[0].split("+", 2)
    key = Ed25519PublicKey.from_public_bytes(b64decode(encoded)[1:])
    [line] = [made for made in signed.signed_note.signatures if (made.name, made.sig_hash.hex()) == (name, key_id)]
    key.verify(b64decode(line.signature), signed.signed_note.note.encode())
    proof = SimpleNamespace(
        log_index=index,
        tree_size=signed.checkpoint.log_size,
        hashes=[b64decode(line) for line in path],
        root_hash=bytes.fromhex(signed.checkpoint.log_hash),
    )
    leaf = published_leaf(url, index, signed.checkpoint.log_size)
    entry: Any = SimpleNamespace(_inner=SimpleNamespace(inclusion_proof=proof, canonicalized_body=leaf))
    verify_merkle_inclusion(entry)


def wait_for_receipt(address: str) -> str:
    for _ in range(60):
        if call(address)[1]["state"] == "published":
            return read(f"{address}?format=tlog-proof").decode()
        time.sleep(0.5)
    raise AssertionError("no checkpoint covers the certificate")


def published_leaf(url: str, index: int, size: int) -> bytes:
    """The leaf out of its entry bundle, cut by hand as C2SP tlog-tiles says."""
    bundle_index, place = divmod(index, 256)
    width = min(size - bundle_index * 256, 256)
    bundle = read(f"{url}/log/tile/entries/{bundle_index:03d}" + ("" if width == 256 else f".p/{width}"))
    for _ in range(place):
        bundle = bundle[2 + int.from_bytes(bundle[:2], "big") :]
    return bundle[2 : 2 + int.from_bytes(bundle[:2], "big")]

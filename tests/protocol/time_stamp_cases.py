"""One root, one signer, one digest: what the tests of RFC 3161 tokens share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import rsa

from protocol import time_stamp
from protocol.time_stamp import TimeStamp
from tests.protocol.time_stamp_tokens import Info, Token
from tests.simulators.tsa import Certified, certify, certify_signer

DATA = b"chancela.example/log\n5\nroot\n"
DIGEST = sha256(DATA).digest()
NONCE = 0xFEEDFACECAFEBEEF
MOMENT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)

ROOT = certify("Root", is_authority=True, ends=timedelta(days=3650))
WEAK_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505  weak on purpose
SIGNER = certify_signer(ROOT, ends=timedelta(days=3000))


def verify(token: bytes, *certificates: bytes, anchor: Certified = ROOT, digest: bytes = DIGEST) -> TimeStamp:
    pinned = bytes.fromhex(anchor.pin)
    return time_stamp.verify(token, digest, anchor=pinned, certificates=certificates or (anchor.der,))


def info(**changes: object) -> bytes:
    return Info(**{"digest": DIGEST, **changes}).encode()  # type: ignore[arg-type]


def token(*, signer: Certified = SIGNER, **changes: object) -> bytes:
    return Token(signer, **{"content": info(), **changes}).encode()  # type: ignore[arg-type]


def pinned(encoded: bytes) -> Certified:
    """Something whose certificate is *encoded*, which need not be one."""

    class Pinned(Certified):
        der = encoded
        pin = sha256(encoded).hexdigest()

    return Pinned(SIGNER.key, SIGNER.certificate)


def text_of(moment: datetime) -> bytes:
    return f"{moment:%Y%m%d%H%M%S}Z".encode()

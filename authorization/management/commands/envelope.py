"""A verifier's own half of the envelope, for those who use the API: make a key, open what was fetched.

Needs no database, and is meant to run where the private key lives, not on the service's machines.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.core.management.base import BaseCommand, CommandError

from protocol.encoding import json_dumps
from protocol.envelope import MAX_ENVELOPE_BYTES, open_envelope
from protocol.errors import ProtocolError
from protocol.keys import generate_p256, jwk_thumbprint, public_jwk


class Command(BaseCommand):
    help = "keygen FILE: make a private key and print the public one to register; open FILE [ENVELOPE]: open a JWE"
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["keygen", "open"])
        parser.add_argument("key", type=Path, help="file of the private key, PEM")
        parser.add_argument("envelope", nargs="?", default="-", help="file of the envelope; - reads standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "keygen":
            self.stdout.write(json_dumps(_make_key(options["key"])).decode())
        else:
            self.stdout.write(_open(options["key"], options["envelope"]))


def _make_key(path: Path) -> dict[str, str]:
    key = generate_p256()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        # Never over an existing key, and readable by its owner alone.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    return public_jwk(key.public_key())


def _open(key_path: Path, envelope_path: str) -> str:
    try:
        key = load_pem_private_key(key_path.read_bytes(), password=None)
        text = (sys.stdin.read if envelope_path == "-" else Path(envelope_path).read_text)()
        if not isinstance(key, ec.EllipticCurvePrivateKey) or len(text) > MAX_ENVELOPE_BYTES:
            raise CommandError("not a P-256 key, or not an envelope")
        jwk = public_jwk(key.public_key())
        return open_envelope(text.strip(), key, jwk_thumbprint(jwk)).decode()
    except (OSError, ValueError, ProtocolError) as error:
        raise CommandError(str(error)) from None

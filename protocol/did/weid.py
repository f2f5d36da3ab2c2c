"""``did:weid``, WeIdentity's method: the address of a key on a chain, 0x + last 20 bytes of Keccak-256(X || Y).

The rule was written for secp256k1; here it serves P-256 as well, whose coordinates have the same length. Documents
follow DID Core instead of WeIdentity's own form (which labels secp256k1 keys as Ed25519).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from protocol.did.document import VerificationMethod, build_document
from protocol.did.syntax import parse_did
from protocol.errors import DidSyntaxError, KeyFormatError
from protocol.keccak import keccak_256

METHOD = "weid"
ADDRESS_BYTES = 20
COORDINATE_BYTES = 32

_CHAIN = re.compile(r"[a-z0-9-]{1,32}\Z", re.ASCII)
# One spelling only: DIDs are compared byte by byte, so a second spelling would be a second subject with the same key.
_ADDRESS = re.compile(r"0x[0-9a-f]{40}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Weid:
    """A parsed WeID; *chain* is None in the older form without it."""

    chain: str | None
    address: str


def weid_address(key: ec.EllipticCurvePublicKey) -> str:
    """Return ``0x`` + 40 lower-case hex digits. Raises KeyFormatError unless *key* is on P-256 or secp256k1."""
    return f"0x{keccak_256(_coordinates(key))[-ADDRESS_BYTES:].hex()}"


def weid(chain: str | int, key: ec.EllipticCurvePublicKey) -> str:
    """Return ``did:weid:<chain>:<address>``. Raises DidSyntaxError for a chain id outside ``[a-z0-9-]{1,32}``."""
    if not _CHAIN.match(str(chain)):
        raise DidSyntaxError("not a chain id")
    return f"did:{METHOD}:{chain}:{weid_address(key)}"


def parse_weid(did: object) -> Weid:
    """Return chain and address of ``did:weid:<chain>:<address>`` (3.x) or ``did:weid:<address>`` (older).

    Raises DidSyntaxError for any other form, mixed-case addresses included.
    """
    parsed = parse_did(did)
    chain, separator, address = parsed.identifier.rpartition(":")
    is_sound = parsed.method == METHOD and _ADDRESS.match(address) and (not separator or _CHAIN.match(chain))
    if not is_sound:
        raise DidSyntaxError("not a WeID")
    return Weid(chain or None, address)


def weid_key_fragment(key: ec.EllipticCurvePublicKey) -> str:
    """Return WeIdentity's default key id: ``keys-`` + last 8 hex digits of Keccak-256 of the key in decimal digits."""
    decimal = str(int.from_bytes(_coordinates(key), "big"))
    return f"keys-{keccak_256(decimal.encode('ascii')).hex()[-8:]}"


def weid_document(
    did: str,
    verification_methods: Sequence[VerificationMethod],
    *,
    controller: str | None = None,
    services: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Return the DID document of a WeID, checked against DID Core; a deactivated WeID has no verification methods.

    It carries keys and services only, never anything about the person. Raises DidSyntaxError, DidDocumentError.
    """
    parse_weid(did)
    return build_document(did, verification_methods, controller=controller, services=services)


def _coordinates(key: ec.EllipticCurvePublicKey) -> bytes:
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1 | ec.SECP256K1):
        raise KeyFormatError("a WeID has a P-256 or secp256k1 key")
    numbers = key.public_numbers()
    return numbers.x.to_bytes(COORDINATE_BYTES, "big") + numbers.y.to_bytes(COORDINATE_BYTES, "big")

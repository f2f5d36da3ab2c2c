"""WeIdentity's published keys lead to the addresses and key ids it published."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from protocol import did
from tests.vectors.source import load

VECTORS = load("weidentity/09-weid-derivation.json")["vectors"]
DOCUMENTS = (
    "01-credentialpojo-claim-string",
    "02-presentation-selective",
    "03-legacy-credential",
    "04-credentialpojo-original",
    "05-credentialpojo-lite1",
    "06-credentialpojo-current-rule",
    "07-credentialpojo-hashtree-rest",
)


@pytest.mark.requirement("WeIdentity, WeID", "address and key id from a secp256k1 key")
@pytest.mark.parametrize("vector", VECTORS, ids=[vector["address"] for vector in VECTORS])
def test_weid_and_key_id_derive_as_published(vector: dict[str, Any]) -> None:
    key = ec.derive_private_key(int(vector["private_key_decimal"]), ec.SECP256K1()).public_key()
    numbers = key.public_numbers()
    assert str(numbers.x << 256 | numbers.y) == vector["public_key_decimal"]
    assert did.weid_address(key) == vector["address"]
    assert f"#{did.weid_key_fragment(key)}" == vector["key_id_suffix"]
    assert did.parse_weid(did.weid(101, key)) == did.Weid("101", vector["address"])


def recovered_keys(value: Any) -> list[tuple[str, str]]:
    """Return every (X || Y in hex, address) pair under *value*."""
    if isinstance(value, list):
        return [pair for item in value for pair in recovered_keys(item)]
    if not isinstance(value, dict):
        return []
    own = [(value["recovered_public_key_hex_xy"], value["recovered_address"])] if "recovered_address" in value else []
    return own + [pair for item in value.values() for pair in recovered_keys(item)]


RECOVERED = sorted({pair for number in DOCUMENTS for pair in recovered_keys(load(f"weidentity/{number}.json"))})


@pytest.mark.parametrize(("point", "address"), RECOVERED, ids=[address for _, address in RECOVERED])
def test_the_keys_recovered_from_published_signatures_have_the_published_addresses(point: str, address: str) -> None:
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), b"\x04" + bytes.fromhex(point))
    assert did.weid_address(key) == address

"""DID syntax, WeIDs, and the methods that need no registry."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import did
from protocol.encoding import b64u_encode
from protocol.errors import DidMethodError, DidSyntaxError, KeyFormatError, ProtocolError
from protocol.keys import PublicKey, public_jwk

P256 = ec.derive_private_key(7, ec.SECP256R1()).public_key()
SECP256K1 = ec.derive_private_key(7, ec.SECP256K1()).public_key()
ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x07" * 32).public_key()
P384 = ec.derive_private_key(7, ec.SECP384R1()).public_key()
ADDRESS = "0x" + "ab" * 20


@pytest.mark.requirement("DID Core §3.1", "DID syntax")
@pytest.mark.parametrize(
    ("text", "method", "identifier"),
    [
        ("did:example:123", "example", "123"),
        ("did:weid:101:0xab", "weid", "101:0xab"),
        ("did:web:example.com%3A3000:a", "web", "example.com%3A3000:a"),
        ("did:a1::x", "a1", ":x"),
        ("did:key:z._-9", "key", "z._-9"),
    ],
)
def test_dids_are_read(text: str, method: str, identifier: str) -> None:
    assert did.parse_did(text) == did.Did(method, identifier)
    assert str(did.parse_did(text)) == text


@pytest.mark.requirement("DID Core §3.1", "what is not a DID is refused")
@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        b"did:example:1",
        "",
        "did",
        "did:example",
        "did:example:",
        "did:example:a:",
        "did::a",
        "DID:example:a",
        "did:Example:a",
        "did:exa-mple:a",
        "did:example:a b",
        "did:example:a/b",
        "did:example:a#b",
        "did:example:a?b",
        "did:example:%4",
        "did:example:%zz",
        "did:example:é",
        "did:example:a\n",
        " did:example:a",
        "did:example:" + "a" * 5000,
    ],
)
def test_other_text_is_not_a_did(text: object) -> None:
    with pytest.raises(DidSyntaxError):
        did.parse_did(text)


@pytest.mark.requirement("DID Core §3.2", "DID URL syntax")
def test_did_urls_are_read() -> None:
    assert did.parse_did_url("did:a:b/p/q?x=1#k-1") == did.DidUrl("did:a:b", "/p/q", "x=1", "k-1")
    assert did.parse_did_url("did:a:b") == did.DidUrl("did:a:b", "", None, None)
    for text in ("#k", "did:a#k", "did:a:b#a#b", "did:a:b p", 5, "did:a:b/" + "p" * 5000):
        with pytest.raises(DidSyntaxError):
            did.parse_did_url(text)


@settings(deadline=None)
@given(st.text(max_size=40).map("did:".__add__))
def test_noise_is_refused_or_read_back(text: str) -> None:
    with suppress(DidSyntaxError):
        assert str(did.parse_did(text)) == text


@pytest.mark.requirement("WeIdentity, WeID", "the address rule serves P-256 and secp256k1 keys")
@pytest.mark.parametrize("key", [P256, SECP256K1])
def test_a_weid_is_chain_and_address_of_the_key(key: ec.EllipticCurvePublicKey) -> None:
    identifier = did.weid("101", key)
    assert identifier == f"did:weid:101:{did.weid_address(key)}"
    assert did.parse_weid(identifier) == did.Weid("101", did.weid_address(key))


@pytest.mark.requirement("WeIdentity, WeID", "the older form without chain id is read")
def test_the_older_form_has_no_chain() -> None:
    assert did.parse_weid(f"did:weid:{ADDRESS}") == did.Weid(None, ADDRESS)


@pytest.mark.parametrize(
    "text",
    [
        f"did:web:{ADDRESS}",
        f"did:weid:{ADDRESS.upper()}",
        f"did:weid:1:0x{'AB' * 20}",
        "did:weid:1:" + "ab" * 20,
        f"did:weid:1:{ADDRESS}0",
        f"did:weid:1:{ADDRESS[:-1]}",
        f"did:weid:1:2:{ADDRESS}",
        f"did:weid::{ADDRESS}",
        f"did:weid:Main:{ADDRESS}",
        f"did:weid:{'1' * 33}:{ADDRESS}",
        f"did:weid:1:{ADDRESS}#keys-1",
    ],
)
def test_other_spellings_are_not_weids(text: str) -> None:
    with pytest.raises(DidSyntaxError):
        did.parse_weid(text)


@pytest.mark.parametrize("chain", ["", "a:b", "A", "x" * 33, "1\n", -1.5])
def test_other_chain_ids_are_refused(chain: Any) -> None:
    with pytest.raises(DidSyntaxError):
        did.weid(chain, P256)


@pytest.mark.parametrize("key", [P384, ED25519, None])
def test_other_keys_have_no_address(key: Any) -> None:
    with pytest.raises(KeyFormatError):
        did.weid_address(key)


@pytest.mark.requirement("did:key", "published identifiers lead to the published keys")
@pytest.mark.parametrize(
    ("identifier", "crv", "x"),
    [
        ("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", "Ed25519", None),
        ("did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv", "P-256", None),
        ("did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme", "secp256k1", None),
        (
            "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
            "Ed25519",
            "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik",
        ),
    ],
)
def test_published_did_keys_are_read(identifier: str, crv: str, x: str | None) -> None:
    key = did.public_key_from_did_key(identifier)
    jwk = public_jwk(key)
    assert jwk["crv"] == crv
    assert x in (None, jwk["x"])
    assert did.did_key(key) == identifier


@pytest.mark.parametrize("key", [P256, SECP256K1, ED25519])
def test_did_key_and_did_jwk_lead_back_to_the_key(key: PublicKey) -> None:
    by_key, by_jwk = did.did_key(key), did.did_jwk(public_jwk(key))
    assert public_jwk(did.public_key_from_did_key(by_key)) == public_jwk(key)
    assert public_jwk(did.public_key_from_did_jwk(by_jwk)) == public_jwk(key)
    for identifier in (by_key, by_jwk):
        document = did.self_contained_document(identifier)
        did.check_document(document)
        for purpose in ("authentication", "assertionMethod", "capabilityInvocation", "capabilityDelegation"):
            (method,) = did.methods_for(document, purpose)
            assert public_jwk(did.method_key(method)) == public_jwk(key)


@settings(deadline=None)
@given(number=st.integers(1, 2**60))
def test_any_p256_key_survives_its_compressed_form(number: int) -> None:
    key = ec.derive_private_key(number, ec.SECP256R1()).public_key()
    assert did.public_key_from_did_key(did.did_key(key)) == key


BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def multibase(raw: bytes) -> str:
    number, digits = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = BASE58[digit] + digits
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + digits


@pytest.mark.requirement("did:key", "malformed keys are refused")
@pytest.mark.parametrize(
    "identifier",
    [
        "f" + "80" * 20,
        "Q" + did.did_key(P256).removeprefix("did:key:z"),
        "z0OIl",
        "z",
        "z" + "1" * 100,
        "z" + multibase(b"\x80\x24\x02" + b"\xff" * 32),
        "z" + multibase(b"\x80\x24\x04" + bytes(64)),
        "z" + multibase(b"\x80\x24\x02" + bytes(31)),
        "z" + multibase(b"\x12\x00\x02" + bytes(32)),
        "z" + multibase(b"\xed\x01" + bytes(31)),
        "z" + multibase(b"\xed\x01" + bytes(33)),
        "z" + multibase(b"\0\xed\x01" + b"\1" * 32),
    ],
)
def test_malformed_did_keys_are_refused(identifier: str) -> None:
    with pytest.raises(KeyFormatError):
        did.did_key_document(f"did:key:{identifier}")


def test_a_long_multikey_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(KeyFormatError, match="multibase"):
        did.method_key({"type": "Multikey", "publicKeyMultibase": "z" + "2" * 60_000})


def test_a_key_of_another_curve_has_no_did_key() -> None:
    with pytest.raises(KeyFormatError):
        did.did_key(P384)


@pytest.mark.requirement("did:jwk", "the use of the key decides its purposes")
@pytest.mark.parametrize(
    ("use", "is_signing", "is_agreement"), [(None, True, True), ("sig", True, False), ("enc", False, True)]
)
def test_the_use_of_a_did_jwk_decides_its_purposes(use: str | None, is_signing: bool, is_agreement: bool) -> None:
    jwk = public_jwk(P256) | ({"use": use} if use else {})
    document = did.did_jwk_document(did.did_jwk(jwk))
    did.check_document(document)
    assert (("assertionMethod" in document), ("keyAgreement" in document)) == (is_signing, is_agreement)
    assert document["verificationMethod"][0]["publicKeyJwk"] == jwk


def test_a_signing_curve_has_no_key_agreement() -> None:
    assert "keyAgreement" not in did.did_jwk_document(did.did_jwk(public_jwk(ED25519)))


@pytest.mark.requirement("did:jwk", "private and malformed keys are refused")
@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"{", b'{"kty":"EC"}', b'{"kty":"oct","k":"AA"}', b"null", b'{"a":1,"a":2}', b'{"use":[]}'],
)
def test_malformed_did_jwks_are_refused(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        did.did_jwk_document(f"did:jwk:{b64u_encode(payload) or '-'}")


def test_a_private_jwk_never_becomes_a_did() -> None:
    with pytest.raises(KeyFormatError):
        did.did_jwk({**public_jwk(P256), "d": "AA"})


@pytest.mark.requirement("did:web", "identifiers map to https URLs")
@pytest.mark.parametrize(
    ("identifier", "url"),
    [
        ("did:web:w3c-ccg.github.io", "https://w3c-ccg.github.io/.well-known/did.json"),
        ("did:web:w3c-ccg.github.io:user:alice", "https://w3c-ccg.github.io/user/alice/did.json"),
        ("did:web:example.com%3A3000:user:alice", "https://example.com:3000/user/alice/did.json"),
        ("did:web:example.com%3a3000", "https://example.com:3000/.well-known/did.json"),
        ("did:web:localhost", "https://localhost/.well-known/did.json"),
    ],
)
def test_did_web_maps_to_https(identifier: str, url: str) -> None:
    assert did.did_web_url(identifier) == url


def test_did_web_is_made_from_host_and_path() -> None:
    assert did.did_web("example.com:3000", "user", "alice") == "did:web:example.com%3A3000:user:alice"


@pytest.mark.requirement("did:web", "identifiers that lead elsewhere are refused")
@pytest.mark.parametrize(
    "rest",
    [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "%5B%3A%3A1%5D",
        "Example.com",
        "user%40evil.com",
        "evil.com%2Fpath",
        "evil.com%23x",
        "evil.com%3F",
        "example.com%3A",
        "example.com%3A0",
        "example.com%3A70000",
        "example.com%3Aabc",
        "-bad.com",
        "a..b",
        "example.com.",
        "x" * 300,
        "example.com:..",
        "example.com:%2e%2e",
        "example.com:a%2Fb",
        "example.com:a%00",
        "example.com::a",
        "example.com:a%252e",
    ],
)
def test_did_web_does_not_lead_elsewhere(rest: str) -> None:
    with pytest.raises(DidSyntaxError):
        did.did_web_url(f"did:web:{rest}")


def test_every_method_reads_its_own_kind_only() -> None:
    for read in (
        did.public_key_from_did_key,
        did.public_key_from_did_jwk,
        did.did_web_url,
        did.self_contained_document,
    ):
        with pytest.raises(DidMethodError):
            read("did:example:123")


@pytest.mark.parametrize(
    "method",
    [
        {},
        {"publicKeyJwk": 5},
        {"publicKeyMultibase": did.did_key(P256)[8:]},
        {"type": "Multikey", "publicKeyMultibase": 5},
    ],
)
def test_a_method_without_a_key_that_is_understood_is_refused(method: dict[str, Any]) -> None:
    with pytest.raises(KeyFormatError):
        did.method_key(method)

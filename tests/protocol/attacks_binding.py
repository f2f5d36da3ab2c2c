"""Attacks on key binding (RFC 9901 §7.3): the holder's key, signature, audience, nonce, hash and time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.keys import p256_from_jwk
from tests.protocol.makers import (
    AUDIENCE,
    DROP,
    EVE,
    HOLDER,
    ISSUER,
    NONCE,
    NOW,
    Case,
    b64,
    bind,
    binding_header,
    digest,
    disclose,
    hidden,
    issuer_header,
    js,
    jws,
    later,
    payload,
    present,
    unbound,
)

GIVEN = disclose("salt-one", "given_name", "Lei")
FAMILY = disclose("salt-two", "family_name", "Chan")
P384_JWK = {"kty": "EC", "crv": "P-384", "x": "A" * 64, "y": "A" * 64}


def held() -> str:
    return unbound(jws(hidden(GIVEN, FAMILY)), [GIVEN])


def signatures() -> Iterator[Case]:
    yield Case("no key binding", held, "key_binding_missing", "whoever copied the credential could show it")
    for name, signer in {"another holder": EVE, "the issuer": ISSUER}.items():
        yield Case(f"bound by {name}", later(lambda signer: bind(held(), signer=signer), signer), "key_binding_signature_invalid",
                   "only the key the issuer named (affinidi-tdk-rs PR 320)")  # fmt: skip
    for name, value in {"zero": bytes(64), "ones": b"\xff" * 64}.items():
        yield Case(f"binding signature {name}", later(lambda value: bind(held(), signature=value), value),
                   "key_binding_signature_invalid", "not a signature at all")  # fmt: skip
    for length in (0, 63, 65, 66):
        yield Case(f"binding signature of {length} bytes", later(lambda length: bind(held(), signature=b"\1" * length), length),
                   "signature_malformed", "exactly 64 bytes")  # fmt: skip
    yield Case(
        "binding signature in DER",
        lambda: bind(held(), signature=encode_dss_signature(5, 7)),
        "signature_malformed",
        "",
    )
    yield Case("binding payload altered", _altered, "key_binding_signature_invalid", "the signature covers the nonce")
    yield Case("holder key as MAC secret", _mac, "algorithm_not_allowed", "the holder key is public")
    yield Case("jwk of the attacker in the binding", lambda: bind(held(), signer=EVE, header=binding_header(jwk=EVE.public_jwk)),
               "header_not_allowed", "the key is in the credential, not in the proof")  # fmt: skip


def _altered() -> str:
    head, body, signature = bind(held()).rsplit("~", 1)[1].split(".")
    claims = {"iat": NOW - 5, "aud": AUDIENCE, "nonce": "another", "sd_hash": digest(held())}
    return held() + f"{head}.{b64(js(claims))}.{signature}" if body else ""


def _mac() -> str:
    key = p256_from_jwk(HOLDER.public_jwk).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsigned = bind(held(), header=binding_header(alg="HS256"), signature=b"").rstrip(".")
    mac = hmac.new(key, unsigned.rsplit("~", 1)[1].encode(), hashlib.sha256).digest()
    return f"{unsigned}.{b64(mac)}"


def headers() -> Iterator[Case]:
    for value in ("none", "HS256", "ES384", "EdDSA", None, DROP):
        yield Case(f"binding alg {value if value is not DROP else 'missing'}",
                   later(lambda value: bind(held(), header=binding_header(alg=value)), value), "algorithm_not_allowed",
                   "the allow-list holds for every signature")  # fmt: skip
    for value in ("JWT", "dc+sd-jwt", "KB+JWT", "application/kb+jwt", None, DROP):
        yield Case(f"binding typ {value if value is not DROP else 'missing'}",
                   later(lambda value: bind(held(), header=binding_header(typ=value)), value), "typ_not_allowed",
                   "another token of the holder must not serve as consent")  # fmt: skip
    yield Case(
        "binding crit empty", lambda: bind(held(), header=binding_header(crit=[])), "crit_not_supported", "RFC 7515"
    )
    yield Case(
        "credential as its own binding", lambda: held() + jws(payload()), "typ_not_allowed", "typ tells them apart"
    )


def comparisons() -> Iterator[Case]:
    value: Any
    audiences = [
        "https://eve.example",
        AUDIENCE + "/",
        AUDIENCE[:-1],
        AUDIENCE.upper(),
        AUDIENCE + "\0",
        " " + AUDIENCE,
        "",
    ]
    for value in audiences:
        yield Case(f"aud {js(value)}", later(lambda value: bind(held(), aud=value), value), "key_binding_audience_mismatch",
                   "made for someone else, compared letter by letter")  # fmt: skip
    for value in ("another", NONCE + "a", NONCE[:-1], NONCE.lower(), ""):
        yield Case(f"nonce {js(value)}", later(lambda value: bind(held(), nonce=value), value), "key_binding_nonce_mismatch",
                   "made for another transaction (waltid-identity #1771)")  # fmt: skip
    for name in ("aud", "nonce", "sd_hash"):
        for value in (DROP, None, 1, True, [], {}):
            yield Case(f"{name} {'missing' if value is DROP else js(value)}",
                       later(lambda name, value: bind(held(), **{name: value}), name, value), "key_binding_malformed",
                       "required, and text (sd-jwt-js #314)")  # fmt: skip
    yield Case(
        "aud a list with us in it", lambda: bind(held(), aud=[AUDIENCE]), "key_binding_malformed", "one receiver"
    )
    yield Case(
        "nonce a list with ours in it", lambda: bind(held(), nonce=[NONCE]), "key_binding_malformed", "one nonce"
    )


def hashes() -> Iterator[Case]:
    issuer_jwt = held().split("~", maxsplit=1)[0]
    both, one = unbound(issuer_jwt, [GIVEN, FAMILY]), unbound(issuer_jwt, [GIVEN])
    why = "sd_hash covers exactly what is shown (RFC 9901 §4.3.1)"

    def moved(made_over: str, sent: str) -> str:
        return sent + bind(made_over).rsplit("~", 1)[1]

    swapped = unbound(issuer_jwt, [FAMILY, GIVEN])
    for name, build in {
        "disclosure added after binding": lambda: moved(one, both), "disclosure removed": lambda: moved(both, one),
        "disclosures in another order": lambda: moved(both, swapped), "all disclosures removed": lambda: moved(one, unbound(issuer_jwt)),
        "binding of another credential": lambda: moved(unbound(jws(hidden(GIVEN, sub="x")), [GIVEN]), one),
        "no last tilde": lambda: bind(one, sd_hash=digest(one[:-1])), "issuer JWT only": lambda: bind(one, sd_hash=digest(issuer_jwt)),
        "disclosures only": lambda: bind(one, sd_hash=digest(GIVEN + "~")), "another hash": lambda: bind(one, sd_hash=digest(one, "sha512")),
        "padded": lambda: bind(one, sd_hash=digest(one) + "="), "truncated": lambda: bind(one, sd_hash=digest(one)[:20]),
        "empty": lambda: bind(one, sd_hash=""), "hex": lambda: bind(one, sd_hash=hashlib.sha256(one.encode()).hexdigest()),
        "issuer JWT resigned": lambda: moved(one, unbound(jws(hidden(GIVEN, FAMILY)), [GIVEN])),
    }.items():  # fmt: skip
        yield Case(f"sd_hash: {name}", build, "key_binding_hash_mismatch", why)


def times() -> Iterator[Case]:
    value: Any
    for value in (NOW - 301, 0, 1, NOW - 10**6):
        yield Case(f"binding iat {value - NOW:+}", later(lambda value: bind(held(), iat=value), value), "key_binding_stale",
                   "an old proof may have been stolen")  # fmt: skip
    for value in (NOW + 61, NOW + 10**6, 253_402_300_799):
        yield Case(f"binding iat {value - NOW:+}", later(lambda value: bind(held(), iat=value), value), "key_binding_from_future",
                   "a proof made ahead lives longer than allowed")  # fmt: skip
    for value in (DROP, None, str(NOW), True, [NOW], {}, -1, 10**18, 1e300):
        yield Case(f"binding iat {'missing' if value is DROP else js(value)}", later(lambda value: bind(held(), iat=value), value),
                   "key_binding_malformed", "required, and a number of seconds")  # fmt: skip
    yield Case("binding exp past", lambda: bind(held(), exp=NOW - 1), "key_binding_stale", "the holder set an end")
    yield Case("binding exp text", lambda: bind(held(), exp="never"), "key_binding_malformed", "a number of seconds")
    yield Case("binding nbf future", lambda: bind(held(), nbf=NOW + 100), "key_binding_from_future", "not yet")


def holder_keys() -> Iterator[Case]:
    good = dict(HOLDER.public_jwk)
    private = ec.derive_private_key(0x1E1, ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big")
    values: dict[str, Any] = {
        "missing": DROP, "empty": {}, "kid only": {"kid": "holder"}, "jwk null": {"jwk": None}, "jwk list": {"jwk": [good]},
        "jwk text": {"jwk": js(good)}, "jku": {"jku": "https://eve.example/jwks"}, "private": {"jwk": {**good, "d": b64(private)}},
        "RSA": {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}, "symmetric": {"jwk": {"kty": "oct", "k": "AAAA"}},
        "P-384": {"jwk": P384_JWK}, "Ed25519": {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": b64(b"\x58" + b"\x66" * 31)}},
        "off the curve": {"jwk": {**good, "y": good["x"]}}, "point at zero": {"jwk": {**good, "x": b64(bytes(32)), "y": b64(bytes(32))}},
        "short x": {"jwk": {**good, "x": good["x"][:-2]}}, "padded x": {"jwk": {**good, "x": good["x"] + "="}},
        "x a number": {"jwk": {**good, "x": 1}}, "no y": {"jwk": {k: v for k, v in good.items() if k != "y"}},
        "for encryption": {"jwk": {**good, "use": "enc"}}, "to sign": {"jwk": {**good, "key_ops": ["sign"]}},
        "for ES384": {"jwk": {**good, "alg": "ES384"}}, "curve a list": {"jwk": {**good, "crv": ["P-256"]}},
    }  # fmt: skip
    for name, value in values.items():
        yield Case(f"cnf {name}", later(lambda value: present(payload(cnf=value)), value), "holder_key_invalid",
                   "a P-256 signing key, public and sound, or no binding at all")  # fmt: skip


def shapes() -> Iterator[Case]:
    for name, content in {"array": "[]", "null": "null", "text": '"x"', "not JSON": "{", "NaN": '{"iat":NaN}',
                          "nonce twice": '{"nonce":"a","nonce":"b"}'}.items():  # fmt: skip
        yield Case(f"binding payload {name}", later(lambda content: held() + jws(content, binding_header(), signer=HOLDER), content),
                   "json_invalid", "strict JSON object")  # fmt: skip
    yield Case(
        "binding payload empty", lambda: held() + jws({}, binding_header(), signer=HOLDER), "key_binding_malformed", ""
    )
    yield Case("binding a word", lambda: held() + "binding", "jws_malformed", "three parts")
    yield Case("two bindings", lambda: bind(bind(held()) + "~"), "disclosure_malformed", "the first is no disclosure")
    yield Case(
        "binding before a tilde", lambda: bind(held()) + "~", "disclosure_malformed", "the last place is its place"
    )
    yield Case("binding in place of the credential", _binding_alone, "typ_not_allowed", "typ tells them apart")
    yield Case("credential typ on both", lambda: bind(held(), header=issuer_header()), "typ_not_allowed", "")


def _binding_alone() -> str:
    return bind(held()).rsplit("~", 1)[1] + "~"


def cases() -> Iterator[Case]:
    for group in (signatures, headers, comparisons, hashes, times, holder_keys, shapes):
        yield from group()

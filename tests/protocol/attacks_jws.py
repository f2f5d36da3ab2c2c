"""Attacks on the issuer's JWS: algorithm, signature, header, encoding and JSON."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.jose import MAX_TOKEN_BYTES
from tests.protocol.makers import (
    DROP,
    EVE,
    ISSUER,
    ISSUER_KEY,
    P256_ORDER,
    Case,
    b64,
    bind,
    issuer_header,
    js,
    jws,
    later,
    payload,
    sign_parts,
    unbound,
)


def issued(header: Any = None, content: Any = None, **how: Any) -> str:
    return bind(unbound(jws(payload() if content is None else content, header, **how)))


def algorithms() -> Iterator[Case]:
    spellings = [
        "none", "None", "NONE", "nOnE", "es256", "ES256 ", "ES384", "ES512", "ES256K", "EdDSA", "RS256", "PS256",
        "HS256", "", None, ["ES256"], {"alg": "ES256"}, 256, True, DROP,
    ]  # fmt: skip
    for value in spellings:
        shown = "missing" if value is DROP else repr(value)
        yield Case(
            f"alg {shown}",
            later(lambda value: issued(issuer_header(alg=value)), value),
            "algorithm_not_allowed",
            "only the exact text ES256 selects a verifier; nothing in a token may choose another",
        )
    for value in ("none", "None", "NONE", DROP):
        yield Case(
            f"alg {'missing' if value is DROP else value}, signature empty",
            later(lambda value: issued(issuer_header(alg=value), signature=b""), value),
            "algorithm_not_allowed",
            "an unsigned token is nobody's",
        )


def public_key_as_secret() -> Iterator[Case]:
    encodings = {
        "PEM": ISSUER_KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "PEM without last newline": ISSUER_KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)[:-1],
        "DER": ISSUER_KEY.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "point": ISSUER_KEY.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        "compressed point": ISSUER_KEY.public_bytes(Encoding.X962, PublicFormat.CompressedPoint),
        "JWK": js(ISSUER.public_jwk).encode(),
    }

    def build(secret: bytes, algorithm: str, repeat: int) -> str:
        unsigned = jws(payload(), issuer_header(alg=algorithm), signature=b"").rstrip(".")
        mac = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
        return bind(unbound(f"{unsigned}.{b64(mac * repeat)}"))

    for name, secret in encodings.items():
        yield Case(
            f"HS256 with the public key as secret: {name}",
            later(lambda secret: build(secret, "HS256", 1), secret),
            "algorithm_not_allowed",
            "the verification key is public, so as a MAC key it authenticates nobody (CVE-2022-29217)",
        )
    yield Case(
        "ES256 announced, HMAC sent", lambda: build(encodings["DER"], "ES256", 1), "signature_malformed", "32 bytes"
    )
    yield Case(
        "ES256 announced, HMAC sent twice", lambda: build(encodings["DER"], "ES256", 2), "signature_invalid",
        "the length fits and the mathematics do not",
    )  # fmt: skip


def signatures() -> Iterator[Case]:
    order, one = P256_ORDER.to_bytes(32, "big"), (1).to_bytes(32, "big")
    zero, last = bytes(32), (P256_ORDER - 1).to_bytes(32, "big")
    fixed = {
        "r and s zero": zero + zero, "r zero": zero + one, "s zero": one + zero, "r and s one": one + one,
        "r the order": order + one, "s the order": one + order, "r and s the order": order + order,
        "r and s order less one": last + last, "all ones": b"\xff" * 64, "r beyond the order": order[:-1] + b"\xff" + one,
    }  # fmt: skip
    for name, value in fixed.items():
        yield Case(
            f"signature: {name}", later(lambda value: issued(signature=value), value), "signature_invalid",
            "r and s lie in 1..n-1 and answer to this key (FIPS 186-5 §6.4.2)",
        )  # fmt: skip
    for length in (0, 1, 32, 63, 65, 66, 96, 128):
        yield Case(
            f"signature of {length} bytes", later(lambda length: issued(signature=b"\x01" * length), length),
            "signature_malformed", "ES256 is exactly 64 bytes (RFC 7518 §3.4)",
        )  # fmt: skip
    yield Case("signature in DER", _der, "signature_malformed", "DER is another encoding of the same numbers")
    yield Case("signature padded to 66 bytes", _padded, "signature_malformed", "a P-521 length for a P-256 key")
    yield Case("r and s swapped", lambda: issued(signature=_swapped()), "signature_invalid", "not the same signature")
    yield Case("signed by another issuer", lambda: issued(signer=EVE), "signature_invalid", "the key was not ours")
    yield Case("signature of another token", _foreign, "signature_invalid", "signed, but something else")
    yield Case("one bit of the payload changed", _altered, "signature_invalid", "the signature covers every bit")
    yield Case("header exchanged after signing", _other_header, "signature_invalid", "the header is signed too")
    yield Case(
        "only the payload signed", lambda: issued(signature=_over_payload()), "signature_invalid", "RFC 7515 §5.1"
    )


def _parts() -> tuple[str, str]:
    header, content, _ = jws(payload()).split(".")
    return header, content


def _good() -> bytes:
    return ISSUER.sign(".".join(_parts()).encode())


def _der() -> str:
    good = _good()
    der = encode_dss_signature(int.from_bytes(good[:32], "big"), int.from_bytes(good[32:], "big"))
    return issued(signature=der)


def _padded() -> str:
    good = _good()
    return issued(signature=b"\0" + good[:32] + b"\0" + good[32:])


def _swapped() -> bytes:
    good = _good()
    return good[32:] + good[:32]


def _foreign() -> str:
    return issued(signature=ISSUER.sign(jws(payload(sub="another")).rsplit(".", 1)[0].encode()))


def _altered() -> str:
    return bind(unbound(sign_parts(_parts()[0], b64(js(payload(exp=1_800_001_001))), signature=_good())))


def _other_header() -> str:
    return bind(unbound(sign_parts(b64(js(issuer_header(kid="another"))), _parts()[1], signature=_good())))


def _over_payload() -> bytes:
    return ISSUER.sign(_parts()[1].encode())


def base64_spellings() -> Iterator[Case]:
    changes = {
        "padded": lambda part: part + "=" * (-len(part) % 4 or 4),
        "one padding sign": lambda part: part + "=",
        "line break inside": lambda part: part[:8] + "\n" + part[8:],
        "blank at the end": lambda part: part + " ",
        "NUL at the end": lambda part: part + "\0",
        "plain base64 sign": lambda part: part[:8] + "+" + part[9:],
        "plain base64 slash": lambda part: part[:8] + "/" + part[9:],
        "impossible length": lambda part: part + "A" * ((1 - len(part)) % 4),
        "letter beyond ASCII": lambda part: part[:8] + "Å" + part[9:],
        "percent sign": lambda part: part[:8] + "%2D" + part[9:],
    }
    for name, change in changes.items():
        yield Case(
            f"header {name}",
            later(lambda change: bind(unbound(sign_parts(change(_parts()[0]), _parts()[1]))), change),
            "sd_jwt_malformed" if "beyond" in name else "base64url_invalid",
            "one byte string has one spelling (RFC 7515 §2), even when the odd spelling is what was signed",
        )
        yield Case(
            f"signature {name}",
            later(lambda change: bind(unbound(f"{'.'.join(_parts())}.{change(b64(_good()))}")), change),
            "sd_jwt_malformed" if "beyond" in name else "base64url_invalid",
            "two spellings of one signature would be two tokens",
        )
    yield Case("signature with unused bits set", _loose_bits, "base64url_invalid", "64 bytes leave four unused bits")


def _loose_bits() -> str:
    text = b64(_good())
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return bind(unbound(f"{'.'.join(_parts())}.{text[:-1]}{alphabet[alphabet.index(text[-1]) + 1]}"))


def keys_in_the_header() -> Iterator[Case]:
    value: Any
    certificate = "MIIB" * 100
    for name, value in {
        "jwk": EVE.public_jwk, "jku": "https://eve.example/jwks.json", "x5u": "https://eve.example/chain.pem",
    }.items():  # fmt: skip
        yield Case(
            f"{name} of the attacker", later(lambda name, value: issued(issuer_header(**{name: value}), signer=EVE), name, value),
            "header_not_allowed", "a token may not bring its own key (CVE-2026-27962)",
        )  # fmt: skip
        yield Case(
            f"{name} on a sound token", later(lambda name, value: issued(issuer_header(**{name: value})), name, value),
            "header_not_allowed", "refused even when harmless here, because another reader might follow it",
        )  # fmt: skip
    yield Case(
        "x5c of the attacker", lambda: issued(issuer_header(x5c=[certificate]), signer=EVE), "signature_invalid",
        "a chain names a key, it does not make it trusted",
    )  # fmt: skip
    for value in (
        "MIIB",
        [],
        [1],
        [""],
        [None],
        [[certificate]],
        ["MI-_"],
        ["MIIB="],
        [certificate] * 9,
        None,
        {"0": "MIIB"},
    ):
        yield Case(
            f"x5c {js(value)[:30]}", later(lambda value: issued(issuer_header(x5c=value)), value), "header_invalid",
            "a short list of base64 and nothing else (RFC 7515 §4.1.6)",
        )  # fmt: skip
    for name, value in {
        "b64": False,
        "b64 true": True,
        "zip": "DEF",
        "enc": "A256GCM",
        "p2c": 10**9,
        "epk": {},
    }.items():
        yield Case(
            f"{name} in a JWS", later(lambda name, value: issued(issuer_header(**{name.split()[0]: value})), name, value),
            "header_not_allowed", "changes what the signature covers, or belongs to encryption",
        )  # fmt: skip


def key_ids() -> Iterator[Case]:
    value: Any
    for value in ("../../../../dev/null", "x' UNION SELECT 'key", "https://eve.example/key", "|id", "eve"):
        yield Case(
            f"kid {value}, attacker's signature", later(lambda value: issued(issuer_header(kid=value), signer=EVE), value),
            "signature_invalid", "kid finds no file, row or address here: the key was found by other means",
        )  # fmt: skip
    for value in ("a\0b", "a\nb", "", "a\u202eb", "k" * 513, 1, 1.5, None, True, ["k"], {"k": 1}):
        yield Case(
            f"kid {js(value)[:20]}", later(lambda value: issued(issuer_header(kid=value)), value), "header_invalid",
            "short printable text (RFC 7515 §4.1.4)",
        )  # fmt: skip
    yield Case(
        "kid of 20 kB", lambda: issued(issuer_header(kid="k" * 20_000)), "too_large", "a header is short",
    )  # fmt: skip


def critical_and_type() -> Iterator[Case]:
    value: Any
    for value in ([], ["exp"], ["b64"], ["urn:example:unknown"], None, "exp", {}, [1], ["alg"]):
        yield Case(
            f"crit {js(value)}", later(lambda value: issued(issuer_header(crit=value)), value), "crit_not_supported",
            "what must be understood and is not must be refused (RFC 7515 §4.1.11, CVE-2026-32597)",
        )  # fmt: skip
    types = [
        "JWT", "jwt", "kb+jwt", "vc+sd-jwt", "DC+SD-JWT", "application/dc+sd-jwt", "dc+sd-jwt ", "dc+sd‐jwt", "",
        "statuslist+jwt", "at+jwt", None, ["dc+sd-jwt"], {"typ": "dc+sd-jwt"}, 1, DROP,
    ]  # fmt: skip
    for value in types:
        yield Case(
            f"typ {'missing' if value is DROP else js(value)}", later(lambda value: issued(issuer_header(typ=value)), value),
            "typ_not_allowed", "a token made for one purpose must not serve another (RFC 8725 §3.11)",
        )  # fmt: skip


def shapes() -> Iterator[Case]:
    header, content = b64(js(issuer_header())), b64(js(payload()))
    for name, token in {
        "one part": header, "two parts": f"{header}.{content}", "four parts": f"{header}.{content}.AA.AA",
        "JWE of five parts": f"{b64(js({'alg': 'ECDH-ES', 'enc': 'A256GCM'}))}.AA.AA.AA.AA", "a word": "token",
        "JSON serialization": js({"payload": content, "signatures": []}), "fifty thousand dots": "." * 50_000,
    }.items():  # fmt: skip
        yield Case(
            f"issuer JWT: {name}",
            later(lambda token: bind(unbound(token)), token),
            "jws_malformed",
            "compact JWS has three parts",
        )
    yield Case("two dots", lambda: bind(unbound("..")), "json_invalid", "an empty header is no JSON")
    yield Case(
        "issuer JWT too long",
        lambda: issued(content=payload(note="x" * MAX_TOKEN_BYTES)),
        "too_large",
        "bounded before work",
    )


def json_texts() -> Iterator[Case]:
    text: Any
    whole = js(payload())
    inner = whole[1:]
    texts: dict[str, str | bytes] = {
        "iss twice": '{"iss":"https://eve.example",' + inner, "exp twice": '{"exp":1,' + inner,
        "iss twice, once escaped": '{"\\u0069ss":"https://eve.example",' + inner,
        "duplicate name inside": '{"a":{"b":1,"b":2},' + inner, "NaN": '{"a":NaN,' + inner,
        "Infinity": '{"a":Infinity,' + inner, "-Infinity": '{"a":-Infinity,' + inner, "1e400": '{"a":1e400,' + inner,
        "integer of 150,000 digits": '{"a":' + "9" * 150_000 + "," + inner,
        "integer of 21 digits": '{"a":' + "9" * 21 + "," + inner,
        "arrays 20,000 deep": '{"a":' + "[" * 20_000 + "]" * 20_000 + "," + inner,
        "objects 20,000 deep": '{"a":' + '{"a":' * 20_000 + "1" + "}" * 20_000 + "," + inner,
        "arrays 20,000 deep, never closed": '{"a":' + "[" * 20_000, "65 deep": '{"a":' + "[" * 64 + "]" * 64 + "," + inner,
        "byte that is no UTF-8": b'{"a":"\xff",' + inner.encode(), "overlong UTF-8": b'{"a":"\xc0\xaf",' + inner.encode(),
        "surrogate in UTF-8": b'{"a":"\xed\xa0\x80",' + inner.encode(), "byte order mark": b"\xef\xbb\xbf" + whole.encode(),
        "UTF-16": whole.encode("utf-16"), "lone surrogate": '{"a":"\\ud800",' + inner,
        "lone surrogate as name": '{"\\udfff":1,' + inner, "text after the value": whole + "x", "two values": whole + whole,
        "comment": "/**/" + whole, "single quotes": whole.replace('"', "'"), "trailing comma": whole[:-1] + ",}",
        "control sign in a string": '{"a":"\n",' + inner, "NUL at the end": whole + "\0", "leading plus": '{"a":+1,' + inner,
        "leading zero": '{"a":01,' + inner, "unclosed string": '{"a":"' + inner, "empty": "", "array": "[" + whole + "]",
        "string": '"text"', "number": "1", "null": "null", "form feed around": "\f" + whole,
    }  # fmt: skip
    for name, text in texts.items():
        yield Case(
            f"payload: {name}", later(lambda text: issued(content=text), text), "json_invalid",
            "two parsers that disagree about one token are an attack (RFC 8725 §2.4)",
        )  # fmt: skip
    digits = '{"a":' + "9" * 200_000 + "," + inner
    yield Case(
        "payload: integer of 200,000 digits", lambda: issued(content=digits), "too_large", "bounded before parsing"
    )
    for name, text in {
        "alg twice": '{"alg":"none","alg":"ES256","typ":"dc+sd-jwt"}', "array": '["ES256"]', "null": "null",
        "deep": '{"alg":"ES256","typ":"dc+sd-jwt","a":' + "[" * 5_000 + "]" * 5_000 + "}", "not UTF-8": b'{"alg":"\xff"}',
        "NaN": '{"alg":"ES256","typ":"dc+sd-jwt","a":NaN}',
    }.items():  # fmt: skip
        yield Case(f"header: {name}", later(issued, text), "json_invalid", "the header is strict JSON too")


def cases() -> Iterator[Case]:
    for group in (
        algorithms, public_key_as_secret, signatures, base64_spellings, keys_in_the_header, key_ids, critical_and_type,
        shapes, json_texts,
    ):  # fmt: skip
        yield from group()

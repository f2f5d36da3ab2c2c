"""Sound tokens that a nervous verifier refuses: each is accepted, and its claims are exactly those expected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.protocol.makers import (
    ACCEPT,
    AUDIENCE,
    HOLDER,
    ISSUER,
    NONCE,
    NOW,
    P256_ORDER,
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
    sign_parts,
    unbound,
)

BASE = payload()
GIVEN = disclose("salt-one", "given_name", "Lei")


def accepted(name: str, build: Any, reason: str, **claims: Any) -> Case:
    return Case(name, build, ACCEPT, reason, {**BASE, **claims})


def negated(signature: bytes) -> bytes:
    """The same r with n-s, which verifies as well."""
    return signature[:32] + (P256_ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")


def signatures() -> Iterator[Case]:
    text = unbound(jws(payload()))
    claims = js({"iat": NOW, "aud": AUDIENCE, "nonce": NONCE, "sd_hash": digest(text)})
    unsigned = f"{b64(js(binding_header()))}.{b64(claims)}"
    made = HOLDER.sign(unsigned.encode())
    for name, signature in {"as made": made, "with n-s": negated(made)}.items():
        yield accepted(f"binding signature {name}", later(lambda s: f"{text}{unsigned}.{b64(s)}", signature),
                       "phone hardware makes high s half the time")  # fmt: skip
    head, body, _ = jws(payload()).split(".")
    twin = negated(ISSUER.sign(f"{head}.{body}".encode()))
    yield accepted("issuer signature with n-s", lambda: bind(unbound(f"{head}.{body}.{b64(twin)}")),
                   "valid, so nothing may be identified by its signature bytes")  # fmt: skip


def headers() -> Iterator[Case]:
    for name, changes in {
        "kid a DID URL": {"kid": "did:weid:101:0x0518f2b92fad9da7807a78b58af64db8997357dd#keys-1"},
        "kid that looks like a path": {"kid": "../../../../dev/null"}, "kid of 512 characters": {"kid": "k" * 512},
        "kid in Chinese": {"kid": "居民身份"}, "x5c": {"x5c": ["MIIB" * 200, "MIIC" * 200]}, "unknown parameter": {"urn:x": {"a": [1]}},
        "x5t": {"x5t": "AAAA"}, "cty": {"cty": "json"}, "iss repeated in the header": {"iss": "https://issuer.example"},
    }.items():  # fmt: skip
        yield accepted(f"header: {name}", later(lambda changes: present(header=issuer_header(**changes)), changes),
                       "harmless, because the header never chooses the key")  # fmt: skip
    yield accepted(
        "header with blanks", lambda: present(header='{ "typ" : "dc+sd-jwt",\n "alg" : "ES256" }'), "JSON may breathe"
    )
    yield accepted(
        "header escaped", lambda: present(header='{"\\u0061lg":"ES256","typ":"dc\\u002bsd-jwt"}'), "the same JSON"
    )
    yield accepted(
        "binding header with kid", lambda: bind(unbound(jws(payload())), header=binding_header(kid="1")), "ignored"
    )


def disclosures() -> Iterator[Case]:
    spellings = {
        "spaced": '[ "s" ,\n"given_name" , "Lei" ]', "escaped": '["s","given\\u005fname","\\u004ce\\u0069"]',
        "salt empty": '["","given_name","Lei"]', "salt of 1,000": f'["{"s" * 1000}","given_name","Lei"]',
    }  # fmt: skip
    for name, text in spellings.items():
        item = b64(text)
        yield accepted(f"disclosure {name}", later(lambda item: present(hidden(item), [item]), item), "hashed as sent, never rewritten",
                       given_name="Lei")  # fmt: skip
    values: dict[str, Any] = {
        "CJK": "陳大文 學士學位", "emoji": "👩🏽‍⚕️", "zero": 0, "false": False, "empty text": "", "null": None, "empty array": [],
        "empty object": {}, "minus zero": -0.0, "float": 1.5, "twenty digits": 12345678901234567890, "nested": {"a": [{"b": [1, [2]]}]},
        "long": "x" * 100_000, "quotes": '"\\/\n\t', "tilde and dot": "a~b.c", "NUL": "\0", "RTL text": "مرحبا", "HTML": "<script>",
    }  # fmt: skip
    for name, value in values.items():
        item = disclose("salt", "claim", value)
        yield accepted(
            f"value {name}",
            later(lambda item: present(hidden(item), [item]), item),
            "any JSON value is a value",
            claim=value,
        )
    for name in ("", "a.b", "__proto__", "constructor", "姓名", "sd", "_SD", "....", "sub"):
        item = disclose("salt", name, "v")
        yield accepted(
            f"claim named {name!r}",
            later(lambda item: present(hidden(item), [item]), item),
            "any text is a name",
            **{name: "v"},
        )


def structure() -> Iterator[Case]:
    street = disclose("s1", "street", "Rua 1")
    address = disclose("s2", "address", {"city": "Macau", "_sd": [digest(street)]})
    items = [disclose(f"s{at}", value) for at, value in enumerate(("MO", "PT", "CN"))]
    array = payload(nat=[{"...": digest(items[0])}, "XX", {"...": digest(items[1])}, {"...": digest(items[2])}])
    yield accepted("nothing hidden", present, "an SD-JWT may hide nothing")
    yield accepted("nothing shown", lambda: present(hidden(GIVEN)), "the holder may show nothing")
    yield accepted("recursion, both", lambda: present(hidden(address), [address, street]), "RFC 9901 §4.2.6",
                   address={"city": "Macau", "street": "Rua 1"})  # fmt: skip
    yield accepted("recursion, child sent first", lambda: present(hidden(address), [street, address]), "order is free",
                   address={"city": "Macau", "street": "Rua 1"})  # fmt: skip
    yield accepted(
        "recursion, child withheld", lambda: present(hidden(address), [address]), "", address={"city": "Macau"}
    )
    yield accepted("array, middle withheld", lambda: present(array, [items[0], items[2]]), "", nat=["MO", "XX", "CN"])
    yield accepted("array, all withheld", lambda: present(array), "the visible one stays", nat=["XX"])
    yield accepted("array of arrays", _array_of_arrays, "", grid=[[1, 2], [3]])
    decoys = [digest(f"decoy {number}") for number in range(200)]
    yield accepted("200 decoys", lambda: present(payload(_sd=[*decoys, digest(GIVEN)]), [GIVEN]), "no digest need match",
                   given_name="Lei")  # fmt: skip
    yield accepted("decoys in an array", lambda: present(payload(a=[{"...": item} for item in decoys])), "", a=[])
    yield accepted("digests unsorted, short, odd", lambda: present(payload(_sd=["", "x", digest(GIVEN), "ü"]), [GIVEN]),
                   "a decoy may be any text", given_name="Lei")  # fmt: skip
    yield accepted("_sd empty", lambda: present(payload(_sd=[], a={"_sd": []})), "", a={})
    yield accepted("_sd_alg without _sd", lambda: present(payload(_sd_alg="sha-256")), "stated and unused")
    yield accepted("same value under two salts", _same_values, "values may repeat, digests may not", a=1, b=1)
    yield accepted("iat disclosed", _issued_at_disclosed, "iat may be hidden (SD-JWT VC §3.2.2.2)", iat=NOW - 7)
    for algorithm in ("sha384", "sha512"):
        yield accepted(f"hash {algorithm}", later(_hashed_by, algorithm), "allowed", given_name="Lei")
    yield accepted("64 levels", lambda: present(payload(a=_deep(60))), "deep, and within the bound", a=_deep(60))
    yield accepted(
        "1,000 disclosures", _many, "many, and within the bound", **{f"c{number}": number for number in range(1000)}
    )


def _array_of_arrays() -> str:
    first, second = disclose("s1", 2), disclose("s2", [3])
    return present(payload(grid=[[1, {"...": digest(first)}], {"...": digest(second)}]), [first, second])


def _same_values() -> str:
    items = [disclose("s1", "a", 1), disclose("s2", "b", 1)]
    return present(hidden(*items), items)


def _issued_at_disclosed() -> str:
    item = disclose("s", "iat", NOW - 7)
    content = hidden(item)
    del content["iat"]
    return present(content, [item])


def _hashed_by(algorithm: str) -> str:
    content = payload(_sd=[digest(GIVEN, algorithm)], _sd_alg=f"sha-{algorithm[3:]}")
    return present(content, [GIVEN], hash_name=algorithm)


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def _many() -> str:
    items = [disclose(f"salt {number}", f"c{number}", number) for number in range(1000)]
    return present(hidden(*items), items)


def claims() -> Iterator[Case]:
    for name, value in {"exp": NOW - 59, "nbf": NOW + 60, "iat": NOW + 60}.items():
        yield accepted(f"{name} within the leeway", later(lambda name, value: present(payload(**{name: value})), name, value),
                       "clocks differ", **{name: value})  # fmt: skip
    yield accepted(
        "exp a float", lambda: present(payload(exp=NOW + 0.5)), "NumericDate may have a fraction", exp=NOW + 0.5
    )
    yield accepted(
        "exp with exponent", lambda: present(js(payload()).replace(str(NOW + 1000), "1.800001e9")), "", exp=1.800001e9
    )
    yield Case(
        "no exp, no iat", lambda: present(_without("exp", "iat")), ACCEPT, "both optional", _without("exp", "iat")
    )
    yield accepted(
        "private claims", lambda: present(payload(a={"b": [1]}, 分數=9)), "issuers add their own", a={"b": [1]}, 分數=9
    )
    for name, changes in {
        "extra claim in the binding": {"transaction_data_hashes": ["AAAA"]}, "binding iat a float": {"iat": NOW - 0.25},
        "binding iat 60 ahead": {"iat": NOW + 60}, "binding iat 300 old": {"iat": NOW - 300}, "binding exp ahead": {"exp": NOW + 9},
    }.items():  # fmt: skip
        yield accepted(name, later(lambda changes: present(**changes), changes), "within RFC 9901 §4.3")
    jwk = {**HOLDER.public_jwk, "kid": "1", "use": "sig", "alg": "ES256", "key_ops": ["verify"], "x5t": "AA"}
    yield accepted(
        "holder key with optional members", lambda: present(payload(cnf={"jwk": jwk})), "RFC 7517 §4", cnf={"jwk": jwk}
    )


def _without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in payload().items() if name not in names}


def spaced_payload() -> Iterator[Case]:
    text = js(payload(姓="陳")).replace(",", " ,\r\n\t")
    head = b64(js(issuer_header()))
    yield accepted("payload with blanks", lambda: bind(unbound(sign_parts(head, b64(text)))), "signed as sent", 姓="陳")
    yield accepted("blanks around", lambda: present(f"\n {js(payload())} \t"), "JSON allows blanks outside")


def cases() -> Iterator[Case]:
    for group in (signatures, headers, disclosures, structure, claims, spaced_payload):
        yield from group()

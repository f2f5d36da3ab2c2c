"""Attacks on registered claims (RFC 7519 §4.1, SD-JWT VC §3.2.2) and on the outer encoding and size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from protocol.disclosure import MAX_PRESENTATION_BYTES
from tests.protocol.makers import DROP, ISSUER_NAME, NOW, VCT, Case, b64, js, later, payload, present


def claim(name: str, value: Any) -> str:
    return present(payload(**{name: value}))


def times() -> Iterator[Case]:
    value: Any
    for value in (0, 1, NOW - 60, NOW - 60.5, NOW - 10**6):
        yield Case(
            f"exp {value}",
            later(lambda value: claim("exp", value), value),
            "expired",
            "zero is a date, not a missing one",
        )
    for name in ("nbf", "iat"):
        code = "not_yet_valid" if name == "nbf" else "issued_in_future"
        for value in (NOW + 61, NOW + 10**6):
            yield Case(
                f"{name} {value - NOW:+}",
                later(claim, name, value),
                code,
                "its time has not come",
            )
    for name in ("exp", "nbf", "iat"):
        for value in (True, str(NOW), None, [NOW], {}, -1, 10**15, ""):
            yield Case(f"{name} {js(value)}", later(claim, name, value), "claim_malformed",
                       "a NumericDate is a number; true is not one second (sd-jwt-js #388)")  # fmt: skip


def types() -> Iterator[Case]:
    for value in (DROP, None, "", 1, True, [VCT], {"vct": VCT}):
        yield Case(f"vct {'missing' if value is DROP else js(value)}", later(lambda value: claim("vct", value), value), "vct_invalid",
                   "required, and text (eudi-lib-jvm-sdjwt-kt PR 297)")  # fmt: skip
    for value in (
        "urn:example:diploma",
        VCT + "/",
        VCT.upper(),
        VCT[:-1],
        VCT + " ",
        "urn:example:residençe",
        VCT + "\0",
    ):
        yield Case(f"vct {js(value)}", later(lambda value: claim("vct", value), value), "vct_mismatch",
                   "a library card is no passport; compared letter by letter")  # fmt: skip


def issuers() -> Iterator[Case]:
    names = [
        "https://eve.example", ISSUER_NAME + "/", ISSUER_NAME.upper(), "https://issuer.exаmple", "https://issuer.example@eve.example",
        "https://eve.example/https://issuer.example", "\u202ehttps://issuer.example", ISSUER_NAME + "#a", ISSUER_NAME + ":443",
        "http://issuer.example", ISSUER_NAME[:-1], ISSUER_NAME + "\0", DROP,
    ]  # fmt: skip
    for value in names:
        yield Case(f"iss {'missing' if value is DROP else js(value)}", later(lambda value: claim("iss", value), value), "issuer_mismatch",
                   "the key belongs to one name, compared whole (CVE-2024-53861)")  # fmt: skip
    for value in (None, [ISSUER_NAME], "", 1, {}):
        yield Case(f"iss {js(value)}", later(lambda value: claim("iss", value), value), "claim_malformed", "text")
    for name, value in {"cnf": "key", "status": "good", "sub": 1, "vct#integrity": None, "cnf ": ["x"]}.items():
        yield Case(f"{name.strip()} is {js(value)}", later(lambda name, value: claim(name.strip(), value), name, value), "claim_malformed",
                   "a registered claim has its type")  # fmt: skip


def outer_forms() -> Iterator[Case]:
    texts: dict[str, Any] = {
        "nothing": "", "one tilde": "~", "two tildes": "~~", "no tilde": lambda: present().split("~", maxsplit=1)[0],
        "tilde first": lambda: "~" + present(), "bytes": lambda: present().encode(), "None": None, "a list": lambda: [present()],
        "a number": 1, "full-width tilde": lambda: present().replace("~", "～"), "lone surrogate": lambda: present() + "\ud800",
        "byte order mark": lambda: "\ufeff" + present(), "emoji": "🙂~",
    }  # fmt: skip
    for name, value in texts.items():
        build = value if callable(value) else later(lambda value: value, value)
        yield Case(f"presentation: {name}", build, "sd_jwt_malformed", "issuer JWT, tilde, disclosures, binding")
    for name, change in {
        "blank first": lambda text: " " + text, "line break last": lambda text: text + "\r\n", "NUL last": lambda text: text + "\0",
    }.items():  # fmt: skip
        yield Case(
            f"presentation: {name}",
            later(lambda change: change(present()), change),
            "base64url_invalid",
            "nothing is trimmed",
        )
    yield Case("presentation: JSON serialization", lambda: js({"payload": b64(js(payload())), "signatures": []}) + "~",
               "jws_malformed", "only the compact form")  # fmt: skip
    yield Case("presentation: percent-encoded tilde", lambda: present().replace("~", "%7E"), "sd_jwt_malformed", "")
    yield Case(
        "presentation: over a megabyte", lambda: present() + "A" * MAX_PRESENTATION_BYTES, "too_large", "bounded first"
    )
    yield Case(
        "presentation: a megabyte of tildes", lambda: "~" * MAX_PRESENTATION_BYTES, "sd_jwt_too_complex", "bounded"
    )
    yield Case(
        "presentation: a megabyte of dots", lambda: "." * (MAX_PRESENTATION_BYTES - 1) + "~", "too_large", "bounded"
    )


def cases() -> Iterator[Case]:
    for group in (times, types, issuers, outer_forms):
        yield from group()

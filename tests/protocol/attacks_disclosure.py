"""Attacks on disclosures and on the digests that refer to them (RFC 9901 §7.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.protocol.makers import Case, b64, digest, disclose, hidden, js, later, payload, present

GIVEN = disclose("c2FsdC1vZi0xMjgtYml0cw", "given_name", "Lei")
FAMILY = disclose("c2FsdC1vZi0xMjgtYml0cg", "family_name", "Chan")
ELEMENT = disclose("c2FsdC1vZi0xMjgtYml0cQ", "MO")
UNSIGNED = "only what the issuer signed a digest of may become a claim (sd-jwt-rust #50)"
ONCE = "a digest met twice lets one disclosure stand in two places (RFC 9901 §7.1)"
SHAPE = "salt, name and value; salt and value for an element (RFC 9901 §4.2)"
NAMES = "a claim of this name would be read as digests (eudi-lib-jvm-sdjwt-kt #473)"


def show(*disclosures: str, **changes: Any) -> str:
    return present(hidden(*disclosures, **changes), disclosures)


def unreferenced() -> Iterator[Case]:
    strangers = {
        "stranger": disclose("salt", "is_adult", True), "value altered": disclose("c2FsdC1vZi0xMjgtYml0cw", "given_name", "Eve"),
        "renamed": disclose("c2FsdC1vZi0xMjgtYml0cw", "alias", "Lei"), "new salt": disclose("other", "given_name", "Lei"),
        "same JSON with a blank": b64('["c2FsdC1vZi0xMjgtYml0cw", "given_name","Lei"]'),
        "same JSON escaped": b64('["c2FsdC1vZi0xMjgtYml0cw","given_name","\\u004cei"]'), "element": ELEMENT,
    }  # fmt: skip
    for name, stranger in strangers.items():
        yield Case(
            f"unreferenced disclosure: {name}", later(lambda stranger: present(hidden(GIVEN), [stranger]), stranger),
            "disclosure_unreferenced", UNSIGNED,
        )  # fmt: skip
        yield Case(
            f"unreferenced beside a sound one: {name}", later(lambda stranger: present(hidden(GIVEN), [GIVEN, stranger]), stranger),
            "disclosure_unreferenced", UNSIGNED,
        )  # fmt: skip
    yield Case("nothing is hidden at all", lambda: present(payload(), [GIVEN]), "disclosure_unreferenced", UNSIGNED)
    yield Case("child without its parent", _orphan, "disclosure_unreferenced", "its digest stands in a value not shown")
    for name, spelling in {
        "hex": _hex,
        "plain base64": _plain,
        "padded": lambda text: text + "=",
        "upper": str.upper,
    }.items():
        yield Case(
            f"digest spelt as {name}", later(lambda spelling: present(payload(_sd=[spelling(digest(GIVEN))]), [GIVEN]), spelling),
            "disclosure_unreferenced", "digests are compared as text",
        )  # fmt: skip
    yield Case(
        "digest over decoded JSON", lambda: present(payload(_sd=[digest('["c2FsdC1vZi0xMjgtYml0cw","given_name","Lei"]')]), [GIVEN]),
        "disclosure_unreferenced", "the digest is over the text as sent (RFC 9901 §4.2.3)",
    )  # fmt: skip


def _orphan() -> str:
    child = disclose("s1", "street", "Rua 1")
    parent = disclose("s2", "address", {"_sd": [digest(child)]})
    return present(hidden(parent), [child])


def _hex(text: str) -> str:
    return text.encode().hex()


def _plain(text: str) -> str:
    return text.replace("-", "+").replace("_", "/") + "=="


def repeated() -> Iterator[Case]:
    given, element = digest(GIVEN), digest(ELEMENT)
    yield Case("disclosure sent twice", lambda: present(hidden(GIVEN), [GIVEN, GIVEN]), "digest_repeated", ONCE)
    contents = {
        "twice in one _sd": payload(_sd=[given, given]), "in two objects": payload(_sd=[given], a={"_sd": [given]}),
        "in sibling objects": payload(a={"_sd": [given]}, b={"_sd": [given]}),
        "twice in one array": payload(a=[{"...": element}, {"...": element}]),
        "in two arrays": payload(a=[{"...": element}], b=[{"...": element}]),
        "in _sd and array": payload(_sd=[given], a=[{"...": given}]),
        "in a deep array": payload(_sd=[given], a=[[{"b": [{"...": given}]}]]),
    }  # fmt: skip
    for name, content in contents.items():
        yield Case(f"undisclosed digest {name}", later(present, content), "digest_repeated", ONCE)
    yield Case(
        "disclosed array digest twice",
        lambda: present(contents["twice in one array"], [ELEMENT]),
        "digest_repeated",
        ONCE,
    )
    yield Case(
        "disclosed digest twice", lambda: present(contents["twice in one _sd"], [GIVEN]), "digest_repeated", ONCE
    )
    yield Case("digest repeated inside a disclosure", _repeated_inside, "digest_repeated", ONCE)


def _repeated_inside() -> str:
    parent = disclose("s2", "address", {"_sd": [digest(GIVEN)]})
    return present(hidden(parent, GIVEN), [parent])


def names() -> Iterator[Case]:
    value: Any
    for name in ("_sd", "..."):
        bad = disclose("salt", name, ["x"])
        yield Case(f"claim named {name}", later(show, bad), "claim_name_reserved", NAMES)
        yield Case(
            f"claim named {name} in an object", later(lambda bad: present(payload(a={"_sd": [digest(bad)]}), [bad]), bad),
            "claim_name_reserved", NAMES,
        )  # fmt: skip
    for where in ("top", "inside"):
        bad = disclose("salt", "_sd_alg", "sha-256")
        content = payload(_sd=[digest(bad)]) if where == "top" else payload(a={"_sd": [digest(bad)]})
        yield Case(
            f"claim named _sd_alg, {where}", later(lambda content, bad: present(content, [bad]), content, bad), "claim_name_reserved",
            "the hash is stated once, at the top, by the issuer (RFC 9901 §4.1.1)",
        )  # fmt: skip
    for value in (1, 1.5, None, True, [], {}, ["given_name"]):
        bad = disclose("salt", value, "Lei")
        yield Case(f"claim named {js(value)}", later(show, bad), "disclosure_malformed", "a name is text")


def collisions() -> Iterator[Case]:
    twin = disclose("other salt", "given_name", "Eve")
    visible = disclose("salt", "note", "altered")
    sub = disclose("salt", "sub", "eve")
    cases = {
        "two disclosures of one name": lambda: show(GIVEN, twin),
        "with a visible claim": lambda: show(visible, note="as signed"),
        "with a visible claim that is null": lambda: show(visible, note=None),
        "with sub": lambda: show(sub, sub="lei"),
        "inside an object": lambda: present(payload(a={"note": 1, "_sd": [digest(visible)]}), [visible]),
        "inside a disclosure": _collision_inside,
        "with iat": lambda: show(disclose("salt", "iat", 1)),
    }
    for name, build in cases.items():
        yield Case(f"collision {name}", build, "claim_collision", "one would overwrite the other (RFC 9901 §7.1)")


def _collision_inside() -> str:
    child = disclose("s1", "street", "Rua 2")
    parent = disclose("s2", "address", {"street": "Rua 1", "_sd": [digest(child)]})
    return present(hidden(parent), [parent, child])


def registered() -> Iterator[Case]:
    why = "must not depend on what the holder chooses to show (SD-JWT VC §3.2.2.2)"
    values = {"nbf": 1, "status": {"status_list": {"idx": 1, "uri": "https://issuer.example/1"}}, "vct#integrity": "sha256-x",
              "aka_vcts": ["urn:example:other"]}  # fmt: skip
    for name, value in values.items():
        bad = disclose("salt", name, value)
        yield Case(f"{name} disclosed", later(show, bad), "registered_claim_disclosable", why)
    for name in ("iss", "exp", "vct"):
        yield Case(f"{name} only disclosed", later(_moved, name), "registered_claim_disclosable", why)
    jwk = disclose("salt", "jwk", payload()["cnf"]["jwk"])
    yield Case("cnf only disclosed", lambda: _moved("cnf"), "registered_claim_disclosable", why)
    yield Case(
        "key inside cnf disclosed", lambda: present(payload(cnf={"_sd": [digest(jwk)]}), [jwk]),
        "registered_claim_disclosable", why,
    )  # fmt: skip
    index = disclose("salt", "idx", 2)
    yield Case(
        "status index disclosed", lambda: present(payload(status={"status_list": {"_sd": [digest(index)]}}), [index]),
        "registered_claim_disclosable", why,
    )  # fmt: skip


def _moved(name: str) -> str:
    content = payload()
    moved = disclose("salt", name, content.pop(name))
    return present({**content, "_sd": [digest(moved)]}, [moved])


def disclosure_shapes() -> Iterator[Case]:
    texts: dict[str, str | bytes] = {
        "empty array": "[]", "one member": '["salt"]', "four members": '["salt","a",1,2]', "object": '{"salt":"a"}',
        "text": '"salt"', "number": "1", "null": "null", "two values": '["s","a",1]["s","b",2]', "not JSON": "salt",
        "byte order mark": b'\xef\xbb\xbf["s","a",1]', "not UTF-8": b'["s","a","\xff"]', "lone surrogate": '["s","a","\\udc00"]',
        "lone surrogate in the name": '["s","\\udc00",1]', "NaN": '["s","a",NaN]', "1e400": '["s","a",1e400]',
        "duplicate names in the value": '["s","a",{"b":1,"b":2}]', "5,000 deep": '["s","a",' + "[" * 5000 + "]" * 5000 + "]",
        "integer of 5,000 digits": '["s","a",' + "1" * 5000 + "]", "unclosed": '["s","a",1',
        "salt number": '[1,"a",1]', "salt null": '[null,"a",1]', "salt array": '[["s"],"a",1]', "salt boolean": '[true,"a",1]',
        "salt object": '[{},"a",1]', "element salt number": "[1,1]",
    }  # fmt: skip
    for name, text in texts.items():
        yield Case(
            f"disclosure: {name}", later(lambda text: show(b64(text)), text), "disclosure_malformed", SHAPE,
        )  # fmt: skip
    for name, text in {
        "padded": GIVEN + "=", "plain base64": GIVEN[:4] + "+" + GIVEN[5:], "blank": GIVEN + " ", "line break": "\n" + GIVEN,
        "impossible length": GIVEN + "A" * ((1 - len(GIVEN)) % 4), "NUL": GIVEN + "\0", "dot": f"{GIVEN}.{GIVEN}",
    }.items():  # fmt: skip
        yield Case(
            f"disclosure text {name}",
            later(show, text),
            "disclosure_malformed",
            "canonical base64url only",
        )
    yield Case("element used as a member", lambda: show(ELEMENT), "disclosure_malformed", SHAPE)
    yield Case(
        "member used as an element", lambda: present(payload(a=[{"...": digest(GIVEN)}]), [GIVEN]), "disclosure_malformed", SHAPE,
    )  # fmt: skip
    yield Case(
        "empty disclosure", lambda: present(hidden(GIVEN), [GIVEN, ""]), "sd_jwt_malformed", "a gap hides nothing"
    )
    yield Case("disclosure beyond ASCII", lambda: show(GIVEN[:-1] + "é"), "sd_jwt_malformed", "base64url is ASCII")


def digests() -> Iterator[Case]:
    good = digest(GIVEN)
    for value in (good, {good: 1}, None, 1, True, [1], [None], [[good]], [{"...": good}], [good, 1]):
        yield Case(f"_sd is {js(value)[:24]}", later(lambda value: present(payload(_sd=value)), value), "digest_malformed",
                   "an array of text and nothing else")  # fmt: skip
        inside = payload(a={"b": [{"_sd": value}]})
        yield Case(f"inner _sd is {js(value)[:24]}", later(present, inside), "digest_malformed",
                   "the same rule at every depth")  # fmt: skip
    for name, item in {
        "with another member": {"...": digest(ELEMENT), "a": 1}, "with _sd": {"...": digest(ELEMENT), "_sd": []},
        "number": {"...": 1}, "null": {"...": None}, "array": {"...": [digest(ELEMENT)]}, "object": {"...": {}},
    }.items():  # fmt: skip
        yield Case(f"placeholder {name}", later(lambda item: present(payload(a=[item])), item), "digest_malformed",
                   'exactly {"...": text} (sd-jwt-js #388)')  # fmt: skip
        yield Case(f"placeholder {name}, disclosed", later(lambda item: present(payload(a=[item]), [ELEMENT]), item),
                   "digest_malformed", "also when the element is shown")  # fmt: skip
    for name, content in {
        "at the top": payload(**{"...": good}), "in an object": payload(a={"...": good}),
        "in an object in an array": payload(a=[{"b": {"...": good}}]),
    }.items():  # fmt: skip
        yield Case(f"placeholder name {name}", later(present, content), "claim_name_reserved", NAMES)
    inner = disclose("s", "a", {"_sd": "text"})
    yield Case(
        "bad _sd inside a disclosure", lambda: show(inner), "digest_malformed", "values are walked like the payload"
    )
    named = disclose("s", "a", {"...": good})
    yield Case("placeholder name inside a disclosure", lambda: show(named), "claim_name_reserved", NAMES)


def hash_names() -> Iterator[Case]:
    value: Any
    for value in ("md5", "sha-1", "SHA-256", "sha256", "sha3-256", "", None, 256, ["sha-256"], {}, True):
        yield Case(f"_sd_alg {js(value)}", later(lambda value: present(payload(_sd=[digest(GIVEN)], _sd_alg=value), [GIVEN]), value),
                   "sd_alg_not_supported", "only hashes that resist second preimages (RFC 9901 §4.1.1)")  # fmt: skip
    yield Case("_sd_alg inside an object", lambda: present(payload(a={"_sd_alg": "sha-256"})), "claim_name_reserved",
               "the hash is stated once, at the top")  # fmt: skip
    yield Case("_sd_alg is not the hash used", lambda: present(payload(_sd=[digest(GIVEN)], _sd_alg="sha-512"), [GIVEN],
               hash_name="sha512"), "disclosure_unreferenced", "no digest of another hash is looked for")  # fmt: skip


def floods() -> Iterator[Case]:
    yield Case("2,001 disclosures", lambda: _flood(2001, disclose), "sd_jwt_too_complex", "bounded before work")
    yield Case(
        "30,000 disclosures", lambda: _flood(30_000, disclose), "too_large", "2.9 MB cost sd-jwt 0.10.4 six seconds"
    )
    yield Case("2,000 empty parts", lambda: present(payload(), [""] * 2000), "sd_jwt_malformed", "a gap hides nothing")
    yield Case("recursion of 2,000 levels", lambda: _tower(2000), "sd_jwt_too_complex", "one level per disclosure")
    yield Case("recursion of 65 levels", lambda: _tower(65), "sd_jwt_too_complex", "one more than is handled")
    yield Case("array recursion of 65 levels", lambda: _array_tower(65), "sd_jwt_too_complex", "the same for arrays")


def _flood(count: int, make: Any) -> str:
    items = [make(f"salt-of-number-{number:06}", f"claim-{number:06}", "v" * 30) for number in range(count)]
    return present(payload(_sd=[digest(item) for item in items[:100]]), items)


def _tower(levels: int) -> str:
    items = [disclose("s", "a", {"b": 1})]
    for _ in range(levels - 1):
        items.append(disclose("s", "a", {"_sd": [digest(items[-1])]}))
    return present(hidden(items[-1]), items)


def _array_tower(levels: int) -> str:
    items = [disclose("s", [1])]
    for _ in range(levels - 1):
        items.append(disclose("s", [{"...": digest(items[-1])}]))
    return present(payload(a=[{"...": digest(items[-1])}]), items)


def cases() -> Iterator[Case]:
    for group in (
        unreferenced, repeated, names, collisions, registered, disclosure_shapes, digests, hash_names, floods,
    ):  # fmt: skip
        yield from group()

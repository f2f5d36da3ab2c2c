"""O-8: a wallet that returns less, more, or another credential than asked is refused."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from protocol import dcql, sd_jwt, sd_jwt_vc
from protocol.dcql import Query, parse_query
from protocol.disclosure import WITHHELD
from protocol.errors import (
    DcqlHolderBindingError,
    DcqlMissingClaimError,
    DcqlMissingCredentialError,
    DcqlOtherCredentialError,
    DcqlResponseError,
    DcqlUnaskedClaimError,
    DcqlUnaskedCredentialError,
    KeyFormatError,
)
from protocol.keys import generate_p256
from tests.oracles import credential as made
from tests.protocol.dcql_makers import CLAIMS, OTHER_VCT, claim, credential, parsed_several, query, shown

NAME, AGE, STREET = ("name",), ("age_over_18",), ("address", "street")
ONE = parse_query(query(claims=[claim("name"), claim("age_over_18", values=[True])]))
SETS = parse_query(
    query(claims=[claim("name", id="a"), claim("age_over_18", id="b")], claim_sets=[["a", "b"], ["a"], ["b"]])
)
NO_CLAIMS = parse_query(query())
AUTHORITY = parse_query(query(trusted_authorities=[{"type": "aki", "values": ["AAAA"]}]))
MANY = parse_query(query(claims=[claim("name")], multiple=True))
TWO = parsed_several(credential("a", claims=[claim("name")]), credential("b", claims=[claim("age_over_18")]))
EITHER = parsed_several(
    credential("a"), credential("b"), credential("c"), credential("d"),
    sets=[{"options": [["a"], ["b", "c"]]}, {"options": [["c"]], "required": False}],
)  # fmt: skip
LESS_CLAIMS = {name: value for name, value in CLAIMS.items() if name != "age_over_18"}

Answer = dict[str, list[Any]]


def certificate(*presented: Any) -> Answer:
    return {"certificate": list(presented)}


ACCEPTED: dict[str, tuple[Query, Answer]] = {
    "exactly what was asked": (ONE, certificate(shown(NAME, AGE))),
    "a claim that is always open": (ONE, certificate(shown(NAME))),
    "no claims": (NO_CLAIMS, certificate(shown())),
    "the favourite set": (SETS, certificate(shown(NAME, AGE))),
    "another set": (SETS, certificate(shown(NAME, claims=LESS_CLAIMS))),
    "the parent that a claim needs": (
        parse_query(query(claims=[claim("address", "street")])),
        certificate(shown(("address",), STREET)),
    ),
    "everything beneath a claim": (parse_query(query(claims=[claim("address")])), certificate(shown(STREET))),
    "elements for every element": (
        parse_query(query(claims=[claim("degrees", None, "title")])),
        certificate(shown(("degrees", 0), ("degrees", 1, "title"))),
    ),
    "an element at its place": (
        parse_query(query(claims=[claim("list", 1)])),
        certificate(shown(("list", 1), claims={**CLAIMS, "list": [WITHHELD, "PT"]})),
    ),
    "a trusted authority": (AUTHORITY, certificate(shown(authorities=frozenset({("aki", "AAAA")})))),
    "several": (MANY, certificate(shown(NAME, handle="x"), shown(NAME, handle="y"))),
    "two credentials": (TWO, {"a": [shown(NAME, handle="x")], "b": [shown(AGE, handle="y")]}),
    "one presentation for two queries": (TWO, {"a": [shown(NAME, AGE)], "b": [shown(NAME, AGE)]}),
    "an option": (EITHER, {"a": [shown()]}),
    "the other option": (EITHER, {"b": [shown()], "c": [shown()]}),
    "an option and an optional set": (EITHER, {"a": [shown()], "c": [shown()]}),
    "no holder binding where none is asked for": (
        parse_query(query(require_cryptographic_holder_binding=False)),
        certificate(shown(is_bound=False)),
    ),
    "a W3C credential": (
        parse_query(query(format="jwt_vc_json", meta={"type_values": [["A"]]})),
        certificate(shown(format="jwt_vc_json", claims={"type": ["B", "A"]})),
    ),
}
LESS: dict[str, tuple[Query, Answer, type[DcqlResponseError]]] = {
    "nothing at all": (ONE, {}, DcqlMissingCredentialError),
    "an id with no presentation": (ONE, certificate(), DcqlMissingCredentialError),
    "one credential of two": (TWO, {"a": [shown(NAME)]}, DcqlMissingCredentialError),
    "half an option": (EITHER, {"b": [shown()]}, DcqlMissingCredentialError),
    "only the optional set": (EITHER, {"c": [shown()]}, DcqlMissingCredentialError),
    "a claim missing": (ONE, certificate(shown(NAME, claims=LESS_CLAIMS)), DcqlMissingClaimError),
    "another value": (
        ONE,
        certificate(shown(NAME, AGE, claims={**CLAIMS, "age_over_18": False})),
        DcqlMissingClaimError,
    ),
    "a value of another kind": (
        ONE,
        certificate(shown(NAME, AGE, claims={**CLAIMS, "age_over_18": 1})),
        DcqlMissingClaimError,
    ),
    "another element than the one asked for": (
        parse_query(query(claims=[claim("list", 0)])),
        certificate(shown(("list", 1), claims={**CLAIMS, "list": [WITHHELD, "PT"]})),
        DcqlMissingClaimError,
    ),
    "a list with every element withheld": (
        parse_query(query(claims=[claim("list", None)])),
        certificate(shown(claims={**CLAIMS, "list": [WITHHELD, WITHHELD]})),
        DcqlMissingClaimError,
    ),
    "one of several without the claim": (
        MANY,
        certificate(shown(NAME, handle="x"), shown(handle="y", claims={"vct": CLAIMS["vct"]})),
        DcqlMissingClaimError,
    ),
}
MORE: dict[str, tuple[Query, Answer, type[DcqlResponseError]]] = {
    "an id that was not asked": (ONE, {**certificate(shown(NAME)), "other": [shown()]}, DcqlUnaskedCredentialError),
    "two for one": (
        ONE,
        certificate(shown(NAME, handle="x"), shown(NAME, handle="y")),
        DcqlUnaskedCredentialError,
    ),
    "one credential twice, to count as two": (MANY, certificate(shown(NAME), shown(NAME)), DcqlUnaskedCredentialError),
    "more than will be looked at": (
        MANY,
        certificate(*(shown(NAME, handle=str(n)) for n in range(65))),
        DcqlUnaskedCredentialError,
    ),
    "both options": (EITHER, {"a": [shown()], "b": [shown()], "c": [shown()]}, DcqlUnaskedCredentialError),
    "a credential in no option": (EITHER, {"a": [shown()], "d": [shown()]}, DcqlUnaskedCredentialError),
    "a claim nobody asked for": (ONE, certificate(shown(NAME, AGE, ("count",))), DcqlUnaskedClaimError),
    "a claim where none was asked for": (NO_CLAIMS, certificate(shown(NAME)), DcqlUnaskedClaimError),
    "a neighbour of the claim": (
        parse_query(query(claims=[claim("address", "street")])),
        certificate(shown(STREET, ("address", "numbers"))),
        DcqlUnaskedClaimError,
    ),
    "another element too": (
        parse_query(query(claims=[claim("list", 1)])),
        certificate(shown(("list", 0), ("list", 1), claims={**CLAIMS, "list": ["MO", "PT"]})),
        DcqlUnaskedClaimError,
    ),
    "two sets at once": (
        parse_query(query(claims=[claim("name", id="a"), claim("count", id="b")], claim_sets=[["a"], ["b"]])),
        certificate(shown(NAME, ("count",))),
        DcqlUnaskedClaimError,
    ),
    "the claim of a set whose other claim is missing": (
        parse_query(
            query(
                claims=[claim("name", id="a"), claim("count", id="b"), claim("missing", id="c")],
                claim_sets=[["b", "c"], ["a"]],
            )
        ),
        certificate(shown(NAME, ("count",))),
        DcqlUnaskedClaimError,
    ),
    "what another credential was asked for": (
        TWO,
        {"a": [shown(NAME, AGE, handle="x")], "b": [shown(AGE, handle="y")]},
        DcqlUnaskedClaimError,
    ),
}
ANOTHER: dict[str, tuple[Query, Answer, type[DcqlResponseError]]] = {
    "another type": (ONE, certificate(shown(NAME, AGE, claims={**CLAIMS, "vct": OTHER_VCT})), DcqlOtherCredentialError),
    "a type that is a list": (
        ONE,
        certificate(shown(NAME, AGE, claims={**CLAIMS, "vct": [CLAIMS["vct"]]})),
        DcqlOtherCredentialError,
    ),
    "another format": (ONE, certificate(shown(NAME, AGE, format="vc+sd-jwt")), DcqlOtherCredentialError),
    "a format that nothing can meet": (
        parse_query(query(format="mso_mdoc", meta={})),
        certificate(shown(format="mso_mdoc")),
        DcqlOtherCredentialError,
    ),
    "no trusted authority": (AUTHORITY, certificate(shown()), DcqlOtherCredentialError),
    "another authority": (
        AUTHORITY,
        certificate(shown(authorities=frozenset({("aki", "BBBB")}))),
        DcqlOtherCredentialError,
    ),
    "no holder binding": (ONE, certificate(shown(NAME, AGE, is_bound=False)), DcqlHolderBindingError),
    "credentials swapped between ids": (
        parsed_several(credential("a"), credential("b", meta={"vct_values": [OTHER_VCT]})),
        {"b": [shown()], "a": [shown(claims={"vct": OTHER_VCT})]},
        DcqlOtherCredentialError,
    ),
}
REFUSED = {**LESS, **MORE, **ANOTHER}


@pytest.mark.requirement("OpenID4VP 1.0 §6.4", "a response that answers the query exactly is accepted")
@pytest.mark.parametrize(("asked", "answer"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_an_exact_answer_is_accepted(asked: Query, answer: Answer) -> None:
    dcql.check_response(asked, answer)


@pytest.mark.requirement(
    "OpenID4VP 1.0 §14.9", "less, more or another credential than asked is refused by the verifier"
)
@pytest.mark.parametrize(("asked", "answer", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_another_answer_is_refused(asked: Query, answer: Answer, error: type[DcqlResponseError]) -> None:
    with pytest.raises(error):
        dcql.check_response(asked, answer)


def test_an_answer_at_the_bounds_is_judged_in_time() -> None:
    claims = [claim("list", None, str(n), id=f"c{n}") for n in range(63)] + [claim("list", None, id="all")]
    ids = [item["id"] for item in claims]
    asked = parse_query(query(claims=claims, claim_sets=[[name] for name in ids]))
    rows = [{"0": 1}] * 2000
    answer = certificate(shown(*(("list", n) for n in range(2000)), claims={**CLAIMS, "list": rows}))
    started = time.perf_counter()
    dcql.check_response(asked, answer)
    assert time.perf_counter() - started < 3


def test_every_choice_of_options_at_the_bounds_is_judged_in_time() -> None:
    ids = [f"q{n}" for n in range(10)]
    options = [[ids[n % 10], ids[(n * 3 + 1) % 10]] for n in range(16)]
    asked = parsed_several(*map(credential, ids), sets=[{"options": options, "required": False}] * 16)
    started = time.perf_counter()
    dcql.check_response(asked, {query_id: [shown()] for query_id in ids})
    assert time.perf_counter() - started < 3


def present(*paths: Any) -> dcql.PresentedCredential:
    return dcql.present(sd_jwt_vc.parse(made.present(made.issue(decoys=2), list(paths))))


def certified(extension: x509.ExtensionType | None) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    key, start = generate_p256(), datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=1))
    if extension:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_a_presentation_becomes_what_is_judged() -> None:
    credential_text = made.present(made.issue(decoys=2), [("given_name",), ("nationalities", 1)])
    found = dcql.present(sd_jwt_vc.parse(credential_text))
    assert found.format == "dc+sd-jwt"
    assert found.is_bound
    assert set(found.disclosed) == {("given_name",), ("nationalities", 1)}
    assert found.claims["nationalities"][:3] == [WITHHELD, "PT", WITHHELD]
    assert found.handle == credential_text.split("~")[0]


def test_a_presentation_without_key_binding_is_not_bound() -> None:
    assert not dcql.present(sd_jwt_vc.parse(sd_jwt.select(made.issue(), []))).is_bound


def test_real_presentations_are_judged_by_position() -> None:
    second = dcql.parse_query(
        query(meta={"vct_values": [made.registered()["vct"]]}, claims=[claim("nationalities", 1, values=["PT"])])
    )
    dcql.check_response(second, certificate(present(("nationalities", 1))))
    with pytest.raises(DcqlMissingClaimError):
        dcql.check_response(second, certificate(present(("nationalities", 0))))
    with pytest.raises(DcqlUnaskedClaimError):
        dcql.check_response(second, certificate(present(("nationalities", None))))


@pytest.mark.requirement("OpenID4VP 1.0 §6.1.1.1", "the key identifier of any certificate in the chain may match")
def test_a_chain_gives_the_key_identifiers_of_its_authorities() -> None:
    identified = certified(x509.AuthorityKeyIdentifier(b"\xb3\xdb\x48", None, None))
    by_name_alone = certified(x509.AuthorityKeyIdentifier(None, [x509.DNSName("issuer.example")], 1))
    found = dcql.chain_authorities([certified(None), by_name_alone, identified])
    assert found == {("aki", "s9tI")}
    asked = parse_query(query(trusted_authorities=[{"type": "aki", "values": ["AAAA", "s9tI"]}]))
    dcql.check_response(asked, certificate(shown(authorities=found)))


@pytest.mark.parametrize("bad", [b"", b"\x30\x00", b"not DER"])
def test_what_is_no_certificate_has_no_authority(bad: bytes) -> None:
    with pytest.raises(KeyFormatError):
        dcql.chain_authorities([bad])

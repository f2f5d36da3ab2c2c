"""One trust list: read as strictly as made, believed by its publisher's key alone, and never older than the last."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from protocol.encoding import b64u_encode, json_dumps
from protocol.errors import CodedError, TrustListFormatError
from protocol.keys import jwk_thumbprint
from protocol.trust_list import (
    MAX_ENTRIES,
    MAX_LIFETIME,
    MAX_LIST_BYTES,
    MAX_VERSION_STEP,
    Publisher,
    Seen,
    SignedList,
    check_current,
    check_succession,
    verify_list,
    write_list,
)
from protocol.trust_party import Registration, claims_beyond
from tests.protocol.trust_makers import (
    BIRTH,
    DAY,
    DIPLOMA,
    NOW,
    ROOT,
    Desk,
    body,
    claims_of,
    forge,
    issuer,
    jwk,
    signer,
    verifier,
)

KEY, EVE = signer(1), signer(666)
DEEP = Desk("schools", signer(2))
DESK = Desk("root", KEY, [issuer("bureau", BIRTH), body(DEEP, DIPLOMA), verifier("bank", BIRTH)])


def code_of(judge: Callable[[], Any]) -> str:
    with pytest.raises(CodedError) as refusal:
        judge()
    return refusal.value.code


def verify(token: str, publisher: Publisher = DESK.publisher) -> SignedList:
    return verify_list(token, publisher=publisher)


def test_what_was_written_is_what_is_read() -> None:
    read = verify(DESK.sign())
    assert read.content == DESK.content()
    assert (read.seen.version, read.seen.signed_by) == (7, jwk_thumbprint(KEY.public_jwk))


def test_writing_does_not_depend_on_the_order_in_which_things_were_gathered() -> None:
    types = [BIRTH, DIPLOMA, f"{ROOT}/types/other/1"]
    one, other = (Desk("root", KEY, [issuer("bureau", *order)]) for order in (types, types[::-1]))
    assert claims_of(one.sign()) == claims_of(other.sign())


def test_any_of_the_publishers_keys_will_do() -> None:
    both = replace(DESK.publisher, keys=(jwk(EVE), jwk(KEY)))
    assert verify(DESK.sign(), both).content.version == 7


ATTACKS: dict[str, tuple[Callable[[], str], str, str]] = {
    "wrong key": (lambda: DESK.sign(by=EVE), "signature_invalid", "only keys that the grantor named may sign"),
    "kid of the right key": (
        lambda: forge(claims_of(DESK.sign()), by=EVE, kid=KEY.key_id), "signature_invalid",
        "a name in the header chooses no key",
    ),
    "x5c of one's own": (
        lambda: forge(claims_of(DESK.sign()), by=EVE, x5c=["MAAA"]), "signature_invalid",
        "a certificate in the header chooses no key",
    ),
    "jwk of one's own": (
        lambda: with_header({"alg": "ES256", "typ": "trust-list+jwt", "jwk": EVE.public_jwk}), "header_not_allowed",
        "a list must not bring its own key",
    ),
    "no signature": (
        lambda: with_header({"alg": "none", "typ": "trust-list+jwt"}), "algorithm_not_allowed", "RFC 8725 §3.1",
    ),
    "another type of token": (
        lambda: with_header({"alg": "ES256", "typ": "statuslist+jwt"}), "typ_not_allowed", "RFC 8725 §3.11",
    ),
    "stripped entries": (
        lambda: tampered(lambda claims: claims["entries"].pop()), "signature_invalid",
        "whoever carries a list must not thin it out",
    ),
    "granted again": (
        lambda: tampered(lambda claims: claims["entries"][0].update(status="granted", status_since=1)),
        "signature_invalid", "a withdrawal must not be undone on the way",
    ),
    "mix and match": (
        lambda: Desk("schools", KEY).sign(), "trust_list_issuer_mismatch",
        "one party's list must not stand for another's, whatever key both use",
    ),
    "another list of the same party": (
        lambda: write_list(replace(DESK.content(), uri=f"{ROOT}/trust-lists/other.jwt"), signer=KEY),
        "trust_list_subject_mismatch", "a party may publish several lists",
    ),
    "endless data": (lambda: "e" * (MAX_LIST_BYTES + 1), "too_large", "refused before any work"),
}  # fmt: skip


def with_header(header: dict[str, Any]) -> str:
    _, payload, signature = DESK.sign().split(".")
    return f"{b64u_encode(json_dumps(header))}.{payload}.{signature}"


def tampered(change: Callable[[dict[str, Any]], Any]) -> str:
    header, _, signature = DESK.sign().split(".")
    claims = claims_of(DESK.sign())
    change(claims)
    return f"{header}.{b64u_encode(json_dumps(claims))}.{signature}"


@pytest.mark.requirement("TUF 1.0 §1.5.2", "Lists by the wrong key, thinned, mixed up or endless are refused")
@pytest.mark.parametrize("name", ATTACKS)
def test_a_list_that_its_publisher_did_not_make_is_refused(name: str) -> None:
    build, code, _reason = ATTACKS[name]
    assert code_of(lambda: verify(build())) == code


def spoil(path: str, value: Any) -> dict[str, Any]:
    """The sound claims with one member, named by a dotted path, set to *value*, or removed if that is DROP."""
    claims: Any = claims_of(DESK.sign())
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    node = claims
    for step in steps:
        node = node[step]
    if value is DROP:
        del node[last]
    else:
        node[last] = value
    return dict(claims)


DROP = object()
BAD_KEY = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "k"}
MALFORMED: list[tuple[str, Any]] = [
    ("iss", DROP), ("iss", 7), ("iss", "x" * 301), ("iss", "a\u202eb"), ("sub", "ftp://gov.example/a"), ("sub", "https://"),
    ("sub", "https://u:p@gov.example/a"), ("sub", "https://gov.example/a?b=1"), ("sub", "https://["), ("sub", "https://gov.example/é"),
    ("version", DROP), ("version", 0), ("version", -1), ("version", True), ("version", "7"), ("version", 7.0), ("version", 1 << 53),
    ("iat", NOW + 8 * DAY), ("iat", None), ("iat", True), ("iat", 1.5), ("exp", DROP), ("exp", 1 << 60), ("exp", NOW + MAX_LIFETIME + DAY),
    ("next_update", NOW + 30 * DAY), ("next_update", NOW - DAY), ("surprise", 1), ("entries", {}), ("entries", None), ("entries", [1]),
    ("entries.0.kind", "root"), ("entries.0.kind", 1), ("entries.0.kind", []), ("entries.0.identifier", ""), ("entries.0.identifier", DROP),
    ("entries.0.surprise", 1), ("entries.0.list", "https://gov.example/x"), ("entries.0.names", {}), ("entries.0.names", []),
    ("entries.0.names", {"en": ""}), ("entries.0.names", {"": "x"}), ("entries.0.names", {str(n): "x" for n in range(17)}),
    ("entries.0.jwks", {"keys": []}), ("entries.0.jwks", {}), ("entries.0.jwks", []), ("entries.0.jwks.keys.0", BAD_KEY),
    ("entries.0.jwks.keys.0.d", "AA"), ("entries.0.jwks.keys.0.kid", DROP), ("entries.0.jwks.keys.0.kid", 1),
    ("entries.0.jwks.keys", [jwk(KEY), jwk(KEY)]), ("entries.0.jwks.keys", [jwk(signer(n)) for n in range(17)]),
    ("entries.0.status_jwks", DROP), ("entries.0.types", []), ("entries.0.types", BIRTH), ("entries.0.types", [BIRTH, BIRTH]),
    ("entries.0.types", [BIRTH, "*"]), ("entries.0.types", [1]), ("entries.0.types", [f"t{n}" for n in range(501)]),
    ("entries.0.valid_from", NOW + 900 * DAY), ("entries.0.valid_until", "2030-01-01"), ("entries.0.valid_until", DROP),
    ("entries.0.status", "suspended"), ("entries.0.status", True), ("entries.0.status_since", None),
    ("entries.1.list", DROP), ("entries.1.list", "file:///etc/passwd"), ("entries.1.accredits", []), ("entries.1.accredits", ["king"]),
    ("entries.2.registrations", []), ("entries.2.types", [BIRTH]), ("entries.2.registrations.0.claims", []),
    ("entries.2.registrations.0.claims", [[]]), ("entries.2.registrations.0.claims", [[1.5]]), ("entries.2.registrations.0.claims", [[True]]),
    ("entries.2.registrations.0.claims", [[-1]]), ("entries.2.registrations.0.purpose", {}), ("entries.2.registrations.0.retention_days", -1),
    ("entries.2.registrations.0.retention_days", True), ("entries.2.registrations.0.vct", 1), ("entries.2.registrations.0.surprise", 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value"), MALFORMED, ids=[f"{number}-{path}" for number, (path, _) in enumerate(MALFORMED)]
)
def test_a_list_is_read_as_strictly_as_it_is_made(path: str, value: Any) -> None:
    assert code_of(lambda: verify(forge(spoil(path, value), by=KEY))) == "trust_list_malformed"


def test_a_party_is_named_once_and_a_list_holds_no_more_than_it_may() -> None:
    twice = Desk("root", KEY, [issuer("bureau", BIRTH), issuer("bureau", DIPLOMA)])
    with pytest.raises(TrustListFormatError):
        twice.sign()
    claims = claims_of(DESK.sign())
    claims["entries"] = [1] * (MAX_ENTRIES + 1)
    assert code_of(lambda: verify(forge(claims, by=KEY))) == "trust_list_malformed"


def test_one_name_may_be_both_a_body_and_an_issuer() -> None:
    desk = Desk("root", KEY, [replace(issuer("x", BIRTH), identifier=DEEP.identifier), body(DEEP, BIRTH)])
    assert len(verify(desk.sign()).content.entries) == 2


def test_ten_megabytes_are_refused_in_no_time() -> None:
    started_at = time.perf_counter()
    assert code_of(lambda: verify("e" * 10_000_000)) == "too_large"
    assert time.perf_counter() - started_at < 0.1


@pytest.mark.requirement("TUF 1.0 §1.5.2", "Freeze: a list is not relied on past its end")
@pytest.mark.parametrize(
    ("now", "code"),
    [(NOW + 7 * DAY, "trust_list_expired"), (NOW - 200, "trust_list_not_yet_valid")],
)
def test_a_list_counts_only_in_its_time(now: int, code: str) -> None:
    check_current(DESK.content(), now=NOW)
    check_current(DESK.content(), now=NOW - 110)
    assert code_of(lambda: check_current(DESK.content(), now=now)) == code


def seen(**changes: Any) -> Seen:
    return verify(DESK.sign(**changes)).seen


def follows(new: str, last: Seen | None, publisher: Publisher = DESK.publisher) -> bool:
    return check_succession(verify(new, publisher), last=last, publisher=publisher)


def test_the_next_version_follows_and_the_same_list_again_is_no_news() -> None:
    assert follows(DESK.sign(), None)
    assert follows(DESK.sign(version=8), seen())
    assert follows(DESK.sign(version=7 + MAX_VERSION_STEP), seen())
    # Signed twice: other signature bytes over the same content.
    assert not follows(DESK.sign(), seen())


@pytest.mark.requirement("TUF 1.0 §1.5.2", "Rollback and fast-forward are refused, and one version has one content")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": 6}, "trust_list_rolled_back"),
        ({"version": 7, "entries": ()}, "trust_list_forked"),
        ({"version": 7, "expires_at": NOW + 8 * DAY}, "trust_list_forked"),
        ({"version": 8 + MAX_VERSION_STEP}, "trust_list_fast_forwarded"),
    ],
)
def test_no_older_no_other_and_no_far_away_version_follows(changes: dict[str, Any], code: str) -> None:
    assert code_of(lambda: follows(DESK.sign(**changes), seen())) == code


def test_a_new_key_ends_the_memory_of_what_a_stolen_one_signed() -> None:
    stolen = verify(DESK.sign(version=90_000)).seen
    recovered = Desk("root", signer(3), DESK.entries)
    assert follows(recovered.sign(version=8), stolen, recovered.publisher)
    # While the old key is still listed, its versions bind.
    overlapping = replace(recovered.publisher, keys=(jwk(KEY), jwk(recovered.key)))
    assert code_of(lambda: follows(recovered.sign(version=8), stolen, overlapping)) == "trust_list_rolled_back"


@pytest.mark.parametrize(
    ("asked", "beyond"),
    [
        ([("name",)], []),
        ([("address", "city")], []),
        ([("address", "city", "district")], []),
        ([("address",)], [("address",)]),
        ([("name",), ("salary",)], [("salary",)]),
        ([("degrees", 0, "title")], []),
        ([("degrees", "title")], [("degrees", "title")]),
    ],
)
def test_what_a_verifier_asks_beyond_its_registration_is_found(asked: list[Any], beyond: list[Any]) -> None:
    registered = [Registration(BIRTH, (("name",), ("address", "city"), ("degrees", None, "title")), {"en": "why"}, 1)]
    assert claims_beyond(registered, vct=BIRTH, claims=asked) == beyond
    assert claims_beyond(registered, vct=DIPLOMA, claims=asked) == asked

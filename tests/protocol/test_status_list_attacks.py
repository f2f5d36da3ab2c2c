"""Status lists and references that must be refused, each with its reason, and those that must not."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from protocol.encoding import b64u_encode, json_dumps
from protocol.errors import ProtocolError
from protocol.keys import SoftwareSigner, generate_p256
from protocol.status_list import MAX_ARRAY_BYTES, StatusList, encode_token, status_reference, verify_token

KEY, OUTSIDER = generate_p256(), generate_p256()
URI = "https://status.example/lists/7"
NOW = 1_800_000_000
LST = StatusList.of_size(100).compress()
DISCARD = object()


def token(key: Any = KEY, header: dict[str, Any] | None = None, inner: Any = None, **claims: Any) -> str:
    """Sign by hand, so that nothing of ours stands in the way of malformed tokens."""
    payload = {"sub": URI, "iat": NOW, "exp": NOW + 600, "ttl": 60, "status_list": inner or {"bits": 2, "lst": LST}}
    payload = {name: value for name, value in (payload | claims).items() if value is not DISCARD}
    return signed(json_dumps(payload), key, header)


def signed(payload: bytes, key: Any = KEY, header: dict[str, Any] | None = None) -> str:
    head = {"alg": "ES256", "typ": "statuslist+jwt", "kid": "1"} | (header or {})
    signing_input = f"{b64u_encode(json_dumps(head))}.{b64u_encode(payload)}"
    return f"{signing_input}.{b64u_encode(SoftwareSigner(key, '1').sign(signing_input.encode()))}"


def bomb(size: int) -> str:
    deflate, chunk = zlib.compressobj(9), bytes(1 << 20)
    return b64u_encode(b"".join(deflate.compress(chunk) for _ in range(size >> 20)) + deflate.flush())


def lst(data: bytes) -> dict[str, Any]:
    return {"bits": 2, "lst": b64u_encode(data)}


COMPRESSED = zlib.compress(bytes(25), 9)
UNSIGNED = token(header={"alg": "none"}).rpartition(".")[0] + "."

# Each: name, token, expected code, reason.
TOKENS: list[tuple[str, Callable[[], str], str, str]] = [
    ("alg none", lambda: UNSIGNED, "algorithm_not_allowed", "an unsigned list was accepted by real wallets"),
    ("no signature", lambda: token().rpartition(".")[0] + ".", "signature_malformed", "the same, alg left as it was"),
    ("two parts", lambda: token().rpartition(".")[0], "jws_malformed", "not a compact JWS"),
    ("outsider", lambda: token(OUTSIDER), "signature_invalid", "signed by a key that nobody trusts"),
    (
        "own x5c",
        lambda: token(OUTSIDER, {"x5c": ["AAAA"]}),
        "signature_invalid",
        "a real verifier trusted the list by the certificate that it brought along",
    ),
    ("own jwk", lambda: token(OUTSIDER, {"jwk": {}}), "header_not_allowed", "a key brought along"),
    ("crit", lambda: token(header={"crit": ["x"]}), "crit_not_supported", "an extension that is not understood"),
    ("typ JWT", lambda: token(header={"typ": "JWT"}), "typ_not_allowed", "another token of the same issuer as a list"),
    ("typ vc", lambda: token(header={"typ": "dc+sd-jwt"}), "typ_not_allowed", "a credential as a list"),
    ("typ cwt", lambda: token(header={"typ": "statuslist+cwt"}), "typ_not_allowed", "the other serialization"),
    ("sub of another list", lambda: token(sub=URI + "8"), "status_list_subject_mismatch", "list swapped for another"),
    ("sub missing", lambda: token(sub=DISCARD), "status_list_subject_mismatch", "sub is required"),
    ("sub not text", lambda: token(sub=[URI]), "status_list_subject_mismatch", "sub is text"),
    ("sub with slash", lambda: token(sub=URI + "/"), "status_list_subject_mismatch", "addresses are compared exactly"),
    ("expired", lambda: token(exp=NOW - 1), "status_list_expired", "a list from before a revocation, replayed"),
    ("expires now", lambda: token(exp=NOW), "status_list_expired", "exp is the first moment of not being valid"),
    ("exp text", lambda: token(exp=str(NOW + 600)), "claim_malformed", "a date is a number"),
    ("exp true", lambda: token(exp=True), "claim_malformed", "true is 1 to some languages"),
    ("exp null", lambda: token(exp=None), "claim_malformed", "null is not absent"),
    ("iat missing", lambda: token(iat=DISCARD), "status_list_malformed", "iat is required"),
    ("iat in the future", lambda: token(iat=NOW + 61), "status_list_not_yet_valid", "more than a minute is no drift"),
    ("nbf in the future", lambda: token(nbf=NOW + 3600), "status_list_not_yet_valid", "not valid yet"),
    ("ttl zero", lambda: token(ttl=0), "status_list_malformed", "ttl is positive"),
    ("ttl negative", lambda: token(ttl=-5), "claim_malformed", "ttl is positive"),
    ("ttl text", lambda: token(ttl="60"), "claim_malformed", "ttl is a number"),
    ("no list", lambda: token(status_list=DISCARD), "status_list_malformed", "status_list is required"),
    ("list of lists", lambda: token(status_list=[]), "status_list_malformed", "status_list is an object"),
    ("no bits", lambda: token(inner={"lst": LST}), "status_list_malformed", "bits is required"),
    ("no lst", lambda: token(inner={"bits": 2}), "status_list_malformed", "lst is required"),
    ("bits 3", lambda: token(inner={"bits": 3, "lst": LST}), "status_list_malformed", "1, 2, 4 or 8"),
    ("bits true", lambda: token(inner={"bits": True, "lst": LST}), "status_list_malformed", "true is not 1"),
    ("bits text", lambda: token(inner={"bits": "2", "lst": LST}), "status_list_malformed", "bits is a number"),
    ("lst number", lambda: token(inner={"bits": 2, "lst": 5}), "status_list_malformed", "lst is text"),
    ("lst padded", lambda: token(inner={"bits": 2, "lst": LST + "="}), "status_list_malformed", "base64url unpadded"),
    ("lst base64", lambda: token(inner={"bits": 2, "lst": "+/+/"}), "status_list_malformed", "base64url alphabet"),
    ("lst not zlib", lambda: token(inner=lst(b"not zlib")), "status_list_malformed", "zlib is required"),
    ("lst raw deflate", lambda: token(inner=lst(COMPRESSED[2:-4])), "status_list_malformed", "the zlib wrapper too"),
    ("lst truncated", lambda: token(inner=lst(COMPRESSED[:-2])), "status_list_malformed", "entries cut off unnoticed"),
    ("lst followed", lambda: token(inner=lst(COMPRESSED + b"x")), "status_list_malformed", "two readers, two lists"),
    ("lst checksum", lambda: token(inner=lst(COMPRESSED[:-1] + b"\0")), "status_list_malformed", "altered in transit"),
    (
        "1 GiB bomb",
        lambda: token(inner={"bits": 1, "lst": bomb(1 << 30)}),
        "status_list_too_large",
        "one megabyte that inflates to a thousand",
    ),
    (
        "just past the bound",
        lambda: token(inner={"bits": 1, "lst": b64u_encode(zlib.compress(bytes(MAX_ARRAY_BYTES + 1)))}),
        "status_list_too_large",
        "the bound is exact",
    ),
    ("oversized token", lambda: token(pad="x" * (1 << 22)), "too_large", "refused before it is parsed"),
    ("payload not JSON", lambda: signed(b"<html>"), "json_invalid", "an error page that was signed by mistake"),
    ("payload not an object", lambda: signed(b"[]"), "json_invalid", "claims are an object"),
    ("payload twice sub", lambda: signed(b'{"sub":"a","sub":"b"}'), "json_invalid", "two readers, two lists"),
    ("HTML instead", lambda: "<html>404 Not Found</html>", "jws_malformed", "what a server says when it has no list"),
    ("empty", lambda: "", "jws_malformed", "what a broken server says"),
]

# Each: name, status claim, reason.
REFERENCES: list[tuple[str, Any, str]] = [
    ("status null", None, "null is not absent"),
    ("status text", "valid", "status is an object"),
    ("status list", [], "status is an object"),
    ("status empty", {}, "not understanding a status is not having none"),
    ("other mechanism", {"status_assertion": {}}, "not understanding a status is not having none"),
    ("reference text", {"status_list": URI}, "the reference is an object"),
    ("no idx", {"status_list": {"uri": URI}}, "idx is required"),
    ("no uri", {"status_list": {"idx": 1}}, "uri is required"),
    *(
        (f"idx {index!r}", {"status_list": {"idx": index, "uri": URI}}, "idx is a non-negative integer")
        for index in (-1, True, 3.5, 1.0, "1", None, [1])
    ),
    *(
        (f"uri {uri!r:.60}", {"status_list": {"idx": 1, "uri": uri}}, "an address that must not be fetched")
        for uri in (
            None,
            7,
            "",
            "status.example/1",
            "//status.example/1",
            "http://status.example/1",
            "http://169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "gopher://127.0.0.1:6379/_FLUSHALL",
            "https://",
            "https:///path",
            "https://trusted.example@evil.example/1",
            "https://status.example/1#part",
            "https://status.example/a b",
            "https://status.example/\n",
            "https://status.example\\@evil.example/",
            "https://státus.example/1",
            "https://status.example:99999/",
            "https://status.example:0/",
            "https://status.example:x/",
            "https://[::1/",
            "https://status.example/" + "x" * 3000,
        )
    ),
]


@pytest.mark.requirement("Token Status List §8.3", "a token that breaks a rule is refused")
@pytest.mark.parametrize(("build", "code", "reason"), [pytest.param(*case[1:], id=case[0]) for case in TOKENS])
def test_hostile_tokens_are_refused(build: Callable[[], str], code: str, reason: str) -> None:
    hostile = build()
    began = time.process_time()
    with pytest.raises(ProtocolError) as refusal:
        verify_token(hostile, key=KEY.public_key(), uri=URI, now=NOW)
    assert refusal.value.code == code, reason
    assert time.process_time() - began < 2


@pytest.mark.requirement("Token Status List §6.2", "a malformed reference is refused")
@pytest.mark.parametrize(("status", "reason"), [pytest.param(*case[1:], id=case[0]) for case in REFERENCES])
def test_hostile_references_are_refused(status: Any, reason: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        status_reference({"status": status})
    assert refusal.value.code == "status_reference_malformed", reason


@pytest.mark.requirement("Token Status List §8.3", "an index outside the list is refused")
@pytest.mark.parametrize("index", [100, 2**31, 2**63])
def test_an_index_past_the_end_is_refused(index: int) -> None:
    read = verify_token(token(), key=KEY.public_key(), uri=URI, now=NOW)
    with pytest.raises(ProtocolError) as refusal:
        read.get(index)
    assert refusal.value.code == "status_index_out_of_range"


@pytest.mark.parametrize(
    "benign",
    [
        pytest.param(token, id="two-bit list"),
        pytest.param(lambda: token(inner={"bits": 8, "lst": LST}), id="eight-bit list"),
        pytest.param(lambda: token(exp=DISCARD, ttl=DISCARD), id="neither exp nor ttl"),
        pytest.param(lambda: token(iat=NOW + 60), id="a clock one minute ahead"),
        pytest.param(lambda: token(iat=NOW - 0.5, ttl=0.5), id="fractions of a second"),
        pytest.param(lambda: token(exp=NOW + 1), id="the last second"),
        pytest.param(lambda: token(nbf=NOW, extra={"deep": [1]}), id="further claims"),
        pytest.param(lambda: token(inner={"bits": 2, "lst": LST, "aggregation_uri": URI}), id="aggregation"),
        pytest.param(lambda: token(header={"x5c": ["AAAA"]}), id="a certificate that is not used"),
        pytest.param(lambda: token(inner={"bits": 2, "lst": b64u_encode(zlib.compress(bytes(25), 0))}), id="stored"),
    ],
)
def test_benign_tokens_are_accepted(benign: Callable[[], str]) -> None:
    assert verify_token(benign(), key=KEY.public_key(), uri=URI, now=NOW).get(24) == 0


def test_the_last_index_counts() -> None:
    made = StatusList.of_size(100)
    made.set(99, 2)
    read = verify_token(
        encode_token(made, uri=URI, signer=SoftwareSigner(KEY, "1"), iat=NOW), key=KEY.public_key(), uri=URI, now=NOW
    )
    assert (read.get(99), read.size) == (2, 100)

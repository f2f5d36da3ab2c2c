from __future__ import annotations

from typing import Any

import pytest

from protocol import sd_jwt, sd_jwt_vc
from protocol.claims import numeric_date, optional_text
from protocol.errors import (
    ClaimFormatError,
    CredentialTypeError,
    CredentialTypeMismatchError,
    ExpiredError,
    HeaderFormatError,
    IssuedInFutureError,
    IssuerMismatchError,
    KeyBindingMissingError,
    KeyFormatError,
    NotYetValidError,
    RegisteredClaimError,
    SignatureError,
    TokenTypeError,
)
from tests.protocol.makers import (
    AUDIENCE,
    EVE,
    HOLDER,
    ISSUER,
    ISSUER_KEY,
    ISSUER_NAME,
    NONCE,
    NOW,
    VCT,
    disclose,
    hidden,
    issuer_header,
    judge,
    jws,
    payload,
    present,
    unbound,
)

STATUS = {"status_list": {"idx": 7, "uri": "https://issuer.example/status/1"}}


def issue(**how: Any) -> sd_jwt.SdJwt:
    base: dict[str, Any] = {
        "claims": {"given_name": "Lei", "sub": "lei"}, "vct": VCT, "signer": ISSUER, "header": {"x5c": ["MIIB"]}, "issuer": ISSUER_NAME,
        "issued_at": NOW - 10, "expires_at": NOW + 10, "holder_jwk": {**HOLDER.public_jwk, "kid": "device"},
        "disclosable": [("given_name",)],
    }  # fmt: skip
    return sd_jwt_vc.issue_credential(**{**base, **how})


@pytest.mark.requirement("SD-JWT VC §3.2", "credentials with typ dc+sd-jwt, vct, cnf and status")
def test_credential_issued_is_accepted_with_its_claims() -> None:
    held = issue(not_before=NOW - 10, status=STATUS, extra={"vct#integrity": "sha256-x"}, decoys=sd_jwt.pad_to(4))
    text = sd_jwt.select(held, [("given_name",)])
    bound = sd_jwt.create_key_binding(text, signer=HOLDER, audience=AUDIENCE, nonce=NONCE, issued_at=NOW)
    assert judge(bound) == {
        "iss": ISSUER_NAME, "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 10, "vct": VCT, "vct#integrity": "sha256-x",
        "cnf": {"jwk": HOLDER.public_jwk}, "status": STATUS, "given_name": "Lei", "sub": "lei",
    }  # fmt: skip
    assert sd_jwt_vc.parse(bound).header == {"alg": "ES256", "typ": "dc+sd-jwt", "x5c": ["MIIB"]}
    assert len(held.payload["_sd"]) == 4


def test_credential_may_have_no_holder_no_end_and_no_issuer_name() -> None:
    held = issue(holder_jwk=None, expires_at=None, issuer=None)
    assert set(held.payload) == {"iat", "vct", "sub", "_sd", "_sd_alg"}
    parsed = sd_jwt_vc.parse(held.text)
    assert sd_jwt_vc.verify_signature(parsed, ISSUER_KEY) == held.payload
    assert sd_jwt_vc.reveal_claims(parsed)["given_name"] == "Lei"
    with pytest.raises(KeyBindingMissingError):
        sd_jwt_vc.verify_key_binding(parsed, audience=AUDIENCE, nonce=NONCE, now=NOW)


@pytest.mark.requirement("SD-JWT VC §3.2.2.2", "registered claims are never hidden")
@pytest.mark.parametrize("name", sorted(sd_jwt_vc.NEVER_DISCLOSABLE))
def test_registered_claims_cannot_be_hidden(name: str) -> None:
    for path in ((name,), (name, "jwk")):
        with pytest.raises(RegisteredClaimError):
            issue(disclosable=[path])


@pytest.mark.parametrize("name", sorted({*sd_jwt_vc.NEVER_DISCLOSABLE, "iat"}))
def test_registered_claims_cannot_come_with_the_others(name: str) -> None:
    with pytest.raises(ClaimFormatError):
        issue(claims={name: 1})


@pytest.mark.parametrize("name", ["iss", "iat", "nbf", "exp", "vct", "cnf", "status"])
def test_extra_claims_cannot_replace_those_set_here(name: str) -> None:
    with pytest.raises(ClaimFormatError):
        issue(extra={name: 1})


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"vct": ""}, CredentialTypeError), ({"vct": None}, CredentialTypeError), ({"holder_jwk": {"kty": "RSA"}}, KeyFormatError),
        ({"holder_jwk": {**HOLDER.public_jwk, "d": "AA"}}, KeyFormatError), ({"header": {"typ": None}}, TokenTypeError),
        ({"header": {"kid": 5}}, HeaderFormatError),
    ],
)  # fmt: skip
def test_unsound_credential_is_not_signed(how: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        issue(**how)


@pytest.mark.requirement("SD-JWT VC §3.2.1", "typ vc+sd-jwt only on request")
def test_legacy_type_needs_the_callers_word() -> None:
    text = unbound(jws(payload(), issuer_header(typ="vc+sd-jwt")))
    with pytest.raises(TokenTypeError):
        sd_jwt_vc.parse(text)
    assert sd_jwt_vc.parse(text, allow_legacy_type=True).payload == payload()
    assert sd_jwt_vc.parse(unbound(jws(payload())), allow_legacy_type=True).payload == payload()


def test_signature_of_another_issuer_is_refused() -> None:
    with pytest.raises(SignatureError):
        sd_jwt_vc.verify_signature(sd_jwt_vc.parse(unbound(jws(payload(), signer=EVE))), ISSUER_KEY)


def test_paths_tell_what_was_disclosed() -> None:
    street = disclose("s1", "street", "Rua 1")
    address = disclose("s2", "address", {"_sd": hidden(street)["_sd"]})
    parsed = sd_jwt_vc.parse(present(hidden(address), [address, street]))
    claims, paths = sd_jwt_vc.reveal_claims_with_paths(parsed)
    assert claims["address"] == {"street": "Rua 1"}
    assert paths == (("address",), ("address", "street"))


def test_issuer_and_type_are_compared_whole() -> None:
    sd_jwt_vc.check_issuer({"iss": ISSUER_NAME}, expected=ISSUER_NAME)
    sd_jwt_vc.check_type({"vct": VCT}, expected=VCT)
    for value in (ISSUER_NAME + "/", None, [ISSUER_NAME]):
        with pytest.raises(IssuerMismatchError):
            sd_jwt_vc.check_issuer({"iss": value}, expected=ISSUER_NAME)
    for value in (VCT + "/", None, [VCT]):
        with pytest.raises(CredentialTypeMismatchError):
            sd_jwt_vc.check_type({"vct": value}, expected=VCT)


@pytest.mark.requirement("RFC 7519 §4.1", "exp, nbf and iat with a leeway")
@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({}, None), ({"exp": NOW - 59}, None), ({"exp": NOW - 60}, ExpiredError), ({"exp": 0}, ExpiredError), ({"nbf": NOW + 60}, None),
        ({"nbf": NOW + 60.5}, NotYetValidError), ({"iat": NOW + 60}, None), ({"iat": NOW + 61}, IssuedInFutureError), ({"iat": 0}, None),
        ({"exp": True}, ClaimFormatError), ({"exp": "1"}, ClaimFormatError),
    ],
)  # fmt: skip
def test_validity_at_its_edges(claims: dict[str, Any], error: type[Exception] | None) -> None:
    if error is None:
        sd_jwt_vc.check_validity(claims, now=NOW)
        return
    with pytest.raises(error):
        sd_jwt_vc.check_validity(claims, now=NOW)


def test_leeway_can_be_narrowed() -> None:
    with pytest.raises(ExpiredError):
        sd_jwt_vc.check_validity({"exp": NOW}, now=NOW, leeway=0)


@pytest.mark.requirement("RFC 7519 §2", "a NumericDate is a finite number of seconds")
@pytest.mark.parametrize("value", [True, False, "1", None, [], {}, -1, -0.5, float("nan"), float("inf"), 10**20])
def test_what_is_no_date_is_refused(value: Any) -> None:
    with pytest.raises(ClaimFormatError):
        numeric_date({"exp": value}, "exp")


def test_dates_and_texts_are_read() -> None:
    assert [numeric_date({"exp": value}, "exp") for value in (0, 1.5, 253_402_300_799)] == [0, 1.5, 253_402_300_799]
    assert numeric_date({}, "exp") is None
    assert optional_text({}, "iss") is None
    assert optional_text({"iss": "a"}, "iss") == "a"
    for value in ("", None, 1, ["a"]):
        with pytest.raises(ClaimFormatError):
            optional_text({"iss": value}, "iss")

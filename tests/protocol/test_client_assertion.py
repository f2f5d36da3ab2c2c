"""``private_key_jwt``: which assertions let a client in, and the attacks that must not."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.client_assertion import ClientAssertion, claimed_client, verify
from protocol.encoding import b64u_encode, json_dumps
from protocol.errors import OAuthClientError
from protocol.jose import sign_compact
from protocol.keys import SoftwareSigner, generate_p256

NOW = 1_790_000_000
ISSUER = "https://op.example"
SIGNER, OTHER = SoftwareSigner(generate_p256(), "one"), SoftwareSigner(generate_p256(), "two")
KEYS: list[dict[str, Any]] = [{**OTHER.public_jwk, "kid": "two"}, {**SIGNER.public_jwk, "kid": "one"}]
CLAIMS = {"iss": "c", "sub": "c", "aud": ISSUER, "jti": "j", "exp": NOW + 60}


def made(*, signer: SoftwareSigner = SIGNER, header: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return sign_compact(json_dumps(claims), signer=signer, header=header or {"typ": "JWT", "kid": "one"})


def headed(algorithm: str, signature: str) -> str:
    return f"{b64u_encode(json_dumps({'alg': algorithm}))}.{b64u_encode(json_dumps(CLAIMS))}.{signature}"


def judge(assertion: str, keys: list[dict[str, Any]] = KEYS) -> ClientAssertion:
    return verify(assertion, client_id="c", keys=keys, audiences={ISSUER, f"{ISSUER}/token"}, now=NOW)


GOOD = {
    "for the issuer": made(),
    "for the token endpoint": made(aud=f"{ISSUER}/token"),
    "for several": made(aud=["https://elsewhere.example", ISSUER]),
    "of the type to come": made(header={"typ": "client-authentication+jwt", "kid": "one"}),
    "without naming its key": made(header={"typ": "JWT"}),
    "ten minutes": made(exp=NOW + 600),
    "a clock that runs ahead": made(nbf=NOW + 30, iat=NOW + 30),
}
BAD = {
    "another's key": made(signer=OTHER),
    "a key of nobody": made(signer=SoftwareSigner(generate_p256(), "one")),
    "another client": made(sub="d"),
    "of another issuer": made(iss="d"),
    "for another server": made(aud="https://elsewhere.example"),
    "for nobody": made(aud=None),
    "for everybody": made(aud=[]),
    "an audience that is no text": made(aud=[{"a": 1}, 2]),
    "an audience beneath ours": made(aud=f"{ISSUER}/x"),
    "expired": made(exp=NOW),
    "never ending": made(exp=None),
    "for a day": made(exp=NOW + 86_400),
    "not yet": made(nbf=NOW + 120),
    "without jti": made(jti=None),
    "an access token's type": made(header={"typ": "at+jwt", "kid": "one"}),
    "unsigned": headed("none", ""),
    "signed with the public key as secret": headed("HS256", "AAAA"),
    "nothing": "",
    "too much": "a" * 10_000,
}


@pytest.mark.requirement("RFC 7523 §3", "an assertion of the client's key, for us, that ends soon, is accepted")
@pytest.mark.parametrize("assertion", GOOD.values(), ids=GOOD.keys())
def test_an_assertion_is_accepted(assertion: str) -> None:
    found = judge(assertion)
    assert (found.client_id, found.jti) == ("c", "j")
    assert claimed_client(assertion) == "c"


@pytest.mark.requirement("RFC 7523 §3", "any other assertion is refused as invalid_client")
@pytest.mark.parametrize("assertion", BAD.values(), ids=BAD.keys())
def test_an_assertion_is_refused(assertion: str) -> None:
    with pytest.raises(OAuthClientError):
        judge(assertion)


def test_a_key_without_a_name_is_tried_too() -> None:
    assert judge(made(), [dict(OTHER.public_jwk), dict(SIGNER.public_jwk)]).jti == "j"


def test_a_client_without_keys_is_never_let_in() -> None:
    with pytest.raises(OAuthClientError):
        judge(made(), [])


@pytest.mark.parametrize("assertion", ["", "x", made(sub=None), made(sub=1)])
def test_an_assertion_of_nobody_is_refused(assertion: str) -> None:
    with pytest.raises(OAuthClientError):
        claimed_client(assertion)

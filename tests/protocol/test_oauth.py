"""OAuth requests read strictly, and what is answered."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import errors, oauth
from protocol.errors import (
    AccessTokenError,
    AuthorizationDeniedError,
    AuthorizationDetailsError,
    GrantTypeError,
    OAuthError,
    OAuthRequestError,
    PkceChallengeError,
    RequestObjectError,
    ResponseTypeError,
    ScopeError,
)
from protocol.oauth import (
    AuthorizationRequest,
    CodeTokenRequest,
    PreAuthorizedTokenRequest,
    PresentedToken,
    PushedReference,
    RedirectTarget,
    RefreshTokenRequest,
)
from tests.protocol.issuance_makers import CREDENTIAL_ISSUER, WALLET, thumbprint
from tests.protocol.makers import DROP, with_changes
from tests.protocol.test_pkce import CHALLENGE, VERIFIER

DETAILS = [{"type": "openid_credential", "credential_configuration_id": "birth_1", "locations": [CREDENTIAL_ISSUER]}]
REQUEST = {
    "response_type": "code", "client_id": "wallet", "redirect_uri": "https://wallet.example/cb?x=1", "scope": "birth_1 health_2",
    "code_challenge": CHALLENGE, "code_challenge_method": "S256", "state": "s", "issuer_state": "i", "dpop_jkt": thumbprint(WALLET),
}  # fmt: skip


def pairs(base: dict[str, Any], **changes: Any) -> list[tuple[str, str]]:
    return list(with_changes(base, changes).items())


def asked(**changes: Any) -> AuthorizationRequest:
    return oauth.parse_authorization_request(pairs(REQUEST, **changes))


# --- forms


@pytest.mark.requirement("RFC 6749 appendix B", "forms are read as UTF-8, percent-encoded")
def test_a_form_is_read() -> None:
    assert oauth.parse_form(b"a=1+2&b=%C3%A9&c=") == [("a", "1 2"), ("b", "é"), ("c", "")]
    assert oauth.parse_form(b"") == []
    assert oauth.parse_form(b"a=1;b") == [("a", "1;b")], "a semicolon separates nothing"


@pytest.mark.parametrize("body", [b"\xff", "é=1".encode(), b"a=%FF", b"a", b"&&", b"a=1&" * 65, b"a=" + b"x" * 70_000])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(OAuthRequestError):
        oauth.parse_form(body)


@given(st.binary(max_size=60))
def test_no_body_crashes_the_readers(body: bytes) -> None:
    for parse in (oauth.parse_token_request, oauth.parse_authorization_request, oauth.parse_pushed_request):
        with pytest.raises(OAuthError):
            parse(oauth.parse_form(body))


# --- token requests


@pytest.mark.requirement("OpenID4VCI 1.0 §6.1", "the three grants are read, unknown parameters ignored")
def test_token_requests_are_read() -> None:
    code = {"grant_type": "authorization_code", "code": "c", "code_verifier": VERIFIER, "redirect_uri": "https://w/cb"}
    assert oauth.parse_token_request(pairs(code, client_id="wallet", unknown="x")) == CodeTokenRequest(
        "c", "https://w/cb", VERIFIER, "wallet", (), ()
    )
    # user_pin is what drafts called tx_code; wallets send both, and resource besides.
    offered = {
        "grant_type": oauth.PRE_AUTHORIZED_GRANT,
        "pre-authorized_code": "p",
        "tx_code": "4935",
        "user_pin": "4935",
    }
    assert oauth.parse_token_request(pairs(offered, resource=CREDENTIAL_ISSUER)) == PreAuthorizedTokenRequest(
        "p", "4935", None, (), (CREDENTIAL_ISSUER,)
    )
    details = json.dumps(DETAILS)
    assert oauth.parse_token_request(pairs(offered, tx_code=DROP, authorization_details=details)) == (
        PreAuthorizedTokenRequest("p", None, None, ("birth_1",), (CREDENTIAL_ISSUER,))
    )
    refresh = {"grant_type": "refresh_token", "refresh_token": "r", "scope": "a b a"}
    assert oauth.parse_token_request(pairs(refresh)) == RefreshTokenRequest("r", ("a", "b"), None, (), ())


TOKEN_REQUESTS: dict[str, tuple[dict[str, Any], type[OAuthError]]] = {
    "no grant": ({"code": "c"}, OAuthRequestError),
    "unknown grant": ({"grant_type": "password"}, GrantTypeError),
    "client credentials": ({"grant_type": "client_credentials"}, GrantTypeError),
    "no code": ({"grant_type": "authorization_code", "code_verifier": VERIFIER}, OAuthRequestError),
    "empty code": ({"grant_type": "authorization_code", "code": "", "code_verifier": VERIFIER}, OAuthRequestError),
    "long code": ({"grant_type": "authorization_code", "code": "x" * 513, "code_verifier": VERIFIER}, OAuthRequestError),
    "no verifier": ({"grant_type": "authorization_code", "code": "c"}, OAuthRequestError),
    "no pre-authorized code": ({"grant_type": oauth.PRE_AUTHORIZED_GRANT, "code": "c"}, OAuthRequestError),
    "long tx_code": (
        {"grant_type": oauth.PRE_AUTHORIZED_GRANT, "pre-authorized_code": "p", "tx_code": "1" * 65}, OAuthRequestError,
    ),
    "tx_code beyond ASCII": (
        {"grant_type": oauth.PRE_AUTHORIZED_GRANT, "pre-authorized_code": "p", "tx_code": "１２３４"}, OAuthRequestError,
    ),
    "no refresh token": ({"grant_type": "refresh_token"}, OAuthRequestError),
    "scope with quotes": ({"grant_type": "refresh_token", "refresh_token": "r", "scope": 'a"b'}, ScopeError),
    "details no JSON": (
        {"grant_type": "refresh_token", "refresh_token": "r", "authorization_details": "["}, AuthorizationDetailsError,
    ),
}  # fmt: skip


@pytest.mark.requirement("RFC 6749 §5.2", "a token request that is wrong is named by the error of the standard")
@pytest.mark.parametrize("name", TOKEN_REQUESTS)
def test_an_unsound_token_request_is_refused(name: str) -> None:
    parameters, error = TOKEN_REQUESTS[name]
    with pytest.raises(error):
        oauth.parse_token_request(parameters.items())


@pytest.mark.requirement("RFC 6749 §3.2", "a parameter stated twice is refused, whatever it is")
@pytest.mark.parametrize("name", ["grant_type", "refresh_token", "unknown"])
def test_a_parameter_stated_twice_is_refused(name: str) -> None:
    twice = [("grant_type", "refresh_token"), ("refresh_token", "r"), ("unknown", "1"), (name, "x")]
    with pytest.raises(OAuthRequestError, match="twice"):
        oauth.parse_token_request(twice)


@pytest.mark.requirement("RFC 8707 §2", "resource may be stated several times")
def test_resources_may_be_several() -> None:
    found = oauth.parse_token_request(
        [
            ("grant_type", "refresh_token"),
            ("refresh_token", "r"),
            ("resource", "https://a"),
            ("resource", ""),
            ("resource", "https://b"),
        ]
    )
    assert found.resources == ("https://a", "https://b")


# --- authorization requests


@pytest.mark.requirement("OpenID4VCI 1.0 §5.1", "an authorization request asks by scope or authorization_details")
def test_an_authorization_request_is_read() -> None:
    assert asked() == AuthorizationRequest(
        "wallet",
        "https://wallet.example/cb?x=1",
        CHALLENGE,
        ("birth_1", "health_2"),
        (),
        "s",
        "i",
        (),
        thumbprint(WALLET),
    )
    by_details = asked(
        scope=DROP, state=DROP, issuer_state=DROP, dpop_jkt=DROP, authorization_details=json.dumps(DETAILS)
    )
    assert by_details == AuthorizationRequest(
        "wallet", "https://wallet.example/cb?x=1", CHALLENGE, (), ("birth_1",), None, None, (CREDENTIAL_ISSUER,), None
    )
    assert oauth.parse_pushed_request(pairs(REQUEST)) == asked(response_mode="query", nonce="ignored")


REQUESTS: dict[str, tuple[dict[str, Any], type[OAuthError]]] = {
    "no client": ({"client_id": DROP}, OAuthRequestError),
    "client with line break": ({"client_id": "a\nb"}, OAuthRequestError),
    "no redirect": ({"redirect_uri": DROP}, OAuthRequestError),
    "no response type": ({"response_type": DROP}, OAuthRequestError),
    "implicit": ({"response_type": "token"}, ResponseTypeError),
    "hybrid": ({"response_type": "code token"}, ResponseTypeError),
    "fragment mode": ({"response_mode": "fragment"}, OAuthRequestError),
    "no challenge": ({"code_challenge": DROP}, PkceChallengeError),
    "plain challenge": ({"code_challenge_method": "plain"}, PkceChallengeError),
    "no method": ({"code_challenge_method": DROP}, PkceChallengeError),
    "asks nothing": ({"scope": DROP}, ScopeError),
    "two blanks": ({"scope": "a  b"}, ScopeError),
    "tab": ({"scope": "a\tb"}, ScopeError),
    "many scopes": ({"scope": " ".join(map(str, range(65)))}, ScopeError),
    "long state": ({"state": "x" * 1025}, OAuthRequestError),
    "state beyond ASCII": ({"state": "é"}, OAuthRequestError),
    "no thumbprint": ({"dpop_jkt": "x"}, OAuthRequestError),
    "request object": ({"request": "eyJ"}, RequestObjectError),
}


@pytest.mark.requirement("RFC 6749 §4.1.2.1", "an authorization request that is wrong is named by the standard's error")
@pytest.mark.parametrize("name", REQUESTS)
def test_an_unsound_authorization_request_is_refused(name: str) -> None:
    changes, error = REQUESTS[name]
    with pytest.raises(error):
        asked(**changes)


DETAILS_REFUSED: dict[str, Any] = {
    "empty": [], "an object": DETAILS[0], "text": ["x"], "another type": [{**DETAILS[0], "type": "payment"}],
    "no type": [{"credential_configuration_id": "a"}], "no configuration": [{"type": "openid_credential"}],
    "configuration a number": [{"type": "openid_credential", "credential_configuration_id": 1}],
    "twice": DETAILS * 2, "locations text": [{**DETAILS[0], "locations": "x"}], "location a number": [{**DETAILS[0], "locations": [1]}],
    "many": DETAILS * 17, "many locations": [{**DETAILS[0], "locations": ["x"] * 9}],
}  # fmt: skip


@pytest.mark.requirement("RFC 9396 §5", "authorization details that are malformed or of unknown type are refused")
@pytest.mark.parametrize("name", DETAILS_REFUSED)
def test_unsound_authorization_details_are_refused(name: str) -> None:
    with pytest.raises(AuthorizationDetailsError) as refusal:
        asked(authorization_details=json.dumps(DETAILS_REFUSED[name]))
    assert refusal.value.oauth_error == "invalid_authorization_details"


REDIRECTS = {
    "https://wallet.example/cb": True, "https://wallet.example/cb?a=b": True, "http://127.0.0.1:51004/cb": True,
    "http://[::1]:51004/cb": True, "http://localhost/cb": True, "com.example.wallet:/cb": True, "com.example.wallet://cb": True,
    "http://wallet.example/cb": False, "https://wallet.example/cb#a": False, "https://u:p@wallet.example": False,
    "javascript:alert(1)": False, "JavaScript:alert(1)": False, "data:text/html,x": False, "vbscript:x": False, "/cb": False,
    "//eve.example": False, "wallet:cb": False, "com.example.wallet:/cb#a": False, "https:cb": False, "https://a\\@b.example": False,
    "com.example.wallet:/c b": False, "https://": False,
}  # fmt: skip


@pytest.mark.requirement("RFC 8252 §7", "answers go to https, an app's own scheme with a dot, or loopback")
@pytest.mark.parametrize("uri", REDIRECTS)
def test_only_safe_redirects_are_accepted(uri: str) -> None:
    if REDIRECTS[uri]:
        assert asked(redirect_uri=uri).redirect_uri == uri
        return
    with pytest.raises(OAuthRequestError):
        asked(redirect_uri=uri)


def test_where_an_answer_would_go_is_known_before_the_rest_is_read() -> None:
    wrong = pairs(REQUEST, response_type="token", code_challenge=DROP)
    assert oauth.redirect_target(wrong) == RedirectTarget("wallet", "https://wallet.example/cb?x=1", "s")
    with pytest.raises(OAuthRequestError):
        oauth.redirect_target(pairs(REQUEST, redirect_uri="javascript:alert(1)"))


@pytest.mark.requirement("RFC 9126 §2.1", "a pushed request refers to no other")
def test_a_pushed_request_refers_to_no_other() -> None:
    uri = "urn:ietf:params:oauth:request_uri:6esc"
    with pytest.raises(OAuthRequestError):
        oauth.parse_pushed_request(pairs(REQUEST, request_uri=uri))
    assert oauth.pushed_response(uri, expires_in=60) == {"request_uri": uri, "expires_in": 60}


@pytest.mark.requirement("RFC 9126 §4", "the browser brings the reference and the client")
def test_the_reference_of_a_pushed_request_is_read() -> None:
    uri = "urn:ietf:params:oauth:request_uri:6esc"
    assert oauth.parse_pushed_reference(pairs(REQUEST)) is None
    assert oauth.parse_pushed_reference([("client_id", "w"), ("request_uri", uri)]) == PushedReference("w", uri)
    for wrong in ([("request_uri", uri)], [("client_id", "w"), ("request_uri", "https://eve.example/r")]):
        with pytest.raises(OAuthRequestError):
            oauth.parse_pushed_reference(wrong)


# --- answers


@pytest.mark.requirement("RFC 9207 §2", "an authorization response says who gives it")
def test_an_answer_goes_back_with_state_and_issuer() -> None:
    url = oauth.authorization_response_url("https://w.example/cb?x=1", issuer=CREDENTIAL_ISSUER, state="s&t", code="c")
    assert url.startswith("https://w.example/cb?x=1&")
    assert parse_qs(urlsplit(url).query) == {"x": ["1"], "code": ["c"], "state": ["s&t"], "iss": [CREDENTIAL_ISSUER]}
    refused = oauth.authorization_response_url(
        "com.w:/cb", issuer=CREDENTIAL_ISSUER, state=None, error=AuthorizationDeniedError("no"), code="kept back"
    )
    expected = {"error": "access_denied", "error_description": "no", "iss": CREDENTIAL_ISSUER}
    assert refused == f"com.w:/cb?{urlencode(expected)}"


@pytest.mark.requirement("RFC 6749 §5.2", "error_description holds no character outside the allowed set")
def test_an_error_is_described_in_plain_ascii() -> None:
    error = OAuthRequestError('a "quoted\\ é\n word')
    assert oauth.error_response(error) == {"error": "invalid_request", "error_description": "a quoted  word"}
    assert oauth.error_response(OAuthRequestError()) == {"error": "invalid_request"}


@pytest.mark.requirement("RFC 9449 §7.1", "a protected resource says which scheme and algorithms it takes")
def test_a_challenge_says_what_is_needed() -> None:
    assert oauth.challenge() == 'DPoP algs="ES256"'
    assert oauth.challenge(scheme="Bearer") == "Bearer"
    assert (
        oauth.challenge(AccessTokenError("over"), scheme="Bearer")
        == 'Bearer error="invalid_token", error_description="over"'
    )
    assert oauth.challenge(errors.DpopNonceError()) == 'DPoP error="use_dpop_nonce", algs="ES256"'


@pytest.mark.requirement("RFC 6750 §2.1", "an access token comes in the Authorization header, as Bearer or DPoP")
@pytest.mark.parametrize(
    ("header", "scheme"),
    [("Bearer abc", "Bearer"), ("bearer abc", "Bearer"), ("DPoP abc", "DPoP"), ("dpop abc", "DPoP")],
)
def test_a_token_is_presented(header: str, scheme: str) -> None:
    assert oauth.parse_authorization_header(header) == PresentedToken(scheme, "abc")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer  a",
        "Basic abc",
        "Bearer a b",
        "Bearer é",
        "DPoP a,b",
        "Bearer " + "x" * 2049,
    ],
)
def test_what_is_no_token_is_invalid(header: str | None) -> None:
    with pytest.raises(AccessTokenError) as refusal:
        oauth.parse_authorization_header(header)
    assert refusal.value.oauth_status == 401


@pytest.mark.requirement("OpenID4VCI 1.0 §6.2", "a token response names what may be asked for")
def test_a_token_response_has_the_members_of_the_standard() -> None:
    plain = oauth.token_response(access_token="a", token_type="DPoP", expires_in=300)
    assert plain == {"access_token": "a", "token_type": "DPoP", "expires_in": 300}
    whole = oauth.token_response(
        access_token="a",
        token_type="Bearer",
        expires_in=1,
        refresh_token="r",
        scopes=["x", "y"],
        credential_identifiers={"birth_1": ["i"]},
    )
    detail = {"type": "openid_credential", "credential_configuration_id": "birth_1", "credential_identifiers": ["i"]}
    assert (whole["refresh_token"], whole["scope"], whole["authorization_details"]) == ("r", "x y", [detail])


@pytest.mark.requirement("RFC 8414 §2", "authorization server metadata states what is spoken")
def test_the_metadata_states_what_is_spoken() -> None:
    found = oauth.authorization_server_metadata(
        issuer=CREDENTIAL_ISSUER, token_endpoint="https://t", authorization_endpoint="https://a", pushed_endpoint="https://p",
        requires_pushed=True, challenge_endpoint="https://c", scopes=["birth_1"], is_anonymous_allowed=False,
        client_authentication=["attest_jwt_client_auth"], grant_types=["authorization_code", "refresh_token"],
    )  # fmt: skip
    assert found["issuer"] == CREDENTIAL_ISSUER
    assert found["require_pushed_authorization_requests"] is True
    assert found["response_types_supported"] == ["code"]
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["dpop_signing_alg_values_supported"] == ["ES256"]
    assert found["client_attestation_pop_signing_alg_values_supported"] == ["ES256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    assert found["pre-authorized_grant_anonymous_access_supported"] is False
    small = oauth.authorization_server_metadata(
        issuer="i", token_endpoint="t", grant_types=[oauth.PRE_AUTHORIZED_GRANT]
    )
    assert small["response_types_supported"] == []
    assert small["token_endpoint_auth_methods_supported"] == ["none"]
    assert {"authorization_endpoint", "require_pushed_authorization_requests", "scopes_supported"}.isdisjoint(small)


def test_every_refusal_has_words_and_a_status_of_its_standard() -> None:
    named = [getattr(errors, name) for name in errors.__all__]
    refusals = [error for error in named if issubclass(error, OAuthError)]
    assert len(refusals) > 30
    for error in refusals:
        assert error.oauth_status in (400, 401, 403)
        assert error.oauth_error.replace("_", "").isalpha()

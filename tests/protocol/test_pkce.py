from __future__ import annotations

import pytest

from protocol import pkce
from protocol.errors import GrantError, OAuthRequestError, PkceChallengeError, PkceVerifierError

# RFC 7636 appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.requirement("RFC 7636 §4.6", "the verifier must answer the challenge, as in the example of appendix B")
def test_the_published_example_holds() -> None:
    assert pkce.check_challenge(CHALLENGE, "S256") == pkce.challenge_of(VERIFIER) == CHALLENGE
    pkce.verify(VERIFIER, CHALLENGE)


@pytest.mark.requirement("RFC 7636 §4.4.1", "only S256 is accepted, and plain is refused also as the default")
@pytest.mark.parametrize(
    ("challenge", "method"),
    [
        (CHALLENGE, "plain"), (CHALLENGE, None), (CHALLENGE, "s256"), (None, "S256"), ("", "S256"), (VERIFIER[:-1], "S256"),
        (CHALLENGE + "A", "S256"), (CHALLENGE + "=", "S256"), (CHALLENGE[:-1] + "N", "S256"), (CHALLENGE + "\n", "S256"),
    ],
)  # fmt: skip
def test_another_challenge_or_method_is_refused(challenge: str | None, method: str | None) -> None:
    with pytest.raises(PkceChallengeError) as refusal:
        pkce.check_challenge(challenge, method)
    assert isinstance(refusal.value, OAuthRequestError)


@pytest.mark.requirement("RFC 7636 §4.6", "a verifier that is missing, malformed or another is invalid_grant")
@pytest.mark.parametrize(
    "verifier",
    [None, "", CHALLENGE, VERIFIER[:-1], VERIFIER[:42], VERIFIER + "\n", VERIFIER + " ", "é" * 43, "x" * 129, "x" * 43],
)
def test_another_verifier_is_refused(verifier: str | None) -> None:
    with pytest.raises(PkceVerifierError) as refusal:
        pkce.verify(verifier, CHALLENGE)
    assert isinstance(refusal.value, GrantError)
    assert refusal.value.oauth_error == "invalid_grant"

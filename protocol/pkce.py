"""Proof Key for Code Exchange (RFC 7636), with S256 and nothing else (RFC 9700 §2.1.1)."""

from __future__ import annotations

import hmac
import re
from hashlib import sha256

from protocol.encoding import b64u_encode
from protocol.errors import PkceChallengeError, PkceVerifierError

METHOD = "S256"

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\Z")


def check_challenge(challenge: str | None, method: str | None) -> str:
    """Return the *challenge* of an authorization request (RFC 7636 §4.3). Raises PkceChallengeError.

    Without *method* a request means ``plain``, which protects nothing and is refused.
    """
    if method != METHOD:
        raise PkceChallengeError("code_challenge_method is S256 here")
    if challenge is None or not _CHALLENGE.match(challenge):
        raise PkceChallengeError("code_challenge is not base64url of 32 bytes")
    return challenge


def verify(verifier: str | None, challenge: str) -> None:
    """Check that *verifier* is what *challenge* was made of (RFC 7636 §4.6). Raises PkceVerifierError."""
    if verifier is None or not _VERIFIER.match(verifier):
        raise PkceVerifierError("code_verifier is not 43 to 128 unreserved characters")
    if not hmac.compare_digest(challenge_of(verifier), challenge):
        raise PkceVerifierError("code_verifier does not answer the challenge")


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of *verifier*, which is ASCII (RFC 7636 §4.2)."""
    return b64u_encode(sha256(verifier.encode("ascii")).digest())

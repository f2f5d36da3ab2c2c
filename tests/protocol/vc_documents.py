"""Documents of VCDM 2.0, sound but for what a test changes, and the tokens that secure them."""

from __future__ import annotations

from typing import Any

from protocol import vc_jose
from protocol.vc_context import BASE_CONTEXT, EXAMPLES_CONTEXT
from tests.protocol.makers import (
    HOLDER,
    ISSUER,
    ISSUER_NAME,
    NOW,
    Case,
    jws,
    later,
    with_changes,
)

TYPE = "https://issuer.example/types/residence/1"
KID = f"{ISSUER_NAME}#issuer"
__all__ = ["EXAMPLES_CONTEXT", "KID", "TYPE", "Case", "document", "envelope", "later", "presentation", "signed"]


def document(**changes: Any) -> dict[str, Any]:
    """A sound credential; DROP removes a member, and ``context`` stands for ``@context``."""
    base = {
        "@context": [BASE_CONTEXT],
        "type": ["VerifiableCredential", TYPE],
        "issuer": ISSUER_NAME,
        "validFrom": "2027-01-01T00:00:00Z",
        "validUntil": "2028-01-01T00:00:00Z",
        "credentialSubject": {"given_name": "Lei"},
    }
    return with_changes(base, _named(changes))


def presentation(**changes: Any) -> dict[str, Any]:
    """A sound presentation of one enveloped credential."""
    base = {
        "@context": [BASE_CONTEXT],
        "type": ["VerifiablePresentation"],
        "holder": "did:example:lei",
        "verifiableCredential": [envelope()],
    }
    return with_changes(base, _named(changes))


def envelope(**changes: Any) -> dict[str, Any]:
    base = {
        "@context": BASE_CONTEXT,
        "type": "EnvelopedVerifiableCredential",
        "id": "data:application/vc+jwt,eyJh.e30.c2ln",
    }
    return with_changes(base, _named(changes))


def claims(**changes: Any) -> dict[str, Any]:
    """A sound payload: the document and the registered claims beside it."""
    beside = {"iss": ISSUER_NAME, "iat": NOW - 1000, "exp": NOW + 1000, "cnf": {"jwk": HOLDER.public_jwk}}
    return with_changes({**document(), **beside}, _named(changes))


def header(**changes: Any) -> dict[str, Any]:
    return with_changes({"alg": "ES256", "typ": "vc+jwt", "cty": "vc", "kid": KID}, changes)


def signed(content: Any = None, head: Any = None, **how: Any) -> str:
    """A ``vc+jwt`` of any content, well formed or not."""
    return jws(claims() if content is None else content, head or header(), **how)


def issue(**how: Any) -> str:
    """A ``vc+jwt`` as the library makes it."""
    registered = vc_jose.registered_claims(issuer=ISSUER_NAME, issued_at=NOW - 10, expires_at=NOW + 1000)
    return vc_jose.secure_with_jwt(
        how.pop("document", document()), signer=ISSUER, header={"kid": KID}, registered=registered, **how
    )


def _named(changes: dict[str, Any]) -> dict[str, Any]:
    return {"@context" if name == "context" else name: value for name, value in changes.items()}

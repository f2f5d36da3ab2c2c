"""The VC-API that the W3C's suite for the data model asks: issue a credential, verify one, verify a presentation.

What it issues is signed by an issuer of its own, made for tests, that stands on no trust list: whoever may ask here has
documents of any content signed, so no agency's key is ever within reach. What it verifies may also be of issuers that
are trusted here, and is then judged as everywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from credentials.errors import PresentationRefusedError
from credentials.issuer_keys import key_url
from credentials.policy import DEFAULT
from credentials.sources import database_sources
from credentials.verification import verify
from identity import resolver
from identity.trust import IssuerTrust
from identity.vault import lookup_hmac
from protocol import did as dids
from protocol import vc_jose
from protocol.errors import HolderKeyError, IssuerMismatchError
from protocol.key_binding import check_addressee
from protocol.keys import SoftwareSigner, p256_from_jwk
from protocol.vcdm import (
    ENVELOPED_PRESENTATION,
    Envelope,
    envelop,
    enveloped_credentials,
    open_envelope,
    party_of,
)

_KEY_ID = "test"
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def test_issuer() -> IssuerTrust:
    """Return the issuer that this door signs as."""
    identifier = f"{settings.PUBLIC_URL}/vc-api/issuer"
    jwk = {**_signer(settings.LOOKUP_KEY).public_jwk, "kid": _KEY_ID}
    return IssuerTrust(identifier=identifier, keys={_KEY_ID: jwk}, types=frozenset())


def issue(credential: Mapping[str, Any]) -> dict[str, Any]:
    """Return *credential* as ``vc+jwt`` in its envelope. Without an issuer it becomes the test issuer's.

    Raises IssuerMismatchError for a document in another's name, and VcdmError for one that breaks the data model.
    """
    identifier = test_issuer().identifier
    document = {"issuer": identifier, **credential}
    signer = _signer(settings.LOOKUP_KEY)
    token = vc_jose.secure_with_jwt(document, signer=signer, header={"kid": key_url(identifier, _KEY_ID)})
    # After the data model's own rules: what is no issuer at all is refused as such.
    if party_of(document["issuer"]) != identifier:
        raise IssuerMismatchError("only its own issuer's credentials are issued here")
    return envelop(token, media_type="application/vc+jwt")


def verify_credential(value: Any, *, now: datetime) -> dict[str, Any]:
    """Return the document in an enveloped credential that holds. Raises ProtocolError, and PresentationRefusedError."""
    return _judge(open_envelope(value), now=now)


def verify_presentation(value: Any, *, audience: str | None, nonce: str | None, now: datetime) -> dict[str, Any]:
    """Return the document in an enveloped presentation that holds, as does every credential in it.

    It must be signed with a key that its holder's DID document lists for authentication. Raises as verify_credential,
    HolderKeyError, and what key_binding.check_addressee raises.
    """
    envelope = open_envelope(value, kind=ENVELOPED_PRESENTATION)
    secured = vc_jose.parse(envelope.token, kind=vc_jose.PRESENTATION)
    vc_jose.verify_signature(secured, _holder_key(secured))
    claims, _ = vc_jose.reveal_document(secured)
    vc_jose.check_validity(claims, now=now.timestamp())
    if audience is not None or nonce is not None:
        check_addressee(claims, audience=audience, nonce=nonce)
    for enclosed in enveloped_credentials(claims):
        _judge(enclosed, now=now)
    return claims


def _judge(envelope: Envelope, *, now: datetime) -> dict[str, Any]:
    secured = vc_jose.parse(envelope.token)
    tester = test_issuer()
    if party_of(secured.payload.get("issuer")) != tester.identifier:
        return _judge_trusted(envelope.token, secured, now=now)
    if secured.header.get("kid") != key_url(tester.identifier, _KEY_ID):
        raise IssuerMismatchError("not a key of the test issuer")
    vc_jose.verify_signature(secured, p256_from_jwk(tester.keys[_KEY_ID]))
    document, _ = vc_jose.reveal_document(secured)
    vc_jose.check_validity(document, now=now.timestamp())
    return document


def _judge_trusted(token: str, secured: vc_jose.Secured, *, now: datetime) -> dict[str, Any]:
    report = verify(token, sources=database_sources().as_sources(), now=now, policy=DEFAULT)
    if report.verdict != "valid":
        decisive = "fail" if report.verdict == "invalid" else "unknown"
        raise PresentationRefusedError(next(check.code for check in report.checks if check.outcome == decisive))
    return vc_jose.reveal_document(secured)[0]


def _holder_key(secured: vc_jose.Secured) -> ec.EllipticCurvePublicKey:
    """Return the key that ``kid``, a DID URL, names in the holder's own document (VC-JOSE-COSE §4.1.1)."""
    holder, kid = party_of(secured.payload.get("holder")), secured.header.get("kid")
    if not isinstance(holder, str) or not isinstance(kid, str) or kid.partition("#")[0] != holder:
        raise HolderKeyError("kid is not a DID URL of the holder")
    # Nothing is fetched for a stranger: did:weid is ours, and did:key and did:jwk are computed.
    document = None if resolver.is_fetched(holder) else resolver.resolve(holder)["didDocument"]
    found = dids.methods_for(document, "authentication") if document else []
    method = next((method for method in found if method["id"] == kid), None)
    if method is None:
        raise HolderKeyError("the holder lists no such key for authentication")
    key = dids.method_key(method)
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise HolderKeyError("not a P-256 key")
    return key


# Of the service's secret, so that every process has the same key and none stores it; keyed by it for the tests' sake.
@lru_cache(maxsize=1)
def _signer(secret: bytes) -> SoftwareSigner:
    scalar = int(lookup_hmac("vc-api-test-issuer", _KEY_ID), 16) % (_P256_ORDER - 1) + 1
    return SoftwareSigner(ec.derive_private_key(scalar, ec.SECP256R1()), _KEY_ID)

"""A trust bundle: what a verifier needs to judge certificates with the network off. Pure: no Django, no database.

It holds issuers with their keys and types, the status list tokens of the moment, and the log's public key. Its end,
``expires_at``, is enforced: an old bundle trusts keys that may have been withdrawn since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from credentials.facts import AnchorFact, AuthorizationFact, CouldNotCheckError, IssuerTrust, Sources, StatusFact
from credentials.status_tokens import read_status_token
from protocol.checkpoint import VerifierKey
from protocol.encoding import json_object
from protocol.errors import CodedError, InvalidInputError
from protocol.merkle import leaf_hash
from protocol.proof import Receipt, leaf_data, verify_receipt

FORMAT = "chancela/trust-bundle@v1"
MAX_BUNDLE_BYTES = 1 << 26
CREDENTIAL_LEAF = "credential"


class BundleError(InvalidInputError):
    """Not a trust bundle of this format, or one past its end."""

    code = "trust_bundle_invalid"


@dataclass(frozen=True, slots=True)
class BundledIssuer:
    identifier: str
    keys: Mapping[str, dict[str, Any]]
    types: frozenset[str]
    status_keys: Mapping[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class TrustBundle:
    """A parsed bundle; ``tokens`` maps the address of a status list to its token."""

    issuers: Mapping[str, BundledIssuer]
    tokens: Mapping[str, str]
    log_vkey: str
    generated_at: datetime
    expires_at: datetime


def parse_bundle(data: bytes, *, now: datetime) -> TrustBundle:
    """Return the bundle in *data*. Raises BundleError, also when its end has passed."""
    try:
        value = json_object(data, max_bytes=MAX_BUNDLE_BYTES)
        bundle = _read(value)
    except (KeyError, TypeError, AttributeError, ValueError, CodedError) as error:
        raise BundleError(f"not a trust bundle: {type(error).__name__}") from None
    if now >= bundle.expires_at:
        raise BundleError("the bundle has expired: fetch a new one")
    return bundle


def _read(value: Mapping[str, Any]) -> TrustBundle:
    if value["format"] != FORMAT:
        raise ValueError("another format")
    issuers = [_read_issuer(item) for item in value["issuers"]]
    times = [datetime.fromisoformat(value[name]) for name in ("generated_at", "expires_at")]
    if any(time.tzinfo is None for time in times):
        raise ValueError("a time without its zone")
    tokens = {str(item["uri"]): str(item["token"]) for item in value["status_lists"]}
    VerifierKey.from_vkey(value["log"]["vkey"])
    return TrustBundle({item.identifier: item for item in issuers}, tokens, value["log"]["vkey"], *times)


def _read_issuer(value: Mapping[str, Any]) -> BundledIssuer:
    return BundledIssuer(
        identifier=str(value["identifier"]),
        keys={item["kid"]: dict(item["jwk"]) for item in value["keys"]},
        types=frozenset(str(vct) for vct in value["types"]),
        status_keys={item["kid"]: dict(item["jwk"]) for item in value["status_keys"]},
    )


class BundleSources:
    """All four sources out of a bundle and, where the holder kept it, the certificate's receipt from the log."""

    def __init__(self, bundle: TrustBundle, *, receipt: Receipt | None = None) -> None:
        self._bundle = bundle
        self._receipt = receipt

    def as_sources(self) -> Sources:
        return Sources(trust=self, statuses=self, anchors=self, authorizations=self)

    def find_issuer(self, identifier: str) -> IssuerTrust | None:
        return self._bundle.issuers.get(identifier)

    def find_status(
        self, *, index: int, uri: str, issuer: IssuerTrust, now: float, max_age: float | None
    ) -> StatusFact:
        token = self._bundle.tokens.get(uri)
        if token is None:
            raise CouldNotCheckError("status_unavailable", {"uri": uri, "reason": "not_in_bundle"})
        try:
            packed = read_status_token(token, uri=uri, keys=issuer.status_keys, now=now, max_age=max_age)
        except CodedError as error:
            reason = "status_too_old" if error.code == "status_list_stale" else "status_unavailable"
            raise CouldNotCheckError(reason, {"uri": uri, "reason": error.code}) from None
        return StatusFact(packed.get(index), packed.issued_at)

    def find_anchor(self, *, digest: bytes, issuer: IssuerTrust) -> AnchorFact:
        if self._receipt is None:
            raise CouldNotCheckError("anchor_unavailable", {"reason": "no_receipt"})
        key = VerifierKey.from_vkey(self._bundle.log_vkey)
        leaf = leaf_hash(leaf_data(CREDENTIAL_LEAF, digest))
        checkpoint = verify_receipt(self._receipt, leaf_hash=leaf, keys=[key], origin=key.name)
        return AnchorFact("published", checkpoint.origin, self._receipt.index, checkpoint.size)

    def find_authorization(self, terms_digest: str) -> AuthorizationFact | None:
        raise CouldNotCheckError("authorization_unavailable", {"terms_digest": terms_digest})

"""A trust bundle: what a verifier needs to judge certificates with the network off. Pure: no Django, no database.

It holds issuers with their keys and types, the status list tokens of the moment, and the log's public key. Its end,
``expires_at``, is enforced: an old bundle trusts keys that may have been withdrawn since.

For issuers elsewhere it holds the evidence, not the conclusion: the pinned roots, and the signed lists beneath them. What
``issuers`` says of these is for readers that do not follow chains; here it is found anew, by the same rules as online.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf, isinf
from typing import Any

from credentials.attestations import Attestation, QuorumFact, Verifier, tree_of, weigh_quorum
from credentials.facts import AnchorFact, AuthorizationFact, CouldNotCheckError, IssuerTrust, Sources, StatusFact
from credentials.status_tokens import read_status_token
from protocol.checkpoint import VerifierKey
from protocol.encoding import json_object
from protocol.errors import CodedError, InvalidInputError
from protocol.merkle import leaf_hash
from protocol.proof import Receipt, leaf_data, verify_receipt
from protocol.quorum import QuorumPolicy
from protocol.trust_chain import Accredited, Anchor, Resolution, Standing, resolve, stored_lists
from protocol.trust_list import Publisher

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
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class TrustBundle:
    """A parsed bundle; ``tokens`` maps the address of a status list to its token."""

    issuers: Mapping[str, BundledIssuer]
    tokens: Mapping[str, str]
    log_vkey: str
    generated_at: datetime
    expires_at: datetime


def describe_standing(standing: Standing) -> dict[str, Any]:
    """Return *standing* as written in a bundle: whole seconds since 1970, null for what has no end."""
    return {
        "lists": list(standing.lists),
        "valid_from": int(standing.valid_from),
        "valid_until": int(standing.valid_until),
        "fresh_until": None if isinf(standing.fresh_until) else int(standing.fresh_until),
        "withdrawn_at": None if standing.withdrawn_at is None else int(standing.withdrawn_at),
    }


def parse_bundle(data: bytes, *, now: datetime) -> TrustBundle:
    """Return the bundle in *data*. Raises BundleError, also when its end has passed."""
    bundle = parse_dated_bundle(data)
    if now >= bundle.expires_at:
        raise BundleError("the bundle has expired: fetch a new one")
    return bundle


def parse_dated_bundle(data: bytes) -> TrustBundle:
    """As parse_bundle, whatever the date: for judging what was true at an earlier one."""
    try:
        return read_bundle(json_object(data, max_bytes=MAX_BUNDLE_BYTES))
    except CodedError as error:
        raise BundleError(f"not a trust bundle: {error.detail}") from None


def read_bundle(value: Mapping[str, Any]) -> TrustBundle:
    """Return the bundle in the JSON object *value*, whatever its date. Raises BundleError."""
    try:
        return _read(value)
    except (KeyError, TypeError, AttributeError, ValueError, CodedError) as error:
        raise BundleError(f"not a trust bundle: {type(error).__name__}") from None


def _read(value: Mapping[str, Any]) -> TrustBundle:
    if value["format"] != FORMAT:
        raise ValueError("another format")
    listed = [_read_issuer(item) for item in value["issuers"]]
    issuers = {issuer.identifier: issuer for issuer in listed if issuer.standing is None or not issuer.standing.lists}
    times = [datetime.fromisoformat(value[name]) for name in ("generated_at", "expires_at")]
    if any(time.tzinfo is None for time in times):
        raise ValueError("a time without its zone")
    tokens = {str(item["uri"]): str(item["token"]) for item in value["status_lists"]}
    VerifierKey.from_vkey(value["log"]["vkey"])
    return TrustBundle({**_read_chains(value.get("trust_chains", [])), **issuers}, tokens, value["log"]["vkey"], *times)


def _read_issuer(value: Mapping[str, Any]) -> BundledIssuer:
    return BundledIssuer(
        identifier=str(value["identifier"]),
        keys={item["kid"]: dict(item["jwk"]) for item in value["keys"]},
        types=frozenset(str(vct) for vct in value["types"]),
        status_keys={item["kid"]: dict(item["jwk"]) for item in value["status_keys"]},
        standing=_read_standing(value["standing"]) if "standing" in value else None,
    )


def _read_standing(value: Mapping[str, Any]) -> Standing:
    fresh_until, withdrawn_at = value["fresh_until"], value["withdrawn_at"]
    bounds = (value["valid_from"], value["valid_until"])
    # The exact type: JSON's true and 1.5 are no seconds.
    is_sound = all(type(time) is int for time in bounds) and all(
        time is None or type(time) is int for time in (fresh_until, withdrawn_at)
    )
    if not is_sound or not isinstance(value["lists"], list):
        raise ValueError("not a standing")
    return Standing(
        lists=tuple(str(uri) for uri in value["lists"]),
        valid_from=value["valid_from"],
        valid_until=value["valid_until"],
        fresh_until=inf if fresh_until is None else fresh_until,
        withdrawn_at=withdrawn_at,
    )


def _read_chains(chains: Sequence[Mapping[str, Any]]) -> dict[str, BundledIssuer]:
    """Return the issuers under every pinned root; of two roots that name one, the first has the word."""
    found: dict[str, BundledIssuer] = {}
    for chain in chains:
        for identifier, accredited in _resolve(chain).issuers.items():
            found.setdefault(identifier, _bundled(accredited))
    return found


def _resolve(chain: Mapping[str, Any]) -> Resolution:
    keys = tuple(dict(jwk) for jwk in chain["keys"])
    publisher = Publisher(str(chain["identifier"]), str(chain["list"]), keys)
    tokens = {str(item["uri"]): str(item["token"]) for item in chain["lists"]}
    return resolve(Anchor(publisher, frozenset(map(str, chain["types"]))), obtain=stored_lists(tokens))


def _bundled(accredited: Accredited) -> BundledIssuer:
    party = accredited.party
    keys, status_keys = ({key["kid"]: dict(key) for key in some} for some in (party.keys, party.status_keys))
    return BundledIssuer(party.identifier, keys, accredited.types, status_keys, accredited.standing)


_NO_VERIFIERS: Mapping[str, Verifier] = {}


class BundleSources:
    """All sources out of a bundle and, where the holder kept them, the certificate's receipt and what attests it."""

    def __init__(
        self,
        bundle: TrustBundle,
        *,
        receipt: Receipt | None = None,
        attestations: Sequence[Attestation] = (),
        verifiers: Mapping[str, Verifier] = _NO_VERIFIERS,
    ) -> None:
        self._bundle = bundle
        self._receipt = receipt
        self._attestations = attestations
        self._verifiers = verifiers

    def as_sources(self) -> Sources:
        return Sources(trust=self, statuses=self, anchors=self, authorizations=self, quorums=self)

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
        receipt, key = self._held_receipt(), VerifierKey.from_vkey(self._bundle.log_vkey)
        checkpoint = verify_receipt(receipt, leaf_hash=leaf_of(digest), keys=[key], origin=key.name)
        return AnchorFact("published", checkpoint.origin, receipt.index, checkpoint.size)

    def find_quorum(self, *, digest: bytes, issuer: IssuerTrust, quorum: QuorumPolicy) -> QuorumFact:
        # The policy's own log keys decide here, not the bundle's.
        tree = tree_of(self._held_receipt(), leaf=leaf_of(digest), log_keys=quorum.log_keys)
        return weigh_quorum(quorum, tree=tree, attestations=self._attestations, verifiers=self._verifiers)

    def find_authorization(self, terms_digest: str) -> AuthorizationFact | None:
        raise CouldNotCheckError("authorization_unavailable", {"terms_digest": terms_digest})

    def _held_receipt(self) -> Receipt:
        if self._receipt is None:
            raise CouldNotCheckError("anchor_unavailable", {"reason": "no_receipt"})
        return self._receipt


def leaf_of(digest: bytes) -> bytes:
    """Return the leaf hash of the certificate whose signing input has this *digest*."""
    return leaf_hash(leaf_data(CREDENTIAL_LEAF, digest))

"""What the log and the ledgers say of one certificate, out of the database: its record, its receipt, its quorum."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.conf import settings

from anchoring.attested import attestations_over, contradictions
from anchoring.log_key import log_origin, log_verifier_key
from anchoring.models import LogEntry
from anchoring.outbox import recovered_record_id, recovered_record_ids
from anchoring.receipts import receipt_for, receipts_for
from anchoring.registry import kinds
from credentials.attestations import (
    Attestation,
    LogNotAcceptedError,
    QuorumFact,
    Tree,
    Verifier,
    tree_of,
    weigh_quorum,
)
from credentials.facts import CouldNotCheckError, VerificationError
from credentials.issuance import copy_record_id, record_id
from credentials.models import Credential, CredentialInstance
from credentials.policy import DEFAULT_QUORUM
from credentials.trust_bundle import leaf_of
from protocol.errors import ProtocolError
from protocol.proof import Receipt
from protocol.quorum import QuorumPolicy

KIND = LogEntry.Kind.CREDENTIAL


def record_of(digest: bytes) -> str | None:
    """Return the log's name for the certificate whose signing input has this *digest*, or None if it has none."""
    credential_id = Credential.objects.filter(digest=digest).values_list("id", flat=True).first()
    if credential_id is None:
        copy_id = CredentialInstance.objects.filter(digest=digest).values_list("id", flat=True).first()
        if copy_id is not None:
            return copy_record_id(copy_id)
    # A certificate that a restored database has lost is still in the log, and still in its holder's hands.
    return record_id(credential_id) if credential_id else recovered_record_id(kind=KIND, digest=digest)


def receipt_of(digest: bytes) -> Receipt | None:
    name = record_of(digest)
    return receipt_for(name) if name else None


def receipts_of(digests: Collection[bytes]) -> dict[bytes, Receipt | None]:
    """Return, for those that are ours, the receipt, or None while the log has none. Seven queries, however many."""
    issued = Credential.objects.filter(digest__in=digests).values_list("digest", "id")
    names = {bytes(digest): record_id(pk) for digest, pk in issued}
    if len(names) < len(set(digests)):
        copies = CredentialInstance.objects.filter(digest__in=digests).values_list("digest", "id")
        names |= {bytes(digest): copy_record_id(pk) for digest, pk in copies if digest}
    names |= recovered_record_ids(kind=KIND, digests=[digest for digest in digests if digest not in names])
    receipts = receipts_for(names.values())
    return {digest: receipts.get(name) for digest, name in names.items()}


def find_quorum(digest: bytes, quorum: QuorumPolicy) -> QuorumFact:
    """Return what *quorum* comes to. Raises VerificationError, LogNotAcceptedError and CouldNotCheckError."""
    found = contradictions()
    if found:
        raise VerificationError("log_forked", {"found": found})
    receipt = receipt_of(digest)
    if receipt is None:
        raise CouldNotCheckError("anchor_pending", {"log": log_origin()})
    try:
        tree = tree_of(receipt, leaf=leaf_of(digest), log_keys=quorum.log_keys)
    except LogNotAcceptedError:
        raise
    except ProtocolError as error:
        # Our own stored log contradicts itself: an operator's matter, never the holder's fault.
        raise CouldNotCheckError("anchor_unavailable", {"reason": error.code}) from None
    return weigh_quorum(quorum, tree=tree, attestations=read_attestations(tree), verifiers=verifiers())


def default_quorum() -> str:
    """Return the policy text of QUORUM_POLICY; without it, our own log and no more."""
    return settings.QUORUM_POLICY or f"log {log_verifier_key()}\nquorum none\n"


def spelled_out(policy: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return *policy*, as in a request, with the text for ``"default"``: what it meant is to be known in twenty years."""
    if policy is not None and policy.get("quorum") == DEFAULT_QUORUM:
        return {**policy, "quorum": default_quorum()}
    return policy


def read_attestations(tree: Tree) -> list[Attestation]:
    """Return what ledgers have said, or are still to say, to this service of the leaf of *tree*."""
    return [
        Attestation(
            ledger_id=stored.ledger_id,
            kind=stored.kind,
            pins=stored.pins,
            checkpoint=stored.note,
            consistency=stored.consistency,
            evidence=stored.evidence,
            is_read_here=not stored.is_pending,
            is_pending=stored.is_pending,
        )
        for stored in attestations_over(index=tree.index, size=tree.checkpoint.size)
    ]


def verifiers() -> Mapping[str, Verifier]:
    """Return how evidence of each kind of ledger is judged."""
    return {name: kind.verify for name, kind in kinds().items()}

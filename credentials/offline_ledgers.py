"""How evidence of each kind of ledger is judged where there is no deployment: no settings, no secrets, no database."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from anchoring.errors import LedgerError
from anchoring.ledger import AttestationVerdict, Trust
from credentials.attestations import LedgerAnswer, Verifier
from credentials.offline_settings import ensure_settings
from protocol.checkpoint import Checkpoint

EVM = "evm"


def offline_verifiers(*, rpc_url: str | None = None) -> Mapping[str, Verifier]:
    """Return what judges evidence by kind; with *rpc_url*, contracts are asked at that node, and nothing else is."""
    ensure_settings()
    from anchoring.registry import kinds

    found = kinds()
    verifiers: dict[str, Verifier] = {name: kind.verify for name, kind in found.items()}
    if rpc_url is not None and EVM in found:
        verifiers[EVM] = partial(_ask_node, found[EVM], rpc_url)
    return verifiers


def _ask_node(kind: Any, rpc_url: str, evidence: bytes, checkpoint: Checkpoint, trust: Trust) -> AttestationVerdict:
    fitting: AttestationVerdict = kind.verify(evidence, checkpoint, trust)
    # What does not fit is not worth a question.
    if not fitting.is_valid or fitting.is_conclusive:
        return fitting
    try:
        asked: AttestationVerdict = kind.check_online(evidence, checkpoint, rpc_url, trust)
    except LedgerError:
        # A node that does not answer says nothing about the evidence: the ledger is still to be asked.
        return fitting
    return LedgerAnswer(asked.is_valid, asked.reason, asked.not_checked)

"""What is exported about a checkpoint that the contract holds, and how it is judged without and with a node.

The evidence names chain, contract, block and transaction. It proves nothing by itself: whether the contract holds the
root is known only to those who ask a node, and every verdict says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anchoring.backends.evm.contract import origin_hash
from anchoring.backends.evm.node import Node
from anchoring.backends.evm.options import PINS, EvmOptions, parse_options
from anchoring.backends.evm.pins import PinCheck
from anchoring.backends.evm.rpc import hex_data
from anchoring.backends.evm.state import ContractState
from anchoring.ledger import AttestationVerdict
from protocol.checkpoint import Checkpoint
from protocol.encoding import canonical_json, json_object
from protocol.errors import ProtocolError

KIND = "evm"
MAX_BYTES = 4096
# Without these two, evidence would name whatever contract on whatever chain it likes.
NEEDED_PINS = frozenset({"chain_id", "address"})
FIELDS = frozenset({"kind", *PINS, "origin", "size", "root", "block_number", "block_hash", "transaction"})

_HASH = re.compile(r"0x[0-9a-f]{64}\Z")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}\Z")
_DECIMAL = re.compile(r"[1-9][0-9]{0,18}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Position:
    """Where the chain took the checkpoint: the block, and the 32-byte hash of our transaction, as far as known."""

    block_number: int | None = None
    block_hash: bytes | None = None
    transaction: bytes | None = None


class _EvidenceError(Exception):
    """The evidence is not what it claims to be, for the reason given."""


def write_evidence(options: EvmOptions, checkpoint: Checkpoint, position: Position) -> bytes:
    """Return the evidence: one spelling for one content."""
    hashes = {"root": checkpoint.root, "block_hash": position.block_hash, "transaction": position.transaction}
    return canonical_json(
        {
            "kind": KIND,
            "genesis": None,
            **options.pins,
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "block_number": position.block_number,
            **{name: None if value is None else hex_data(value) for name, value in hashes.items()},
        }
    )


def judge_evidence(attestation: bytes, checkpoint: Checkpoint, pins: Mapping[str, str]) -> AttestationVerdict:
    """Compare evidence with the checkpoint and with what is pinned, without asking anybody. Never raises."""
    try:
        fields = _parse(attestation)
        _refuse_other_pins(fields, pins)
        _refuse_other_checkpoint(fields, checkpoint)
    except _EvidenceError as error:
        return AttestationVerdict(is_valid=False, reason=str(error))
    return AttestationVerdict(
        is_valid=True,
        not_checked=("that the contract holds this root: a node of the chain must be asked",),
        is_conclusive=False,
    )


def ask_node(
    attestation: bytes, checkpoint: Checkpoint, rpc_url: str, pins: Mapping[str, str] | None = None
) -> AttestationVerdict:
    """Ask the node at *rpc_url* whether the chain and contract of the evidence hold the checkpoint.

    *pins* are those that the caller trusts, if it has not judged the evidence already. The answer is conclusive for
    whoever trusts the node. Raises LedgerError when it could not be asked: that says nothing about the evidence.
    """
    try:
        fields = _parse(attestation)
        if pins is not None:
            _refuse_other_pins(fields, pins)
        _refuse_other_checkpoint(fields, checkpoint)
    except _EvidenceError as error:
        return AttestationVerdict(is_valid=False, reason=str(error))
    options = _options(fields, rpc_url)
    node = Node(options.rpc_url)
    PinCheck(node, options).check()
    held = ContractState(node, options).root_at(origin_hash(checkpoint.origin), checkpoint.size)
    if held != checkpoint.root:
        reason = "the contract holds another root" if held else "the contract does not hold this checkpoint"
        return AttestationVerdict(is_valid=False, reason=reason)
    return AttestationVerdict(is_valid=True, not_checked=("that this node shows the chain that others see",))


def _parse(attestation: bytes) -> dict[str, Any]:
    if not isinstance(attestation, bytes):
        raise _EvidenceError("not bytes")
    try:
        fields = json_object(attestation, max_bytes=MAX_BYTES)
    except ProtocolError as error:
        raise _EvidenceError(error.code) from None
    if set(fields) != FIELDS or fields["kind"] != KIND:
        raise _EvidenceError("not evidence of this kind")
    forms = {"chain_id": _DECIMAL, "address": _ADDRESS, "code_hash": _HASH, "root": _HASH}
    known = {name: _HASH for name in ("genesis", "block_hash", "transaction") if fields[name] is not None}
    for name, form in {**forms, **known}.items():
        if not isinstance(fields[name], str) or not form.match(fields[name]):
            raise _EvidenceError(f"{name} is malformed")
    if not _is_count(fields["size"]) or not (fields["block_number"] is None or _is_count(fields["block_number"])):
        raise _EvidenceError("size or block_number is not a number")
    return fields


def _refuse_other_pins(fields: Mapping[str, Any], pins: Mapping[str, str]) -> None:
    if not set(pins) >= NEEDED_PINS:
        raise _EvidenceError("nothing says which chain and contract to trust")
    for name, value in pins.items():
        # A pin that this kind of ledger does not know cannot be checked, and so is not met.
        if name not in PINS or _pin(fields[name]) != _pin(value):
            raise _EvidenceError(f"another {name}")


def _refuse_other_checkpoint(fields: Mapping[str, Any], checkpoint: Checkpoint) -> None:
    found = (fields["origin"], fields["size"], fields["root"])
    if found != (checkpoint.origin, checkpoint.size, hex_data(checkpoint.root)):
        raise _EvidenceError("attests another checkpoint")


def _options(fields: Mapping[str, Any], rpc_url: str) -> EvmOptions:
    pins = {name: fields[name] for name in PINS if fields[name] is not None}
    profile = "ethereum" if "genesis" in pins else "fisco"
    return parse_options(
        {**pins, "rpc_url": rpc_url, "key_file": "/dev/null", "profile": profile, "confirmations": "1"}
    )


def _pin(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0

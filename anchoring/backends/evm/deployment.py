"""Puts the committed contract on a chain, once per ledger id, however often it is asked and wherever it was cut off."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import cache
from hashlib import sha256

from django.conf import settings

from anchoring.backends.evm import lanes
from anchoring.backends.evm.contract import WORD, origin_hash
from anchoring.backends.evm.fees import market_fees
from anchoring.backends.evm.lanes import Lane
from anchoring.backends.evm.node import Node, RevertedError
from anchoring.backends.evm.options import NAMES, PINS, EvmOptions, parse_options, read_key
from anchoring.backends.evm.pins import code_hash_at, genesis_of
from anchoring.backends.evm.rpc import hex_data
from anchoring.backends.evm.sending import hand_over
from anchoring.backends.evm.transaction import Transaction, address_of, created_address, parse_signed
from anchoring.errors import AmbiguousLedgerError, LedgerMisconfiguredError, RejectedByLedgerError
from anchoring.models import EvmTransaction
from protocol.keccak import keccak_256

SECONDS_TO_WAIT = 60.0
_LONGEST_STEP_SECONDS = 1.0


@cache
def contract_code(name: str) -> bytes:
    """Return ``creation_code`` or ``runtime_code`` of contracts/CheckpointWitness.json."""
    path = settings.BASE_DIR / "contracts" / "CheckpointWitness.json"
    return bytes.fromhex(json.loads(path.read_text(encoding="utf-8"))[name][2:])


def deploy_contract(ledger_id: str, given: Mapping[str, str], origin: str) -> Mapping[str, str]:
    """Return *given* with the pins of the chain that answers and of the contract put there for the log *origin*.

    The key of ``key_file`` pays, owns the contract, and may submit. Raises LedgerError; AmbiguousLedgerError says that
    the chain has not taken it yet, and that asking again goes on from there.
    """
    if pinned := sorted(set(given) & set(PINS)):
        raise LedgerMisconfiguredError(f"{pinned[0]} is found out, not given")
    options = _provisional(given)
    node, key = Node(options.rpc_url), read_key(options.key_file)
    row = _begun(ledger_id, options, origin) or _begin(ledger_id, options, origin)
    nonce, sender = row.nonce, address_of(key.public_key)
    _send_and_wait(node, bytes(row.raw))
    address = hex_data(created_address(sender, nonce))
    if code_hash_at(node, address) != options.code_hash:
        raise RejectedByLedgerError(f"the chain did not make the contract at {address}")
    return {**given, **options.pins, "address": address}


def _provisional(given: Mapping[str, str]) -> EvmOptions:
    """Check what was given, with the chain's own answers and a placeholder for the address."""
    if unknown := sorted(set(given) - NAMES):
        raise LedgerMisconfiguredError(f"unknown option {unknown[0]}")
    guess = {"chain_id": "1", "genesis": hex_data(bytes(32)), "address": hex_data(bytes(20))}
    code_hash = {"code_hash": hex_data(keccak_256(contract_code("runtime_code")))}
    node = Node(parse_options({**given, **guess, **code_hash}).rpc_url)
    found = {"chain_id": str(node.chain_id()), "genesis": hex_data(genesis_of(node))}
    return parse_options({**given, **guess, **code_hash, **found})


def _name(options: EvmOptions, origin: str) -> bytes:
    """Name the deployment: another chain or log or contract is another one."""
    return sha256("\n".join(["deploy", str(options.genesis), options.code_hash, origin]).encode()).digest()


def _begun(ledger_id: str, options: EvmOptions, origin: str) -> EvmTransaction | None:
    """Return the bytes of an earlier attempt with this key, unless other bytes used their nonce."""
    node = Node(options.rpc_url)
    lane = Lane.of(options, address_of(read_key(options.key_file).public_key))
    rows = [row for row in lanes.transactions_of(ledger_id, _name(options, origin)) if row.lane == lane.name]
    mined = node.mined_count(lane.sender)
    open_rows = [row for row in rows if row.nonce >= mined or node.is_known(bytes(row.hash))]
    return open_rows[-1] if open_rows else None


def _begin(ledger_id: str, options: EvmOptions, origin: str) -> EvmTransaction:
    node, key = Node(options.rpc_url), read_key(options.key_file)
    sender = address_of(key.public_key)
    code = contract_code("creation_code") + origin_hash(origin) + sender.rjust(WORD, b"\0")
    try:
        gas = node.estimate(sender, b"", code)
    except RevertedError:
        raise RejectedByLedgerError("the chain does not run the contract") from None
    draft = Transaction(options.chain_id, 0, market_fees(node, options), gas + gas // 4, b"", code)
    return lanes.sign_in_lane(
        Lane.of(options, sender),
        draft,
        key,
        ledger_id=ledger_id,
        intent_id=_name(options, origin),
        mined=node.mined_count(sender),
    )


def _send_and_wait(node: Node, raw: bytes) -> None:
    signed = parse_signed(raw)
    if not node.is_known(signed.hash):
        hand_over(node, raw)
    deadline, step = time.monotonic() + SECONDS_TO_WAIT, 0.02
    while (receipt := node.receipt(signed.hash)) is None:
        if time.monotonic() > deadline:
            raise AmbiguousLedgerError("not mined yet: the same command goes on waiting")
        time.sleep(step)
        step = min(2 * step, _LONGEST_STEP_SECONDS)
    if not receipt.is_success:
        raise RejectedByLedgerError("the chain refused to make the contract")

"""Ledgers on EVM chains: Ethereum-like consortium chains, and FISCO BCOS from 3.9 on (docs/decisions/0007-evm-client.md)."""

from anchoring.backends.evm.ledger import EvmLedger

__all__ = ["EvmLedger"]

"""Signed transactions: type 0 with replay protection (EIP-155) and type 2 with a base fee (EIP-1559, EIP-2718).

Signatures are deterministic (RFC 6979) with the lower of the two possible values (EIP-2). The chain id is always
signed: FISCO BCOS would accept a transaction without one, and so would every other chain with the same key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from coincurve import PrivateKey, PublicKey

from anchoring.backends.evm import rlp
from anchoring.errors import RejectedByLedgerError
from protocol.keccak import keccak_256

ADDRESS_SIZE = 20
TYPE_2 = b"\x02"
_EIP155_OFFSET = 35
_TYPE_0_FIELDS, _TYPE_2_FIELDS = 9, 12


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei per gas: the most that is paid, and the part of it for the block's maker (None: type 0, without base fee)."""

    price: int
    tip: int | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """A call of *to* (20 bytes; empty to create a contract) with *data*, or a transfer; it never carries value."""

    chain_id: int
    nonce: int
    fees: Fees
    gas: int
    to: bytes
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction with the 20-byte address that signed it and its 32-byte hash."""

    transaction: Transaction
    sender: bytes
    hash: bytes


def sign(transaction: Transaction, key: PrivateKey) -> bytes:
    """Return the final bytes to send."""
    signature = key.sign_recoverable(_digest(transaction), hasher=None)
    r, s, parity = signature[:32], signature[32:64], signature[64]
    tail = [rlp.encode_integer(int.from_bytes(part, "big")) for part in (r, s)]
    if transaction.fees.tip is None:
        v = rlp.encode_integer(transaction.chain_id * 2 + _EIP155_OFFSET + parity)
        return rlp.encode([*_fields(transaction), v, *tail])
    return TYPE_2 + rlp.encode([*_fields(transaction), rlp.encode_integer(parity), *tail])


def parse_signed(raw: bytes) -> SignedTransaction:
    """Return what *raw* does and who signed it. Raises RejectedByLedgerError for all that ``sign`` would not return."""
    is_type_2 = raw[:1] == TYPE_2
    fields = rlp.decode(raw[1:] if is_type_2 else raw)
    if isinstance(fields, bytes) or len(fields) != (_TYPE_2_FIELDS if is_type_2 else _TYPE_0_FIELDS):
        raise RejectedByLedgerError("not a transaction")
    transaction, parity = _parse_type_2(list(fields)) if is_type_2 else _parse_type_0(list(fields))
    r, s = (rlp.decode_integer(_bytes(part)).to_bytes(32, "big") for part in fields[-2:])
    sender = _recover(_digest(transaction), r + s + bytes([parity]))
    return SignedTransaction(transaction, sender, keccak_256(raw))


def address_of(key: PublicKey) -> bytes:
    """Return the 20-byte address of a key: the end of the hash of its point (yellow paper, appendix F)."""
    return keccak_256(key.format(compressed=False)[1:])[-ADDRESS_SIZE:]


def created_address(sender: bytes, nonce: int) -> bytes:
    """Return where *sender*'s transaction of this *nonce* puts the contract that it creates."""
    return keccak_256(rlp.encode([sender, rlp.encode_integer(nonce)]))[-ADDRESS_SIZE:]


def _fields(transaction: Transaction) -> list[rlp.Item]:
    """Return what is signed, up to the signature: as the two types order it."""
    fees, number = transaction.fees, rlp.encode_integer
    call: list[rlp.Item] = [number(transaction.gas), transaction.to, b"", transaction.data]
    if fees.tip is None:
        return [number(transaction.nonce), number(fees.price), *call]
    head = [number(part) for part in (transaction.chain_id, transaction.nonce, fees.tip, fees.price)]
    return [*head, *call, cast("rlp.Item", [])]


def _digest(transaction: Transaction) -> bytes:
    if transaction.fees.tip is None:
        return keccak_256(rlp.encode([*_fields(transaction), rlp.encode_integer(transaction.chain_id), b"", b""]))
    return keccak_256(TYPE_2 + rlp.encode(_fields(transaction)))


def _parse_type_0(fields: list[rlp.Item]) -> tuple[Transaction, int]:
    nonce, price, gas = (rlp.decode_integer(_bytes(part)) for part in fields[:3])
    chain_id, parity = divmod(rlp.decode_integer(_bytes(fields[6])) - _EIP155_OFFSET, 2)
    if chain_id < 1 or fields[4]:
        raise RejectedByLedgerError("without chain id, or with value")
    return Transaction(chain_id, nonce, Fees(price), gas, _address(fields[3]), _bytes(fields[5])), parity


def _parse_type_2(fields: list[rlp.Item]) -> tuple[Transaction, int]:
    chain_id, nonce, tip, price, gas = (rlp.decode_integer(_bytes(part)) for part in fields[:5])
    parity = rlp.decode_integer(_bytes(fields[9]))
    if parity > 1 or fields[6] or fields[8] != []:
        raise RejectedByLedgerError("with value, an access list, or no parity")
    return Transaction(chain_id, nonce, Fees(price, tip), gas, _address(fields[5]), _bytes(fields[7])), parity


def _bytes(item: rlp.Item) -> bytes:
    if not isinstance(item, bytes):
        raise RejectedByLedgerError("a list where a string belongs")
    return item


def _address(item: rlp.Item) -> bytes:
    if len(_bytes(item)) not in (0, ADDRESS_SIZE):
        raise RejectedByLedgerError("not an address")
    return _bytes(item)


def _recover(digest: bytes, signature: bytes) -> bytes:
    try:
        return address_of(PublicKey.from_signature_and_message(signature, digest, hasher=None))
    except Exception:  # noqa: BLE001 the binding raises Exception itself
        raise RejectedByLedgerError("no key made this signature") from None

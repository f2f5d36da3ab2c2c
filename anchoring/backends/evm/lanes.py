"""Nonces and signed bytes, in our own database: a chain takes the transactions of a key in the order of their nonces.

A lane is one key on one chain, shared by every ledger that signs with it. What holds whatever crashes or races:

1. A nonce is given out under the lock of its lane's row, and committed together with the bytes signed for it. So there
   is no nonce without bytes, and no bytes are sent that are not stored.
2. A ledger has one intent in flight. When it signs for another, or anew, the lowest nonce that it was given and that is
   not mined is used again: what was prepared and never sent, or refused, leaves no gap behind.
3. A nonce of another ledger that stays unmined below ours (its ledger was removed, or stands still) is used up by a
   transfer of nothing to oneself.
4. Of all bytes with one nonce the chain takes one. Whose are not taken are found out by asking, and made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from coincurve import PrivateKey
from django.db import transaction
from django.db.models import Max

from anchoring.backends.evm.options import EvmOptions
from anchoring.backends.evm.rpc import hex_data
from anchoring.backends.evm.transaction import Fees, Transaction, parse_signed, sign
from anchoring.models import EvmNonce, EvmTransaction

NO_INTENT = b""


@dataclass(frozen=True, slots=True)
class Lane:
    """The key of *sender* (20 bytes) on the chain of *options*."""

    chain_id: int
    genesis: str | None
    sender: bytes

    @classmethod
    def of(cls, options: EvmOptions, sender: bytes) -> Lane:
        return cls(options.chain_id, options.genesis, sender)

    @property
    def name(self) -> str:
        """Another block 0 is another chain, whatever its id: it begins at nonce 0."""
        return f"{self.chain_id}/{self.genesis or ''}/{hex_data(self.sender)}"


def sign_in_lane(
    lane: Lane,
    draft: Transaction,
    key: PrivateKey,
    *,
    ledger_id: str,
    intent_id: bytes,
    mined: int,
    reused: int | None = None,
) -> EvmTransaction:
    """Sign *draft* with the nonce *reused*, or with the next one that is at least *mined*, and store the bytes.

    Where somebody has just signed the same call for the same intent, those bytes are returned instead.
    """
    with transaction.atomic():
        row = _locked(lane)
        if same := usable(lane, draft, ledger_id=ledger_id, intent_id=intent_id, mined=mined):
            return same
        # Somebody who used this key without us is behind what is mined: we go on after them.
        nonce = max(row.next_nonce, mined) if reused is None else reused
        row.next_nonce = max(row.next_nonce, nonce + 1)
        row.save(update_fields=["next_nonce"])
        return _store(lane, replace(draft, nonce=nonce), key, ledger_id=ledger_id, intent_id=intent_id)


def sign_again(
    lane: Lane, draft: Transaction, key: PrivateKey, *, ledger_id: str, intent_id: bytes, nonce: int
) -> EvmTransaction:
    """Sign *draft* with a nonce that was given out before, and store the bytes beside those that it is to replace."""
    with transaction.atomic():
        _locked(lane)
        return _store(lane, replace(draft, nonce=nonce), key, ledger_id=ledger_id, intent_id=intent_id)


def usable(lane: Lane, draft: Transaction, *, ledger_id: str, intent_id: bytes, mined: int) -> EvmTransaction | None:
    """Return what was stored last for the intent, if it makes the same call and its nonce is not used."""
    for row in reversed(transactions_of(ledger_id, intent_id)):
        stored = parse_signed(bytes(row.raw)).transaction
        if row.lane == lane.name and row.nonce >= mined and (stored.to, stored.data) == (draft.to, draft.data):
            return row
    return None


def unmined_of(lane: Lane, ledger_id: str, mined: int) -> list[EvmTransaction]:
    """Return what is stored for the lowest nonce of this ledger that is not mined: to be used again."""
    rows = EvmTransaction.objects.filter(lane=lane.name, ledger_id=ledger_id, nonce__gte=mined).order_by("nonce")
    lowest = rows.first()
    return list(rows.filter(nonce=lowest.nonce)) if lowest else []


def abandoned_below(lane: Lane, ledger_id: str, *, mined: int, nonce: int, before: datetime) -> list[int]:
    """Return the unmined nonces below *nonce* of other ledgers, for which nothing was signed since *before*."""
    rows = EvmTransaction.objects.filter(lane=lane.name, nonce__gte=mined, nonce__lt=nonce)
    lasting = rows.values("nonce").annotate(newest=Max("created_at")).filter(newest__lt=before)
    own = set(rows.filter(ledger_id=ledger_id).values_list("nonce", flat=True))
    return sorted(set(lasting.values_list("nonce", flat=True)) - own)


def transactions_of(ledger_id: str, intent_id: bytes) -> list[EvmTransaction]:
    """Return everything ever signed for an intent, oldest first: any of it may be mined."""
    return list(EvmTransaction.objects.filter(ledger_id=ledger_id, intent_id=intent_id).order_by("id"))


def stored_at(lane: Lane, nonce: int) -> list[EvmTransaction]:
    """Return everything ever signed for a nonce."""
    return list(EvmTransaction.objects.filter(lane=lane.name, nonce=nonce).order_by("id"))


def highest_fees(rows: Sequence[EvmTransaction]) -> Fees:
    """Return the most that any of these offers, price and tip apart: what a replacement must exceed."""
    fees = [parse_signed(bytes(row.raw)).transaction.fees for row in rows]
    tips = [fee.price if fee.tip is None else fee.tip for fee in fees]
    return Fees(max(fee.price for fee in fees), max(tips))


def spent_by(ledger_id: str) -> int:
    """Return the wei that this ledger's mined transactions have cost, as far as they were looked up."""
    paid = EvmTransaction.objects.filter(ledger_id=ledger_id).exclude(paid="").values_list("paid", flat=True)
    return sum(map(int, paid.iterator()))


def _locked(lane: Lane) -> EvmNonce:
    EvmNonce.objects.get_or_create(lane=lane.name)
    return EvmNonce.objects.select_for_update().get(lane=lane.name)


def _store(lane: Lane, signed: Transaction, key: PrivateKey, *, ledger_id: str, intent_id: bytes) -> EvmTransaction:
    raw = sign(signed, key)
    row, _ = EvmTransaction.objects.get_or_create(
        hash=parse_signed(raw).hash,
        defaults={
            "ledger_id": ledger_id,
            "intent_id": intent_id,
            "lane": lane.name,
            "nonce": signed.nonce,
            "raw": raw,
            "gas_price": str(signed.fees.price),
        },
    )
    return row

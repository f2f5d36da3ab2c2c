"""What a transaction offers per gas: the market's price, the operator's, and one that replaces another."""

from __future__ import annotations

from anchoring.backends.evm.node import LATEST, Node
from anchoring.backends.evm.options import EvmOptions
from anchoring.backends.evm.transaction import Fees
from anchoring.errors import TransientLedgerError

# A block's base fee rises by an eighth at most: twice the present one is enough for the next six blocks.
BASE_FEE_MARGIN = 2
# What nodes ask of a replacement is 10 %; ours is an eighth, rounded up.
BUMP_DIVISOR = 8


def market_fees(node: Node, options: EvmOptions) -> Fees:
    """Return what to offer now. Raises TransientLedgerError while that is more than the operator allows."""
    fees = _fees(node, options)
    if not is_allowed(fees, options):
        raise TransientLedgerError("gas costs more than max_gas_price now")
    return fees


def is_allowed(fees: Fees, options: EvmOptions) -> bool:
    """Whether *fees* stay within the operator's limit."""
    return options.max_gas_price is None or fees.price <= options.max_gas_price


def bumped(fees: Fees, market: Fees) -> Fees:
    """Return fees that replace *fees*, of the type of the *market*'s and not below it."""
    price = max(_more(fees.price), market.price)
    if market.tip is None:
        return Fees(price)
    # The whole price of a type-0 transaction is its tip too.
    return Fees(price, min(price, max(_more(fees.price if fees.tip is None else fees.tip), market.tip)))


def _more(price: int) -> int:
    return price + max(1, -(-price // BUMP_DIVISOR))


def _fees(node: Node, options: EvmOptions) -> Fees:
    if options.gas_price is not None:
        return Fees(options.gas_price)
    block = node.block(LATEST) if options.profile.has_market else None
    if block is None or block.base_fee is None:
        return Fees(node.gas_price())
    tip = node.tip()
    wanted = BASE_FEE_MARGIN * block.base_fee + tip
    # The margin is only a margin: the operator's limit may cut it, but not the price of the next block.
    limit = options.max_gas_price
    return Fees(wanted if limit is None else max(min(wanted, limit), block.base_fee + tip), tip)

"""Hands signed bytes to a node, and reads from its words what became of them.

Nodes agree neither on codes nor on words, so the words of several (geth, Besu, anvil, FISCO BCOS) are known here; what
nobody knows is a doubt, never a refusal: the ledger itself is asked before anything else is done.
"""

from __future__ import annotations

from enum import Enum, auto

from anchoring.backends.evm.node import Node
from anchoring.backends.evm.rpc import NodeRefusalError, hex_data
from anchoring.errors import (
    AmbiguousLedgerError,
    LedgerError,
    LedgerMisconfiguredError,
    TransientLedgerError,
    UnderpricedOnLedgerError,
)
from protocol.keccak import keccak_256


class Outcome(Enum):
    TAKEN = auto()
    NONCE_USED = auto()
    REVERTED = auto()


# In the order in which they are tried: without spaces and capitals, because nodes differ in those.
_OUTCOMES = {
    Outcome.TAKEN: ("alreadyknown", "alreadyimported", "knowntransaction", "alreadyintxpool", "txalreadyinchain"),
    Outcome.NONCE_USED: ("noncetoolow", "noncecheckfail", "nonceisused"),
}
_ERRORS: dict[type[LedgerError], tuple[str, ...]] = {
    UnderpricedOnLedgerError: ("underpriced", "lessthanblockbasefee", "feetoolow", "gaspricebelow", "gaspricetoolow"),
    LedgerMisconfiguredError: (
        "insufficientfunds",
        "upfrontcost",
        "notenoughcash",
        "chainid",
        "invalidsender",
        "blockgaslimit",
        "notauthorized",
        "senderaccountnot",
    ),
    TransientLedgerError: ("poolisfull", "poolfull", "limitexceeded", "toomanyrequests"),
}


def hand_over(node: Node, raw: bytes) -> Outcome:
    """Send *raw*. TAKEN: the node has it. NONCE_USED: go and look what was mined. REVERTED: the contract refused.

    Raises LedgerError by the kind of refusal; AmbiguousLedgerError for words that we do not know.
    """
    try:
        answer = node.send(raw)
    except NodeRefusalError as error:
        return _outcome(error)
    if answer != keccak_256(raw):
        # FISCO BCOS answers with zeros, and no error, to what it does not do.
        raise LedgerMisconfiguredError(f"the node answers {hex_data(answer)}, which is not the transaction's hash")
    return Outcome.TAKEN


def _outcome(error: NodeRefusalError) -> Outcome:
    for outcome, words in _OUTCOMES.items():
        if any(word in error.words for word in words):
            return outcome
    if error.is_revert:
        return Outcome.REVERTED
    for kind, words in _ERRORS.items():
        if any(word in error.words for word in words):
            raise kind(str(error))
    raise AmbiguousLedgerError(f"the node refuses in words that we do not know: {error}")

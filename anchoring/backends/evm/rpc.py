"""JSON-RPC 2.0 over HTTP POST to a node that the operator configured: one question, one answer, both bounded.

Batches are not used (FISCO BCOS limits them to 8), nor filters, subscriptions or keys held by the node.
"""

from __future__ import annotations

import json
import re
from itertools import count
from typing import Any

from anchoring.errors import (
    AmbiguousLedgerError,
    FetchError,
    FetchRefusedError,
    LedgerMisconfiguredError,
    TransientLedgerError,
)
from anchoring.fetch import Reply, exchange
from protocol.encoding import json_object
from protocol.errors import ProtocolError

# The largest answer that is ever needed: a block's header with the hashes of its transactions.
MAX_ANSWER_BYTES = 4 << 20
METHOD_NOT_FOUND = -32601
REVERTED = 3

_QUANTITY = re.compile(r"0x(?:0|[1-9a-f][0-9a-f]{0,63})\Z")
_DATA = re.compile(r"0x(?:[0-9a-f]{2})*\Z")
_ids = count(1)


class NodeRefusalError(Exception):
    """The node understood the question and answered with an error: its *code*, and its own words."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        # Nodes differ in spaces and capitals for one and the same reason.
        self.words = re.sub(r"[\s_-]", "", message.lower())

    @property
    def is_revert(self) -> bool:
        """Whether the contract, not the node, refused."""
        return self.code == REVERTED or "revert" in self.words


def ask(url: str, method: str, *params: Any) -> Any:
    """Return the result of a question that changes nothing.

    Raises NodeRefusalError, TransientLedgerError when no usable answer came, LedgerMisconfiguredError for a node
    without the method.
    """
    try:
        return _exchange(url, method, params)
    except FetchRefusedError as error:
        raise LedgerMisconfiguredError(f"rpc_url: {error.detail}") from None
    except FetchError as error:
        raise TransientLedgerError(f"{method}: {error.detail}") from None
    except ProtocolError as error:
        raise TransientLedgerError(f"{method}: not a JSON-RPC answer ({error.code})") from None


def send(url: str, raw: bytes) -> Any:
    """Hand over a signed transaction and return the node's result.

    Raises NodeRefusalError, TransientLedgerError where certainly nothing has left, AmbiguousLedgerError for a doubt.
    """
    try:
        return _exchange(url, "eth_sendRawTransaction", [hex_data(raw)])
    except FetchRefusedError as error:
        raise LedgerMisconfiguredError(f"rpc_url: {error.detail}") from None
    except FetchError as error:
        kind = AmbiguousLedgerError if error.was_sent else TransientLedgerError
        raise kind(f"sending: {error.detail}") from None
    except ProtocolError as error:
        raise AmbiguousLedgerError(f"sending: not a JSON-RPC answer ({error.code})") from None


def quantity(value: Any) -> int:
    """Return the number of a hexadecimal quantity. Raises TransientLedgerError for any other value."""
    if not isinstance(value, str) or not _QUANTITY.match(lowered := value.lower()):
        raise TransientLedgerError("not a quantity")
    return int(lowered, 16)


def data(value: Any, size: int | None = None) -> bytes:
    """Return the bytes of hexadecimal data, of *size* where given. Raises TransientLedgerError for any other value."""
    if not isinstance(value, str) or not _DATA.match(lowered := value.lower()):
        raise TransientLedgerError("not hexadecimal data")
    found = bytes.fromhex(lowered[2:])
    if size is not None and len(found) != size:
        raise TransientLedgerError(f"not {size} bytes")
    return found


def hex_data(content: bytes) -> str:
    """Return bytes as nodes write them."""
    return "0x" + content.hex()


def _exchange(url: str, method: str, params: Any) -> Any:
    number = next(_ids)
    question = {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
    reply = exchange(
        url,
        purpose=method,
        max_bytes=MAX_ANSWER_BYTES,
        body=json.dumps(question).encode("ascii"),
        content_type="application/json",
    )
    return _result(reply, method, number)


def _result(reply: Reply, method: str, number: int) -> Any:
    """Take the result out of the answer to question *number*. Some nodes put errors under a status of their own."""
    answer = json_object(reply.content, max_bytes=MAX_ANSWER_BYTES)
    error = answer.get("error")
    if isinstance(error, dict) and answer.get("id") in (number, None):
        raise _refusal(error, method)
    if reply.status != 200 or error is not None or answer.get("id") != number or "result" not in answer:
        raise FetchError(f"status {reply.status}, no answer to this question")
    return answer["result"]


def _refusal(error: dict[str, Any], method: str) -> Exception:
    code, message = error.get("code"), error.get("message")
    if code == METHOD_NOT_FOUND:
        return LedgerMisconfiguredError(f"the node has no {method}")
    return NodeRefusalError(code if isinstance(code, int) else 0, str(message)[:200])

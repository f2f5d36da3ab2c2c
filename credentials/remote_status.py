"""Status lists of issuers elsewhere: fetched within bounds, checked against the issuer's registered keys, kept a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from anchoring.fetch import get
from credentials.facts import CouldNotCheckError, IssuerTrust, StatusFact
from credentials.status_tokens import read_status_token
from protocol.errors import CodedError
from protocol.status_list import MAX_TOKEN_BYTES, MEDIA_TYPE, StatusListToken

DEFAULT_TTL = 300
# An issuer whose server is down is asked again only now and then, whatever the traffic here.
RETRY_SECONDS = 10
_KEPT = 256


@dataclass(frozen=True, slots=True)
class _Held:
    fetched_at: float
    token: StatusListToken | None
    reason: str = ""


class RemoteStatuses:
    """A bounded cache of other issuers' lists by address."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, str], _Held] = OrderedDict()

    def find_status(
        self, *, index: int, uri: str, issuer: IssuerTrust, now: float, max_age: float | None
    ) -> StatusFact:
        """Raises CouldNotCheckError when no list may be had, and StatusIndexError outside the list."""
        held = self._held.get((issuer.identifier, uri))
        if held is None or not _is_usable(held, now, max_age):
            held = self._fetch(uri, issuer, now)
        if held.token is None:
            raise CouldNotCheckError("status_unavailable", {"uri": uri, "reason": held.reason})
        if max_age is not None and held.token.issued_at + max_age < now:
            raise CouldNotCheckError("status_too_old", {"uri": uri, "as_of": int(held.token.issued_at)})
        return StatusFact(held.token.get(index), held.token.issued_at)

    def _fetch(self, uri: str, issuer: IssuerTrust, now: float) -> _Held:
        held = _fetch(uri, issuer, now)
        with self._lock:
            self._held[issuer.identifier, uri] = held
            self._held.move_to_end((issuer.identifier, uri))
            while len(self._held) > _KEPT:
                self._held.popitem(last=False)
        return held


def _fetch(uri: str, issuer: IssuerTrust, now: float) -> _Held:
    try:
        document = get(uri, purpose="status-list", max_bytes=MAX_TOKEN_BYTES, accept={MEDIA_TYPE})
        text = document.content.decode("ascii").strip()
        return _Held(now, read_status_token(text, uri=uri, keys=issuer.status_keys, now=now))
    except UnicodeDecodeError:
        return _Held(now, None, "status_list_malformed")
    except CodedError as error:
        return _Held(now, None, error.code)


def _is_usable(held: _Held, now: float, max_age: float | None) -> bool:
    if now < held.fetched_at + RETRY_SECONDS:
        return True
    if held.token is None:
        return False
    until = held.token.fresh_until(held.fetched_at) or held.fetched_at + DEFAULT_TTL
    return now < until and (max_age is None or now <= held.token.issued_at + max_age)

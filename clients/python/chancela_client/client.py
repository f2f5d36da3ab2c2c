"""The service, as an object."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode
from urllib.request import Request

from chancela_client.answers import BatchLine, Verification, read_line, read_verification
from chancela_client.errors import AnswerError, ConnectionFailed
from chancela_client.http import Response, check_address, opened, parse_json, send

VERIFY = "/api/v1/verify"
REQUESTS = "/api/v1/requests"
POLICIES = "/api/v1/policies"
OFFERS = "/api/v1/offers"
KEPT = "/api/v1/verifications"
MAX_LINE = 1 << 24

# A policy in full, or a stored one: its name, or {"name": …, "version": …}.
Policy = str | Mapping[str, Any]


class Client:
    """A Chancela service at *url*. Safe to share between threads: it holds no connection.

    *key* is an organisation's API key, or a department's for offers; verification needs none, at a modest rate. *language* is that of messages. *timeout* is in
    seconds, for each wait. Every method raises Problem when the service refuses, ConnectionFailed when it is not reached,
    and AnswerError when it answers in another form.
    """

    def __init__(self, url: str, *, key: str | None = None, language: str = "en", timeout: float = 30.0) -> None:
        """Raises ValueError for an address to which a key must not be sent."""
        self._url = check_address(url)
        self._key = key
        self._language = language
        self._timeout = timeout

    def __repr__(self) -> str:
        # Without the key: representations end in logs.
        return f"Client({self._url!r})"

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        content_type: str = "application/octet-stream",
        query: Mapping[str, Any] | None = None,
    ) -> Response:
        """Call any address of the API, with *json* or other *content*."""
        body = _as_body(json, content, content_type)
        return send(self._request(method, path, body, query), timeout=self._timeout)

    def verify(
        self,
        presentation: str,
        *,
        audience: str | None = None,
        nonce: str | None = None,
        type: str | None = None,  # noqa: A002 what it is called
        policy: Policy | None = None,
        is_signed: bool = False,
        has_evidence: bool = False,
        retain_days: int | None = None,
    ) -> Verification:
        """Judge one presentation. *audience* and *nonce* demand that its holder signed it for them, just now."""
        asked = _question(presentation, audience, nonce, type) | _given(policy=policy)
        asked |= {"report": "jws"} if is_signed else {}
        asked |= {"include": ["evidence"]} if has_evidence else {}
        asked |= {"retain": {"days": retain_days}} if retain_days is not None else {}
        return read_verification(self.call("POST", VERIFY, json=asked).json())

    def verify_batch(
        self, items: Iterable[str | Mapping[str, Any]], *, policy: Policy | None = None, is_signed: bool = False
    ) -> Iterator[BatchLine]:
        """Yield a line for each of up to 1,000 *items*, as it is judged; an item is a presentation, or its members.

        Raises AnswerError when the answer breaks off before its end.
        """
        asked: dict[str, Any] = {
            "presentations": [{"presentation": item} if isinstance(item, str) else dict(item) for item in items],
            **_given(policy=policy),
            **({"report": "jws"} if is_signed else {}),
        }
        request = self._request("POST", f"{VERIFY}/batch", _as_body(asked, None, ""), None)
        with opened(request, timeout=self._timeout) as answer:
            yield from _lines(answer)

    def evidence(
        self,
        presentation: str,
        *,
        audience: str | None = None,
        nonce: str | None = None,
        type: str | None = None,  # noqa: A002 as above
        policy: Policy | None = None,
    ) -> bytes:
        """Return the evidence bundle: a file that anyone can verify again, in twenty years too."""
        asked = _question(presentation, audience, nonce, type) | _given(policy=policy)
        return self.call("POST", "/api/v1/evidence", json=asked).content

    def kept_report(self, kept_id: str) -> str:
        """Return the signed report that the service keeps under *kept_id*."""
        return str(_member(self.call("GET", f"{KEPT}/{quote(kept_id, safe='')}").json(), "report"))

    def forget_report(self, kept_id: str) -> None:
        self.call("DELETE", f"{KEPT}/{quote(kept_id, safe='')}")

    def store_policy(self, name: str, rules: Mapping[str, Any], *, retention_days: int | None = None) -> dict[str, Any]:
        """Store the first version of a policy."""
        body = {"name": name, "rules": dict(rules), "retention_days": retention_days}
        return _object(self.call("POST", POLICIES, json=body))

    def revise_policy(
        self, name: str, rules: Mapping[str, Any], *, retention_days: int | None = None
    ) -> dict[str, Any]:
        """Store the next version; the same again is the same version."""
        body = {"rules": dict(rules), "retention_days": retention_days}
        return _object(self.call("PUT", f"{POLICIES}/{quote(name, safe='')}", json=body))

    def retire_policy(self, name: str) -> None:
        self.call("DELETE", f"{POLICIES}/{quote(name, safe='')}")

    def create_request(
        self,
        template: str,
        *,
        reference: str = "",
        expires_in: int | None = None,
        wallet: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Ask one citizen for what *template* says; show them ``url`` or ``qr``. *wallet* asks any wallet as well."""
        body = {"template": template, "reference": reference, **_given(expires_in=expires_in, wallet=wallet)}
        return _object(self.call("POST", REQUESTS, json=body))

    def request(self, request_id: str) -> dict[str, Any]:
        """Return how a request stands; ``state`` is pending, granted, refused or expired."""
        return _object(self.call("GET", f"{REQUESTS}/{quote(request_id, safe='')}"))

    def envelope(self, request_id: str) -> dict[str, Any]:
        """Fetch what the citizen sealed to your key, a JWE. Counts as one read."""
        return _object(self.call("GET", f"{REQUESTS}/{quote(request_id, safe='')}/presentation"))

    def result(self, request_id: str, *, response_code: str | None = None) -> dict[str, Any]:
        """Return what a wallet presented, as it was judged. *response_code* comes with the citizen's browser."""
        query = _given(response_code=response_code)
        return _object(self.call("GET", f"{REQUESTS}/{quote(request_id, safe='')}/result", query=query))

    def create_offer(self, **members: Any) -> dict[str, Any]:
        """Offer a certificate to any wallet (a department's key): ``credential`` or ``application``, and options."""
        return _object(self.call("POST", OFFERS, json=members))

    def trust_bundle(self) -> bytes:
        """Return what the offline check needs; it says when it expires."""
        return self.call("GET", "/api/v1/trust-bundle").content

    def _request(self, method: str, path: str, body: _Body | None, query: Mapping[str, Any] | None) -> Request:
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError("a path of the service")
        address = self._url + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept-Language": self._language, "User-Agent": "chancela-client/0.1"}
        headers |= {"Authorization": f"Bearer {self._key}"} if self._key else {}
        headers |= {"Content-Type": body.media_type} if body else {}
        data = body.content if body else None
        return Request(address, data=data, headers=headers, method=method)  # noqa: S310 check_address has seen it


class _Body(NamedTuple):
    content: bytes
    media_type: str


def _as_body(value: Any, content: bytes | None, content_type: str) -> _Body | None:
    if value is not None:
        return _Body(json.dumps(value, ensure_ascii=False).encode(), "application/json")
    return None if content is None else _Body(content, content_type)


def _lines(answer: Any) -> Iterator[BatchLine]:
    while line := _next_line(answer):
        members = parse_json(line)
        if isinstance(members, dict) and "summary" in members:
            return
        yield read_line(members)
    raise AnswerError("the answer broke off: ask again")


def _next_line(answer: Any) -> bytes:
    try:
        line: bytes = answer.readline(MAX_LINE)
    except (OSError, HTTPException) as error:
        raise ConnectionFailed(type(error).__name__) from error
    return line


def _question(presentation: str, audience: str | None, nonce: str | None, vct: str | None) -> dict[str, Any]:
    return {"presentation": presentation, **_given(audience=audience, nonce=nonce, vct=vct)}


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _object(answer: Response) -> dict[str, Any]:
    members = answer.json()
    if not isinstance(members, dict):
        raise AnswerError("not a JSON object")
    return members


def _member(members: Any, name: str) -> Any:
    if not isinstance(members, dict) or name not in members:
        raise AnswerError(f"without {name}")
    return members[name]

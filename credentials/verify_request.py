"""What a caller of the verification API sends, read strictly: one question, or up to a thousand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from credentials.errors import VerifyRequestError
from protocol.encoding import json_object
from protocol.errors import CodedError, EncodingError, JsonError

MAX_BODY_BYTES: Final = 1 << 20
MAX_BATCH_BYTES: Final = 1 << 24
MAX_ITEMS: Final = 1000
MAX_TEXT: Final = 2048
MAX_ID: Final = 100
MAX_RETAIN_DAYS: Final = 3650
REPORT_FORMS: Final = ("jws",)
INCLUDES: Final = ("evidence",)

_TEXTS: Final = {"audience": MAX_TEXT, "nonce": MAX_TEXT, "vct": MAX_TEXT}
_QUESTION: Final = frozenset({"presentation", *_TEXTS})
_SINGLE: Final = _QUESTION | {"policy", "report", "include", "retain"}
_ITEM: Final = _QUESTION | {"id"}
_OPTIONS: Final = frozenset({"policy", "report"})

Wrong = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Question:
    """A presentation, and what its holder must have signed it for; *vct* demands that exact type."""

    presentation: str
    audience: str | None = None
    nonce: str | None = None
    vct: str | None = None

    def demands(self) -> dict[str, str | None]:
        """Return what verification takes beside the presentation."""
        return {"audience": self.audience, "nonce": self.nonce, "vct": self.vct}


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """One question with what the answer is to hold. *policy* is as sent; *retain_days* None keeps nothing."""

    question: Question
    policy: Any = None
    is_signed: bool = False
    has_evidence: bool = False
    retain_days: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One of a batch: its question, or the error with which it was refused. *id* is the caller's own."""

    id: str | None = None
    question: Question | None = None
    error: CodedError | None = None


@dataclass(frozen=True, slots=True)
class BatchRequest:
    items: Sequence[Item]
    policy: Any = None
    is_signed: bool = False


def parse_verify_request(body: Mapping[str, Any]) -> VerifyRequest:
    """Raises VerifyRequestError naming each wrong member."""
    wrong = _wrong_members(body, _SINGLE)
    include, retain = body.get("include", []), body.get("retain")
    if not isinstance(include, list) or not all(isinstance(name, str) and name in INCLUDES for name in include):
        wrong["include"] = [f"a list of: {', '.join(INCLUDES)}"]
    if "retain" in body and not _is_retention(retain):
        wrong["retain"] = [f'an object, {{"days": 1 to {MAX_RETAIN_DAYS}}}']
    _refuse(wrong)
    return VerifyRequest(
        question=_question(body),
        policy=body.get("policy"),
        is_signed="report" in body,
        has_evidence="evidence" in include,
        retain_days=retain["days"] if retain else None,
    )


def parse_evidence_request(body: Mapping[str, Any]) -> VerifyRequest:
    """As parse_verify_request, for an answer that is the evidence itself."""
    _refuse(_wrong_members(body, _QUESTION | {"policy"}))
    return VerifyRequest(question=_question(body), policy=body.get("policy"), has_evidence=True)


def parse_batch(body: bytes) -> BatchRequest:
    """Return the batch in one JSON object. Raises TooLargeError, JsonError, VerifyRequestError."""
    members = json_object(body, max_bytes=MAX_BATCH_BYTES)
    asked = members.pop("presentations", None)
    wrong = _wrong_options(members)
    if not isinstance(asked, list) or not 1 <= len(asked) <= MAX_ITEMS:
        wrong["presentations"] = [f"a list of 1 to {MAX_ITEMS}"]
    _refuse(wrong)
    return _batch(members, [_item(value) for value in asked or ()])


def parse_batch_lines(body: bytes) -> BatchRequest:
    """Return the batch in NDJSON: a question on each line, before them perhaps one with ``policy`` and ``report``.

    A line that is no JSON spoils itself alone. Raises VerifyRequestError for none, too many, or a wrong first line, and
    JsonError when no line at all is an object.
    """
    lines = [line for line in body.split(b"\n") if line.strip()]
    options = _options_line(lines[0]) if lines else None
    if options is not None:
        lines = lines[1:]
        _refuse(_wrong_options(options))
    if not 1 <= len(lines) <= MAX_ITEMS:
        raise VerifyRequestError("lines", fields={"presentations": [f"1 to {MAX_ITEMS} lines"]})
    items = [_line(line) for line in lines]
    if options is None and all(isinstance(item.error, EncodingError) for item in items):
        raise JsonError("no line is a JSON object")
    return _batch(options or {}, items)


def _batch(options: Mapping[str, Any], items: Sequence[Item]) -> BatchRequest:
    return BatchRequest(items, policy=options.get("policy"), is_signed="report" in options)


def _options_line(line: bytes) -> dict[str, Any] | None:
    """Return the members of a first line that holds options and no question; None for any other."""
    try:
        members = json_object(line, max_bytes=MAX_BODY_BYTES)
    except CodedError:
        return None
    return members if members and members.keys() <= _OPTIONS else None


def _line(line: bytes) -> Item:
    try:
        return _item(json_object(line, max_bytes=MAX_BODY_BYTES))
    except CodedError as error:
        return Item(error=error)


def _item(value: Any) -> Item:
    if not isinstance(value, dict):
        return Item(error=VerifyRequestError("an item", fields={"": ["an object"]}))
    name = value.get("id")
    is_named = isinstance(name, str) and 0 < len(name) <= MAX_ID
    wrong = _wrong_members(value, _ITEM)
    if "id" in value and not is_named:
        wrong["id"] = [f"text of 1 to {MAX_ID} characters"]
    try:
        _refuse(wrong)
    except VerifyRequestError as error:
        return Item(id=name if is_named else None, error=error)
    return Item(id=name, question=_question(value))


def _question(body: Mapping[str, Any]) -> Question:
    return Question(body["presentation"], body.get("audience"), body.get("nonce"), body.get("vct"))


def _wrong_members(body: Mapping[str, Any], known: frozenset[str]) -> Wrong:
    wrong = {name: ["unknown member"] for name in body.keys() - known}
    presentation = body.get("presentation")
    if not isinstance(presentation, str) or not 0 < len(presentation) <= MAX_BODY_BYTES:
        wrong["presentation"] = ["text, required"]
    for name, longest in _TEXTS.items():
        if name in body and not (isinstance(body[name], str) and 0 < len(body[name]) <= longest):
            wrong[name] = [f"text of 1 to {longest} characters"]
    return wrong | _wrong_report(body)


def _wrong_options(options: Mapping[str, Any]) -> Wrong:
    return {name: ["unknown member"] for name in options.keys() - _OPTIONS} | _wrong_report(options)


def _wrong_report(body: Mapping[str, Any]) -> Wrong:
    is_sound = "report" not in body or body["report"] in REPORT_FORMS
    return {} if is_sound else {"report": [f"one of: {', '.join(REPORT_FORMS)}"]}


def _is_retention(value: Any) -> bool:
    days = value.get("days") if isinstance(value, dict) and value.keys() == {"days"} else None
    return type(days) is int and 1 <= days <= MAX_RETAIN_DAYS


def _refuse(wrong: Wrong) -> None:
    if wrong:
        raise VerifyRequestError(", ".join(sorted(wrong)), fields=wrong)

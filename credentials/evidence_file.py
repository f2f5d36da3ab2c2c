"""The evidence bundle: one file that says everything about one certificate at one moment. Pure: no Django.

``chancela/evidence@v1`` is strict JSON with exactly these members:

- ``format``, and ``made_at``, the moment of the report
- ``presentation`` with the ``audience``, ``nonce``, ``vct`` and ``policy`` that were asked for
- ``trust``        a trust bundle of that moment, narrowed to the one issuer and status list, with the log's key
- ``receipt``      the C2SP tlog-proof with the cosignatures gathered, and ``cose_receipt`` of the same path (base64)
- ``attestations`` what ledgers said: kind, ledger_id, pins, the checkpoint, its consistency with the receipt's, evidence
- ``report``       what this service answered

Nothing in it is believed for standing there: credentials.evidence checks all of it again.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, cast

from credentials.attestations import Attestation
from credentials.trust_bundle import TrustBundle, read_bundle
from protocol.encoding import json_dumps, json_object
from protocol.errors import CodedError, InvalidInputError
from protocol.note import decode_base64
from protocol.proof import Receipt, parse_receipt

FORMAT: Final = "chancela/evidence@v1"
MEDIA_TYPE: Final = "application/vnd.chancela.evidence+json"
EXTENSION: Final = ".evidence.json"
# A presentation of 1 MiB, a status token of 4 MiB, and room for notes with many cosignatures.
MAX_EVIDENCE_BYTES: Final = 1 << 23
MAX_ATTESTATIONS: Final = 64
MAX_PINS: Final = 16
MAX_CONSISTENCY: Final = 64
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}\Z", re.ASCII)
_ASKED: Final = ("audience", "nonce", "vct")
_OUTCOMES: Final = frozenset({"pass", "fail", "unknown", "not_applicable"})
_VERDICTS: Final = frozenset({"valid", "invalid", "undetermined"})


class EvidenceError(InvalidInputError):
    """Not an evidence bundle of this format."""

    code = "evidence_invalid"


@dataclass(frozen=True, slots=True)
class RecordedCheck:
    """One step's answer as the file tells it."""

    step: str
    code: str
    outcome: str


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A parsed file of which nothing has been verified. *policy* is as in a request to verify."""

    made_at: datetime
    presentation: str
    audience: str | None
    nonce: str | None
    vct: str | None
    policy: Mapping[str, Any] | None
    trust: TrustBundle
    receipt: Receipt | None
    cose_receipt: bytes | None
    attestations: tuple[Attestation, ...]
    verdict: str
    checks: tuple[RecordedCheck, ...]


def parse_evidence(data: bytes) -> EvidenceFile:
    """Return the file in *data*, bounded first. Raises EvidenceError, naming the member."""
    try:
        value = json_object(data, max_bytes=MAX_EVIDENCE_BYTES)
    except CodedError as error:
        raise EvidenceError(error.detail) from None
    if value.get("format") != FORMAT:
        raise EvidenceError("another format")
    _exactly(value, "", _MEMBERS)
    return EvidenceFile(
        made_at=_time(value["made_at"], "made_at"),
        presentation=_text(value["presentation"], "presentation"),
        **{name: _optional_text(value[name], name) for name in _ASKED},
        policy=_policy(value["policy"]),
        trust=_trust(value["trust"]),
        receipt=_receipt(value["receipt"]),
        cose_receipt=_optional_bytes(value["cose_receipt"], "cose_receipt"),
        attestations=tuple(
            _attestation(item) for item in _list(value["attestations"], "attestations", MAX_ATTESTATIONS)
        ),
        verdict=_one_of(_report(value["report"])["verdict"], "report.verdict", _VERDICTS),
        checks=tuple(_check(item) for item in _list(value["report"]["checks"], "report.checks", MAX_ATTESTATIONS)),
    )


def write_evidence(
    *,
    made_at: datetime,
    presentation: str,
    asked: Mapping[str, str | None],
    policy: Mapping[str, Any] | None,
    trust: Mapping[str, Any],
    receipt: Receipt | None,
    cose_receipt: bytes | None,
    attestations: Sequence[Attestation],
    report: Mapping[str, Any],
) -> bytes:
    """Return the file's bytes, which parse_evidence reads. *asked* holds audience, nonce and vct, where there are."""
    return json_dumps(
        {
            "format": FORMAT,
            "made_at": made_at.isoformat(timespec="seconds"),
            "presentation": presentation,
            **{name: asked.get(name) for name in _ASKED},
            "policy": None if policy is None else dict(policy),
            "trust": trust,
            "receipt": receipt.encode() if receipt else None,
            "cose_receipt": None if cose_receipt is None else _base64(cose_receipt),
            "attestations": [_describe(item) for item in attestations],
            "report": report,
        }
    )


_MEMBERS: Final = frozenset(
    {
        "format",
        "made_at",
        "presentation",
        "policy",
        "trust",
        "receipt",
        "cose_receipt",
        "attestations",
        "report",
        *_ASKED,
    }
)
# What only a service that read its ledgers can say is no part of a file.
_ATTESTED: Final = tuple(item.name for item in fields(Attestation) if not item.name.startswith("is_"))


def _describe(item: Attestation) -> dict[str, Any]:
    return {
        "ledger_id": item.ledger_id,
        "kind": item.kind,
        "pins": dict(item.pins),
        "checkpoint": item.checkpoint,
        "consistency": [_base64(node) for node in item.consistency],
        "evidence": _base64(item.evidence),
    }


def _attestation(value: Any) -> Attestation:
    _exactly(value, "attestations", frozenset(_ATTESTED))
    pins = value["pins"]
    if not isinstance(pins, dict) or len(pins) > MAX_PINS or not all(isinstance(pin, str) for pin in pins.values()):
        raise EvidenceError("attestations.pins")
    proof = _list(value["consistency"], "attestations.consistency", MAX_CONSISTENCY)
    return Attestation(
        ledger_id=_text(value["ledger_id"], "attestations.ledger_id"),
        kind=_text(value["kind"], "attestations.kind"),
        pins=pins,
        checkpoint=_text(value["checkpoint"], "attestations.checkpoint"),
        consistency=tuple(_bytes(node, "attestations.consistency") for node in proof),
        evidence=_bytes(value["evidence"], "attestations.evidence"),
    )


def _check(value: Any) -> RecordedCheck:
    _exactly(value, "report.checks", frozenset({"step", "code", "outcome", "evidence"}))
    if not isinstance(value["evidence"], dict):
        raise EvidenceError("report.checks.evidence")
    step, code = (_text(value[name], f"report.checks.{name}") for name in ("step", "code"))
    return RecordedCheck(step, code, _one_of(value["outcome"], "report.checks.outcome", _OUTCOMES))


def _report(value: Any) -> dict[str, Any]:
    _exactly(value, "report", frozenset({"verdict", "issuer", "vct", "checks"}))
    return cast("dict[str, Any]", value)


def _trust(value: Any) -> TrustBundle:
    try:
        return read_bundle(value)
    except CodedError as error:
        raise EvidenceError(f"trust: {error.detail}") from None


def _receipt(value: Any) -> Receipt | None:
    try:
        return None if value is None else parse_receipt(_text(value, "receipt"))
    except CodedError as error:
        raise EvidenceError(f"receipt: {error.detail}") from None


def _policy(value: Any) -> dict[str, Any] | None:
    if value is not None and not isinstance(value, dict):
        raise EvidenceError("policy")
    return value


def _exactly(value: Any, name: str, members: frozenset[str]) -> None:
    if not isinstance(value, dict) or value.keys() != members:
        raise EvidenceError(f"{name or 'the file'}: not exactly its members")


def _time(value: Any, name: str) -> datetime:
    text = _text(value, name)
    if not _TIME.match(text):
        raise EvidenceError(name)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise EvidenceError(name) from None


def _list(value: Any, name: str, limit: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > limit:
        raise EvidenceError(name)
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise EvidenceError(name)
    return value


def _optional_text(value: Any, name: str) -> str | None:
    return None if value is None else _text(value, name)


def _one_of(value: Any, name: str, allowed: frozenset[str]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise EvidenceError(name)
    return value


def _bytes(value: Any, name: str) -> bytes:
    raw = decode_base64(value) if isinstance(value, str) and value.isascii() else None
    if raw is None:
        raise EvidenceError(name)
    return raw


def _optional_bytes(value: Any, name: str) -> bytes | None:
    return None if value is None else _bytes(value, name)


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")

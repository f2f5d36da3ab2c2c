"""The report on a verification as a statement that anyone can check: a JWS of type ``verification-report+jwt``. Pure.

It says who judged (``iss``), when (``iat``), what (``presentation_digest``, SHA-256 of the presentation as sent), by which
policy and trust version, as of which status, and what came out. It holds no claim: whoever is to learn the claims is given
the presentation. It says what was found at ``iat``, and nothing of the certificate today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from credentials.evidence_file import RecordedCheck
from credentials.issuer_keys import candidate_keys
from credentials.verification import MISSABLE, STEPS, Check, Report
from protocol.encoding import b64u_encode, json_dumps, json_object
from protocol.errors import CodedError, InvalidInputError, SignatureError
from protocol.jose import parse_compact, sign_compact, verify_es256
from protocol.keys import Signer

TYPE: Final = "verification-report+jwt"
MAX_REPORT_BYTES: Final = 1 << 20
_VERDICTS: Final = frozenset({"valid", "invalid", "undetermined"})
_OUTCOMES: Final = frozenset({"pass", "fail", "unknown", "not_applicable"})


class ReportError(InvalidInputError):
    """Not a verification report of this form, or not signed by a key that is trusted."""

    code = "verification_report_invalid"


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A report whose signature has verified; *members* is all that it says."""

    issuer: str
    issued_at: int
    verdict: str
    accepted: bool | None
    missing: tuple[str, ...]
    checks: tuple[RecordedCheck, ...]
    presentation_digest: str
    members: Mapping[str, Any]

    def is_about(self, presentation: str) -> bool:
        return self.presentation_digest == digest_of(presentation)


def digest_of(presentation: str) -> str:
    """Return SHA-256 of the presentation's UTF-8 bytes, base64url."""
    return b64u_encode(sha256(presentation.encode()).digest())


def report_claims(
    *,
    service: str,
    now: datetime,
    presentation: str,
    demands: Mapping[str, str | None],
    report: Report,
    accepted: bool | None,
    policy: Mapping[str, Any] | None,
    rules: Mapping[str, Any] | None,
    trust_version: int,
) -> dict[str, Any]:
    """Return what a report says. *policy* is name and version of a stored one, *rules* the policy in full."""
    return {
        "iss": service,
        "iat": int(now.timestamp()),
        "presentation_digest": digest_of(presentation),
        **demands,
        "policy": policy,
        "rules": rules,
        "trust_version": trust_version,
        "verdict": report.verdict,
        "accepted": accepted,
        "missing": list(report.missing),
        "issuer": report.issuer,
        "type": report.vct,
        "status_as_of": _status_as_of(report.checks),
        "checks": describe_checks(report.checks),
    }


def describe_checks(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """Return the checks without their sentences, which readers have in their own language."""
    return [
        {"step": check.step, "code": check.code, "outcome": check.outcome, "evidence": check.evidence}
        for check in checks
    ]


def _status_as_of(checks: Sequence[Check]) -> int | None:
    return next((check.evidence.get("as_of") for check in checks if check.step == "status"), None)


def sign_report(claims: Mapping[str, Any], *, signer: Signer, key_id: str, x5c: Sequence[str]) -> str:
    """Return *claims* as compact JWS."""
    return sign_compact(json_dumps(dict(claims)), signer=signer, header={"typ": TYPE, "kid": key_id, "x5c": list(x5c)})


def parse_jwks(data: bytes) -> dict[str, dict[str, Any]]:
    """Return the keys of a JWK Set by key id. Raises InvalidInputError for anything else, and for none."""
    try:
        keys = {str(key["kid"]): dict(key) for key in json_object(data, max_bytes=MAX_REPORT_BYTES)["keys"]}
    except (CodedError, LookupError, TypeError, ValueError):
        raise InvalidInputError("not a JWK Set with key ids") from None
    if not keys:
        raise InvalidInputError("a JWK Set without keys")
    return keys


def read_report(token: str, *, keys: Mapping[str, Mapping[str, Any]], issuer: str | None = None) -> SignedReport:
    """Return the report in *token*, signed by one of *keys* (key id → JWK). Raises ReportError.

    *issuer*, when given, is the service that must have made it. Which key may have signed is the caller's to say: the
    token's header only chooses among *keys*.
    """
    members = _verified(token, keys)
    if issuer is not None and members.get("iss") != issuer:
        raise ReportError("of another service")
    try:
        return _read(members)
    except (KeyError, TypeError, ValueError) as error:
        raise ReportError(f"not a report: {type(error).__name__}") from None


def _verified(token: str, keys: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    try:
        jws = parse_compact(token, allowed_types=frozenset({TYPE}), max_bytes=MAX_REPORT_BYTES)
        for key in candidate_keys(jws.header, keys):
            try:
                return json_object(verify_es256(jws, key), max_bytes=MAX_REPORT_BYTES)
            except SignatureError:
                continue
    except CodedError as error:
        raise ReportError(f"{error.code} {error.detail}") from None
    raise ReportError("signed by none of the trusted keys")


def _read(members: Mapping[str, Any]) -> SignedReport:
    checks = tuple(_read_check(item) for item in members["checks"])
    if tuple(check.step for check in checks) != STEPS:
        raise ValueError("other steps")
    return SignedReport(
        issuer=_text(members["iss"]),
        issued_at=_whole(members["iat"]),
        verdict=_one_of(members["verdict"], _VERDICTS),
        accepted=_answer(members["accepted"]),
        missing=tuple(_one_of(name, frozenset(MISSABLE)) for name in members["missing"]),
        checks=checks,
        presentation_digest=_text(members["presentation_digest"]),
        members=members,
    )


def _read_check(value: Mapping[str, Any]) -> RecordedCheck:
    return RecordedCheck(_text(value["step"]), _text(value["code"]), _one_of(value["outcome"], _OUTCOMES))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("a whole number")
    return value


def _answer(value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise TypeError("true, false or null")
    return value


def _one_of(value: Any, known: frozenset[str]) -> str:
    if _text(value) not in known:
        raise ValueError("another word")
    return str(value)

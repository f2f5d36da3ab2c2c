"""Verify certificates, evidence and signed reports: ``python -m credentials.cli verify --trust bundle.json FILE``.

FILE is a presentation, or an evidence bundle (``.evidence.json``): a path, ``-`` for standard input, a public https
address, or an image (PNG, JPEG) with a QR code. An evidence bundle is judged as of its date; without ``--trust`` it can be
found sound, and never valid, because anyone can write a file that agrees with itself. ``report`` checks who signed a
verification report, and tells what it says.

Exit codes: 0 valid, 1 invalid, 2 could not be determined, 3 wrong usage or unreadable input.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from credentials.check_texts import standing_text, step_name
from credentials.cli_input import read_input
from credentials.evidence import EvidenceReport
from credentials.evidence import verify as verify_evidence
from credentials.evidence_file import FORMAT
from credentials.offline_ledgers import offline_verifiers
from credentials.policy import Policy, parse_policy
from credentials.signed_report import ReportError, SignedReport, parse_jwks, read_report
from credentials.trust_bundle import BundleSources, parse_bundle, parse_dated_bundle
from credentials.verification import Check, Report, verify
from protocol.encoding import json_loads
from protocol.errors import CodedError, InvalidInputError
from protocol.proof import parse_receipt
from protocol.quorum import MAX_POLICY_BYTES, QuorumPolicy
from protocol.quorum import parse_policy as parse_quorum

EXIT_CODES = {"valid": 0, "invalid": 1, "undetermined": 2}
EXIT_USAGE = 3
_MARKS = {"pass": "✓", "fail": "✗", "unknown": "?", "not_applicable": "–"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code; the report goes to standard output, what went wrong to standard error."""
    options = _read_options(arguments)
    try:
        return _COMMANDS[options.command](options)
    except (OSError, UnicodeDecodeError, CodedError) as error:
        print(_printable(f"{options.file}: {error}"), file=sys.stderr)  # noqa: T201 a command line speaks
        return EXIT_USAGE


def _run_verify(options: argparse.Namespace) -> int:
    data = read_input(options.file)
    report = _verify_evidence(data, options) if _is_evidence(data) else _verify(data, options)
    print(_as_json(report) if options.json else _in_words(report))  # noqa: T201 as above
    return EXIT_CODES[report.verdict]


def _run_report(options: argparse.Namespace) -> int:
    """A report that is not signed as it should be, or is about something else, is no word of anyone: invalid."""
    keys = parse_jwks(options.keys.read_bytes())
    try:
        report = read_report(read_input(options.file).decode("utf-8").strip(), keys=keys, issuer=options.issuer)
    except ReportError as error:
        print(_printable(f"{options.file}: {error}"), file=sys.stderr)  # noqa: T201 as above
        return EXIT_CODES["invalid"]
    if options.presentation and not report.is_about(read_input(options.presentation).decode("utf-8").strip()):
        print(f"{options.file}: about another presentation", file=sys.stderr)  # noqa: T201 as above
        return EXIT_CODES["invalid"]
    members = json.dumps(dict(report.members), ensure_ascii=False, indent=2)
    print(members if options.json else "\n".join(map(_printable, _describe_signed(report))))  # noqa: T201 as above
    return EXIT_CODES[report.verdict]


_COMMANDS: Final = {"verify": _run_verify, "report": _run_report}


def _is_evidence(data: bytes) -> bool:
    """A presentation is no JSON, and an evidence bundle names its format."""
    return data.lstrip().startswith(b"{") and FORMAT.partition("@")[0].encode() in data


def _as_json(report: Report | EvidenceReport) -> str:
    members = evidence_members(report) if isinstance(report, EvidenceReport) else report_members(report)
    # Names in a policy are octets; those that are not UTF-8 are written as escapes, which JSON has for them.
    return json.dumps(members, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace").decode()


def _in_words(report: Report | EvidenceReport) -> str:
    lines = _describe_evidence(report) if isinstance(report, EvidenceReport) else _describe(report)
    return "\n".join(map(_printable, lines))


def _printable(line: str) -> str:
    # Names come out of a file that anyone may have written: no line of theirs, and no command to the terminal.
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)


def report_members(report: Report) -> dict[str, Any]:
    """Return the report as it is printed with ``--json``."""
    return {
        "verdict": report.verdict,
        "claims": report.claims,
        "issuer": report.issuer,
        "vct": report.vct,
        "checks": _check_members(report.checks),
    }


def evidence_members(report: EvidenceReport) -> dict[str, Any]:
    """Return the report on an evidence bundle as it is printed with ``--json``."""
    return {
        "verdict": report.verdict,
        "made_at": report.made_at.isoformat(),
        "consistency": report.consistency,
        "trust": report.trust,
        "attested_by": report.attested_by,
        "is_snapshot_past": report.is_snapshot_past,
        "attestations": [item.describe() for item in report.attestations],
        "file_checks": _check_members(report.file_checks),
        "as_of": report_members(report.as_of),
        "trusted": report_members(report.trusted) if report.trusted else None,
    }


def _check_members(checks: Sequence[Check]) -> list[dict[str, Any]]:
    return [{**check._asdict(), "message": check.message} for check in checks]


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="python -m credentials.cli", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    _add_verify(commands)
    _add_report(commands)
    return parser.parse_args(arguments)


def _add_report(commands: Any) -> None:
    command = commands.add_parser("report", help="check one signed verification report")
    command.add_argument("file", metavar="FILE", help="the report: path, https address, or - for standard input")
    command.add_argument("--keys", type=Path, required=True, help="the service's keys, from /.well-known/jwks.json")
    command.add_argument("--issuer", metavar="URL", help="the service that must have made it")
    command.add_argument("--presentation", metavar="FILE", help="what it must be about")
    command.add_argument("--json", action="store_true", help="print what it says as JSON")


def _add_verify(commands: Any) -> None:
    command = commands.add_parser("verify", help="judge one presentation, or one evidence bundle")
    command.add_argument(
        "file", metavar="FILE", help="path, https address, image with a QR code, or - for standard input"
    )
    command.add_argument("--trust", type=Path, help="trust bundle, from /api/v1/trust-bundle; a presentation needs one")
    command.add_argument("--quorum", type=Path, help="quorum policy: which logs, witnesses and ledgers are enough")
    command.add_argument("--rpc", metavar="URL", help="node to ask about contracts; nothing else is ever contacted")
    command.add_argument("--receipt", type=Path, help="the certificate's proof from the log (.tlog-proof)")
    command.add_argument("--audience", help="for whom the holder must have signed it")
    command.add_argument("--nonce", help="the value that the holder must have signed")
    command.add_argument("--vct", help="the type it must be")
    command.add_argument("--policy", help="policy as JSON, for example '{\"require_anchor\": true}'")
    command.add_argument("--json", action="store_true", help="print the report as JSON")


def _verify(data: bytes, options: argparse.Namespace) -> Report:
    if options.trust is None:
        raise InvalidInputError("a presentation is judged with --trust")
    now = datetime.now(UTC)
    bundle = parse_bundle(options.trust.read_bytes(), now=now)
    receipt = parse_receipt(options.receipt.read_text("utf-8")) if options.receipt else None
    return verify(
        data.decode("utf-8").strip(),
        sources=BundleSources(bundle, receipt=receipt).as_sources(),
        now=now,
        policy=_policy(options),
        audience=options.audience,
        nonce=options.nonce,
        vct=options.vct,
    )


def _verify_evidence(data: bytes, options: argparse.Namespace) -> EvidenceReport:
    asked = [name for name in ("receipt", "audience", "nonce", "vct", "policy") if getattr(options, name)]
    if asked:
        raise InvalidInputError(f"an evidence bundle brings its own: {', '.join(asked)}")
    return verify_evidence(
        data,
        now=datetime.now(UTC),
        trust=parse_dated_bundle(options.trust.read_bytes()) if options.trust else None,
        quorum=_quorum(options),
        verifiers=offline_verifiers(rpc_url=options.rpc),
    )


def _policy(options: argparse.Namespace) -> Policy:
    policy = parse_policy(None if options.policy is None else json_loads(options.policy))
    quorum = _quorum(options)
    return replace(policy, quorum=quorum) if quorum else policy


def _quorum(options: argparse.Namespace) -> QuorumPolicy | None:
    if options.quorum is None:
        return None
    with options.quorum.open("rb") as file:
        return parse_quorum(file.read(MAX_POLICY_BYTES + 1))


def _describe(report: Report) -> list[str]:
    return [report.verdict, *_check_lines(report.checks), *_claim_lines(report)]


def _describe_signed(report: SignedReport) -> list[str]:
    made_at = datetime.fromtimestamp(report.issued_at, UTC).isoformat()
    accepted = {True: "accepted", False: "not accepted", None: "open"}[report.accepted]
    return [
        report.verdict,
        f"as {report.issuer} found it at {made_at}; by the policy asked for: {accepted}",
        *(["could not be checked: " + ", ".join(report.missing)] if report.missing else []),
        *(f"   {_MARKS[check.outcome]} {step_name(check.step)} [{check.code}]" for check in report.checks),
    ]


def _describe_evidence(report: EvidenceReport) -> list[str]:
    """Both questions apart, then each attestation with how it could be checked."""
    lines = [
        report.verdict,
        f"sound as of {report.made_at.isoformat()}: {report.consistency}",
        *_check_lines((*report.as_of.checks, *report.file_checks)),
        *_claim_lines(report.as_of),
        f"vouched for by those whom you trust: {report.trust}",
        *_check_lines(report.trusted.checks if report.trusted else ()),
        *(f"   {item.name} ({item.kind}): {standing_text(item.standing)}" for item in report.attestations),
    ]
    if report.attested_by is not None:
        lines.append(f"in the log no later than {datetime.fromtimestamp(report.attested_by, UTC).isoformat()}")
    if report.is_snapshot_past:
        lines.append("the keys in the file are out of date today; they were judged as of the date of the report")
    return lines


def _check_lines(checks: Sequence[Check]) -> list[str]:
    return [
        f"{number:2} {_MARKS[check.outcome]} {step_name(check.step)}: {check.message} [{check.code}]"
        for number, check in enumerate(checks, 1)
    ]


def _claim_lines(report: Report) -> list[str]:
    return [f"   {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in report.claims.items()]


if __name__ == "__main__":
    sys.exit(main())

"""Verify certificates offline: ``python -m credentials.cli verify --trust bundle.json FILE``.

Exit codes: 0 valid, 1 invalid, 2 could not be determined, 3 wrong usage or unreadable input.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from credentials.check_texts import step_name
from credentials.policy import parse_policy
from credentials.trust_bundle import BundleSources, parse_bundle
from credentials.verification import Report, verify
from protocol.encoding import json_loads
from protocol.errors import CodedError
from protocol.proof import parse_receipt

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
        report = _verify(options)
    except (OSError, UnicodeDecodeError, CodedError) as error:
        print(f"{options.file}: {error}", file=sys.stderr)  # noqa: T201 a command line speaks
        return EXIT_USAGE
    print(report_json(report) if options.json else _describe(report))  # noqa: T201 as above
    return EXIT_CODES[report.verdict]


def report_json(report: Report) -> str:
    checks = [{**check._asdict(), "message": check.message} for check in report.checks]
    members = {
        "verdict": report.verdict,
        "claims": report.claims,
        "issuer": report.issuer,
        "vct": report.vct,
        "checks": checks,
    }
    return json.dumps(members, ensure_ascii=False, indent=2)


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="python -m credentials.cli", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    command = commands.add_parser("verify", help="judge one presentation")
    command.add_argument("file", metavar="FILE", help="the presentation, or - for standard input")
    command.add_argument("--trust", required=True, type=Path, help="trust bundle, from /api/v1/trust-bundle")
    command.add_argument("--receipt", type=Path, help="the certificate's proof from the log (.tlog-proof)")
    command.add_argument("--audience", help="for whom the holder must have signed it")
    command.add_argument("--nonce", help="the value that the holder must have signed")
    command.add_argument("--vct", help="the type it must be")
    command.add_argument("--policy", help="policy as JSON, for example '{\"require_anchor\": true}'")
    command.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args(arguments)


def _verify(options: argparse.Namespace) -> Report:
    now = datetime.now(UTC)
    bundle = parse_bundle(options.trust.read_bytes(), now=now)
    receipt = parse_receipt(options.receipt.read_text("utf-8")) if options.receipt else None
    presentation = sys.stdin.read() if options.file == "-" else Path(options.file).read_text("utf-8")
    return verify(
        presentation.strip(),
        sources=BundleSources(bundle, receipt=receipt).as_sources(),
        now=now,
        policy=parse_policy(_json(options.policy)),
        audience=options.audience,
        nonce=options.nonce,
        vct=options.vct,
    )


def _json(text: str | None) -> Any:
    return None if text is None else json_loads(text)


def _describe(report: Report) -> str:
    lines: list[str] = [report.verdict]
    lines += [
        f"{number:2} {_MARKS[check.outcome]} {step_name(check.step)}: {check.message} [{check.code}]"
        for number, check in enumerate(report.checks, 1)
    ]
    lines += [f"   {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in report.claims.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

"""The table of docs/conformance.md: requirement, the test that proves it, and what is not supported."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.protocol.unsupported import UNSUPPORTED_JOSE
from tests.protocol.unsupported_did import UNSUPPORTED_DID
from tests.protocol.unsupported_log import UNSUPPORTED_LOG
from tests.protocol.unsupported_oidc import UNSUPPORTED_OIDC
from tests.protocol.unsupported_vci import UNSUPPORTED_VCI
from tests.protocol.unsupported_vp import UNSUPPORTED_VP
from tests.protocol.unsupported_w3c import UNSUPPORTED_W3C
from tests.protocol.unsupported_webhooks import UNSUPPORTED_WEBHOOKS

UNSUPPORTED = (
    *UNSUPPORTED_DID,
    *UNSUPPORTED_JOSE,
    *UNSUPPORTED_LOG,
    *UNSUPPORTED_OIDC,
    *UNSUPPORTED_VCI,
    *UNSUPPORTED_VP,
    *UNSUPPORTED_W3C,
    *UNSUPPORTED_WEBHOOKS,
)

PROPERTY = "requirement"
# (source with section, requirement, test)
Proof = tuple[str, ...]

HEAD = """# Conformance

Written by the test suite (`make test`): a row is here because its test passed.

| source | requirement | supported | proven by |
| --- | --- | --- | --- |
"""


def render(proofs: Iterable[Proof]) -> str:
    """Return the Markdown table, one row per requirement, in order of source and section."""
    tests: dict[tuple[str, str], set[str]] = {}
    for source, requirement, test in proofs:
        tests.setdefault((source, requirement), set()).add(test.rpartition("::")[0] or test)
    rows = [(*key, "yes", ", ".join(f"`{name}`" for name in sorted(names))) for key, names in tests.items()]
    rows += [(source, text, "no", reason) for source, text, reason in UNSUPPORTED]
    return HEAD + "".join(f"| {' | '.join(map(_cell, row))} |\n" for row in sorted(rows, key=_order))


def _order(row: tuple[str, ...]) -> tuple[object, ...]:
    return tuple((int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", row[0])), row[1]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

"""The page that checks an evidence bundle without a server: one HTML file, made out of ``static/evidence``.

Its modules are joined into one script, and a policy in the file itself lets that script and the style run by their
digests, and lets nothing be fetched or sent. It carries its texts in four languages, and whom this deployment trusts on
the day it was made: whoever keeps the file keeps that too.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext, override

from credentials.bundle_export import export_anchors
from credentials.check_texts import STANDINGS, STEP_NAMES, TEXTS, sentence
from credentials.evidence_texts import PAGE_TEXTS
from credentials.log_evidence import default_quorum
from credentials.trust_bundle import parse_dated_bundle
from protocol.encoding import json_dumps

# In the order in which each needs what stands before it.
MODULES: Final = (
    "bytes", "json", "jose", "sdjwt", "status", "merkle", "note", "cbor", "quorum", "attestations", "judge", "evidence",
    "page",
)  # fmt: skip
TEMPLATE: Final = "verify/evidence_page.html"
_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|const|class|function) (\w+))", re.MULTILINE)
_STEPS_WITHOUT_CODE: Final = ("parse", "disclosures", "key_binding", "validity", "anchor", "cose_receipt", "other")


@dataclass(frozen=True, slots=True)
class EvidencePage:
    """The file, with the digests by which a Content-Security-Policy names its script and its style."""

    html: str
    script_digest: str
    style_digest: str


def evidence_page(*, now: datetime) -> EvidencePage:
    """Return the page with whom this deployment trusts at *now*."""
    anchors = export_anchors(now=now)
    # Read as any reader will: a page that cannot read its own trust must not leave the house.
    parse_dated_bundle(json_dumps(anchors))
    script, style = _script(), _style()
    digests = _digest(script), _digest(style)
    context = {
        "script": script,
        "style": style,
        "script_digest": digests[0],
        "style_digest": digests[1],
        "texts": _embed(_texts()),
        "anchors": _embed({"trust": anchors, "quorum": default_quorum()}),
        "languages": settings.LANGUAGES,
    }
    return EvidencePage(render_to_string(TEMPLATE, context), *digests)


@lru_cache(maxsize=1)
def _script() -> str:
    """Return all modules as one. Each keeps its names to itself but for what it exports, as it does as a module."""
    return "".join(_enclose(_IMPORT.sub("", _source(f"{name}.js"))) for name in MODULES)


def _enclose(source: str) -> str:
    names = ", ".join(_EXPORT.findall(source))
    return f"const {{ {names} }} = (() => {{\n{_EXPORT.sub('', source)}return {{ {names} }};\n}})();\n"


@lru_cache(maxsize=1)
def _style() -> str:
    return _source("page.css")


def _source(name: str) -> str:
    return Path(settings.BASE_DIR, "static", "evidence", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode('ascii')}"


def _texts() -> dict[str, dict[str, str]]:
    """Return every sentence that the page can say, by language and key."""
    return {code: _texts_in(code) for code, _name in settings.LANGUAGES}


def _texts_in(language: str) -> dict[str, str]:
    with override(language):
        return {
            **{f"code.{code}": gettext(text) for code, text in TEXTS.items()},
            **{f"other.{step}": sentence("", step=step, language=language) for step in _STEPS_WITHOUT_CODE},
            **{f"step.{step}": gettext(text) for step, text in STEP_NAMES.items()},
            **{f"standing.{standing}": gettext(text) for standing, text in STANDINGS.items()},
            **{f"page.{key}": gettext(text) for key, text in PAGE_TEXTS.items()},
        }


def _embed(value: Mapping[str, Any]) -> str:
    """Return JSON that cannot end the element in which it stands."""
    return json_dumps(value).decode().replace("<", "\\u003c")

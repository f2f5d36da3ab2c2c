"""The page on which anyone checks a certificate. Same verb as the API; nothing about what was checked is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from csp.constants import SELF
from csp.decorators import csp_update
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from credentials.check_texts import step_name
from credentials.display import claim_rows, hidden_labels, plain_rows
from credentials.forms import PresentationForm, posted
from credentials.policy import DEFAULT
from credentials.sources import database_sources
from credentials.verification import Check, Report, verify
from credentials.views.gates import admit, open_to_all
from credentials.views.verify import VERDICT
from identity.languages import localised
from identity.models import Agency
from identity.trust import issuer_identifier
from protocol.disclosure import MAX_PRESENTATION_BYTES
from protocol.encoding import json_loads
from protocol.errors import EncodingError

# The reader of QR codes is WebAssembly; this page alone may compile it.
scan_page = csp_update({"script-src": [SELF, "'wasm-unsafe-eval'"]})


@open_to_all
@require_http_methods(["GET", "HEAD", "POST"])
@scan_page
def check_certificate(request: HttpRequest) -> HttpResponse:
    form = PresentationForm(*posted(request))
    if request.method == "POST" and form.is_valid():
        admit(request)
        text = _presentation(form)
        if text:
            described = _describe(text)
            request.META[VERDICT] = described["report"].verdict
            return render(request, "verify/result.html", described)
        form.add_error("presentation", _("Paste a certificate, or choose a file."))
    return render(request, "verify/check.html", {"form": form}, status=422 if form.errors else 200)


def _presentation(form: PresentationForm) -> str:
    """Return what was given, as typed or from the file; a JSON wrapper is taken off."""
    text: str = form.cleaned_data["presentation"] or _read_file(form.cleaned_data["file"])
    if not text.startswith(("{", '"')):
        return "".join(text.split())
    try:
        value = json_loads(text)
    except EncodingError:
        return text
    inner = value.get("presentation", value.get("sd_jwt")) if isinstance(value, dict) else value
    return inner.strip() if isinstance(inner, str) else text


def _read_file(file: UploadedFile[bytes] | None) -> str:
    return file.read(MAX_PRESENTATION_BYTES + 1).decode("utf-8", "replace").strip() if file else ""


def _describe(text: str) -> dict[str, Any]:
    sources = database_sources()
    now = datetime.now(UTC)
    report = verify(text, sources=sources.as_sources(), now=now, policy=DEFAULT)
    known = sources.find_type(report.vct) if report.vct else None
    return {
        "report": report,
        "checked_at": now,
        "sentence": _reason(report),
        "steps": [(step_name(check.step), check) for check in report.checks],
        "type_name": localised(known.name) if known else report.vct,
        "issuer_name": _issuer_name(report),
        "rows": claim_rows(known, report.claims) if known else plain_rows(report.claims),
        "hidden": hidden_labels(known, report.claims) if known else [],
    }


def _reason(report: Report) -> str:
    """Return the sentence of what decided the verdict; none when everything passed."""
    decisive = {"invalid": "fail", "undetermined": "unknown"}.get(report.verdict)
    found: list[Check] = [check for check in report.checks if check.outcome == decisive]
    return found[0].message if found else ""


def _issuer_name(report: Report) -> str:
    if report.issuer is None:
        return ""
    agencies = {issuer_identifier(agency): agency for agency in Agency.objects.all()}
    agency = agencies.get(report.issuer)
    return localised(agency.name) if agency else report.issuer

"""Evidence bundles for whoever may verify, and the page that checks them without a server."""

from __future__ import annotations

from datetime import UTC, datetime

from csp.constants import NONE
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from credentials.evidence_file import EXTENSION, MEDIA_TYPE
from credentials.evidence_page import EvidencePage, evidence_page
from credentials.judging import answer
from credentials.verify_request import parse_evidence_request
from credentials.views.gates import admit, posted, read_json, readable


@posted
def make_evidence(request: HttpRequest) -> HttpResponse:
    """POST /api/v1/evidence: as /api/v1/verify, answered with the file that can be verified again by anyone."""
    organisation = admit(request)
    given = answer(parse_evidence_request(read_json(request)), organisation=organisation, now=datetime.now(UTC))
    return as_download(given.evidence or b"", name="certificate")


def as_download(data: bytes, *, name: str) -> HttpResponse:
    """Return the answer that hands an evidence bundle over; *name* is a file name without its extension."""
    disposition = f'attachment; filename="{name}{EXTENSION}"'
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(data, content_type=MEDIA_TYPE, headers=headers)


@readable
def show_page(_request: HttpRequest) -> HttpResponseBase:
    """GET /verifier.html: the page that checks evidence without a server; the same file may be kept and opened later."""
    page = evidence_page(now=datetime.now(UTC))
    response = HttpResponse(page.html, headers={"Cache-Control": "public, max-age=300"})
    # The page is one file: its own script and style, by their digests, and no connection anywhere.
    vars(response)["_csp_replace"] = _directives(page)
    return response


def _directives(page: EvidencePage) -> dict[str, list[str]]:
    nothing = {name: [NONE] for name in ("connect-src", "font-src", "form-action", "manifest-src")}
    return {
        **nothing,
        "script-src": [f"'{page.script_digest}'"],
        "style-src": [f"'{page.style_digest}'"],
        "img-src": ["data:"],
    }

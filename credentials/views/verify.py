"""The verification API: one presentation, or a batch of them answered line by line.

Plain Django views: verification is the busiest endpoint of the service, and its cost is to be the signatures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import get_language_from_request

from credentials.batch import Judged, judge_batch
from credentials.check_texts import sentence
from credentials.evidence_file import MAX_EVIDENCE_BYTES
from credentials.judging import Answer, answer
from credentials.models import KeptReport
from credentials.verification import Report
from credentials.verify_request import (
    MAX_BATCH_BYTES,
    BatchRequest,
    Item,
    parse_batch,
    parse_batch_lines,
    parse_verify_request,
)
from credentials.views.gates import (
    JSON,
    NO_STORE,
    KeyedRequest,
    admit,
    json_answer,
    keyed,
    posted,
    read_body,
    read_json,
    write_json,
)
from protocol.encoding import json_object

NDJSON = "application/x-ndjson"
# Where a view leaves its verdict in the request for whoever counts them, and where that leaves a counter for many.
VERDICT = "chancela.verdict"
COUNT_VERDICT = "chancela.count_verdict"


@posted
def verify_presentation(request: HttpRequest) -> HttpResponse:
    """POST /api/v1/verify. Any presentation is answered with 200 and a verdict; 4xx is for a bad request alone."""
    organisation = admit(request)
    given = answer(parse_verify_request(read_json(request)), organisation=organisation, now=datetime.now(UTC))
    request.META[VERDICT] = given.report.verdict
    return json_answer(describe_answer(given, get_language_from_request(request)), NO_STORE)


def _verify_batch(request: KeyedRequest) -> HttpResponseBase:
    """POST /api/v1/verify/batch: one line of JSON for each presentation, in order, and one that sums up."""
    body = read_body(request, types=(JSON, NDJSON), max_bytes=MAX_BATCH_BYTES)
    batch: BatchRequest = parse_batch(body) if request.content_type == JSON else parse_batch_lines(body)
    judged = judge_batch(batch, organisation=request.organisation, now=datetime.now(UTC))
    lines = _lines(judged, get_language_from_request(request), request.META.get(COUNT_VERDICT, _uncounted))
    # A proxy that gathers the whole answer first would undo the streaming.
    return StreamingHttpResponse(lines, content_type=NDJSON, headers={**NO_STORE, "X-Accel-Buffering": "no"})


verify_batch = keyed(POST=_verify_batch)


def _uncounted(_verdict: str) -> None:
    """For whoever calls the view without a counter."""


def _lines(judged: Iterator[Judged], language: str, count: Callable[[str], None]) -> Iterator[bytes]:
    sums: Counter[str] = Counter()
    for one in judged:
        outcome = one.answer.report.verdict if one.answer else "refused"
        sums.update([outcome, "items", *(["accepted"] if one.answer and one.answer.accepted else [])])
        count(outcome)
        yield write_json(_describe_line(one, language)) + b"\n"
    names = ("items", "valid", "invalid", "undetermined", "refused", "accepted")
    yield write_json({"summary": {name: sums[name] for name in names}}) + b"\n"


def _describe_line(one: Judged, language: str) -> dict[str, Any]:
    place = {"index": one.index, "id": one.item.id}
    return place | (describe_answer(one.answer, language) if one.answer else {"error": _describe_error(one.item)})


def _describe_error(item: Item) -> dict[str, Any]:
    error = item.error
    return {"code": error.code if error else "", "fields": getattr(error, "fields", {})}


def describe_answer(given: Answer, language: str) -> dict[str, Any]:
    """Return the answer's members: those of the report, what the policy makes of it, and what was asked for besides."""
    members = {"accepted": given.accepted, "policy": given.ruling.describe(), **describe_report(given.report, language)}
    if given.signed is not None:
        members["report"] = given.signed
    if given.kept is not None:
        members["kept"] = describe_kept(given.kept)
    if given.evidence is not None:
        members["evidence"] = json_object(given.evidence, max_bytes=MAX_EVIDENCE_BYTES)
    return members


def describe_kept(kept: KeptReport) -> dict[str, Any]:
    """Return where the report can be read again, and until when."""
    return {
        "id": str(kept.pk),
        "url": reverse("verification_api", args=[kept.pk]),
        "created_at": kept.created_at.isoformat(timespec="seconds"),
        "delete_after": kept.delete_after.isoformat(timespec="seconds"),
    }


def describe_report(report: Report, language: str) -> dict[str, Any]:
    return {
        "verdict": report.verdict,
        "missing": report.missing,
        "claims": report.claims,
        "issuer": report.issuer,
        "vct": report.vct,
        "checks": [
            {
                "step": check.step,
                "code": check.code,
                "outcome": check.outcome,
                "message": sentence(check.code, step=check.step, language=language),
                "evidence": check.evidence,
            }
            for check in report.checks
        ],
    }

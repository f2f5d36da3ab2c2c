"""Reports that an organisation keeps here for a while, for its software."""

from __future__ import annotations

import uuid

from django.http import HttpResponse

from credentials.retention import delete_report, find_report, read_kept, reports_of
from credentials.views.gates import NO_STORE, KeyedRequest, json_answer, keyed, read_number
from credentials.views.verify import describe_kept
from protocol.errors import InvalidInputError

PAGE_SIZE = 100
MAX_PAGE = 10_000


def _list(request: KeyedRequest) -> HttpResponse:
    """GET /api/v1/verifications: newest first, a page at a time; ``next_page`` is null on the last."""
    page = read_number(request, "page") or 1
    if page > MAX_PAGE:
        raise InvalidInputError("page", fields={"page": [f"1 to {MAX_PAGE}"]})
    start = (page - 1) * PAGE_SIZE
    rows = reports_of(request.organisation)[start : start + PAGE_SIZE + 1]
    listed = [describe_kept(kept) for kept in rows]
    has_more = len(listed) > PAGE_SIZE and page < MAX_PAGE
    return json_answer({"verifications": listed[:PAGE_SIZE], "next_page": page + 1 if has_more else None}, NO_STORE)


def _show(request: KeyedRequest, report_id: uuid.UUID) -> HttpResponse:
    """GET /api/v1/verifications/<id>: with the signed report."""
    kept = find_report(request.organisation, report_id)
    return json_answer({**describe_kept(kept), "report": read_kept(kept)}, NO_STORE)


def _delete(request: KeyedRequest, report_id: uuid.UUID) -> HttpResponse:
    """DELETE /api/v1/verifications/<id>: before its time."""
    delete_report(find_report(request.organisation, report_id))
    return HttpResponse(status=204, headers=NO_STORE)


verifications = keyed(GET=_list)
verification = keyed(GET=_show, DELETE=_delete)

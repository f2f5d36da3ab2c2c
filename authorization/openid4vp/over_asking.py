"""A query narrower than the registered one is welcome; one that asks for more is refused, counted, and shown to everyone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from authorization import audit
from authorization.errors import OverAskingError
from authorization.models import AuditEvent, RequestTemplate
from identity.models import Organisation
from protocol.dcql import Excess, find_excess, parse_query
from protocol.errors import DcqlFormatError

ACTION = "request.over_asked"
SHOWN_FOR = timedelta(days=90)
_MOST_NAMED = 20
_MAX_TEXT = 80


def narrow_query(*, template: RequestTemplate, dcql_query: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what is asked: the template's query, or *dcql_query* where that lies within it.

    Raises OverAskingError, of which a trace stays, and DcqlFormatError. Call it outside a transaction that the error
    would undo.
    """
    if dcql_query is None:
        return dict(template.dcql_query)
    asked = parse_query(dict(dcql_query))
    if any(each.purpose for each in asked.credential_sets):
        # The citizen is told the purpose that was approved, and no other.
        raise DcqlFormatError("a purpose: the template states it")
    excess = find_excess(registered=parse_query(template.dcql_query), asked=asked)
    if excess:
        _record(template, excess)
        raise OverAskingError(", ".join(sorted({each.kind for each in excess})))
    return dict(dcql_query)


def count_refused(organisation: Organisation) -> int:
    """Return how often *organisation* was refused for asking too much, within the time for which that is shown."""
    since = timezone.now() - SHOWN_FOR
    return AuditEvent.objects.filter(organisation=organisation, action=ACTION, at__gte=since).count()


def _record(template: RequestTemplate, excess: tuple[Excess, ...]) -> None:
    named = [{"kind": each.kind, "path": str(list(each.path or ()))[:_MAX_TEXT]} for each in excess[:_MOST_NAMED]]
    audit.record(
        actor=f"organisation:{template.organisation.slug}",
        action=ACTION,
        subject=f"template:{template.pk}",
        organisation=template.organisation,
        outcome=OverAskingError.code,
        details={"excess": named},
    )

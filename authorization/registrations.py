"""What every organisation is registered to ask for, as the trust list of verifiers says it (settings.TRUST_LIST_SOURCES).

A wallet that has never heard of an organisation can hold its request against this: what is asked for beyond it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from authorization.models import RequestTemplate
from authorization.requests import audience_of
from identity.languages import by_tag
from identity.models import Organisation
from protocol.claims import MAX_NUMERIC_DATE
from protocol.disclosure import Path
from protocol.trust_party import Kind, Party, Registration


def registered_verifiers() -> Iterator[Party]:
    """Yield the approved organisations that have a request template in use, in the order of their names."""
    usable = RequestTemplate.objects.filter(
        approved_at__isnull=False, retired_at__isnull=True, organisation__approved_at__isnull=False
    )
    rows = usable.select_related("organisation", "credential_type").order_by("organisation__slug", "approved_at", "pk")
    for organisation, templates in groupby(rows, key=lambda template: template.organisation):
        yield _party(organisation, templates)


def _party(organisation: Organisation, templates: Iterable[RequestTemplate]) -> Party:
    since = int(organisation.approved_at.timestamp()) if organisation.approved_at else 0
    return Party(
        identifier=audience_of(organisation),
        kind=Kind.VERIFIER,
        names=by_tag(organisation.name),
        keys=(),
        valid_from=since,
        valid_until=MAX_NUMERIC_DATE,
        status_since=since,
        registrations=tuple(_registration(template) for template in templates),
    )


def _registration(template: RequestTemplate) -> Registration:
    return Registration(
        vct=template.credential_type.vct,
        claims=tuple(_paths(template)),
        purpose=by_tag(template.purpose),
        retention_days=template.retention_days,
    )


def _paths(template: RequestTemplate) -> Iterator[Path]:
    for query in template.dcql_query["credentials"]:
        for claim in query["claims"]:
            yield tuple(claim["path"])

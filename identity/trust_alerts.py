"""What of the trust lists needs a person: ours that are not signed anew, and those from elsewhere that do not come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils import timezone

from anchoring.standing import Alert
from identity.grants import grants
from identity.models import Accreditation, TrustList
from identity.trust_publishing import published_lists

# A list that waits longer than this to be signed anew is not merely between two beats.
OVERDUE = timedelta(hours=1)
ENDS_SOON = timedelta(days=30)
# No outage looks like these: somebody shows us what its publisher must not have signed, or has signed twice.
_HOSTILE = frozenset(
    {"trust_list_rolled_back", "trust_list_forked", "trust_list_fast_forwarded", "trust_list_issuer_mismatch",
     "trust_list_subject_mismatch", "signature_invalid"}
)  # fmt: skip


def check() -> Iterator[Alert]:
    now = timezone.now()
    yield from _own_lists(now)
    yield from _own_accreditations(now)
    yield from _lists_from_elsewhere(now)


def _own_lists(now: datetime) -> Iterator[Alert]:
    for row in published_lists():
        if row.expires_at <= now:
            yield Alert("own_trust_list_expired", "error", row.slug)
        elif row.next_update + OVERDUE <= now:
            yield Alert("own_trust_list_overdue", "warning", row.slug)


def _own_accreditations(now: datetime) -> Iterator[Alert]:
    for grant in grants():
        is_near = now.timestamp() <= grant.standing.valid_until < (now + ENDS_SOON).timestamp()
        if is_near and grant.standing.withdrawn_at is None:
            yield Alert("accreditation_ending", "warning", _party_of(grant.accreditation))


def _lists_from_elsewhere(now: datetime) -> Iterator[Alert]:
    for row in TrustList.objects.filter(anchor__removed_at__isnull=True).defer("token").order_by("pk"):
        if row.finding in _HOSTILE:
            yield Alert("trust_list_refused", "error", row.uri)
        if row.expires_at is None or row.expires_at <= now:
            yield Alert("trust_list_lacking", "warning", row.uri)
        elif row.finding and row.finding not in _HOSTILE:
            yield Alert("trust_list_not_renewed", "warning", row.uri)


def _party_of(row: Accreditation) -> str:
    return row.agency.slug if row.agency else row.identifier

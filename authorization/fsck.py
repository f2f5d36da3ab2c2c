"""What must hold between consents, the log and the audit trail, whatever was killed."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import F

from anchoring.fsck import Finding
from anchoring.models import LogEntry
from authorization.audit import check_chain
from authorization.models import Authorization, PresentationRequest, PresentationSession, Transfer
from authorization.receipts import receipt_digest
from authorization.withdrawal import withdrawal_digest
from protocol.openid4vp import hash_transaction_data

_BATCH = 1000


def check() -> Iterator[Finding]:
    """Yield what must not be."""
    yield from check_chain()
    yield from _check_authorizations()
    yield from _check_requests()
    yield from _check_envelopes()
    yield from _check_sessions()


def _check_authorizations() -> Iterator[Finding]:
    kinds = (LogEntry.Kind.AUTHORIZATION, LogEntry.Kind.WITHDRAWAL)
    entries = LogEntry.objects.filter(kind__in=kinds).values_list("record_id", "digest")
    leaves = {record_id: bytes(digest) for record_id, digest in entries.iterator(chunk_size=_BATCH)}
    for authorization in Authorization.objects.iterator(chunk_size=_BATCH):
        yield from _check_authorization(authorization, leaves)
    # What was recovered after a restore has no record to have: the log's own check notes it.
    named = (record_id for record_id in sorted(leaves) if not record_id.startswith(LogEntry.RECOVERED))
    yield from (Finding("leaf_without_authorization", record_id) for record_id in named)


def _check_authorization(authorization: Authorization, leaves: dict[str, bytes]) -> Iterator[Finding]:
    name = f"authorization:{authorization.pk}"
    if hash_transaction_data(authorization.terms) != authorization.terms_digest:
        yield Finding("terms_changed", name)
    if leaves.pop(name, None) != receipt_digest(authorization.receipt):
        yield Finding("authorization_without_leaf", name)
    withdrawal = leaves.pop(f"withdrawal:{authorization.pk}", None)
    withdrawn_at = authorization.withdrawn_at
    if withdrawal != (withdrawal_digest(authorization, withdrawn_at) if withdrawn_at else None):
        yield Finding("withdrawal_contradicts_log", name)


def _check_requests() -> Iterator[Finding]:
    granted = PresentationRequest.State.GRANTED
    answered = PresentationRequest.objects.filter(state=granted, authorization__isnull=True)
    yield from (
        Finding("request_without_authorization", f"request:{pk}") for pk in answered.values_list("pk", flat=True)
    )
    contradicted = Authorization.objects.exclude(request__state=granted)
    yield from (
        Finding("authorization_without_request", f"authorization:{pk}")
        for pk in contradicted.values_list("pk", flat=True)
    )
    other = Authorization.objects.exclude(request__weid=F("weid"))
    yield from (
        Finding("authorization_of_another_weid", f"authorization:{pk}") for pk in other.values_list("pk", flat=True)
    )


def _check_sessions() -> Iterator[Finding]:
    """An answer of a wallet and the state of its request say the same, and no key outlives the answer made for it."""
    states, outcomes = PresentationRequest.State, PresentationSession.Outcome
    presented = PresentationSession.objects.filter(outcome=outcomes.PRESENTED)
    refused = PresentationSession.objects.filter(outcome=outcomes.REFUSED)
    answered = PresentationRequest.objects.filter(state=states.PRESENTED)
    answered_elsewhere = answered.exclude(session__outcome=outcomes.PRESENTED)
    found = {
        "session_contradicts_request": [
            *presented.exclude(request__state__in=[states.PRESENTED, states.GRANTED]).values_list("pk", flat=True),
            *refused.exclude(request__state=states.REFUSED).values_list("pk", flat=True),
        ],
        "session_key_kept": (presented | refused).exclude(secrets_ciphertext=b"").values_list("pk", flat=True),
    }
    yield from (Finding(code, f"session:{pk}") for code, keys in found.items() for pk in keys)
    yield from (
        Finding("request_without_session", f"request:{pk}") for pk in answered_elsewhere.values_list("pk", flat=True)
    )


def _check_envelopes() -> Iterator[Finding]:
    kept = Transfer.objects.filter(authorization__withdrawn_at__isnull=False, envelope__isnull=False)
    yield from (
        Finding("envelope_kept", f"authorization:{pk}") for pk in kept.values_list("authorization_id", flat=True)
    )

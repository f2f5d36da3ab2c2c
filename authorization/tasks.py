"""What runs by itself. Every task may run twice, or late, without harm."""

from __future__ import annotations

from celery import shared_task

from authorization import audit, transfer


@shared_task(name="authorization.purge_envelopes")
def purge_envelopes() -> None:
    transfer.purge()


@shared_task(name="authorization.anchor_audit_head")
def anchor_audit_head() -> None:
    audit.anchor_head()

"""Tasks carry no data: each finds its own work, so that running twice is the same as running once."""

from __future__ import annotations

from celery import shared_task

from identity import kyc


@shared_task(name="identity.purge_documents")
def purge_documents() -> None:
    kyc.purge_documents()

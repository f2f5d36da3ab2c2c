"""Tasks carry no data: each finds its own work, so that running twice is the same as running once."""

from __future__ import annotations

from celery import shared_task

from identity import kyc, trust_fetch, trust_publishing
from identity.trust_anchors import pinned_anchors


@shared_task(name="identity.purge_documents")
def purge_documents() -> None:
    kyc.purge_documents()


@shared_task(name="identity.publish_trust_lists")
def publish_trust_lists() -> None:
    trust_publishing.publish_due()


@shared_task(name="identity.fetch_trust_lists")
def fetch_trust_lists() -> None:
    for anchor in pinned_anchors():
        # One message per root: one that is slow keeps no other waiting.
        fetch_under_anchor.delay(anchor.pk)


@shared_task(name="identity.fetch_under_anchor")
def fetch_under_anchor(anchor_id: int) -> None:
    anchor = pinned_anchors().filter(pk=anchor_id).first()
    if anchor is not None:
        trust_fetch.fetch_anchor(anchor)

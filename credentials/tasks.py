"""What the broker may ask for: names and ids only, each harmless when it comes twice or for nothing."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task

from credentials import issuance, retention
from credentials.models import Application
from credentials.openid4vci import purging
from protocol.errors import CodedError

logger = logging.getLogger(__name__)


@shared_task(name="credentials.issue")
def issue(application_id: str) -> None:
    """Issue one approved application; a refusal is logged and left to the sweeper."""
    try:
        application = Application.objects.filter(pk=UUID(application_id)).first()
        if application is not None:
            issuance.issue(application=application)
    except (CodedError, ValueError) as error:
        logger.warning("application was not issued: %s", getattr(error, "code", "not an id"))


@shared_task(name="credentials.resume_issuance")
def resume_issuance() -> int:
    return issuance.resume_issuance()


@shared_task(name="credentials.purge_wallets")
def purge_wallets() -> None:
    purging.purge()


@shared_task(name="credentials.delete_kept_reports")
def delete_kept_reports() -> int:
    return retention.delete_outdated()

"""What the verifier's page of a request shows of wallets: the code to scan, and what was answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from authorization.models import PresentationRequest, PresentationSession
from authorization.openid4vp.request_objects import wallet_link
from authorization.openid4vp.results import PresentedResult, Result
from authorization.openid4vp.sessions import session_state
from authorization.requests import request_state
from credentials.check_texts import sentence
from credentials.display import ClaimRow, claim_rows, plain_rows
from credentials.sources import database_sources
from identity.languages import localised

_OPEN = {"waiting", "fetched"}


@dataclass(frozen=True, slots=True)
class Shown:
    """One credential of an answer, for people."""

    type_name: str
    rows: list[ClaimRow]
    checks: list[Mapping[str, Any]]


def live_state(asked: PresentationRequest) -> str:
    """Return what a waiting page watches: it changes when a wallet opens the request, fails, and answers."""
    session: PresentationSession | None = getattr(asked, "session", None)
    seen = f"{session_state(session)} {session.last_error}".strip() if session else ""
    return f"{request_state(asked)} {seen}".strip()


def wallet_context(asked: PresentationRequest) -> dict[str, Any]:
    session: PresentationSession | None = getattr(asked, "session", None)
    if session is None:
        return {}
    if session_state(session) not in _OPEN:
        return {"session": session}
    digital = {"url": reverse("openid4vp_digital", args=[session.pk])}
    return {"session": session, "wallet_link": wallet_link(session), "digital": digital}


def describe_shown(result: Result) -> list[Shown]:
    return [_describe(presented) for presented in result.credentials]


def _describe(presented: PresentedResult) -> Shown:
    known = database_sources().find_type(presented.vct) if presented.vct else None
    return Shown(
        type_name=localised(known.name) if known else presented.vct or _("A certificate"),
        rows=claim_rows(known, presented.claims) if known else plain_rows(presented.claims),
        checks=[{**check, "message": sentence(check["code"], step=check["step"])} for check in presented.checks],
    )

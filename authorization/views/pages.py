"""What the pages of several audiences share: the wallet's stricter policy, and data for its scripts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase

from authorization.items import Texts, label_of
from authorization.models import PresentationRequest, RequestTemplate
from authorization.requests import asked_credential
from identity.models import RecipientKey
from identity.views import portal

_View = TypeVar("_View", bound=Callable[..., Any])

PAGE_SIZE = 50


def wallet_page(view: _View) -> _View:
    """Forbid every string that would become script: on these pages a script can use a key that never leaves."""
    return cast("_View", portal.wallet_page(cast("Callable[[HttpRequest], HttpResponseBase]", view)))


def page_of(request: HttpRequest, rows: QuerySet[Any]) -> Page[Any]:
    """Return the page that the address asks for; one out of range becomes the nearest."""
    return Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))


def active_recipient_keys(asked: PresentationRequest) -> QuerySet[RecipientKey]:
    return asked.organisation.recipient_keys.filter(revoked_at__isnull=True).order_by("pk")


def recipient_jwk(key: RecipientKey) -> dict[str, str]:
    return {**key.public_jwk, "kid": key.thumbprint}


@dataclass(frozen=True, slots=True)
class TemplateItem:
    """One claim of a template, for its lists."""

    label: Texts
    is_required: bool


def template_items(template: RequestTemplate) -> list[TemplateItem]:
    required = {tuple(path) for path in template.required_claims}
    return [
        TemplateItem(label_of(template.credential_type, claim.path), claim.path in required)
        for claim in asked_credential(template).claims
    ]

"""What programs read: status lists, type and issuer metadata, the service's keys, the trust bundle."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from credentials.bundle_export import export_bundle
from credentials.catalog import published_text
from credentials.discovery import controlled_identifier, issuer_metadata
from credentials.errors import NotAcceptableError
from credentials.models import CredentialType, TypeDocument
from credentials.sources import Versions, read_versions
from credentials.status import status_token
from credentials.views.gates import json_answer, readable, write_json
from credentials.w3c_documents import CONTEXT_MEDIA_TYPE, SCHEMA_MEDIA_TYPE, context_document, schema_document
from identity.languages import LOCALES
from identity.models import Agency
from identity.service_keys import service_jwks
from identity.trust import IssuerTrust, agency_issuers, issuer_identifier
from protocol.encoding import json_dumps
from protocol.errors import NotFoundError
from protocol.status_list import MEDIA_TYPE

# Anyone may read these from any page: they say nothing about who asks.
_PUBLIC = {"Access-Control-Allow-Origin": "*"}


@readable
def show_status_list(request: HttpRequest, list_id: UUID) -> HttpResponse:
    """GET /status/<id>: the whole list, signed, the same for everyone, so that nobody learns who asks about whom."""
    if not request.accepts(MEDIA_TYPE):
        raise NotAcceptableError(MEDIA_TYPE)
    token = status_token(list_id)
    headers = {"ETag": token.etag, "Cache-Control": f"public, max-age={token.max_age}", "Vary": "Accept", **_PUBLIC}
    if request.META.get("HTTP_IF_NONE_MATCH") == token.etag:
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(token.text, content_type=MEDIA_TYPE, headers=headers)


@readable
def show_type(request: HttpRequest, slug: str, version: int) -> HttpResponse:
    """GET /types/<slug>/<version>: SD-JWT VC type metadata; a version never changes."""
    text = published_text(slug=slug, version=version, name=TypeDocument.METADATA)
    return _document(text, "application/json")


@readable
def show_template(request: HttpRequest, slug: str, version: int, locale: str) -> HttpResponse:
    """GET /types/<slug>/<version>/<locale>.svg: how a wallet may draw the certificate."""
    if locale not in LOCALES.values():
        raise NotFoundError("template")
    return _document(published_text(slug=slug, version=version, name=locale), "image/svg+xml")


@readable
def show_type_context(request: HttpRequest, slug: str, version: int) -> HttpResponse:
    """GET /types/<slug>/<version>/context: the JSON-LD context of the type's W3C credentials."""
    return _published(context_document(_type_of(slug, version)), CONTEXT_MEDIA_TYPE)


@readable
def show_type_schema(request: HttpRequest, slug: str, version: int) -> HttpResponse:
    """GET /types/<slug>/<version>/schema: the JSON Schema of the type's W3C credentials."""
    return _published(schema_document(_type_of(slug, version)), SCHEMA_MEDIA_TYPE)


def _document(text: str, content_type: str) -> HttpResponse:
    # The very bytes whose digest certificates, or what they name, hold.
    headers = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff", **_PUBLIC}
    return HttpResponse(text.encode(), content_type=content_type, headers=headers)


@readable
def show_issuer(request: HttpRequest, slug: str) -> HttpResponse:
    """GET /.well-known/jwt-vc-issuer/issuers/<slug>: the keys with which an agency's certificates verify."""
    metadata = issuer_metadata(_issuer_of(slug))
    return json_answer(metadata, {"Cache-Control": "public, max-age=300", **_PUBLIC})


@readable
def show_issuer_document(request: HttpRequest, slug: str) -> HttpResponse:
    """GET /issuers/<slug>: the same keys as a controlled identifier document, for readers of W3C credentials."""
    headers = {"Cache-Control": "public, max-age=300", **_PUBLIC}
    body = write_json(controlled_identifier(_issuer_of(slug)))
    return HttpResponse(body, content_type=CONTEXT_MEDIA_TYPE, headers=headers)


def _issuer_of(slug: str) -> IssuerTrust:
    agency = Agency.objects.filter(slug=slug).first()
    issuer = agency_issuers().get(issuer_identifier(agency)) if agency else None
    if issuer is None:
        raise NotFoundError("issuer")
    return issuer


def _type_of(slug: str, version: int) -> CredentialType:
    found = CredentialType.objects.filter(slug=slug, version=version).first()
    if found is None:
        raise NotFoundError("type")
    return found


def _published(document: dict[str, Any], media_type: str) -> HttpResponse:
    headers = {"Cache-Control": "public, max-age=86400", **_PUBLIC}
    return HttpResponse(write_json(document), content_type=media_type, headers=headers)


# At most one: the newest.
_bundles: dict[tuple[int, Versions], bytes] = {}


def forget_bundle() -> None:
    _bundles.clear()


@readable
def show_trust_bundle(request: HttpRequest) -> HttpResponse:
    """GET /api/v1/trust-bundle: what the offline verifier needs. Made anew once per period and change, whoever asks."""
    made_of = (int(time.time()) // settings.STATUS_TOKEN_TTL, read_versions())
    body = _bundles.get(made_of)
    if body is None:
        body = json_dumps(export_bundle(now=datetime.now(UTC)))
        _bundles.clear()
        _bundles[made_of] = body
    headers = {"Cache-Control": f"public, max-age={settings.STATUS_TOKEN_TTL}", **_PUBLIC}
    return HttpResponse(body, content_type="application/json", headers=headers)


@readable
def show_service_keys(request: HttpRequest) -> HttpResponse:
    """GET /.well-known/jwks.json: the keys with which the service signs receipts and reports."""
    return json_answer(service_jwks(), {"Cache-Control": "public, max-age=300", **_PUBLIC})

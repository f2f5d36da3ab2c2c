"""DID resolution over HTTP (W3C DID Resolution, HTTP binding)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from anchoring.throttle import count_request
from identity.resolver import is_fetched, resolve
from identity.views.authentication import authenticate_api_key, client_address
from protocol import did as dids

RESULT_TYPE = 'application/ld+json;profile="https://w3id.org/did-resolution"'
_DOCUMENT_TYPES = ("application/did+ld+json", "application/did+json", "application/did")
_OUR_STATUS = {501: 400}
# Security requirements of OpenAPI; the library's own annotation says names.
_KEY_OR_NONE: Any = [{"apiKey": []}, {}]


class _AnyFormat(BaseContentNegotiation):
    """The view itself decides between result and document, as the binding says."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]


def _result(*members: str) -> dict[str, Any]:
    """Describe a DID resolution result in which *members* are not null."""
    anything = {"type": "object", "additionalProperties": True}
    return {
        "type": "object",
        "required": ["didDocument", "didResolutionMetadata", "didDocumentMetadata"],
        "properties": {
            "@context": {"type": "string"},
            "didDocument": {**anything, "nullable": "didDocument" not in members},
            "didResolutionMetadata": {
                "type": "object",
                "properties": {
                    "contentType": {"type": "string"},
                    "error": {"type": "string", "enum": ["invalidDid", "methodNotSupported", "notFound"]},
                },
            },
            "didDocumentMetadata": anything,
        },
    }


_EXAMPLE = {
    "@context": "https://w3id.org/did-resolution/v1",
    "didDocument": {"id": "did:weid:1:0x4b4d7e2e8a1f0c6b5d3a2918f7e6d5c4b3a29180"},
    "didResolutionMetadata": {"contentType": dids.CONTENT_TYPE},
    "didDocumentMetadata": {"versionId": "1", "created": "2026-11-24T03:00:00Z"},
}


class ResolveView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = _AnyFormat

    @extend_schema(
        operation_id="resolve_did",
        summary="Resolve a DID",
        tags=["identifiers"],
        auth=_KEY_OR_NONE,
        description="did:weid, did:key, did:jwk and did:web. With Accept: application/did+ld+json, the document alone. "
        "did:web is fetched from elsewhere: without an API key, only so often a minute.",
        parameters=[
            OpenApiParameter("did", str, OpenApiParameter.PATH, description="The DID", pattern="^did:[a-z0-9]+:.+$"),
            OpenApiParameter("versionId", str, OpenApiParameter.QUERY, description="A version of a did:weid document"),
        ],
        responses={
            (200, "application/ld+json"): OpenApiResponse(_result("didDocument"), "The result, with the document"),
            (200, dids.CONTENT_TYPE): OpenApiResponse(OpenApiTypes.OBJECT, "The document alone"),
            (400, "application/ld+json"): OpenApiResponse(
                _result(), "Not a DID, or of a method that is not spoken here"
            ),
            (404, "application/ld+json"): OpenApiResponse(_result(), "No such DID, or it cannot be had"),
            (410, "application/ld+json"): OpenApiResponse(_result(), "The DID was deactivated"),
        },
        examples=[OpenApiExample("a WeID", _EXAMPLE, media_type="application/ld+json", status_codes=[200])],
    )
    def get(self, request: Request, did: str) -> JsonResponse:
        if is_fetched(did):
            _admit(request)
        result = resolve(did, version_id=request.query_params.get("versionId"))
        # The binding has 501 for an unknown method; here 5xx means a fault of our own, so that alarms can trust it.
        status = _OUR_STATUS.get(dids.http_status(result), dids.http_status(result))
        wants_document = request.headers.get("Accept", "").split(",")[0].split(";")[0].strip() in _DOCUMENT_TYPES
        if wants_document and status == 200:
            return JsonResponse(result["didDocument"], content_type=dids.CONTENT_TYPE)
        return JsonResponse(result, status=status, content_type=RESULT_TYPE)


def _admit(request: Request) -> None:
    """A fetch holds a thread here for seconds. Raises ApiKeyInvalidError for a wrong key, RateLimitedError without one."""
    header = request.META.get("HTTP_AUTHORIZATION")
    if header:
        authenticate_api_key(header)
        return
    rates: Any = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    count_request(client_address(request), name="RESOLVE_ANONYMOUS_RATE", rate=rates["resolve_anonymous"])

"""DID resolution over HTTP (W3C DID Resolution, HTTP binding)."""

from __future__ import annotations

from collections.abc import Mapping
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
from identity.resolver import dereference, is_fetched, resolve
from identity.views.authentication import authenticate_api_key, client_address
from protocol import did as dids

# A DID URL has one of them, a DID none.
_URL_CHARACTERS = frozenset("/?#")
_OUR_STATUS = {501: 400}
# Security requirements of OpenAPI; the library's own annotation says names.
_KEY_OR_NONE: Any = [{"apiKey": []}, {}]


_ERRORS = [
    "invalidDid",
    "invalidDidUrl",
    "invalidOptions",
    "methodNotSupported",
    "notFound",
    "representationNotSupported",
]


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
                    "error": {"type": "string", "enum": _ERRORS},
                },
            },
            "didDocumentMetadata": anything,
        },
    }


_DEREFERENCED: dict[str, Any] = {
    "type": "object",
    "required": ["dereferencingMetadata", "contentStream", "contentMetadata"],
    "properties": {
        "dereferencingMetadata": {"type": "object"},
        "contentStream": {"type": ["object", "null"]},
        "contentMetadata": {"type": "object"},
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
        description="did:weid, did:key, did:jwk and did:web. With Accept: `application/did+ld+json` or "
        "`application/did+json`, the document alone in that representation. A DID URL, percent-encoded, is dereferenced: a "
        "fragment names a verification method. did:web is fetched from elsewhere: without an API key, only so often a "
        "minute.",
        parameters=[
            OpenApiParameter("did", str, OpenApiParameter.PATH, description="The DID", pattern="^did:[a-z0-9]+:.+$"),
            OpenApiParameter("versionId", str, OpenApiParameter.QUERY, description="A version of a did:weid document"),
            OpenApiParameter(
                "versionTime", str, OpenApiParameter.QUERY, description="The version of that time, an XML dateTime"
            ),
        ],
        responses={
            (200, "application/ld+json"): OpenApiResponse(_result("didDocument"), "The result, with the document"),
            (200, dids.CONTENT_TYPE): OpenApiResponse(OpenApiTypes.OBJECT, "The document alone"),
            **{
                (status, dids.DEREFERENCING): OpenApiResponse(
                    _DEREFERENCED, "What the DID URL names, or why it names nothing"
                )
                for status in (200, 400, 404, 410)
            },
            (200, dids.RESOLUTION): OpenApiResponse(_result("didDocument"), "The result, by its own media type"),
            (200, dids.JSON): OpenApiResponse(OpenApiTypes.OBJECT, "The document alone"),
            (410, dids.CONTENT_TYPE): OpenApiResponse(
                OpenApiTypes.OBJECT, "An older document of a DID that was deactivated"
            ),
            (410, dids.JSON): OpenApiResponse(OpenApiTypes.OBJECT, "The same, as JSON"),
            **{
                (status, dids.RESOLUTION): OpenApiResponse(_result(), "As in JSON-LD, by its own media type")
                for status in (400, 404, 410)
            },
            (400, "application/ld+json"): OpenApiResponse(
                _result(), "Not a DID, or of a method that is not spoken here"
            ),
            (404, "application/ld+json"): OpenApiResponse(_result(), "No such DID, or it cannot be had"),
            (406, "application/ld+json"): OpenApiResponse(_result(), "Nothing that is accepted can be had"),
            (410, "application/ld+json"): OpenApiResponse(_result(), "The DID was deactivated"),
        },
        examples=[OpenApiExample("a WeID", _EXAMPLE, media_type="application/ld+json", status_codes=[200])],
    )
    def get(self, request: Request, did: str) -> JsonResponse:
        if is_fetched(did):
            _admit(request)
        wanted = dids.wanted(request.headers.get("Accept", ""))
        result = _answer(request, did, wanted)
        # The binding has 501 for an unknown method; here 5xx means a fault of our own, so that alarms can trust it.
        status = _OUR_STATUS.get(dids.http_status(result), dids.http_status(result))
        content = result["didDocument"] if "didDocument" in result else result["contentStream"]
        if wanted in (dids.JSON, dids.JSON_LD) and content is not None:
            return JsonResponse(content, status=status, content_type=wanted)
        return JsonResponse(result, status=status, content_type=_result_type(result, wanted))


def _answer(request: Request, did: str, wanted: str | None) -> dict[str, Any]:
    """Return the result of resolving a DID, or of dereferencing a DID URL."""
    if wanted is None:
        return dids.resolution_error("representationNotSupported")
    media_type = wanted if wanted == dids.JSON else dids.JSON_LD
    if wanted == dids.DEREFERENCING or _URL_CHARACTERS & set(did):
        return dereference(did, media_type=media_type)
    parameters = request.query_params
    return resolve(
        did,
        version_id=parameters.get("versionId"),
        version_time=parameters.get("versionTime"),
        media_type=media_type,
    )


def _result_type(result: Mapping[str, Any], wanted: str | None) -> str:
    if "dereferencingMetadata" in result:
        return dids.DEREFERENCING
    return dids.RESOLUTION if wanted == dids.RESOLUTION else dids.RESULT


def _admit(request: Request) -> None:
    """A fetch holds a thread here for seconds. Raises ApiKeyInvalidError for a wrong key, RateLimitedError without one."""
    header = request.META.get("HTTP_AUTHORIZATION")
    if header:
        authenticate_api_key(header)
        return
    rates: Any = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    count_request(client_address(request), name="RESOLVE_ANONYMOUS_RATE", rate=rates["resolve_anonymous"])

"""The log as the world reads it. Everything here is public, free of personal data, and made to be cached."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from anchoring.log_key import log_verifier_keys
from anchoring.publication import PublishedBytes, read_checkpoint, read_entries, read_tile
from anchoring.receipts import RecordStanding, standing_of
from protocol.cose_receipt import MEDIA_TYPE as COSE_MEDIA_TYPE


@csrf_exempt
@require_safe
@cache_control(public=True, max_age=1)
def checkpoint(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(read_checkpoint(), content_type="text/plain; charset=utf-8")


@csrf_exempt
@require_safe
@cache_control(public=True, max_age=3600)
def verifier_key(_request: HttpRequest) -> HttpResponse:
    lines = "".join(f"{vkey}\n" for vkey in log_verifier_keys())
    return HttpResponse(lines, content_type="text/plain; charset=utf-8")


@csrf_exempt
@require_safe
def tile(_request: HttpRequest, level: str, position: str) -> HttpResponse:
    return _published(read_tile(f"tile/{level}/{position}"))


@csrf_exempt
@require_safe
def entries(_request: HttpRequest, position: str) -> HttpResponse:
    return _published(read_entries(f"tile/entries/{position}"))


def _published(content: PublishedBytes) -> HttpResponse:
    response = HttpResponse(content.data, content_type="application/octet-stream")
    response["Cache-Control"] = "public, max-age=31536000, immutable" if content.is_final else "public, max-age=60"
    return response


class ProofTextRenderer(BaseRenderer):
    """The receipt as C2SP tlog-proof text; a problem stays JSON."""

    media_type = "text/plain"
    format = "tlog-proof"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        if isinstance(data, str):
            return data.encode()
        return JSONRenderer().render(data, accepted_media_type, renderer_context)


class CoseRenderer(BaseRenderer):
    """The receipt as COSE_Sign1 bytes (RFC 9942); a problem stays JSON."""

    media_type = COSE_MEDIA_TYPE
    format = "cose"
    charset = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        if isinstance(data, bytes):
            return data
        return JSONRenderer().render(data, accepted_media_type, renderer_context)


class AttestationSerializer(serializers.Serializer[Any]):
    ledger_id = serializers.CharField()
    state = serializers.CharField()


class ProofSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="Position of the leaf, from 0")
    path = serializers.ListField(child=serializers.CharField(), help_text="Sibling hashes, base64, from the leaf up")
    checkpoint = serializers.CharField(help_text="Signed note of the log: the only source of the tree size")


class ReceiptSerializer(serializers.Serializer[Any]):
    record_id = serializers.CharField()
    state = serializers.ChoiceField(choices=["pending", "sequenced", "published"])
    receipt = ProofSerializer(allow_null=True, help_text="Null until a signed checkpoint covers the record")
    attestations = AttestationSerializer(many=True, help_text="What ledgers say of the receipt's checkpoint")


_EXAMPLE = {
    "record_id": "credential:7a0c52a4-6c0e-4a0f-9a55-2f8a7a0f1d11",
    "state": "published",
    "receipt": {
        "index": 1,
        "path": ["ivMvHLSMAV1CDYyT5kcyAn6OATdFB5ZcLyXMMsnqOPs="],
        "checkpoint": "localhost:8000/log\n2\n3vFvNfXr0bM2Wzmq4dfaxoBRdqEYwHxRH2uBsvGJ7xk=\n\n— localhost:8000/log c2ln\n",
    },
    "attestations": [{"ledger_id": "embedded", "state": "confirmed"}],
}


class ReceiptView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (JSONRenderer, ProofTextRenderer, CoseRenderer)

    @extend_schema(
        operation_id="read_receipt",
        summary="Proof that a record stands in the log",
        tags=["log"],
        description=(
            "JSON by default; `?format=tlog-proof` (or `Accept: text/plain`) gives the C2SP tlog-proof text, with the "
            "cosignatures of witnesses, for the archive; `?format=cose` (or `Accept: application/cose`) gives a COSE "
            "Receipt of inclusion (RFC 9942) whose `sub` names the tree as `<origin>#<size>`, to embed. All three come "
            "of one path, and both proofs are checked offline against the keys at `/log/vkey`."
        ),
        parameters=[
            OpenApiParameter("format", pattern="^(json|tlog-proof|cose)?$", description="json, tlog-proof or cose")
        ],
        responses={
            (200, "application/json"): OpenApiResponse(ReceiptSerializer, "Where the record stands"),
            (200, "text/plain"): OpenApiTypes.STR,
            (200, COSE_MEDIA_TYPE): OpenApiTypes.BINARY,
            404: OpenApiResponse(description="The log knows no such record"),
            406: OpenApiResponse(description="Neither JSON, text nor COSE is acceptable"),
            409: OpenApiResponse(description="A proof was asked for before it exists"),
        },
        examples=[OpenApiExample("published", _EXAMPLE, media_type="application/json", response_only=True)],
    )
    def get(self, request: Request, record_id: str) -> Response:
        write = _WRITERS[request.accepted_renderer.format]
        return Response(write(standing_of(record_id)))


def _as_json(standing: RecordStanding) -> dict[str, Any]:
    receipt = standing.receipt
    return {
        "record_id": standing.record_id,
        "state": standing.state,
        "receipt": receipt
        and {
            "index": receipt.index,
            "path": [b64encode(node).decode("ascii") for node in receipt.path],
            "checkpoint": receipt.checkpoint,
        },
        "attestations": [{"ledger_id": ledger_id, "state": state} for ledger_id, state in standing.attestations],
    }


_WRITERS: Mapping[str, Callable[[RecordStanding], Any]] = {
    JSONRenderer.format: _as_json,
    ProofTextRenderer.format: RecordStanding.proof_text,
    CoseRenderer.format: RecordStanding.cose_receipt,
}

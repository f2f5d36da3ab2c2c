"""The verifier's REST interface: ask, watch, fetch. Another organisation's ids are as unknown as invented ones."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from authorization import transfer
from authorization.consent import state_of
from authorization.lookup import find_request_of, find_template_of, granted_authorization
from authorization.models import Authorization, PresentationRequest
from authorization.openid4vp.sessions import ask_wallet
from authorization.requests import (
    DEFAULT_LIFETIME,
    MAX_LIFETIME,
    MIN_LIFETIME,
    audience_of,
    consent_url,
    create_request,
    request_state,
)
from authorization.views.api_fields import (
    COMMON_PROBLEMS,
    NO_STORE,
    client_of,
)
from authorization.views.wallet_api import WalletInput, WalletOutput, describe_session, qr_of, read_options
from identity.views.authentication import ApiClient, ApiKeyAuthentication
from identity.views.json_fields import JsonIntegerField, JsonTextField, JsonUUIDField


class RequestInput(serializers.Serializer[Any]):
    template = JsonUUIDField(help_text="An approved request template of your organisation")
    reference = JsonTextField(
        max_length=80,
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        validators=[RegexValidator(r"^[^\u0000]*$")],
        default="",
        help_text="Your own reference, echoed back",
    )
    expires_in = JsonIntegerField(
        required=False,
        min_value=int(MIN_LIFETIME.total_seconds()),
        max_value=int(MAX_LIFETIME.total_seconds()),
        default=int(DEFAULT_LIFETIME.total_seconds()),
        help_text="Seconds in which the citizen may answer; never longer than the template grants access",
    )
    wallet = WalletInput(required=False, help_text="Let any wallet answer over OpenID4VP 1.0, in this way")


class AuthorizationOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=["active", "withdrawn", "expired"])
    granted_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    reads_left = serializers.IntegerField()
    receipt = serializers.CharField(help_text="The service's countersignature: a JWS of typ authorization-receipt+jwt")


class RequestOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    template = serializers.UUIDField()
    reference = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=["pending", "granted", "presented", "refused", "expired"])
    url = serializers.CharField(help_text="Where the citizen decides")
    qr = serializers.CharField(help_text="The same address as a QR code: an SVG data URI")
    audience = serializers.CharField(help_text="For /api/v1/verify, with the presentation")
    nonce = serializers.CharField(help_text="For /api/v1/verify, with the presentation")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    authorization = AuthorizationOutput(allow_null=True)
    wallet = WalletOutput(allow_null=True)


class EnvelopeRecipient(serializers.Serializer[Any]):
    header = serializers.DictField(help_text="Whose it is (`kid`), and how the key is wrapped")
    encrypted_key = serializers.CharField()


class Envelope(serializers.Serializer[Any]):
    protected = serializers.CharField()
    recipients = EnvelopeRecipient(many=True)
    iv = serializers.CharField()
    ciphertext = serializers.CharField()
    tag = serializers.CharField()


_ASKING = OpenApiExample(
    "ten minutes to answer",
    {"template": "0b9f6c1e-53a7-4a52-9a8e-0a6f0b0f7c11", "reference": "account 7", "expires_in": 600},
    request_only=True,
)
_ASKED = OpenApiExample(
    "not answered yet",
    {
        "id": "5d0f6dc4-7a70-4a42-8b3f-6f2d7a9f3b20",
        "template": "0b9f6c1e-53a7-4a52-9a8e-0a6f0b0f7c11",
        "reference": "account 7",
        "state": "pending",
        "url": "http://localhost:8000/portal/requests/5d0f6dc4-7a70-4a42-8b3f-6f2d7a9f3b20/",
        "qr": "data:image/svg+xml;charset=utf-8,…",
        "audience": "http://localhost:8000/organisations/daiwan",
        "nonce": "Dk3rFmFz0cVAWy5bq1wAZq3v8CJq0lqODk3rFmFz0cU",
        "created_at": "2026-11-24T11:00:00+08:00",
        "expires_at": "2026-11-24T11:10:00+08:00",
        "authorization": None,
        "wallet": None,
    },
    response_only=True,
)
_SEALED = OpenApiExample(
    "sealed to one key",
    {
        "protected": "eyJlbmMiOiJBMjU2R0NNIn0",
        "recipients": [{"header": {"alg": "ECDH-ES+A256KW", "kid": "counter", "epk": {}}, "encrypted_key": "a2V5"}],
        "iv": "AAAAAAAAAAAAAAAA",
        "ciphertext": "c2VhbGVk",
        "tag": "AAAAAAAAAAAAAAAAAAAAAA",
    },
    response_only=True,
)


class RequestsView(APIView):
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="create_request",
        summary="Ask a citizen for the claims of a template",
        tags=["requests"],
        request=RequestInput,
        responses={
            201: OpenApiResponse(RequestOutput, "The request: show the citizen its address, or the QR code"),
            400: OpenApiResponse(description="The body is not as described; `fields` says where"),
            **COMMON_PROBLEMS,
            403: OpenApiResponse(description="The organisation may not ask, or not for that much"),
            409: OpenApiResponse(
                description="The template is not approved or retired, or there is no recipient key and no wallet is asked"
            ),
            413: OpenApiResponse(description="The body is longer than 64 KiB"),
            415: OpenApiResponse(description="The body is not JSON"),
        },
        examples=[_ASKING, _ASKED],
    )
    def post(self, request: Request) -> Response:
        body = RequestInput(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(_describe_request(_ask(client_of(request), body.validated_data)), status=201, headers=NO_STORE)


class RequestView(APIView):
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="read_request",
        summary="How a request stands",
        tags=["requests"],
        responses={200: OpenApiResponse(RequestOutput, "The request as it stands now"), **COMMON_PROBLEMS},
        examples=[_ASKED],
    )
    def get(self, request: Request, request_id: uuid.UUID) -> Response:
        asked = find_request_of(client_of(request).organisation, request_id)
        return Response(_describe_request(asked), headers=NO_STORE)


class PresentationView(APIView):
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="read_presentation",
        summary="Fetch the sealed presentation; counts as one read",
        description="A JWE in General JSON form (RFC 7516 §7.2.1), to be opened with your recipient key.",
        tags=["requests"],
        responses={
            200: OpenApiResponse(Envelope, "The sealed presentation"),
            **COMMON_PROBLEMS,
            403: OpenApiResponse(description="The citizen withdrew, the time is over, or the reads are used up"),
            409: OpenApiResponse(description="The citizen has not answered, or refused, or the time to answer is over"),
        },
        examples=[_SEALED],
    )
    def get(self, request: Request, request_id: uuid.UUID) -> Response:
        organisation = client_of(request).organisation
        asked = find_request_of(organisation, request_id)
        envelope = transfer.read(authorization=granted_authorization(asked), organisation=organisation)
        return Response(envelope, headers=NO_STORE)


def _ask(client: ApiClient, members: dict[str, Any]) -> PresentationRequest:
    asking: dict[str, Any] = {
        "template": find_template_of(client.organisation, members["template"]),
        "organisation": client.organisation,
        "reference": members["reference"],
        "api_key": client.api_key,
        "lifetime": timedelta(seconds=members["expires_in"]),
    }
    if "wallet" not in members:
        return create_request(**asking)
    return ask_wallet(**asking, options=read_options(members["wallet"])).request


def _describe_request(asked: PresentationRequest) -> dict[str, Any]:
    url = consent_url(asked)
    authorization, session = getattr(asked, "authorization", None), getattr(asked, "session", None)
    members = {
        "id": asked.pk,
        "template": asked.template_id,
        "reference": asked.reference,
        "state": request_state(asked),
        "url": url,
        "qr": qr_of(url),
        "audience": audience_of(asked.organisation),
        "nonce": asked.nonce,
        "created_at": asked.created_at,
        "expires_at": asked.expires_at,
        "authorization": _describe_authorization(authorization) if authorization else None,
        "wallet": describe_session(session) if session else None,
    }
    return dict(RequestOutput(members).data)


def _describe_authorization(authorization: Authorization) -> dict[str, Any]:
    return {
        "id": authorization.pk,
        "state": state_of(authorization),
        "granted_at": authorization.granted_at,
        "expires_at": authorization.expires_at,
        "withdrawn_at": authorization.withdrawn_at,
        "reads_left": authorization.max_reads - authorization.reads_used,
        "receipt": authorization.receipt,
    }

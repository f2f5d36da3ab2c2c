"""The verifier's REST interface to certificates that are used up: take, look again, give back."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from authorization.requests import audience_of
from authorization.views.api_fields import COMMON_PROBLEMS, NO_STORE, client_of
from credentials import redemption as redemptions
from credentials.models import Redemption
from identity.views.authentication import ApiKeyAuthentication
from identity.views.json_fields import JsonIntegerField, JsonTextField

# With the rest of the body within what config.json_body reads.
MAX_PRESENTATION = 60_000
_PLAIN = RegexValidator(r"^[^\u0000]*$")
_KEY = RegexValidator(rf"^[A-Za-z0-9._:-]{{1,{redemptions.MAX_KEY}}}$")


class RedemptionInput(serializers.Serializer[Any]):
    presentation = JsonTextField(
        min_length=1,
        max_length=MAX_PRESENTATION,
        trim_whitespace=False,
        validators=[_PLAIN],
        help_text="The holder's presentation, key-bound to your organisation's audience and to *nonce*",
    )
    nonce = JsonTextField(
        min_length=1,
        max_length=512,
        trim_whitespace=False,
        validators=[_PLAIN],
        help_text="The nonce that you gave the holder",
    )
    idempotency_key = JsonTextField(
        max_length=redemptions.MAX_KEY,
        trim_whitespace=False,
        validators=[_KEY],
        help_text="Yours, one for each use: a repeated request has no second effect",
    )
    units = JsonIntegerField(required=False, min_value=1, max_value=redemptions.MAX_UNITS, default=1)


class ReversalInput(serializers.Serializer[Any]):
    reason = JsonTextField(
        min_length=1,
        max_length=redemptions.MAX_REASON,
        trim_whitespace=False,
        validators=[_PLAIN],
        help_text="For the audit trail",
    )


class RedemptionOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    type = serializers.CharField(help_text="`vct` of the certificate")
    number = serializers.IntegerField(help_text="Which redemption of this certificate it is")
    units = serializers.IntegerField()
    units_left = serializers.IntegerField(help_text="What is left of the certificate now")
    redeemed_at = serializers.DateTimeField()
    reversed_at = serializers.DateTimeField(allow_null=True)
    record = serializers.CharField(help_text="Its record in the public log, for /api/v1/log/receipts")


_REDEEMING = OpenApiExample(
    "at the counter",
    {
        "presentation": "<SD-JWT with key binding>",
        "nonce": "Dk3rFmFz0cVAWy5bq1wAZq3v8CJq0lqO",
        "idempotency_key": "sale-4711",
    },
    request_only=True,
)
_REVERSING = OpenApiExample("a mistake", {"reason": "wrong medicine"}, request_only=True)
_REDEEMED = OpenApiExample(
    "a prescription dispensed",
    {
        "id": "5b0c1f60-27cf-4f6c-8d5e-6f5f1b1c1111",
        "type": "http://localhost:8000/types/prescription/1",
        "number": 1,
        "units": 1,
        "units_left": 0,
        "redeemed_at": "2026-11-24T11:00:00+08:00",
        "reversed_at": None,
        "record": "redemption:5b0c1f60-27cf-4f6c-8d5e-6f5f1b1c1111",
    },
    response_only=True,
)
_BODY_PROBLEMS = {
    400: OpenApiResponse(description="The body is not as described, or the presentation does not verify"),
    413: OpenApiResponse(description="The body is too long"),
    415: OpenApiResponse(description="The body is not JSON"),
}


class RedemptionsView(APIView):
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="create_redemption",
        summary="Use a certificate up, once or in parts",
        tags=["redemptions"],
        request=RedemptionInput,
        responses={
            201: OpenApiResponse(RedemptionOutput, "Taken; or, under the same idempotency key, taken before"),
            **COMMON_PROBLEMS,
            **_BODY_PROBLEMS,
            409: OpenApiResponse(description="Nothing, or too little, is left; or it is not for using up"),
            503: OpenApiResponse(description="Something of the certificate could not be checked; nothing was taken"),
        },
        examples=[_REDEEMING, _REDEEMED],
    )
    def post(self, request: Request) -> Response:
        body = RedemptionInput(data=request.data)
        body.is_valid(raise_exception=True)
        organisation = client_of(request).organisation
        taken = redemptions.redeem(organisation=organisation, audience=audience_of(organisation), **body.validated_data)
        return Response(_describe(taken), status=201, headers=NO_STORE)


class RedemptionView(APIView):
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="read_redemption",
        summary="A redemption as it stands",
        tags=["redemptions"],
        responses={200: OpenApiResponse(RedemptionOutput, "The redemption"), **COMMON_PROBLEMS},
        examples=[_REDEEMED],
    )
    def get(self, request: Request, redemption_id: uuid.UUID) -> Response:
        found = redemptions.find_redemption(organisation=client_of(request).organisation, redemption_id=redemption_id)
        return Response(_describe(found), headers=NO_STORE)


class ReversalView(APIView):
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="create_reversal",
        summary="Give the units back",
        tags=["redemptions"],
        request=ReversalInput,
        responses={
            200: OpenApiResponse(RedemptionOutput, "The redemption, reversed"),
            **COMMON_PROBLEMS,
            **_BODY_PROBLEMS,
            409: OpenApiResponse(description="It was reversed before"),
        },
        examples=[_REVERSING, _REDEEMED],
    )
    def post(self, request: Request, redemption_id: uuid.UUID) -> Response:
        body = ReversalInput(data=request.data)
        body.is_valid(raise_exception=True)
        organisation = client_of(request).organisation
        found = redemptions.find_redemption(organisation=organisation, redemption_id=redemption_id)
        reversed_ = redemptions.reverse(
            redemption=found, organisation=organisation, reason=body.validated_data["reason"]
        )
        return Response(_describe(reversed_), headers=NO_STORE)


def _describe(redemption: Redemption) -> dict[str, Any]:
    members = {
        "id": redemption.pk,
        "type": redemption.credential.credential_type.vct,
        "number": redemption.number,
        "units": redemption.units,
        "units_left": redemptions.units_left(redemption.credential),
        "redeemed_at": redemption.created_at,
        "reversed_at": redemption.reversed_at,
        "record": redemptions.record_id(redemption),
    }
    return dict(RedemptionOutput(members).data)

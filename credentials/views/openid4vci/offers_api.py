"""The agency's REST interface: offer a certificate to a wallet, watch the offer, take it back."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, cast

import segno
from django.core.validators import RegexValidator
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from credentials.errors import OfferRequestError
from credentials.models import Application, CredentialOffer
from credentials.openid4vci import offers
from credentials.openid4vci.offers import Grant, MadeOffer, Options
from identity.models import Agency
from identity.views.authentication import AgencyClient, AgencyKeyAuthentication
from identity.views.json_fields import JsonBooleanField, JsonIntegerField, JsonTextField, JsonUUIDField

NO_STORE = {"Cache-Control": "no-store"}
MAX_COUNT = 50
_MAX_NUMBER = 40


class OfferInput(serializers.Serializer[Any]):
    credential = JsonTextField(
        required=False,
        max_length=_MAX_NUMBER,
        trim_whitespace=False,
        validators=[RegexValidator(r"^[0-9A-Za-z-]+\Z")],
        help_text="The number of an issued certificate",
    )
    application = JsonUUIDField(
        required=False, help_text="In place of it: an application whose certificate is still being made"
    )
    grant = serializers.ChoiceField(
        choices=Grant.values, required=False, help_text="By the code alone, or by sign-in (the only one under HAIP)"
    )
    tx_code = JsonBooleanField(
        required=False, default=True, help_text="Whether the holder enters a code that travels by another way"
    )
    dpop = serializers.ChoiceField(choices=["required", "optional"], required=False, default="optional")
    key_attestation = JsonBooleanField(
        required=False, default=False, help_text="Whether the wallet's keys must be attested"
    )
    count = JsonIntegerField(
        required=False, min_value=1, max_value=MAX_COUNT, help_text="How many copies one request may ask for"
    )
    by = serializers.ChoiceField(choices=["value", "reference"], required=False, default="value")
    expires_in = JsonIntegerField(
        required=False,
        min_value=int(offers.MIN_LIFETIME.total_seconds()),
        max_value=int(offers.MAX_LIFETIME.total_seconds()),
        default=int(offers.DEFAULT_LIFETIME.total_seconds()),
        help_text="Seconds in which a wallet may take it",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("credential" in attrs) == ("application" in attrs):
            raise serializers.ValidationError({"credential": ["either this or application"]})
        return attrs


class OfferOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=offers.STATES)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class MadeOfferOutput(OfferOutput):
    offer_uri = serializers.CharField(help_text="For a link or QR code; shown this once")
    offer = serializers.DictField(help_text="The same as an object (OpenID4VCI 1.0 §4.1.1)")
    tx_code = serializers.CharField(allow_null=True, help_text="To be told to the holder by another way")
    qr = serializers.CharField(help_text="The same link as a QR code: an SVG data URI")


_STATE = {
    "id": "5d0f6dc4-7a70-4a42-8b3f-6f2d7a9f3b20",
    "state": "OFFERED",
    "created_at": "2026-11-24T11:00:00+08:00",
    "expires_at": "2026-11-24T11:15:00+08:00",
}
_OFFER = {
    "credential_issuer": "http://localhost:8000/issuers/identification",
    "credential_configuration_ids": ["birth-certificate_1"],
    "grants": {
        "urn:ietf:params:oauth:grant-type:pre-authorized_code": {
            "pre-authorized_code": "9d3f…",
            "tx_code": {"input_mode": "numeric", "length": 6},
        }
    },
}
_MADE = OpenApiExample(
    "for a wallet on another device",
    {
        **_STATE,
        "offer_uri": "openid-credential-offer://?credential_offer=%7B…%7D",
        "offer": _OFFER,
        "tx_code": "493536",
        "qr": "data:image/svg+xml;charset=utf-8,…",
    },
    response_only=True,
)
_ASKED = OpenApiExample(
    "an issued certificate",
    {"credential": "BC-2026-7Q2KD-0M4WX", "tx_code": True, "dpop": "optional"},
    request_only=True,
)
_PROBLEMS = {
    401: OpenApiResponse(description="No API key, or one that is unknown, revoked or no agency's"),
    404: OpenApiResponse(description="No such object of this agency"),
    406: OpenApiResponse(description="Only JSON can be had"),
}


class OffersView(APIView):
    authentication_classes = (AgencyKeyAuthentication,)
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="create_offer",
        summary="Offer a certificate to a wallet",
        tags=["offers"],
        request=OfferInput,
        responses={
            201: MadeOfferOutput,
            400: OpenApiResponse(description="The body is not right; `fields` says where"),
            **_PROBLEMS,
            409: OpenApiResponse(description="There is nothing to offer"),
            413: OpenApiResponse(description="The body is longer than 64 KiB"),
            415: OpenApiResponse(description="The body is not JSON"),
        },
        examples=[_ASKED, _MADE],
    )
    def post(self, request: Request) -> Response:
        body = OfferInput(data=request.data)
        body.is_valid(raise_exception=True)
        client = _client(request)
        application = _application(client.agency, body.validated_data)
        made = offers.make_offer(application=application, options=_options(body.validated_data), actor=_actor(client))
        return Response(_describe_made(made), status=201, headers=NO_STORE)


class OfferView(APIView):
    authentication_classes = (AgencyKeyAuthentication,)
    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="read_offer",
        summary="Where an offer stands",
        tags=["offers"],
        responses={200: OfferOutput, **_PROBLEMS},
        examples=[OpenApiExample("not taken yet", _STATE, response_only=True)],
    )
    def get(self, request: Request, offer_id: uuid.UUID) -> Response:
        offer = offers.find_offer(agency=_client(request).agency, offer_id=offer_id)
        return Response(_describe(offer), headers=NO_STORE)

    @extend_schema(
        operation_id="cancel_offer",
        summary="Take an offer back",
        tags=["offers"],
        responses={204: None, **_PROBLEMS, 409: OpenApiResponse(description="A wallet has taken it already")},
    )
    def delete(self, request: Request, offer_id: uuid.UUID) -> Response:
        client = _client(request)
        offers.cancel_offer(offer=offers.find_offer(agency=client.agency, offer_id=offer_id), actor=_actor(client))
        return Response(status=204, headers=NO_STORE)


def _client(request: Request) -> AgencyClient:
    return cast("AgencyClient", request.user)


def _actor(client: AgencyClient) -> str:
    return f"api_key:{client.api_key.pk}"


def _application(agency: Agency, asked: dict[str, Any]) -> Application:
    """Return what the request names, by the number of its certificate or its own id. Raises OfferRequestError."""
    rows = Application.objects.filter(agency=agency).select_related("agency", "credential_type")
    by = {"pk": asked["application"]} if "application" in asked else {"credential__number": asked["credential"]}
    found = rows.filter(**by).first()
    if found is None:
        name = "application" if "application" in asked else "credential"
        raise OfferRequestError(name, fields={name: ["unknown to this department"]})
    return found


def _options(asked: dict[str, Any]) -> Options:
    return Options(
        grant=Grant(asked["grant"]) if "grant" in asked else None,
        tx_code=asked["tx_code"],
        requires_dpop=asked["dpop"] == "required",
        requires_key_attestation=asked["key_attestation"],
        most=asked.get("count"),
        by_reference=asked["by"] == "reference",
        lifetime=timedelta(seconds=asked["expires_in"]),
    )


def _describe(offer: CredentialOffer) -> dict[str, Any]:
    return {
        "id": str(offer.pk),
        "state": offers.state_of(offer).value,
        "created_at": offer.created_at,
        "expires_at": offer.expires_at,
    }


def _describe_made(made: MadeOffer) -> dict[str, Any]:
    return {
        **_describe(made.row),
        "offer_uri": made.uri,
        "offer": made.message,
        "tx_code": made.tx_code or None,
        "qr": segno.make(made.uri, error="m", micro=False).svg_data_uri(border=4, light="#fff"),
    }

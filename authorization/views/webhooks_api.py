"""Webhooks by API key, for organisations and agencies: what their pages do, for their software."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from authorization.lookup import find_delivery_to, find_webhook_of
from authorization.models import WebhookDelivery, WebhookEndpoint
from authorization.views.api_fields import COMMON_PROBLEMS, NO_STORE
from authorization.webhooks import endpoints
from authorization.webhooks.catalogue import KINDS, TEST
from authorization.webhooks.endpoints import MAX_URL, Owner
from identity.models import Agency
from identity.views.authentication import AgencyClient, OwnerKeyAuthentication
from identity.views.json_fields import JsonBooleanField, JsonTextField

EVENTS = [name for name in KINDS if name != TEST]
# Newest first; older ones are on the pages.
LISTED = 100

NOT_FOUND = OpenApiResponse(description="No such object of this owner")
DISABLED = OpenApiResponse(description="The endpoint is switched off")
BODY_PROBLEMS = {
    400: OpenApiResponse(description="The body is not as described; `fields` says where"),
    413: OpenApiResponse(description="The body is longer than 64 KiB"),
    415: OpenApiResponse(description="The body is not JSON"),
}
ID_PROBLEMS = {**COMMON_PROBLEMS, 404: NOT_FOUND}


class EndpointInput(serializers.Serializer[Any]):
    url = JsonTextField(max_length=MAX_URL, help_text="A public https address")
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=EVENTS), min_length=1, max_length=len(EVENTS), help_text="Types of event"
    )


class SwitchInput(serializers.Serializer[Any]):
    is_enabled = JsonBooleanField(required=False, help_text="Whether anything is sent; absent: as it is")


class EndpointOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.ChoiceField(choices=EVENTS))
    is_enabled = serializers.BooleanField()
    disabled_reason = serializers.ChoiceField(
        choices=[*WebhookEndpoint.DisabledReason.values],
        allow_null=True,
        help_text="`owner`: by yourself; `gone`: after a 410; `failing`: nothing was accepted for more than a day",
    )
    disabled_at = serializers.DateTimeField(allow_null=True)
    accepted_at = serializers.DateTimeField(allow_null=True, help_text="When a delivery was last accepted")
    created_at = serializers.DateTimeField()


class NewEndpointOutput(EndpointOutput):
    secret = serializers.CharField(help_text="`whsec_…`: shown in this answer only")


class EndpointsOutput(serializers.Serializer[Any]):
    endpoints = EndpointOutput(many=True)


class SecretOutput(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="`whsec_…`: shown in this answer only")
    previous_until = serializers.DateTimeField(help_text="Until then the secret before it signs too")


class DeliveryOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    webhook_id = serializers.CharField(help_text="The header `webhook-id`, the same at every attempt")
    event = serializers.ChoiceField(choices=[*EVENTS, TEST])
    payload = serializers.CharField(help_text="The body, exactly as it is signed")
    state = serializers.ChoiceField(choices=WebhookDelivery.State.values)
    attempts = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    last_attempt_at = serializers.DateTimeField(allow_null=True)
    last_status = serializers.IntegerField(allow_null=True, help_text="HTTP status of the last answer")
    last_error = serializers.CharField(allow_blank=True, help_text="Why it was not accepted")
    delivered_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class DeliveriesOutput(serializers.Serializer[Any]):
    deliveries = DeliveryOutput(many=True)


_ADDING = OpenApiExample(
    "what a bank wants to know",
    {"url": "https://bank.example/hooks", "events": ["authorization.granted", "authorization.withdrawn"]},
    request_only=True,
)


_FACTS = {
    "id": "7f0f6dc4-7a70-4a42-8b3f-6f2d7a9f3b21",
    "url": "https://bank.example/hooks",
    "events": ["authorization.granted", "authorization.withdrawn"],
    "is_enabled": True,
    "disabled_reason": None,
    "disabled_at": None,
    "accepted_at": "2026-11-24T11:10:00+08:00",
    "created_at": "2026-11-24T11:00:00+08:00",
}
_ENDPOINT = OpenApiExample("in use", _FACTS, response_only=True)
_ENDPOINTS = OpenApiExample("one", {"endpoints": [_FACTS]}, response_only=True)
_ADDED = OpenApiExample(
    "added", {**_FACTS, "accepted_at": None, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, response_only=True
)
_SWITCHING = OpenApiExample("off", {"is_enabled": False}, request_only=True)
_ROTATED = OpenApiExample(
    "rotated",
    {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "previous_until": "2026-11-25T11:00:00+08:00"},
    response_only=True,
)
_ATTEMPT = {
    "id": "5d0f6dc4-7a70-4a42-8b3f-6f2d7a9f3b20",
    "webhook_id": "msg_5d0f6dc47a704a428b3f6f2d7a9f3b20",
    "event": "webhook.test",
    "payload": '{"type":"webhook.test","timestamp":"2026-11-24T03:00:00.000Z","data":{"endpoint":"7f0f6dc4-…"}}',
    "state": "pending",
    "attempts": 1,
    "next_attempt_at": "2026-11-24T11:00:05+08:00",
    "last_attempt_at": "2026-11-24T11:00:00+08:00",
    "last_status": 500,
    "last_error": "database is away",
    "delivered_at": None,
    "created_at": "2026-11-24T11:00:00+08:00",
}
_DELIVERY = OpenApiExample("will be tried again", _ATTEMPT, response_only=True, status_codes=["202"])
_DELIVERIES = OpenApiExample("one", {"deliveries": [_ATTEMPT]}, response_only=True)


class _WebhookView(APIView):
    authentication_classes = (OwnerKeyAuthentication,)
    permission_classes = (IsAuthenticated,)


class EndpointsView(_WebhookView):
    @extend_schema(
        operation_id="list_webhooks",
        summary="Your endpoints",
        tags=["webhooks"],
        responses={
            200: OpenApiResponse(EndpointsOutput, "All of them, those in use first"),
            **{status: COMMON_PROBLEMS[status] for status in (401, 406)},
        },
        examples=[_ENDPOINTS],
    )
    def get(self, request: Request) -> Response:
        found = [_describe_endpoint(endpoint) for endpoint in endpoints.endpoints_of(_owner(request))]
        return Response({"endpoints": found}, headers=NO_STORE)

    @extend_schema(
        operation_id="create_webhook",
        summary="Add an endpoint",
        description="Agencies are told of `credential.*` and `anchor.final`, organisations of all but "
        "`credential.issued`. Not more than ten endpoints are in use at once.",
        tags=["webhooks"],
        request=EndpointInput,
        responses={
            201: OpenApiResponse(NewEndpointOutput, "The endpoint, and the secret by which you verify what it gets"),
            **BODY_PROBLEMS,
            **{status: COMMON_PROBLEMS[status] for status in (401, 406)},
            409: OpenApiResponse(description="As many endpoints are in use as there may be"),
        },
        examples=[_ADDING, _ADDED],
    )
    def post(self, request: Request) -> Response:
        body = EndpointInput(data=request.data)
        body.is_valid(raise_exception=True)
        endpoint, secret = endpoints.add(owner=_owner(request), actor=_actor(request), **body.validated_data)
        return Response({**_describe_endpoint(endpoint), "secret": secret}, status=201, headers=NO_STORE)


class EndpointView(_WebhookView):
    @extend_schema(
        operation_id="read_webhook",
        summary="One endpoint",
        tags=["webhooks"],
        responses={200: OpenApiResponse(EndpointOutput, "The endpoint as it stands now"), **ID_PROBLEMS},
        examples=[_ENDPOINT],
    )
    def get(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        return Response(_describe_endpoint(find_webhook_of(_owner(request), endpoint_id)), headers=NO_STORE)

    @extend_schema(
        operation_id="switch_webhook",
        summary="Switch an endpoint off, or on again",
        description="While it is off, what happens is not kept for it. What waited before is sent when it is on again.",
        tags=["webhooks"],
        request=SwitchInput,
        responses={
            200: OpenApiResponse(EndpointOutput, "The endpoint as it stands now"),
            **BODY_PROBLEMS,
            **ID_PROBLEMS,
            409: OpenApiResponse(description="As many endpoints are in use as there may be"),
        },
        examples=[_SWITCHING, _ENDPOINT],
    )
    def patch(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        endpoint = find_webhook_of(_owner(request), endpoint_id)
        body = SwitchInput(data=request.data)
        body.is_valid(raise_exception=True)
        is_enabled = body.validated_data.get("is_enabled", endpoint.disabled_at is None)
        switch = endpoints.enable if is_enabled else endpoints.disable
        switch(endpoint=endpoint, actor=_actor(request))
        endpoint.refresh_from_db()
        return Response(_describe_endpoint(endpoint), headers=NO_STORE)


class SecretView(_WebhookView):
    @extend_schema(
        operation_id="rotate_webhook_secret",
        summary="Make a new secret",
        description="For a day, deliveries carry a signature by each of the two.",
        tags=["webhooks"],
        request=None,
        responses={201: OpenApiResponse(SecretOutput, "The new secret"), **ID_PROBLEMS},
        examples=[_ROTATED],
    )
    def post(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        endpoint = find_webhook_of(_owner(request), endpoint_id)
        secret = endpoints.rotate(endpoint=endpoint, actor=_actor(request))
        endpoint.refresh_from_db()
        members = {"secret": secret, "previous_until": endpoint.previous_until}
        return Response(SecretOutput(members).data, status=201, headers=NO_STORE)


class TestView(_WebhookView):
    @extend_schema(
        operation_id="test_webhook",
        summary="Send a test",
        tags=["webhooks"],
        request=None,
        responses={
            202: OpenApiResponse(DeliveryOutput, "The delivery, on its way"),
            **ID_PROBLEMS,
            409: DISABLED,
        },
        examples=[_DELIVERY],
    )
    def post(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        sent = endpoints.send_test(endpoint=find_webhook_of(_owner(request), endpoint_id))
        return Response(_describe_delivery(sent), status=202, headers=NO_STORE)


class DeliveriesView(_WebhookView):
    @extend_schema(
        operation_id="list_webhook_deliveries",
        summary="What was sent, and what came of it",
        tags=["webhooks"],
        responses={200: OpenApiResponse(DeliveriesOutput, "The newest hundred, newest first"), **ID_PROBLEMS},
        examples=[_DELIVERIES],
    )
    def get(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        endpoint = find_webhook_of(_owner(request), endpoint_id)
        newest = endpoint.deliveries.order_by("-created_at")[:LISTED]
        return Response({"deliveries": [_describe_delivery(row) for row in newest]}, headers=NO_STORE)


class ReplayView(_WebhookView):
    @extend_schema(
        operation_id="replay_webhook_delivery",
        summary="Send a delivery once more",
        description="With the same `webhook-id` and body, and a new time and signature.",
        tags=["webhooks"],
        request=None,
        responses={
            202: OpenApiResponse(DeliveryOutput, "The delivery, on its way"),
            **ID_PROBLEMS,
            409: DISABLED,
        },
        examples=[_DELIVERY],
    )
    def post(self, request: Request, endpoint_id: uuid.UUID, delivery_id: uuid.UUID) -> Response:
        endpoint = find_webhook_of(_owner(request), endpoint_id)
        sent = endpoints.replay(delivery=find_delivery_to(endpoint, delivery_id))
        return Response(_describe_delivery(sent), status=202, headers=NO_STORE)


def _owner(request: Request) -> Owner:
    client: Any = request.user
    return client.agency if isinstance(client, AgencyClient) else client.organisation


def _actor(request: Request) -> str:
    owner = _owner(request)
    return f"{'agency' if isinstance(owner, Agency) else 'organisation'}:{owner.slug}"


def _describe_endpoint(endpoint: WebhookEndpoint) -> dict[str, Any]:
    members = {
        "id": endpoint.pk,
        "url": endpoint.url,
        "events": endpoint.events,
        "is_enabled": endpoint.disabled_at is None,
        "disabled_reason": endpoint.disabled_reason or None,
        "disabled_at": endpoint.disabled_at,
        "accepted_at": endpoint.accepted_at,
        "created_at": endpoint.created_at,
    }
    return dict(EndpointOutput(members).data)


def _describe_delivery(delivery: WebhookDelivery) -> dict[str, Any]:
    is_waiting = delivery.state == WebhookDelivery.State.PENDING
    members = {
        "id": delivery.pk,
        "webhook_id": delivery.webhook_id,
        "event": delivery.event,
        "payload": delivery.payload,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at if is_waiting else None,
        "last_attempt_at": delivery.last_attempt_at,
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
        "delivered_at": delivery.delivered_at,
        "created_at": delivery.created_at,
    }
    return dict(DeliveryOutput(members).data)

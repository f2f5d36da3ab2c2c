"""Read-only: what happened can be looked at here and changed nowhere."""

from __future__ import annotations

from django.contrib import admin

from authorization.models import (
    AuditEvent,
    Authorization,
    PresentationRequest,
    PresentationSession,
    RequestTemplate,
    WebhookDelivery,
    WebhookEndpoint,
)
from identity.admin import ReadOnlyAdmin


@admin.register(RequestTemplate)
class RequestTemplateAdmin(ReadOnlyAdmin):
    list_display = ("name", "organisation", "credential_type", "approved_at", "retired_at")
    list_select_related = ("organisation", "credential_type")


@admin.register(PresentationRequest)
class PresentationRequestAdmin(ReadOnlyAdmin):
    list_display = ("id", "organisation", "template", "state", "created_at", "expires_at")
    list_select_related = ("organisation", "template")
    # The nonce is the salt that keeps the published digest of the terms from being guessed.
    hidden = {"nonce", "reference"}


@admin.register(PresentationSession)
class PresentationSessionAdmin(ReadOnlyAdmin):
    list_display = ("id", "request", "response_mode", "outcome", "verdict", "answered_at", "retained_until")
    hidden = {"nonce", "secrets_ciphertext", "presentation_ciphertext", "response_code_digest", "transaction_data"}


@admin.register(Authorization)
class AuthorizationAdmin(ReadOnlyAdmin):
    list_display = ("id", "organisation", "granted_at", "expires_at", "withdrawn_at", "reads_used", "max_reads")
    list_select_related = ("organisation",)
    hidden = {"terms", "key_binding_jwt", "withdrawal_jwt"}


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("sequence", "at", "actor", "action", "subject", "outcome")
    search_fields = ("subject", "actor", "action")


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    list_display = ("url", "organisation", "agency", "failures", "accepted_at", "disabled_at", "disabled_reason")
    list_select_related = ("organisation", "agency")
    hidden = {"wrapped_secret", "wrapped_previous_secret"}


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("id", "event", "endpoint", "state", "attempts", "last_status", "next_attempt_at")
    list_select_related = ("endpoint",)

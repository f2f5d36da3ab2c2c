"""The one way from an id in an address to the object, with the owner in the query: another's is as unknown as none."""

from __future__ import annotations

import uuid

from django.db.models import Q

from authorization.errors import (
    AnsweredByWalletError,
    AuthorizationMissingError,
    RequestExpiredError,
    RequestMissingError,
    RequestRefusedError,
    RequestUnansweredError,
    SessionMissingError,
    TemplateMissingError,
    VerifierKeyMissingError,
    VerifierMissingError,
    WebhookDeliveryMissingError,
    WebhookMissingError,
)
from authorization.models import (
    Authorization,
    PresentationRequest,
    PresentationSession,
    RequestTemplate,
    WebhookDelivery,
    WebhookEndpoint,
)
from identity.models import Agency, ApiKey, Organisation, RecipientKey, WeID

_REQUEST_RELATED = (
    "organisation",
    "template__credential_type__agency",
    "authorization__weid",
    "session__signing_key",
    "session__weid",
    "session__login",
    "session__device_login",
)
_TEMPLATE_RELATED = ("organisation", "credential_type__agency", "approved_by")
_AUTHORIZATION_RELATED = (
    "organisation",
    "request__template",
    "credential__credential_type",
    "credential__agency",
    "weid",
)


def find_request(request_id: uuid.UUID, *, weid: WeID) -> PresentationRequest:
    """For a citizen who follows a link, unless someone else opened it first. Raises RequestMissingError."""
    requests = PresentationRequest.objects.select_related(*_REQUEST_RELATED)
    found = requests.filter(Q(weid=weid) | Q(weid__isnull=True), pk=request_id).first()
    if found is None:
        raise RequestMissingError(str(request_id))
    return found


def find_request_of(organisation: Organisation, request_id: uuid.UUID) -> PresentationRequest:
    """Raises RequestMissingError."""
    requests = PresentationRequest.objects.select_related(*_REQUEST_RELATED)
    found = requests.filter(pk=request_id, organisation=organisation).first()
    if found is None:
        raise RequestMissingError(str(request_id))
    return found


def find_authorization_of(weid: WeID, authorization_id: uuid.UUID) -> Authorization:
    """Raises AuthorizationMissingError."""
    authorizations = Authorization.objects.select_related(*_AUTHORIZATION_RELATED)
    found = authorizations.filter(pk=authorization_id, weid=weid).first()
    if found is None:
        raise AuthorizationMissingError(str(authorization_id))
    return found


def granted_authorization(asked: PresentationRequest) -> Authorization:
    """Return the authorization under which an envelope lies here.

    Raises RequestRefusedError, RequestExpiredError and RequestUnansweredError while nothing was granted, and
    AnsweredByWalletError where a wallet showed what was asked instead.
    """
    session: PresentationSession | None = getattr(asked, "session", None)
    if session is not None and session.outcome == session.Outcome.PRESENTED:
        raise AnsweredByWalletError(str(asked.pk))
    authorization: Authorization | None = getattr(asked, "authorization", None)
    if authorization is not None:
        return authorization
    if asked.state == PresentationRequest.State.REFUSED:
        raise RequestRefusedError(str(asked.pk))
    raise RequestExpiredError(str(asked.pk)) if asked.is_expired else RequestUnansweredError(str(asked.pk))


def session_of(asked: PresentationRequest) -> PresentationSession:
    """Return where a wallet answers.

    Raises SessionMissingError for a request that none can answer, and for a sign-in: what is shown there goes, as far
    as it is passed on, to the system that signs in, and to the browser that began.
    """
    session: PresentationSession | None = getattr(asked, "session", None)
    if session is None or hasattr(session, "login") or hasattr(session, "device_login"):
        raise SessionMissingError(str(asked.pk))
    return session


def find_verifier(slug: str) -> Organisation:
    """For anyone. Raises VerifierMissingError."""
    found = Organisation.objects.filter(slug=slug, approved_at__isnull=False).first()
    if found is None:
        raise VerifierMissingError(slug)
    return found


def find_template_of(organisation: Organisation, template_id: uuid.UUID) -> RequestTemplate:
    """Raises TemplateMissingError."""
    templates = RequestTemplate.objects.select_related(*_TEMPLATE_RELATED)
    found = templates.filter(pk=template_id, organisation=organisation).first()
    if found is None:
        raise TemplateMissingError(str(template_id))
    return found


def find_template_for(agency: Agency, template_id: uuid.UUID) -> RequestTemplate:
    """For the agency that issues the certificate asked for. Raises TemplateMissingError."""
    templates = RequestTemplate.objects.select_related(*_TEMPLATE_RELATED)
    found = templates.filter(pk=template_id, credential_type__agency=agency).first()
    if found is None:
        raise TemplateMissingError(str(template_id))
    return found


def find_recipient_key_of(organisation: Organisation, key_id: int) -> RecipientKey:
    """Raises VerifierKeyMissingError."""
    found = organisation.recipient_keys.filter(pk=key_id).first()
    if found is None:
        raise VerifierKeyMissingError(str(key_id))
    return found


def find_api_key_of(organisation: Organisation, key_id: int) -> ApiKey:
    """Raises VerifierKeyMissingError."""
    found = organisation.api_keys.filter(pk=key_id).first()
    if found is None:
        raise VerifierKeyMissingError(str(key_id))
    return found


def find_webhook_of(owner: Organisation | Agency, endpoint_id: uuid.UUID) -> WebhookEndpoint:
    """Raises WebhookMissingError."""
    found: WebhookEndpoint | None = owner.webhook_endpoints.filter(pk=endpoint_id).first()
    if found is None:
        raise WebhookMissingError(str(endpoint_id))
    return found


def find_delivery_to(endpoint: WebhookEndpoint, delivery_id: uuid.UUID) -> WebhookDelivery:
    """Raises WebhookDeliveryMissingError."""
    found = endpoint.deliveries.select_related("endpoint").filter(pk=delivery_id).first()
    if found is None:
        raise WebhookDeliveryMissingError(str(delivery_id))
    return found

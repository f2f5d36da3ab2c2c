"""What a wallet is given: a link, and behind it the request object, signed by the organisation's own key."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.utils import timezone

from authorization.errors import (
    RequestDecidedError,
    RequestExpiredError,
    SessionAnsweredError,
    SessionMissingError,
)
from authorization.models import PresentationRequest, PresentationSession
from authorization.openid4vp.clients import key_header, names_of
from authorization.openid4vp.session_secrets import SessionSecrets, open_secrets
from authorization.openid4vp.sessions import request_uri, response_uri
from identity.keystore import signer_of
from protocol.request_object import (
    DC_API_JWT,
    ENCRYPTED_MODES,
    build_request,
    client_metadata,
    link_by_reference,
    link_by_value,
    sign_request,
)

DIGITAL_PROTOCOL = "openid4vp-v1-signed"
_RELATED = ("request__organisation", "request__template", "signing_key")


def find_open_session(session_id: uuid.UUID) -> PresentationSession:
    """Return the session that a wallet may still answer.

    Raises SessionMissingError, SessionAnsweredError, RequestExpiredError and RequestDecidedError.
    """
    session = PresentationSession.objects.select_related(*_RELATED).filter(pk=session_id).first()
    if session is None:
        raise SessionMissingError(str(session_id))
    if session.answered_at is not None:
        raise SessionAnsweredError(str(session_id))
    if session.request.is_expired:
        raise RequestExpiredError(str(session_id))
    if session.request.state != PresentationRequest.State.PENDING:
        raise RequestDecidedError(str(session_id))
    return session


def wallet_link(session: PresentationSession) -> str:
    """Return the link to show as such and as QR code; an unsigned request stands in it as a whole.

    Raises UnreadableError for the unsigned request of a session that was answered.
    """
    if session.signing_key_id is None:
        secrets = open_secrets(session.pk, session.secrets_ciphertext)
        return link_by_value(_parameters(session, secrets))
    return link_by_reference(
        client_id=session.client_id,
        request_uri=request_uri(session.pk),
        request_uri_method=session.request_uri_method,
    )


def fetch_request(*, session_id: uuid.UUID, wallet_nonce: str | None = None) -> str:
    """Return the signed request object, as often as a wallet asks for it.

    Raises as find_open_session, SessionMissingError for a session without a key, WalletNonceError for a nonce that
    cannot be echoed, and KeyStateError once the key signs no more.
    """
    session = find_open_session(session_id)
    secrets = open_secrets(session.pk, session.secrets_ciphertext)
    return _sign(session, _parameters(session, secrets), wallet_nonce)


def fetch_digital_request(*, session_id: uuid.UUID) -> dict[str, Any]:
    """Return what a page hands to ``navigator.credentials.get`` (appendix A.2): the same question, answered there.

    Raises as fetch_request, and SessionMissingError for a session whose answer would not be encrypted.
    """
    session = find_open_session(session_id)
    if session.response_mode not in ENCRYPTED_MODES:
        raise SessionMissingError("not for the Digital Credentials API")
    secrets = open_secrets(session.pk, session.secrets_ciphertext)
    token = _sign(session, _digital_parameters(session, secrets))
    return {"digital": {"requests": [{"protocol": DIGITAL_PROTOCOL, "data": {"request": token}}]}}


def _sign(session: PresentationSession, parameters: dict[str, Any], wallet_nonce: str | None = None) -> str:
    if session.signing_key is None:
        raise SessionMissingError("its request stands in the link")
    signer, now = signer_of(session.signing_key), timezone.now()
    token = sign_request(
        parameters,
        signer=signer,
        key_header=key_header(session.client_id, session.request.organisation, signer),
        issued_at=int(now.timestamp()),
        expires_at=int(session.request.expires_at.timestamp()),
        wallet_nonce=wallet_nonce,
    )
    PresentationSession.objects.filter(pk=session.pk, fetched_at__isnull=True).update(fetched_at=now)
    return token


def _parameters(session: PresentationSession, secrets: SessionSecrets) -> dict[str, Any]:
    return build_request(
        response_mode=session.response_mode,
        response_uri=response_uri(session.pk),
        state=secrets.state,
        **_question(session, secrets),
    )


def _digital_parameters(session: PresentationSession, secrets: SessionSecrets) -> dict[str, Any]:
    # The browser tells the wallet which page asks; for any other page than these the wallet must not answer.
    origins = session.expected_origins or [settings.PUBLIC_URL]
    return build_request(response_mode=DC_API_JWT, expected_origins=origins, **_question(session, secrets))


def _question(session: PresentationSession, secrets: SessionSecrets) -> dict[str, Any]:
    is_encrypted = session.response_mode in ENCRYPTED_MODES
    return {
        "client_id": session.client_id,
        "nonce": session.nonce,
        "dcql_query": session.dcql_query,
        "transaction_data": session.transaction_data,
        "client_metadata": client_metadata(
            name=names_of(session.request.organisation),
            encryption_key=secrets.encryption_jwk if is_encrypted else None,
        ),
    }

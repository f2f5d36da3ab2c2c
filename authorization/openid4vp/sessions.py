"""Asking any wallet: a request of a registered template, with a session in which one wallet may answer it once."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from authorization.errors import WalletOptionsError
from authorization.models import PresentationRequest, PresentationSession, RequestTemplate
from authorization.openid4vp.clients import client_id_of
from authorization.openid4vp.over_asking import narrow_query
from authorization.openid4vp.session_secrets import make_secrets, seal_secrets
from authorization.requests import DEFAULT_LIFETIME, check_may_ask, create_request
from authorization.terms import build_terms
from identity.keystore import StoredSigner, request_signer
from identity.models import Account, ApiKey, Organisation, SigningKey
from protocol.dcql import parse_query
from protocol.openid4vp import encode_transaction_data
from protocol.request_object import DIRECT_POST, DIRECT_POST_JWT, REDIRECT_URI, SIGNED_PREFIXES, X509_HASH

WALLET_RESPONSE_MODES = (DIRECT_POST_JWT, DIRECT_POST)
CLIENT_ID_PREFIXES = (*sorted(SIGNED_PREFIXES), REDIRECT_URI)
REQUEST_URI_METHODS = ("get", "post")
MAX_TRANSACTION_DATA = 4
MAX_REDIRECT_URI = 1000
MAX_ORIGINS = 4


@dataclass(frozen=True, slots=True)
class WalletOptions:
    """How a wallet is asked. Without a word from the verifier: encrypted, and signed under the certificate's hash."""

    response_mode: str = DIRECT_POST_JWT
    client_id_prefix: str = X509_HASH
    # Narrower than the template's.
    dcql_query: Mapping[str, Any] | None = None
    transaction_data: Sequence[Mapping[str, Any]] = ()
    # Whether the citizen signs the terms of an authorization, as on the consent page.
    terms: bool = False
    # Same device: where the wallet leads the browser afterwards.
    redirect_uri: str = ""
    request_uri_method: str = "get"
    # Digital Credentials API: the origins of the pages that may ask; without any, this service's own.
    expected_origins: Sequence[str] = ()
    keep: str = PresentationSession.Keep.RETENTION


def ask_wallet(
    *,
    template: RequestTemplate,
    organisation: Organisation,
    options: WalletOptions | None = None,
    reference: str = "",
    api_key: ApiKey | None = None,
    created_by: Account | None = None,
    lifetime: timedelta = DEFAULT_LIFETIME,
    is_sealed: bool = False,
) -> PresentationSession:
    """Make a request that a wallet can answer, and its session; with *is_sealed*, one for the consent page as well.

    Raises what create_request raises, OverAskingError, WalletOptionsError with ``fields``, and
    DcqlFormatError or TransactionDataFormatError for what breaks the standard.
    """
    chosen = options or WalletOptions()
    check_may_ask(template, organisation)
    _check_options(chosen)
    query = narrow_query(template=template, dcql_query=chosen.dcql_query)
    signer = request_signer(organisation) if chosen.client_id_prefix in SIGNED_PREFIXES else None
    with transaction.atomic():
        request = create_request(
            template=template,
            organisation=organisation,
            reference=reference,
            api_key=api_key,
            created_by=created_by,
            lifetime=lifetime,
            is_sealed=is_sealed,
        )
        return _open_session(request, chosen, query, signer)


def response_uri(session_id: uuid.UUID) -> str:
    return f"{settings.PUBLIC_URL}/openid4vp/response/{session_id}"


def request_uri(session_id: uuid.UUID) -> str:
    return f"{settings.PUBLIC_URL}/openid4vp/request/{session_id}"


def session_state(session: PresentationSession) -> str:
    """Return waiting, fetched, answered, refused, expired, or closed where the request was answered in another way."""
    if session.outcome:
        return "refused" if session.outcome == session.Outcome.REFUSED else "answered"
    if session.request.is_expired:
        return "expired"
    if session.request.state != PresentationRequest.State.PENDING:
        return "closed"
    return "fetched" if session.fetched_at else "waiting"


def _open_session(
    request: PresentationRequest, options: WalletOptions, query: dict[str, Any], signer: StoredSigner | None
) -> PresentationSession:
    session_id = uuid.uuid4()
    if signer is None:
        client_id = f"{REDIRECT_URI}:{response_uri(session_id)}"
    else:
        client_id = client_id_of(options.client_id_prefix, request.organisation, signer)
    return PresentationSession.objects.create(
        id=session_id,
        request=request,
        response_mode=options.response_mode,
        client_id=client_id,
        signing_key=SigningKey.objects.get(key_id=signer.key_id) if signer else None,
        request_uri_method=options.request_uri_method,
        nonce=secrets.token_urlsafe(32),
        secrets_ciphertext=seal_secrets(session_id, make_secrets()),
        dcql_query=query,
        transaction_data=_encode_transaction_data(request, options, query),
        carries_terms=options.terms,
        expected_origins=list(options.expected_origins),
        redirect_uri=options.redirect_uri,
        keep=options.keep,
    )


def _encode_transaction_data(request: PresentationRequest, options: WalletOptions, query: dict[str, Any]) -> list[str]:
    parsed = parse_query(query)
    query_ids = [credential.id for credential in parsed.credentials]
    encoded = [encode_transaction_data(item) for item in options.transaction_data]
    if not all(set(item["credential_ids"]) <= set(query_ids) for item in options.transaction_data):
        raise _invalid("transaction_data", "credential_ids name no credential of the query")
    if not options.terms:
        return encoded
    paths = dict.fromkeys(claim.path for credential in parsed.credentials for claim in credential.claims)
    terms = build_terms(request=request, credential_number=None, claims=paths, credential_ids=query_ids)
    return [encode_transaction_data(terms), *encoded]


def _check_options(options: WalletOptions) -> None:
    choices = {
        "response_mode": WALLET_RESPONSE_MODES,
        "client_id_prefix": CLIENT_ID_PREFIXES,
        "request_uri_method": REQUEST_URI_METHODS,
        "keep": tuple(PresentationSession.Keep.values),
    }
    for name, allowed in choices.items():
        if getattr(options, name) not in allowed:
            raise _invalid(name, f"one of {', '.join(allowed)}")
    if options.client_id_prefix == REDIRECT_URI and not settings.IS_LOOPBACK:
        # Without a signature anyone could alter the request on its way.
        raise _invalid("client_id_prefix", "unsigned requests are for tests on one machine")
    if len(options.transaction_data) > MAX_TRANSACTION_DATA:
        raise _invalid("transaction_data", f"at most {MAX_TRANSACTION_DATA}")
    if any(str(item.get("type", "")).startswith(f"{settings.PUBLIC_URL}/") for item in options.transaction_data):
        # The terms of an authorization are written here, never by who profits from them.
        raise _invalid("transaction_data", "a type of this service: ask for terms instead")
    if options.redirect_uri and not _is_own_page(options.redirect_uri):
        raise _invalid("redirect_uri", f"an https address of at most {MAX_REDIRECT_URI} characters, without fragment")

    if len(options.expected_origins) > MAX_ORIGINS or not all(map(_is_origin, options.expected_origins)):
        raise _invalid("expected_origins", f"at most {MAX_ORIGINS} https origins")


def _is_origin(address: str) -> bool:
    parts = urlsplit(address) if _is_own_page(address) else None
    return parts is not None and address == f"{parts.scheme}://{parts.netloc}"


def _is_own_page(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (settings.IS_LOOPBACK and parts.scheme == "http")
    is_plain = address.isascii() and address.isprintable() and " " not in address and not parts.username
    return is_safe and is_plain and bool(parts.hostname) and "#" not in address and len(address) <= MAX_REDIRECT_URI


def _invalid(field: str, message: str) -> WalletOptionsError:
    return WalletOptionsError(field, fields={f"wallet.{field}": [message]})

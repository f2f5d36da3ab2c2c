"""The browser's way through a sign-in: begun by a client's request, answered by a wallet, ended with a code or an error.

1. the client is known and the address is one of its own: before that nothing is sent anywhere but to a page of ours
2. a presentation is asked for under the client's template; a cookie binds the sign-in to this browser
3. a wallet answers: on another device this browser learns of it by looking, on the same it is led back with a code
4. one conditional UPDATE ends the sign-in; the presentation is read and destroyed in the same transaction

Only what is valid signs anyone in. What could not be checked is neither a sign-in nor a refusal.
"""

from __future__ import annotations

import hmac
import secrets
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from authorization import audit
from authorization.errors import LoginMissingError, LoginOverError, PresentationGoneError
from authorization.models import BridgeLogin, PresentationRequest, PresentationSession, RelyingParty
from authorization.oidc.disclosed import claims_for, subject_of
from authorization.oidc.parties import find_party
from authorization.oidc.provider import issuer
from authorization.openid4vp.results import Result, read_result
from authorization.openid4vp.sessions import WalletOptions, ask_wallet, session_state
from identity.vault import lookup_hmac, seal_for_service
from protocol.encoding import json_dumps
from protocol.errors import (
    AuthorizationDeniedError,
    DomainError,
    LoginUnavailableError,
    OAuthError,
    OAuthRequestError,
    UnauthorizedClientError,
)
from protocol.oauth import RedirectTarget, authorization_response_url
from protocol.openid_connect import AuthenticationRequest

LIFETIME = timedelta(minutes=10)
CODE_LIFETIME = timedelta(minutes=1)
# Of sign-ins that are over nothing personal is left; the rows go some time later.
_KEPT_FOR = timedelta(days=1)
_READER = "bridge"
_OVER = frozenset({"expired", "closed"})
_RELATED = tuple(
    f"{name}{path}"
    for name in ("session", "device_session")
    for path in ("__request__organisation", "__request__template", "__signing_key", "__weid")
)


def trusted_party(target: RedirectTarget) -> RelyingParty:
    """Return the client of a request whose answer may go to *target*.

    Raises RelyingPartyMissingError, and OAuthRequestError for an address that is not registered, character by character.
    """
    party = find_party(target.client_id)
    if target.redirect_uri not in party.redirect_uris:
        raise OAuthRequestError("redirect_uri is none of this client's")
    return party


def begin(*, party: RelyingParty, request: AuthenticationRequest) -> tuple[BridgeLogin, str]:
    """Begin a sign-in, and return it with the value of the cookie that binds it to the browser.

    Raises UnauthorizedClientError when the client's template or organisation may not ask any more.
    """
    try:
        session = _ask(party)
    except DomainError as error:
        raise UnauthorizedClientError(error.code) from None
    browser = secrets.token_urlsafe(32)
    login = BridgeLogin.objects.create(
        party=party,
        redirect_uri=request.redirect_uri,
        state=request.state or "",
        nonce=request.nonce or "",
        code_challenge=request.code_challenge,
        browser_digest=_digest_of_browser(browser),
        session=session,
        expires_at=session.request.expires_at,
    )
    return login, browser


def find_login(login_id: uuid.UUID, *, browser: str) -> BridgeLogin:
    """Return the sign-in that this *browser* began. Raises LoginMissingError, and LoginOverError once it has ended."""
    logins = BridgeLogin.objects.select_related("party__organisation", "party__template", *_RELATED)
    login = logins.filter(pk=login_id).first()
    if login is None or not hmac.compare_digest(login.browser_digest, _digest_of_browser(browser)):
        raise LoginMissingError(str(login_id))
    if login.ended_at is not None:
        raise LoginOverError(str(login_id))
    return login


def login_state(login: BridgeLogin) -> str:
    """Return how the wallets stand, on the other device and on this one."""
    here = session_state(login.device_session) if login.device_session else ""
    return f"{session_state(login.session)} {here}".strip()


@transaction.atomic
def use_this_device(*, login: BridgeLogin) -> PresentationSession:
    """Return the session for a wallet on the device of the browser, which it leads back with a code of its own."""
    locked = BridgeLogin.objects.select_for_update().get(pk=login.pk)
    if locked.device_session is None:
        locked.device_session = _ask(login.party, redirect_uri=return_address(login))
        locked.save(update_fields=["device_session"])
    return locked.device_session


def return_address(login: BridgeLogin) -> str:
    return f"{issuer()}/login/{login.pk}/return"


def settle(login: BridgeLogin) -> str | None:
    """Return where the browser goes now that a wallet on another device has answered; None while none has.

    Also when either wallet refused, and when the time is over. Raises LoginOverError when it was sent there already.
    """
    elsewhere, *here = login_state(login).split()
    if elsewhere == "answered":
        return _finish(login, login.session)
    if "refused" in (elsewhere, *here):
        return end(login, AuthorizationDeniedError("refused in the wallet"))
    if elsewhere in _OVER:
        return end(login, AuthorizationDeniedError("nobody answered in time"))
    return None


def settle_here(login: BridgeLogin, *, response_code: str) -> str:
    """Return where the browser goes that a wallet on the same device led back with *response_code*.

    Raises ResponseCodeError for another browser's code, RequestUnansweredError, and LoginOverError.
    """
    if login.device_session is None:
        raise LoginMissingError("nobody asked on this device")
    return _finish(login, login.device_session, response_code)


def end(login: BridgeLogin, error: OAuthError) -> str:
    """End the sign-in with *error*, and return where the browser goes. Raises LoginOverError when it has ended."""
    with transaction.atomic():
        _end(login, timezone.now(), outcome=error.oauth_error)
    return _response_url(login, error=error)


def login_context(login_id: uuid.UUID) -> str:
    """What the disclosed claims are sealed for: this sign-in's row and column."""
    return f"bridge login {login_id}"


def digest_of_code(code: str) -> str:
    return lookup_hmac("oidc-code", code)


def purge() -> int:
    """Destroy what was disclosed in sign-ins that are over, and return of how many."""
    now = timezone.now()
    over = BridgeLogin.objects.filter(expires_at__lte=now)
    # A wallet may have answered and the browser never come back.
    for name in ("session", "device_session"):
        left = over.filter(**{f"{name}__presentation_ciphertext__isnull": False}).values(name)
        PresentationSession.objects.filter(pk__in=left).update(presentation_ciphertext=None)
    sealed = BridgeLogin.objects.filter(usable_until__lte=now).exclude(claims_ciphertext=b"")
    destroyed = sealed.update(claims_ciphertext=b"")
    BridgeLogin.objects.filter(expires_at__lte=now - _KEPT_FOR, claims_ciphertext=b"").delete()
    return destroyed


def _ask(party: RelyingParty, redirect_uri: str = "") -> PresentationSession:
    options = WalletOptions(redirect_uri=redirect_uri, keep=PresentationSession.Keep.FIRST_READ)
    return ask_wallet(
        template=party.template,
        organisation=party.organisation,
        options=options,
        reference=party.name,
        lifetime=LIFETIME,
    )


def _finish(login: BridgeLogin, session: PresentationSession, response_code: str | None = None) -> str:
    code = secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            result = read_result(
                session=session,
                organisation=login.party.organisation,
                response_code=response_code,
                actor=_READER,
            )
            if result.verdict != "valid":
                error = LoginUnavailableError(_missing(result))
                _end(login, timezone.now(), outcome=error.oauth_error)
                return _response_url(login, error=error)
            _sign_in(login, session, result, code)
    except PresentationGoneError:
        # Two looks at the same moment: the other one was sent back.
        raise LoginOverError(str(login.pk)) from None
    return _response_url(login, code=code)


def _sign_in(login: BridgeLogin, session: PresentationSession, result: Result, code: str) -> None:
    (shown,) = result.credentials
    now = timezone.now()
    claims = json_dumps(claims_for(login.party, shown.claims))
    _end(
        login,
        now,
        outcome="code",
        subject=subject_of(login.party, shown),
        authenticated_at=result.answered_at,
        claims_ciphertext=seal_for_service(claims, context=login_context(login.pk)),
        code_digest=digest_of_code(code),
        usable_until=now + CODE_LIFETIME,
    )
    audit.record(
        actor=f"organisation:{login.party.organisation.slug}",
        action="login.completed",
        subject=f"relying_party:{login.party.client_id}",
        weid=session.weid,
        organisation=login.party.organisation,
        details={"session": str(session.pk)},
    )


def _end(login: BridgeLogin, now: datetime, **changes: object) -> None:
    # Of parallel ends exactly one finds the sign-in open.
    if BridgeLogin.objects.filter(pk=login.pk, ended_at__isnull=True).update(ended_at=now, **changes) != 1:
        raise LoginOverError(str(login.pk))
    # Whichever wallet was not used has nothing to answer any more.
    asked = [session.request_id for session in (login.session, login.device_session) if session]
    pending = PresentationRequest.objects.filter(pk__in=asked, state=PresentationRequest.State.PENDING)
    pending.filter(expires_at__gt=now).update(expires_at=now)


def _missing(result: Result) -> str:
    return ", ".join(step for shown in result.credentials for step in shown.missing) or "could not be checked"


def _response_url(login: BridgeLogin, *, code: str | None = None, error: OAuthError | None = None) -> str:
    return authorization_response_url(
        login.redirect_uri, issuer=issuer(), state=login.state or None, code=code, error=error
    )


def _digest_of_browser(browser: str) -> str:
    return lookup_hmac("oidc-browser", browser)


def cookie_path(login: BridgeLogin) -> str:
    return f"{issuer()}/login/{login.pk}/".removeprefix(settings.PUBLIC_URL)

"""Decorators that let the right actor in, and hand the view what that actor acts for.

Each marks its view (``audience``, ``roles``), so that the access matrix can be read from the URL conf.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from identity.access import agencies_for, organisation_for, person_for, roles_of
from identity.errors import ReauthenticationRequiredError, RoleMissingError
from identity.models import Account, Agency, Organisation, Person, WeID
from identity.weid import weid_of

PERSONA_SESSION_KEY = "persona"
AGENCY_SESSION_KEY = "agency"
# By allauth's names, strongest first. A password alone would not satisfy who has more than that.
_CONFIRMATIONS = ("mfa_reauthenticate:webauthn", "mfa_reauthenticate", "reauthenticate")

_P = ParamSpec("_P")
_R = TypeVar("_R", bound=HttpRequest)
_View = Callable[Concatenate[_R, _P], HttpResponseBase]
_Gate = Callable[[Any], HttpResponse | None]


class StaffRequest(HttpRequest):
    """A request let in by ``staff``: the account, the agency it acts for here, and every role it holds there."""

    user: Account
    agency: Agency
    role_names: frozenset[str]


class CitizenRequest(HttpRequest):
    """A request let in by ``citizen`` or ``citizen_with_weid`` (only then is ``weid`` there)."""

    user: Account
    person: Person
    weid: WeID


class MemberRequest(HttpRequest):
    """A request let in by ``verifier_member``."""

    user: Account
    organisation: Organisation


class OperatorRequest(HttpRequest):
    """A request let in by ``operator``."""

    user: Account


class AccountRequest(HttpRequest):
    """A request let in by ``signed_in``."""

    user: Account


def staff(*roles: str) -> Callable[[_View[_R, _P]], Callable[Concatenate[HttpRequest, _P], HttpResponseBase]]:
    """Let in staff who hold one of *roles* and have used a second factor in this session. Sets ``request.agency``."""

    def admit(request: StaffRequest) -> HttpResponse | None:
        held = roles_of(request.user)
        agencies = agencies_for(held, names=roles)
        if not agencies:
            raise RoleMissingError(", ".join(roles))
        chosen = request.session.get(AGENCY_SESSION_KEY)
        request.agency = next((agency for agency in agencies if agency.slug == chosen), agencies[0])
        request.role_names = frozenset(role.name for role in held if role.agency_id == request.agency.pk)
        return require_second_factor(request)

    return _gated(admit, audience="clerk", roles=roles)


def signed_in(view: _View[_R, _P]) -> Callable[Concatenate[HttpRequest, _P], HttpResponseBase]:
    """Let in any account."""
    return _gated(lambda _: None, audience="account")(view)


def citizen(view: _View[_R, _P]) -> Callable[Concatenate[HttpRequest, _P], HttpResponseBase]:
    """Let in an account whose identity is proven; lead others to the proof. Sets ``request.person``."""
    return _gated(_admit_citizen, audience="portal")(view)


def citizen_with_weid(view: _View[_R, _P]) -> Callable[Concatenate[HttpRequest, _P], HttpResponseBase]:
    """Let in a citizen who has an active WeID; lead others to registration. Sets ``request.person`` and ``.weid``."""
    return _gated(_admit_citizen_with_weid, audience="portal")(view)


def verifier_member(view: _View[_R, _P]) -> Callable[Concatenate[HttpRequest, _P], HttpResponseBase]:
    """Let in a member of an approved verifier organisation who has used a second factor. Sets ``organisation``."""
    return _gated(_admit_member, audience="verifier")(view)


def operator(view: _View[_R, _P]) -> Callable[Concatenate[HttpRequest, _P], HttpResponseBase]:
    """Let in who operates the service itself, of no agency, and has used a second factor in this session."""
    return _gated(_admit_operator, audience="operator")(view)


def require_second_factor(request: HttpRequest) -> HttpResponse | None:
    """Return where signed-in staff must go first: to set up a second factor, or to use it in this session."""
    if settings.DEMO and request.session.get(PERSONA_SESSION_KEY) == request.user.pk:
        return None
    records = get_authentication_records(request, request.user)
    if any(record.get("method") == "mfa" for record in records):
        return None
    if is_mfa_enabled(request.user):
        return HttpResponseRedirect(confirmation_address(request, back=request.get_full_path()))
    return redirect("second_factor")


def confirmation_address(request: HttpRequest, *, back: str) -> str:
    """Return where the owner shows who they are once more: by the second factor where there is one, else by password.

    Whoever signs in elsewhere alone has neither here, and signs in anew. All of these lead to *back* afterwards.
    """
    ways = {way["id"]: way["url"] for way in get_adapter().get_reauthentication_methods(request.user)}
    found = (ways[name] for name in _CONFIRMATIONS if name in ways)
    return f"{next(found, reverse('account_logout'))}?{urlencode({REDIRECT_FIELD_NAME: back})}"


def is_recently_confirmed(request: CitizenRequest) -> bool:
    """Whether the owner signed in, with the second factor where there is one, within the last minutes."""
    if settings.DEMO and request.session.get(PERSONA_SESSION_KEY) == request.user.pk:
        return True
    since = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    recent = [record for record in get_authentication_records(request, request.user) if record.get("at", 0) > since]
    return any(record.get("method") == "mfa" for record in recent) if is_mfa_enabled(request.user) else bool(recent)


def require_recent_confirmation(request: CitizenRequest) -> None:
    """A session left open must not be enough to move someone's certificates. Raises ReauthenticationRequiredError."""
    if not is_recently_confirmed(request):
        raise ReauthenticationRequiredError("too long ago")


def _gated(
    admit: _Gate, *, audience: str, roles: tuple[str, ...] = ()
) -> Callable[[_View[_R, _P]], Callable[Concatenate[HttpRequest, _P], HttpResponseBase]]:
    def decorate(view: _View[_R, _P]) -> Callable[Concatenate[HttpRequest, _P], HttpResponseBase]:
        @wraps(view)
        def gate(request: Any, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            return admit(request) or view(request, *args, **kwargs)

        marked: Any = gate
        marked.audience, marked.roles = audience, roles
        return gate

    return decorate


def _admit_citizen(request: CitizenRequest) -> HttpResponse | None:
    person = person_for(request.user)
    if person is None:
        return redirect("kyc")
    request.person = person
    return None


def _admit_citizen_with_weid(request: CitizenRequest) -> HttpResponse | None:
    refusal = _admit_citizen(request)
    if refusal is not None:
        return refusal
    weid = weid_of(request.person)
    if weid is None:
        return redirect("weid")
    request.weid = weid
    return None


def _admit_operator(request: OperatorRequest) -> HttpResponse | None:
    if not (request.user.is_active and request.user.is_staff):
        raise RoleMissingError("operator")
    return require_second_factor(request)


def _admit_member(request: MemberRequest) -> HttpResponse | None:
    organisation = organisation_for(request.user)
    if organisation is None:
        raise RoleMissingError("verifier")
    request.organisation = organisation
    return require_second_factor(request)

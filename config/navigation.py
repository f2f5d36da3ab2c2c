"""Which links each kind of reader sees. A link leads only to a page its reader may open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from django.http import HttpRequest
from django.urls import resolve
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True)
class Place:
    path: str
    text: Text
    icon: str = ""
    is_for_operators: bool = False


@dataclass(frozen=True)
class Link:
    path: str
    text: Text
    icon: str
    is_current: bool


LOG = Place("/operations/log/", _("Log and ledgers"), is_for_operators=True)

PLACES: dict[str, tuple[Place, ...]] = {
    "public": (
        Place("/verify", _("Check a certificate")),
        Place("/portal/", _("My certificates")),
        Place("/clerk/", _("For staff")),
        Place("/verifier/", _("For organisations")),
        LOG,
    ),
    "portal": (
        Place("/portal/", _("Certificates"), "card"),
        Place("/portal/authorizations/", _("Sharing"), "share"),
        Place("/portal/activity/", _("Activity"), "list"),
        Place("/portal/weid/", _("My identity"), "person"),
    ),
    "clerk": (
        Place("/clerk/", _("Tasks")),
        Place("/clerk/applications/", _("Applications")),
        Place("/clerk/credentials/", _("Issued certificates")),
        Place("/clerk/people/", _("Find a person")),
        Place("/clerk/kyc/", _("Proof of identity")),
        Place("/clerk/templates/", _("Request templates")),
        Place("/clerk/webhooks/", _("Webhooks")),
        Place("/clerk/staff/", _("Staff and roles")),
        Place("/clerk/keys/", _("API keys")),
        Place("/clerk/accreditation/", _("Accreditation")),
        Place("/clerk/audit/", _("Audit trail")),
        LOG,
    ),
    "verifier": (
        Place("/verifier/", _("Overview")),
        Place("/verifier/requests/", _("Requests")),
        Place("/verifier/templates/", _("Request templates")),
        Place("/verifier/policies/", _("Verification policies")),
        Place("/verifier/sign-in/", _("Sign-in")),
        Place("/verifier/keys/", _("Keys")),
        Place("/verifier/webhooks/", _("Webhooks")),
    ),
    "operator": (
        LOG,
        Place("/admin/", _("Administration"), is_for_operators=True),
    ),
}
PREFIXES = {"/portal/": "portal", "/clerk/": "clerk", "/verifier/": "verifier", "/operations/": "operator"}


def audience_of(path: str) -> str:
    return next((audience for prefix, audience in PREFIXES.items() if path.startswith(prefix)), "public")


def links_for(audience: str, request: HttpRequest) -> list[Link]:
    held: frozenset[str] | None = getattr(request, "role_names", None)
    places = [place for place in PLACES.get(audience, ()) if _is_open(place, held) and _is_shown(place, request)]
    current = _current(places, request.path)
    return [Link(place.path, place.text, place.icon, place is current) for place in places]


def _is_shown(place: Place, request: HttpRequest) -> bool:
    return not place.is_for_operators or bool(getattr(getattr(request, "user", None), "is_staff", False))


def _is_open(place: Place, held: frozenset[str] | None) -> bool:
    """Whether one of the *held* roles opens the place; None is a page that asked for no role and shows everything."""
    wanted = _roles_wanted(place.path)
    return held is None or not wanted or not wanted.isdisjoint(held)


@cache
def _roles_wanted(path: str) -> frozenset[str]:
    """The roles that the view itself demands, so that a link and its gate never disagree."""
    return frozenset(str(role) for role in getattr(resolve(path).func, "roles", ()))


def _current(places: list[Place], path: str) -> Place | None:
    """The place with the longest path above this page, so that a detail page marks its list."""
    above = [place for place in places if path.startswith(place.path)]
    return max(above, key=lambda place: len(place.path), default=None)

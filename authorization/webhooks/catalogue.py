"""The types of event: who may subscribe to each, and which members its `data` has for them.

Thin on purpose: ids, states and times. Never a claim value, never a person: a receiver asks the API for the rest, with
its key. An agency is never told where its certificates are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

AGENCY = "agency"
ORGANISATION = "organisation"
TEST = "webhook.test"

Members = tuple[str, ...]

_UUID = {"type": "string", "format": "uuid"}
_TIME = {"type": "string", "format": "date-time"}
MEMBER_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "credential": {**_UUID, "description": "The certificate; its record in the log is `credential:<id>`"},
    "application": {**_UUID, "description": "The application from which it was issued"},
    "type": {"type": "string", "description": "The certificate type, by its slug"},
    "authorization": {**_UUID, "description": "The citizen's consent"},
    "request": {**_UUID, "description": "Your request, as `POST /api/v1/requests` returned it"},
    "state": {"type": "string", "enum": ["valid", "suspended", "revoked", "active", "withdrawn"]},
    "verdict": {"type": "string", "enum": ["valid", "invalid", "undetermined"]},
    "issued_at": _TIME,
    "expires_at": _TIME,
    "withdrawn_at": _TIME,
    "verified_at": _TIME,
    "ledger": {"type": "string", "description": "The ledger that attested the checkpoint"},
    "origin": {"type": "string", "description": "The log"},
    "size": {"type": "integer", "minimum": 0, "description": "Leaves under the checkpoint"},
    "root": {"type": "string", "description": "The root over them, in base64"},
    "endpoint": {**_UUID, "description": "The endpoint that is tried out"},
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of event, in words for people and for the OpenAPI document; *members* by who is told."""

    text: str | Promise
    summary: str
    members: Mapping[str, Members]


_STATUS: Mapping[str, Members] = {
    AGENCY: ("credential", "type", "state"),
    # Whoever was shown it under a consent that still stands, and could read the same from the status list.
    ORGANISATION: ("authorization", "request", "state"),
}
_ANYONE = (AGENCY, ORGANISATION)

KINDS: Mapping[str, Kind] = {
    "credential.issued": Kind(
        _("A certificate was issued"),
        "A certificate of your agency was issued",
        {AGENCY: ("credential", "application", "type", "state", "issued_at", "expires_at")},
    ),
    "credential.revoked": Kind(
        _("A certificate was revoked"), "A certificate that you issued, or were shown, was revoked for good", _STATUS
    ),
    "credential.suspended": Kind(
        _("A certificate was suspended"), "A certificate that you issued, or were shown, was suspended", _STATUS
    ),
    "credential.reinstated": Kind(
        _("A certificate was reinstated"), "The suspension of a certificate was lifted", _STATUS
    ),
    "authorization.granted": Kind(
        _("A citizen shared what you asked for"),
        "A citizen granted your request",
        {ORGANISATION: ("authorization", "request", "state", "expires_at")},
    ),
    "authorization.withdrawn": Kind(
        _("A citizen withdrew"),
        "A citizen withdrew what was granted; nothing more can be fetched",
        {ORGANISATION: ("authorization", "request", "state", "withdrawn_at")},
    ),
    "presentation.verified": Kind(
        _("A presentation was checked"),
        "A wallet answered your request and its presentation was checked",
        {ORGANISATION: ("request", "verdict", "verified_at")},
    ),
    "anchor.final": Kind(
        _("A ledger confirmed a checkpoint of the log"),
        "A ledger attested a checkpoint of the log for good",
        dict.fromkeys(_ANYONE, ("ledger", "origin", "size", "root")),
    ),
    TEST: Kind(
        _("A test"), "You pressed “Send a test”; sent whatever you subscribe to", dict.fromkeys(_ANYONE, ("endpoint",))
    ),
}


def subscribable(audience: str) -> list[str]:
    """Return the types that an owner of this kind may choose, in order."""
    return [name for name, kind in KINDS.items() if audience in kind.members and name != TEST]


def check_facts(event: str, audience: str, facts: Mapping[str, Any]) -> None:
    """Raise ValueError for other members than the catalogue's: what is not documented is not told."""
    expected = KINDS[event].members[audience]
    if set(facts) != set(expected):
        raise ValueError(f"{event} for an {audience} has the members {', '.join(expected)}")

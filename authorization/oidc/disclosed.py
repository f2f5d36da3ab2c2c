"""What of a presentation is passed on: a subject that only this client knows the person by, and the registered claims."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authorization.models import RelyingParty
from authorization.oidc.parties import SUBJECT_PATH, claim_names_of
from authorization.openid4vp.results import PresentedResult
from identity.vault import lookup_hmac
from protocol.dcql import select_values
from protocol.disclosure import Path


def subject_of(party: RelyingParty, shown: PresentedResult) -> str:
    """Return the pairwise ``sub``: the same for this certificate at this client, and unlike that at any other.

    Made of issuer and certificate number, because a wallet's key may be a new one each time. A certificate issued anew
    under another number is another subject.
    """
    (number,) = select_values(shown.claims, SUBJECT_PATH)
    return lookup_hmac("oidc-subject", f"{party.client_id}\x00{shown.issuer}\x00{number}")


def claims_for(party: RelyingParty, claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the *claims* of the certificate under the names that *party* registered; what was not shown is left out."""
    found = {name: _value(claims, path) for path, name in claim_names_of(party).items()}
    return {name: value for name, value in found.items() if value is not None}


def _value(claims: Mapping[str, Any], path: Path) -> Any:
    values = select_values(claims, path)
    if None in path:
        return values or None
    return values[0] if values else None

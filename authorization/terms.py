"""The terms of one consent, as OpenID4VP transaction data: what the citizen's key signs, and what nobody can change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from authorization.errors import TermsMismatchError
from authorization.models import PresentationRequest
from authorization.requests import CREDENTIAL_QUERY_ID
from protocol.dcql import parse_path
from protocol.disclosure import Path
from protocol.openid4vp import parse_transaction_data


def build_terms(
    *,
    request: PresentationRequest,
    credential_number: str | None,
    claims: Iterable[Path],
    credential_ids: Sequence[str] = (CREDENTIAL_QUERY_ID,),
) -> dict[str, Any]:
    """Return the members of the terms. Everything but *claims* follows from the request and the certificate.

    Without *credential_number* they are for whichever certificate a wallet chooses.
    """
    template = request.template
    terms = {
        "type": f"{settings.PUBLIC_URL}/authorization/v1",
        "credential_ids": list(credential_ids),
        "request_id": str(request.pk),
        # 256 random bits: without it the digest of the terms, which is published, could be guessed.
        "salt": request.nonce,
        "verifier": {"id": request.organisation.slug, "name": request.organisation.name},
        "purpose": template.purpose,
        "claims": [list(path) for path in claims],
        "credential_number": credential_number,
        "retention_days": template.retention_days,
        "max_reads": template.max_reads,
        "expires_at": int(access_ends_at(request).timestamp()),
    }
    return {name: value for name, value in terms.items() if value is not None}


def access_ends_at(request: PresentationRequest) -> datetime:
    """Counted from the asking, not from the answer, so that the page and the signature state the same moment."""
    return (request.created_at + timedelta(days=request.template.access_days)).astimezone(UTC).replace(microsecond=0)


def claims_in(terms: str) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """Return the members of signed *terms* and the claims chosen in them. Raises ProtocolError, TermsMismatchError."""
    members = parse_transaction_data(terms)
    if not isinstance(members.get("claims"), list):
        raise TermsMismatchError("claims is not an array")
    return members, tuple(parse_path(path) for path in members["claims"])


def check_terms(members: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raises TermsMismatchError unless both say the same, member by member and kind by kind."""
    different = [name for name in {*members, *expected} if not _is_same(members.get(name), expected.get(name))]
    if different:
        raise TermsMismatchError(", ".join(sorted(different)))


def _is_same(one: Any, other: Any) -> bool:
    # 1, 1.0 and true are equal in Python and different in what was signed.
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_is_same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return bool(one == other)

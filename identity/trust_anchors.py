"""Roots elsewhere, pinned by the operator, and the issuers that the last good lists beneath them vouch for.

A stored list is evidence, not a conclusion: each is verified again whenever trust is loaded. How fresh it is goes along
with every issuer, for verification to compare with its own moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from identity.audit import account_actor, report
from identity.errors import TrustAnchorInvalidError, TrustAnchorUnknownError
from identity.models import Account, TrustAnchor
from identity.trust import IssuerTrust, bump_trust, check_external, check_types, is_ours
from protocol.errors import ProtocolError
from protocol.trust_chain import Accredited, Anchor, Resolution, resolve, stored_lists
from protocol.trust_list import Publisher
from protocol.trust_party import check_uri


@dataclass(frozen=True, slots=True)
class Chain:
    """A pinned root, its lists as stored, by address, and what they come to."""

    anchor: TrustAnchor
    tokens: Mapping[str, str]
    resolution: Resolution


@transaction.atomic
def add_anchor(
    *,
    identifier: str,
    list_uri: str,
    public_jwks: Iterable[Mapping[str, Any]],
    types: Iterable[str],
    by: Account | None = None,
) -> TrustAnchor:
    """Pin a root, or pin it anew: keys, address and types take the place of those before.

    Raises TrustAnchorInvalidError, and IssuerFormatError for its identifier, keys and types.
    """
    pinned = {
        "list_uri": _check_address(list_uri),
        "public_jwks": check_external(identifier, public_jwks),
        "types": check_types(types),
        "added_by": by,
        "removed_at": None,
    }
    anchor, _ = TrustAnchor.objects.update_or_create(identifier=identifier, defaults=pinned)
    _report("trust_anchor.added", anchor, by)
    bump_trust()
    return anchor


@transaction.atomic
def remove_anchor(*, identifier: str, by: Account | None = None) -> None:
    """Stop relying on a root and on everyone it vouches for, at once. Raises TrustAnchorUnknownError."""
    anchor = pinned_anchors().select_for_update().filter(identifier=identifier).first()
    if anchor is None:
        raise TrustAnchorUnknownError(identifier)
    anchor.removed_at = timezone.now()
    anchor.save(update_fields=["removed_at"])
    _report("trust_anchor.removed", anchor, by)
    bump_trust()


def pinned_anchors() -> QuerySet[TrustAnchor]:
    """Return the roots that count, in the order in which they were pinned: where two name one issuer, the first does."""
    return TrustAnchor.objects.filter(removed_at__isnull=True).order_by("pk")


def stored_chains() -> Iterator[Chain]:
    """Yield every chain as of the last good lists."""
    for anchor in pinned_anchors().prefetch_related("lists"):
        tokens = {row.uri: row.token for row in anchor.lists.all() if row.token}
        yield Chain(anchor, tokens, resolve(protocol_anchor(anchor), obtain=stored_lists(tokens)))


def imported_issuers() -> dict[str, IssuerTrust]:
    """Return the issuers whom the pinned roots vouch for, by identifier, with the time for which that is known."""
    found: dict[str, IssuerTrust] = {}
    for chain in stored_chains():
        for identifier, accredited in chain.resolution.issuers.items():
            # Nobody elsewhere speaks in the name of an agency of ours, not even of one that we have yet to open.
            if not is_ours(identifier):
                found.setdefault(identifier, _as_issuer(accredited))
    return found


def imported_verifiers() -> dict[str, Accredited]:
    """Return the organisations elsewhere that are registered there, with what they may ask for, by identifier."""
    found: dict[str, Accredited] = {}
    for chain in stored_chains():
        for identifier, accredited in chain.resolution.verifiers.items():
            if not is_ours(identifier):
                found.setdefault(identifier, accredited)
    return found


def protocol_anchor(anchor: TrustAnchor) -> Anchor:
    keys = tuple(anchor.public_jwks)
    return Anchor(Publisher(anchor.identifier, anchor.list_uri, keys), frozenset(anchor.types))


def _as_issuer(accredited: Accredited) -> IssuerTrust:
    party = accredited.party
    return IssuerTrust(
        identifier=party.identifier,
        keys={key["kid"]: dict(key) for key in party.keys},
        types=accredited.types,
        status_keys={key["kid"]: dict(key) for key in party.status_keys},
        standing=accredited.standing,
    )


def _check_address(list_uri: str) -> str:
    try:
        checked = check_uri(list_uri, "list_uri")
    except ProtocolError:
        checked = ""
    if not checked.startswith("https://"):
        raise TrustAnchorInvalidError("list_uri", fields={"list_uri": ["an https address"]})
    return checked


def _report(action: str, anchor: TrustAnchor, by: Account | None) -> None:
    details = {"identifier": anchor.identifier, "types": anchor.types}
    actor = account_actor(by) if by else "system"
    report(actor=actor, action=action, subject=f"trust_anchor:{anchor.pk}", details=details)

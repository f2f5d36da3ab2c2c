"""The trust bundle as published by this service, for verifiers that work offline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeGuard
from uuid import UUID

from anchoring.log_key import log_origin, log_verifier_key
from credentials.facts import IssuerTrust
from credentials.models import StatusList
from credentials.sources import load_trust
from credentials.status import list_uri, status_token
from credentials.trust_bundle import FORMAT, describe_standing
from identity.trust_anchors import stored_chains
from protocol.claims import MAX_NUMERIC_DATE
from protocol.trust_chain import Standing

LIFETIME = timedelta(days=1)


def export_bundle(*, now: datetime) -> dict[str, Any]:
    """Return every issuer trusted here with its keys and types, the lists that vouch for those elsewhere, our status
    lists as of now, and the log's key.
    """
    issuers = load_trust().issuers
    lists = StatusList.objects.order_by("created_at", "pk").values_list("pk", flat=True)
    return _bundle([issuers[identifier] for identifier in sorted(issuers)], lists, now)


def export_anchors(*, now: datetime) -> dict[str, Any]:
    """Return the same without status lists: whom this deployment trusts, for those who keep it for long."""
    return {**export_bundle(now=now), "status_lists": []}


def export_snapshot(*, issuer: str | None, status_uri: str | None, now: datetime) -> dict[str, Any]:
    """Return the bundle of the one issuer and the one status list of ours that a certificate needs, where there are."""
    known = load_trust().issuers.get(issuer or "")
    lists = [pk for pk in _own_lists(known) if list_uri(pk) == status_uri]
    return _bundle([known] if known else [], lists, now)


def _own_lists(issuer: IssuerTrust | None) -> Iterable[UUID]:
    return StatusList.objects.values_list("pk", flat=True) if issuer else ()


def _bundle(issuers: Sequence[IssuerTrust], lists: Iterable[UUID], now: datetime) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "generated_at": now.isoformat(timespec="seconds"),
        "expires_at": (now + LIFETIME).isoformat(timespec="seconds"),
        "issuers": [_describe(issuer) for issuer in issuers],
        "trust_chains": list(_chains(issuers)),
        "status_lists": [{"uri": list_uri(pk), "token": status_token(pk).text} for pk in lists],
        "log": {"origin": log_origin(), "vkey": log_verifier_key()},
    }


def _describe(issuer: IssuerTrust) -> dict[str, Any]:
    return {
        "identifier": issuer.identifier,
        "types": sorted(issuer.types),
        "keys": _list_keys(issuer.keys),
        "status_keys": _list_keys(issuer.status_keys),
        **({"standing": describe_standing(issuer.standing)} if _is_bounded(issuer.standing) else {}),
    }


def _is_bounded(standing: Standing | None) -> TypeGuard[Standing]:
    """Whether there is anything to say: an agency of ours that is accredited without end needs no date."""
    return standing is not None and bool(
        standing.lists or standing.withdrawn_at is not None or standing.valid_until < MAX_NUMERIC_DATE
    )


def _chains(issuers: Iterable[IssuerTrust]) -> Iterator[dict[str, Any]]:
    """Yield what vouches for *issuers*: each root with its keys, and the lists that lead from there to one of them."""
    needed = {uri for issuer in issuers if issuer.standing is not None for uri in issuer.standing.lists}
    if not needed:
        return
    for chain in stored_chains():
        lists = [{"uri": uri, "token": token} for uri, token in sorted(chain.tokens.items()) if uri in needed]
        if lists:
            anchor = chain.anchor
            yield {
                "identifier": anchor.identifier,
                "list": anchor.list_uri,
                "keys": anchor.public_jwks,
                "types": anchor.types,
                "lists": lists,
            }


def _list_keys(keys: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"kid": kid, "jwk": jwk} for kid, jwk in sorted(keys.items())]

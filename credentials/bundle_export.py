"""The trust bundle as published by this service, for verifiers that work offline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from anchoring.log_key import log_origin, log_verifier_key
from credentials.facts import IssuerTrust
from credentials.models import StatusList
from credentials.sources import load_trust
from credentials.status import list_uri, status_token
from credentials.trust_bundle import FORMAT

LIFETIME = timedelta(days=1)


def export_bundle(*, now: datetime) -> dict[str, Any]:
    """Return every issuer trusted here with its keys and types, our status lists as of now, and the log's key."""
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


def _bundle(issuers: Iterable[IssuerTrust], lists: Iterable[UUID], now: datetime) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "generated_at": now.isoformat(timespec="seconds"),
        "expires_at": (now + LIFETIME).isoformat(timespec="seconds"),
        "issuers": [_describe(issuer) for issuer in issuers],
        "status_lists": [{"uri": list_uri(pk), "token": status_token(pk).text} for pk in lists],
        "log": {"origin": log_origin(), "vkey": log_verifier_key()},
    }


def _describe(issuer: IssuerTrust) -> dict[str, Any]:
    return {
        "identifier": issuer.identifier,
        "types": sorted(issuer.types),
        "keys": _list_keys(issuer.keys),
        "status_keys": _list_keys(issuer.status_keys),
    }


def _list_keys(keys: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"kid": kid, "jwk": jwk} for kid, jwk in sorted(keys.items())]

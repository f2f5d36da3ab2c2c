"""Whose signatures count: our own agencies as accredited, issuers registered one by one, and a version that tells of change.

Issuers that a list from elsewhere vouches for are in trust_import.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.module_loading import import_string

from identity.errors import IssuerFormatError, IssuerUnknownError
from identity.grants import Grant, Kind, agency_grants, grants
from identity.models import Agency, Organisation, SigningKey, TrustedIssuer, TrustVersion
from protocol.errors import ProtocolError
from protocol.keys import jwk_thumbprint, p256_from_jwk
from protocol.keys import public_jwk as required_members
from protocol.trust_chain import Standing

_THE_ROW = 1


@dataclass(frozen=True, slots=True)
class IssuerTrust:
    """An issuer as registered here. ``keys`` and ``status_keys`` map a key id to a public JWK.

    ``types`` holds exact ``vct`` values or ``"*"``. ``x5c`` maps a key id to its certificates, for our own keys.
    ``standing`` says until when an accreditation counts; without one, the issuer counts until a row of ours is removed.
    """

    identifier: str
    keys: Mapping[str, dict[str, Any]]
    types: frozenset[str]
    status_keys: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    x5c: Mapping[str, list[str]] = field(default_factory=dict)
    standing: Standing | None = None


def is_ours(identifier: str) -> bool:
    """Whether *identifier* names this service or something under its address."""
    return identifier == settings.PUBLIC_URL or identifier.startswith(f"{settings.PUBLIC_URL}/")


def issuer_identifier(agency: Agency | None) -> str:
    """Return the ``iss`` of *agency*; without one, the service itself."""
    return f"{settings.PUBLIC_URL}/issuers/{agency.slug}" if agency else settings.PUBLIC_URL


def verifier_identifier(organisation: Organisation) -> str:
    """Return the address under which *organisation* is registered here as a verifier."""
    return f"{settings.PUBLIC_URL}/verifiers/{organisation.slug}"


def trusted_issuers() -> dict[str, IssuerTrust]:
    """Return the issuers from elsewhere that are registered or accredited here, by identifier."""
    accredited = [
        grant for grant in grants() if grant.accreditation.kind == Kind.ISSUER and not grant.accreditation.agency
    ]
    rows = TrustedIssuer.objects.filter(removed_at__isnull=True)
    return {
        **{grant.accreditation.identifier: _accredited(grant) for grant in accredited},
        **{row.identifier: _external(row) for row in rows},
    }


def agency_issuers() -> dict[str, IssuerTrust]:
    """Return our own agencies by identifier, with every key that still verifies: active and retired, never disabled.

    ``types`` are those of the agency's accreditation, none without one; ``"*"`` leaves them to the credential catalogue.
    """
    purposes = (SigningKey.Purpose.CREDENTIAL, SigningKey.Purpose.STATUS)
    rows = SigningKey.objects.filter(agency__isnull=False, purpose__in=purposes).select_related("agency")
    by_agency: dict[Agency | None, list[SigningKey]] = {}
    for row in rows.exclude(state=SigningKey.State.DISABLED).order_by("-created_at", "-pk"):
        by_agency.setdefault(row.agency, []).append(row)
    held = agency_grants(Kind.ISSUER)
    found = (_own(agency, keys, held.get(agency.pk)) for agency, keys in by_agency.items() if agency is not None)
    return {issuer.identifier: issuer for issuer in found}


def authority_certificates() -> list[str]:
    """Return the certificates of our issuing authorities, base64 DER: the trust anchors of every x5c made here."""
    authorities = SigningKey.objects.filter(purpose=SigningKey.Purpose.AUTHORITY)
    usable = authorities.exclude(state=SigningKey.State.DISABLED).order_by("-pk")
    return [certificate for key in usable for certificate in key.x5c]


@transaction.atomic
def add_issuer(*, identifier: str, public_jwk: Mapping[str, Any], types: Iterable[str]) -> TrustedIssuer:
    """Register an issuer, or one more key of it; the types given replace the ones before. Raises IssuerFormatError."""
    accepted = check_types(types)
    (key,) = check_external(identifier, [public_jwk])
    issuer, is_new = TrustedIssuer.objects.select_for_update().get_or_create(
        identifier=identifier, defaults={"public_jwks": [key], "types": accepted}
    )
    if not is_new:
        kept = [] if issuer.removed_at else [jwk for jwk in issuer.public_jwks if _key_name(jwk) != _key_name(key)]
        issuer.public_jwks, issuer.types, issuer.removed_at = [*kept, key], accepted, None
        issuer.save(update_fields=["public_jwks", "types", "removed_at"])
    bump_trust()
    return issuer


@transaction.atomic
def remove_issuer(*, identifier: str) -> None:
    """Stop trusting an issuer. Raises IssuerUnknownError."""
    active = TrustedIssuer.objects.filter(identifier=identifier, removed_at__isnull=True)
    if not active.update(removed_at=timezone.now()):
        raise IssuerUnknownError(identifier)
    bump_trust()


def trust_version() -> int:
    return TrustVersion.objects.filter(pk=_THE_ROW).values_list("version", flat=True).first() or 0


def bump_trust() -> None:
    """Make every process reload keys and trust, and our lists say so. Belongs in the transaction of the change.

    The row is locked until that ends, so that changes, and the versions of our lists with them, come one by one.
    """
    if not TrustVersion.objects.filter(pk=_THE_ROW).update(version=F("version") + 1):
        TrustVersion.objects.bulk_create([TrustVersion(pk=_THE_ROW, version=0)], ignore_conflicts=True)
        TrustVersion.objects.filter(pk=_THE_ROW).update(version=F("version") + 1)
    publish: Callable[[], None] = import_string(settings.TRUST_PUBLISHER)
    publish()


def check_external(identifier: str, public_jwks: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the keys of a party from elsewhere, of their needed members. Raises IssuerFormatError."""
    keys = [_check_key(jwk) for jwk in public_jwks]
    if not keys:
        raise IssuerFormatError("no key", fields={"public_jwk": ["at least one"]})
    _check_identifier(identifier)
    return keys


def check_types(types: Iterable[str]) -> list[str]:
    """Return *types* in order, each once. Raises IssuerFormatError for none, and for * beside others."""
    accepted = sorted({vct for vct in types if isinstance(vct, str) and vct})
    if not accepted:
        raise IssuerFormatError("no type", fields={"types": ["name at least one type, or *"]})
    return accepted


def _external(row: TrustedIssuer) -> IssuerTrust:
    keys = {_key_name(jwk): jwk for jwk in row.public_jwks}
    return IssuerTrust(identifier=row.identifier, keys=keys, types=frozenset(row.types), status_keys=keys)


def _accredited(grant: Grant) -> IssuerTrust:
    row = grant.accreditation
    keys = {_key_name(jwk): jwk for jwk in row.public_jwks}
    return IssuerTrust(row.identifier, keys, grant.types, status_keys=keys, standing=grant.standing)


def _own(agency: Agency, rows: list[SigningKey], grant: Grant | None) -> IssuerTrust:
    return IssuerTrust(
        identifier=issuer_identifier(agency),
        keys={row.key_id: row.public_jwk for row in rows if row.purpose == SigningKey.Purpose.CREDENTIAL},
        types=grant.types if grant else frozenset(),
        status_keys={row.key_id: row.public_jwk for row in rows if row.purpose == SigningKey.Purpose.STATUS},
        x5c={row.key_id: row.x5c for row in rows},
        standing=grant.standing if grant else None,
    )


def _key_name(jwk: Mapping[str, Any]) -> str:
    kid = jwk.get("kid")
    return kid if isinstance(kid, str) and kid else jwk_thumbprint(jwk)


def _check_key(jwk: Mapping[str, Any]) -> dict[str, Any]:
    try:
        key: dict[str, Any] = dict(required_members(p256_from_jwk(jwk)))
    except ProtocolError as error:
        raise IssuerFormatError(error.detail, fields={"public_jwk": ["not a public P-256 JWK"]}) from None
    kid = jwk.get("kid")
    return {**key, "kid": kid} if isinstance(kid, str) and kid else key


def _check_identifier(identifier: str) -> None:
    try:
        parts = urlsplit(identifier)
        is_web = parts.scheme == "https" and bool(parts.hostname) and not parts.query and not parts.fragment
    except ValueError:
        is_web = False
    # Our own agencies are trusted through their keys alone; a row could otherwise speak in their name.
    if is_ours(identifier) or len(identifier) > 300 or not (is_web or identifier.startswith("did:")):
        raise IssuerFormatError("identifier", fields={"identifier": ["an https address or DID that is not ours"]})

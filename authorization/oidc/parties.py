"""Which systems may have people signed in: registered by their organisation, with exact addresses and names of claims."""

from __future__ import annotations

import hmac
import re
import secrets
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from authorization import audit
from authorization.errors import RelyingPartyInvalidError, RelyingPartyMissingError
from authorization.models import RelyingParty, RequestTemplate
from authorization.requests import asked_credential
from identity.audit import account_actor
from identity.keystore import bridge_signer
from identity.models import Account, Organisation
from identity.vault import lookup_hmac
from protocol.disclosure import Path
from protocol.errors import OAuthRequestError, ProtocolError
from protocol.keys import p256_from_jwk, public_jwk
from protocol.oauth import check_redirect_uri
from protocol.openid_connect import is_claim_name

# The claim that tells one certificate from every other: of it, and of the client, the subject is made.
SUBJECT_PATH: Path = ("certificate_number",)
MAX_NAME = 80
MAX_REDIRECT_URIS = 8
MAX_KEYS = 4
_CLIENT_ID = re.compile(r"rp_[A-Za-z0-9_-]{22}\Z")


@transaction.atomic
def register_party(
    *,
    organisation: Organisation,
    account: Account,
    name: str,
    template: RequestTemplate,
    method: str,
    redirect_uris: Sequence[str],
    claim_names: Mapping[Path, str],
    keys: Sequence[Mapping[str, Any]] = (),
) -> tuple[RelyingParty, str | None]:
    """Register a system, and return it with its secret, which nobody can ever see again; None with other methods.

    *claim_names* says under which name each claim of the template is passed on; what it leaves out is not. Raises
    RelyingPartyInvalidError with ``fields``.
    """
    fields = {
        "name": _check_name(name),
        "template": _check_template(template, organisation),
        "method": "" if method in RelyingParty.Method.values else _("Choose how the system proves itself."),
        "redirect_uris": _check_addresses(redirect_uris),
        "claim_names": _check_claims(template, claim_names),
        "keys": _check_keys(method, keys),
    }
    wrong = {field: [text] for field, text in fields.items() if text}
    if wrong:
        raise RelyingPartyInvalidError(", ".join(wrong), fields=wrong)
    secret = _new_secret() if method == RelyingParty.Method.SECRET else None
    party = RelyingParty.objects.create(
        client_id=f"rp_{secrets.token_urlsafe(16)}",
        organisation=organisation,
        template=template,
        name=name.strip(),
        method=method,
        secret_digest=_digest(secret) if secret else "",
        keys=[_registered(key) for key in keys] if method == RelyingParty.Method.KEY else [],
        redirect_uris=list(redirect_uris),
        claim_names=[{"path": list(path), "claim": claim} for path, claim in claim_names.items()],
    )
    # So that a client which reads our keys once, when it starts, finds the one that will sign.
    bridge_signer()
    _record(party, account, "relying_party.registered")
    return party, secret


@transaction.atomic
def renew_secret(*, party: RelyingParty, account: Account) -> str:
    """Return a new secret; the old one is worth nothing from now on. Raises RelyingPartyMissingError without one."""
    secret = _new_secret()
    holders = RelyingParty.objects.filter(pk=party.pk, method=RelyingParty.Method.SECRET, removed_at__isnull=True)
    if holders.update(secret_digest=_digest(secret)) != 1:
        raise RelyingPartyMissingError(party.client_id)
    _record(party, account, "relying_party.secret_renewed")
    return secret


@transaction.atomic
def remove_party(*, party: RelyingParty, account: Account) -> None:
    """End every sign-in to the system, those on their way too. Removing twice is harmless."""
    if RelyingParty.objects.filter(pk=party.pk, removed_at__isnull=True).update(removed_at=timezone.now()):
        _record(party, account, "relying_party.removed")


def find_party(client_id: str) -> RelyingParty:
    """Return the registered system of an approved organisation. Raises RelyingPartyMissingError."""
    if not _CLIENT_ID.match(client_id):
        raise RelyingPartyMissingError("not a client id")
    parties = RelyingParty.objects.select_related("organisation", "template")
    party = parties.filter(
        client_id=client_id, removed_at__isnull=True, organisation__approved_at__isnull=False
    ).first()
    if party is None:
        raise RelyingPartyMissingError("unknown or removed")
    return party


def find_party_of(organisation: Organisation, party_id: uuid.UUID) -> RelyingParty:
    """Raises RelyingPartyMissingError."""
    parties = RelyingParty.objects.select_related("organisation", "template__credential_type")
    party = parties.filter(pk=party_id, organisation=organisation, removed_at__isnull=True).first()
    if party is None:
        raise RelyingPartyMissingError(str(party_id))
    return party


def is_secret_of(party: RelyingParty, secret: str) -> bool:
    return bool(party.secret_digest) and hmac.compare_digest(party.secret_digest, _digest(secret))


def claim_names_of(party: RelyingParty) -> dict[Path, str]:
    return {tuple(item["path"]): item["claim"] for item in party.claim_names}


def _check_name(name: str) -> str:
    if 1 <= len(name.strip()) <= MAX_NAME:
        return ""
    return _("Enter a name of at most %(most)d characters.") % {"most": MAX_NAME}


def _check_template(template: RequestTemplate, organisation: Organisation) -> str:
    if template.organisation_id != organisation.pk or not template.is_usable:
        return _("Choose an approved template.")
    # Without it the system could not tell who comes back.
    if SUBJECT_PATH not in [tuple(path) for path in template.required_claims]:
        return _("Choose a template in which the certificate number is required.")
    return ""


def _check_addresses(redirect_uris: Sequence[str]) -> str:
    if not 1 <= len(redirect_uris) <= MAX_REDIRECT_URIS or len(set(redirect_uris)) != len(redirect_uris):
        return _("Enter 1 to %(most)d different addresses.") % {"most": MAX_REDIRECT_URIS}
    try:
        for uri in redirect_uris:
            check_redirect_uri(uri)
    except OAuthRequestError:
        return _("Enter https addresses without a fragment, one a line.")
    return ""


def _check_claims(template: RequestTemplate, claim_names: Mapping[Path, str]) -> str:
    asked = {claim.path for claim in asked_credential(template).claims}
    names = list(claim_names.values())
    if not asked.issuperset(claim_names):
        return _("Pass on only items of the template.")
    if not all(map(is_claim_name, names)) or len(set(names)) != len(names):
        return _("Give each item a different name of letters, digits and _. Names such as sub and iss are taken.")
    return ""


def _check_keys(method: str, keys: Iterable[Mapping[str, Any]]) -> str:
    listed = list(keys)
    if method != RelyingParty.Method.KEY:
        return ""
    try:
        for key in listed:
            _registered(key)
    except ProtocolError:
        return _("Paste public P-256 keys as JWKs.")
    return "" if 1 <= len(listed) <= MAX_KEYS else _("Enter 1 to %(most)d keys.") % {"most": MAX_KEYS}


def _registered(key: Mapping[str, Any]) -> dict[str, str]:
    """Only what is needed. Raises KeyFormatError, also for a private key that was pasted by mistake."""
    known = public_jwk(p256_from_jwk(key))
    return {**known, "kid": key["kid"]} if isinstance(key.get("kid"), str) else known


def _new_secret() -> str:
    return f"cs_{secrets.token_urlsafe(32)}"


def _digest(secret: str) -> str:
    return lookup_hmac("relying-party", secret)


def _record(party: RelyingParty, account: Account, action: str) -> None:
    audit.record(
        actor=account_actor(account),
        action=action,
        subject=f"relying_party:{party.client_id}",
        organisation=party.organisation,
    )

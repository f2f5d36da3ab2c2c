"""Credential offers (OpenID4VCI 1.0 §4.1): what an issuer has ready for a wallet, as JSON, as a link or behind one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from protocol.claims import optional_object, optional_text, required_text
from protocol.encoding import json_dumps, json_object
from protocol.errors import ClaimFormatError, CredentialOfferError
from protocol.errors.issuance import refused_as
from protocol.http_url import MAX_URL, is_identifier, is_secure

OFFER_SCHEME = "openid-credential-offer"
AUTHORIZATION_CODE = "authorization_code"
PRE_AUTHORIZED_CODE = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
INPUT_MODES = ("numeric", "text")
MAX_OFFER_BYTES = 1 << 14
MAX_CONFIGURATIONS = 64
MAX_CODE_CHARACTERS = 512
MAX_TX_CODE_LENGTH = 64
MAX_DESCRIPTION_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class TxCode:
    """What the citizen will be asked to type, for the wallet's screen; the code itself travels another way (§4.1.1)."""

    input_mode: str = "numeric"
    length: int | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class PreAuthorizedGrant:
    """The grant of a code that is handed over in the offer; ``tx_code`` None asks for none (§4.1.1)."""

    code: str
    tx_code: TxCode | None = None


@dataclass(frozen=True, slots=True)
class CodeGrant:
    """The grant that begins with an authorization request, to which ``issuer_state`` belongs (§4.1.1)."""

    issuer_state: str | None = None


@dataclass(frozen=True, slots=True)
class CredentialOffer:
    """An offer of *issuer* of one or more of its credential configurations (§4.1.1)."""

    issuer: str
    configuration_ids: tuple[str, ...]
    pre_authorized: PreAuthorizedGrant | None = None
    authorization_code: CodeGrant | None = None


def write_offer(offer: CredentialOffer) -> dict[str, Any]:
    """Return *offer* as the JSON object of §4.1.1. Raises CredentialOfferError for one that parse_offer would refuse."""
    grants: dict[str, Any] = {}
    if offer.authorization_code is not None:
        grants[AUTHORIZATION_CODE] = _present(issuer_state=offer.authorization_code.issuer_state)
    if offer.pre_authorized is not None:
        tx_code = offer.pre_authorized.tx_code
        written = None if tx_code is None else _write_tx_code(tx_code)
        grants[PRE_AUTHORIZED_CODE] = {"pre-authorized_code": offer.pre_authorized.code, **_present(tx_code=written)}
    members = {
        "credential_issuer": offer.issuer,
        "credential_configuration_ids": list(offer.configuration_ids),
        **_present(grants=grants or None),
    }
    parse_offer(members)
    return members


def parse_offer(value: bytes | str | Mapping[str, Any]) -> CredentialOffer:
    """Return the offer in *value*, its JSON or what was parsed of it. Raises CredentialOfferError (§4.1.1).

    Members that the standard does not name are ignored, as it demands.
    """
    with refused_as(CredentialOfferError):
        members = value if isinstance(value, Mapping) else json_object(value, max_bytes=MAX_OFFER_BYTES)
        issuer = required_text(members, "credential_issuer")
        if not is_identifier(issuer):
            raise ClaimFormatError("credential_issuer is no https URL without query and fragment")
        grants = optional_object(members, "grants") or {}
        code, pre_authorized = (optional_object(grants, name) for name in (AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE))
        return CredentialOffer(
            issuer=issuer,
            configuration_ids=_configuration_ids(members),
            pre_authorized=None if pre_authorized is None else _parse_pre_authorized(pre_authorized),
            authorization_code=None if code is None else CodeGrant(optional_text(code, "issuer_state")),
        )


def offer_uri(offer: CredentialOffer, *, scheme: str = OFFER_SCHEME) -> str:
    """Return the link that carries *offer* itself (§4.1.2). Raises CredentialOfferError as write_offer."""
    return f"{scheme}://?credential_offer={quote(json_dumps(write_offer(offer)), safe='')}"


def offer_reference_uri(url: str, *, scheme: str = OFFER_SCHEME) -> str:
    """Return the link to an offer that is fetched from *url* (§4.1.3). Raises CredentialOfferError unless it is https."""
    if not is_secure(url):
        raise CredentialOfferError("an offer is fetched by https")
    return f"{scheme}://?credential_offer_uri={quote(url, safe='')}"


def parse_offer_uri(uri: str) -> CredentialOffer | str:
    """Return the offer that *uri* carries, or the address to fetch it from (§4.1.2-4.1.3).

    Any scheme will do, since each wallet may have its own. Raises CredentialOfferError unless there is exactly one.
    """
    if len(uri) > MAX_OFFER_BYTES:
        raise CredentialOfferError("the link is too long")
    try:
        pairs = parse_qsl(urlsplit(uri).query, strict_parsing=True, errors="strict", max_num_fields=16)
    except ValueError:
        raise CredentialOfferError("the link has no query") from None
    found = [(name, value) for name, value in pairs if name in ("credential_offer", "credential_offer_uri")]
    if len(found) != 1:
        raise CredentialOfferError("the link has not exactly one offer")
    name, value = found[0]
    if name == "credential_offer":
        return parse_offer(value)
    if not is_secure(value) or len(value) > MAX_URL:
        raise CredentialOfferError("an offer is fetched by https")
    return value


def _configuration_ids(members: Mapping[str, Any]) -> tuple[str, ...]:
    identifiers = members.get("credential_configuration_ids")
    if not isinstance(identifiers, list) or not 1 <= len(identifiers) <= MAX_CONFIGURATIONS:
        raise ClaimFormatError(f"credential_configuration_ids is not an array of 1 to {MAX_CONFIGURATIONS}")
    if not all(isinstance(identifier, str) and identifier for identifier in identifiers):
        raise ClaimFormatError("a credential configuration is named by text")
    if len(set(identifiers)) != len(identifiers):
        raise ClaimFormatError("one credential configuration named twice")
    return tuple(identifiers)


def _parse_pre_authorized(grant: Mapping[str, Any]) -> PreAuthorizedGrant:
    code = required_text(grant, "pre-authorized_code", max_length=MAX_CODE_CHARACTERS)
    tx_code = optional_object(grant, "tx_code")
    return PreAuthorizedGrant(code, None if tx_code is None else _parse_tx_code(tx_code))


def _parse_tx_code(members: Mapping[str, Any]) -> TxCode:
    input_mode, length = members.get("input_mode", "numeric"), members.get("length")
    if input_mode not in INPUT_MODES:
        raise ClaimFormatError("input_mode is neither numeric nor text")
    if length is not None and (type(length) is not int or not 1 <= length <= MAX_TX_CODE_LENGTH):
        raise ClaimFormatError(f"length is not an integer of 1 to {MAX_TX_CODE_LENGTH}")
    description = optional_text(members, "description")
    if description is not None and len(description) > MAX_DESCRIPTION_CHARACTERS:
        raise ClaimFormatError(f"description is longer than {MAX_DESCRIPTION_CHARACTERS} characters")
    return TxCode(input_mode, length, description)


def _write_tx_code(tx_code: TxCode) -> dict[str, Any]:
    return {
        "input_mode": tx_code.input_mode,
        **_present(length=tx_code.length, description=tx_code.description),
    }


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}

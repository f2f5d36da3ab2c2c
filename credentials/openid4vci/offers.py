"""Offers: an invitation to a wallet, as a link or QR code, by value or by reference (OpenID4VCI 1.0 §4.1).

An offer begins with one random reference. Its code follows from the reference under a key of ours, so neither is stored,
and whoever holds a copy of the database can make use of no offer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from credentials.errors import OfferMissingError, OfferRequestError, OfferStateError, OfferSubjectError
from credentials.models import Application, Credential, CredentialInstance, CredentialOffer, WalletGrant
from credentials.openid4vci import secret_values
from credentials.openid4vci.addresses import OFFERS, endpoint
from credentials.openid4vci.formats import FORMATS, configuration_of
from identity.audit import report
from identity.models import Agency
from identity.trust import issuer_identifier
from protocol import openid4vci as messages

DEFAULT_LIFETIME, MIN_LIFETIME, MAX_LIFETIME = timedelta(minutes=15), timedelta(minutes=1), timedelta(days=30)
TX_CODE_DIGITS = 6
MAX_WRONG_TX_CODES = 5
PENDING = (Application.State.SUBMITTED, Application.State.RETURNED, Application.State.APPROVED)

Grant = CredentialOffer.Grant


class OfferState(StrEnum):
    """Where an offer stands, from what is stored of it."""

    OFFERED = "OFFERED"
    IN_PROGRESS = "IN_PROGRESS"
    DEFERRED = "DEFERRED"
    ISSUED = "ISSUED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


STATES = [state.value for state in OfferState]


@dataclass(frozen=True, slots=True)
class Options:
    """What a wallet must bring, and how much it may take."""

    grant: Grant | None = None
    tx_code: bool = True
    requires_dpop: bool = False
    requires_key_attestation: bool = False
    most: int | None = None
    by_reference: bool = False
    lifetime: timedelta = DEFAULT_LIFETIME


@dataclass(frozen=True, slots=True)
class MadeOffer:
    """An offer in clear, for the one answer that shows it. ``tx_code`` travels by another way than ``uri``."""

    row: CredentialOffer
    message: dict[str, Any]
    uri: str
    tx_code: str
    reference: str


@transaction.atomic
def make_offer(*, application: Application | None, options: Options, actor: str) -> MadeOffer:
    """Offer the certificate of *application*, or what it will become, to one wallet. *actor* is an audit actor.

    Raises OfferSubjectError, OfferRequestError.
    """
    if application is None or not is_offerable(application):
        raise OfferSubjectError("nothing to offer")
    agency = application.agency
    grant = _check(agency, options)
    reference = secret_values.draw()
    code = secret_values.derive("code", agency, reference)
    tx_code = secret_values.draw_digits(TX_CODE_DIGITS) if options.tx_code and grant == Grant.PRE_AUTHORIZED else ""
    row = CredentialOffer(
        agency=agency,
        application=application,
        grant=grant,
        code_digest=secret_values.digest("code", agency, code),
        reference_digest=secret_values.digest("reference", agency, reference),
        requires_dpop=options.requires_dpop or agency.haip,
        requires_key_attestation=options.requires_key_attestation or agency.haip,
        most=min(options.most or settings.WALLET_BATCH_SIZE, settings.WALLET_BATCH_SIZE),
        expires_at=timezone.now() + options.lifetime,
    )
    row.tx_code_digest = tx_code_digest(row, tx_code) if tx_code else ""
    row.save(force_insert=True)
    _report_made(row, actor)
    offer = _message(row, code)
    uri = reference_uri(agency, reference) if options.by_reference else messages.offer_uri(offer)
    return MadeOffer(row, messages.write_offer(offer), uri, tx_code, reference)


def reference_uri(agency: Agency, reference: str) -> str:
    """Return the link by which a wallet fetches the offer."""
    return messages.offer_reference_uri(f"{endpoint(agency, OFFERS)}/{reference}")


def read_offer(*, agency: Agency, reference: str) -> dict[str, Any]:
    """Return the offer behind a reference, as often as a wallet asks while it stands. Raises OfferMissingError."""
    digest = secret_values.digest("reference", agency, reference)
    row = _rows(agency).filter(reference_digest=digest).first()
    if row is None or not is_open(row):
        raise OfferMissingError("unknown, taken or ended")
    return messages.write_offer(_message(row, secret_values.derive("code", agency, reference)))


def find_offer(*, agency: Agency, offer_id: UUID) -> CredentialOffer:
    """Raises OfferMissingError, for another agency's offer too."""
    found = _rows(agency).filter(pk=offer_id).first()
    if found is None:
        raise OfferMissingError("offer")
    return found


@transaction.atomic
def cancel_offer(*, offer: CredentialOffer, actor: str) -> None:
    """Take an offer back before a wallet has taken it. Cancelling twice is harmless. Raises OfferStateError."""
    if offer.cancelled_at is not None:
        return
    open_rows = CredentialOffer.objects.filter(pk=offer.pk, redeemed_at__isnull=True, cancelled_at__isnull=True)
    if open_rows.update(cancelled_at=timezone.now()) != 1:
        raise OfferStateError("taken already")
    report(actor=actor, action="offer.cancelled", subject=f"offer:{offer.pk}")


def is_open(offer: CredentialOffer) -> bool:
    """Whether a wallet can still take it."""
    return (
        offer.redeemed_at is None
        and offer.cancelled_at is None
        and offer.expires_at > timezone.now()
        and offer.wrong_tx_codes < MAX_WRONG_TX_CODES
    )


def state_of(offer: CredentialOffer) -> OfferState:
    if offer.redeemed_at is not None:
        return _state_of_taken(offer)
    if offer.cancelled_at is not None or offer.wrong_tx_codes >= MAX_WRONG_TX_CODES:
        return OfferState.CANCELLED
    return OfferState.OFFERED if offer.expires_at > timezone.now() else OfferState.EXPIRED


def _report_made(offer: CredentialOffer, actor: str) -> None:
    """The citizen sees it too, whoever made it: with the certificate, once there is one, comes the WeID."""
    credential = Credential.objects.filter(application_id=offer.application_id).select_related("weid").first()
    details = {"application": str(offer.application_id)}
    weid = credential.weid if credential else None
    report(actor=actor, action="offer.made", subject=f"offer:{offer.pk}", weid=weid, details=details)


def tx_code_digest(offer: CredentialOffer, tx_code: str) -> str:
    # The offer's own id is in it: equal codes of two offers do not meet.
    return secret_values.digest("tx-code", offer.agency, f"{offer.pk}\x00{tx_code}")


def _state_of_taken(offer: CredentialOffer) -> OfferState:
    grant = WalletGrant.objects.filter(offer=offer).first()
    if grant is None:
        return OfferState.IN_PROGRESS
    if CredentialInstance.objects.filter(grant=grant, released_at__isnull=False).exists():
        return OfferState.ISSUED
    if grant.ended_at is not None:
        return OfferState.CANCELLED
    return OfferState.DEFERRED if grant.deferred.exists() else OfferState.IN_PROGRESS


def _check(agency: Agency, options: Options) -> Grant:
    if not MIN_LIFETIME <= options.lifetime <= MAX_LIFETIME:
        raise OfferRequestError("lifetime", fields={"expires_in": ["between a minute and 30 days"]})
    grant = options.grant or (Grant.AUTHORIZATION if agency.haip else Grant.PRE_AUTHORIZED)
    if agency.haip and grant != Grant.AUTHORIZATION:
        raise OfferRequestError("HAIP", fields={"grant": ["this department issues to signed-in holders only (HAIP)"]})
    return grant


def is_offerable(application: Application) -> bool:
    """Whether it has led to a valid certificate, or still may."""
    credential = Credential.objects.filter(application=application).only("state", "expires_at").first()
    if credential is None:
        return application.state in PENDING
    return credential.state == Credential.State.VALID and credential.expires_at > timezone.now()


def _message(offer: CredentialOffer, code: str) -> messages.CredentialOffer:
    kind = offer.application.credential_type
    ids = tuple(configuration_of(kind, form).id for form in FORMATS.values())
    issuer = issuer_identifier(offer.agency)
    if offer.grant == Grant.AUTHORIZATION:
        return messages.CredentialOffer(issuer, ids, authorization_code=messages.CodeGrant(code))
    tx_code = messages.TxCode("numeric", TX_CODE_DIGITS) if offer.tx_code_digest else None
    return messages.CredentialOffer(issuer, ids, pre_authorized=messages.PreAuthorizedGrant(code, tx_code))


def _rows(agency: Agency) -> QuerySet[CredentialOffer]:
    return CredentialOffer.objects.filter(agency=agency).select_related("agency", "application__credential_type")

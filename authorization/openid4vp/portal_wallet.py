"""The citizen's portal as one wallet among others: it follows the same links, believes as little, and is judged alike.

What the page shows comes from a request object that was fetched and verified as any wallet does; the answer is signed
in the citizen's browser and posted to ``response_uri`` from there. Nothing here can answer in the citizen's place.
"""

from __future__ import annotations

import uuid
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.utils import timezone

from authorization.errors import WalletLinkError
from authorization.items import Item, Texts, hidden_labels, items_of
from authorization.models import PresentationSession
from authorization.openid4vp.clients import did_document
from authorization.openid4vp.request_objects import fetch_request, find_open_session
from authorization.openid4vp.sessions import request_uri
from credentials.holdings import credentials_of, read_sd_jwt
from credentials.models import Credential
from identity.keystore import request_keys
from identity.models import Person, WeID
from identity.trust import authority_certificates
from identity.weid import device_keys
from protocol.dcql import CredentialQuery, HeldCredential, match, parse_query
from protocol.dcql.matching import satisfied_combinations
from protocol.disclosure import Path, reveal
from protocol.key_binding import holder_key
from protocol.keys import jwk_thumbprint, public_jwk
from protocol.openid4vp import parse_transaction_data
from protocol.request_object import LINK_SCHEME, AuthorizationRequest, ClientTrust, read_signed_request
from protocol.sd_jwt import hold
from protocol.sd_jwt_vc import CREDENTIAL_TYPE

_TYPES = frozenset({CREDENTIAL_TYPE})
MAX_LINK = 4096


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate that this WeID's devices can show, with everything in it."""

    credential: Credential
    claims: Mapping[str, Any]
    key_thumbprint: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What may be shown: one way, with the exact values."""

    paths: tuple[Path, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One certificate that answers one part of the question; ``choices`` begin with the one that shows least."""

    query_id: str
    held: Held
    choices: tuple[Choice, ...]
    hidden: tuple[Texts, ...]


@dataclass(frozen=True, slots=True)
class WalletOffer:
    """What is asked, proven to come from ``session``'s organisation; ``answers`` is empty when nothing fits."""

    session: PresentationSession
    asked: AuthorizationRequest
    answers: tuple[Answer, ...]
    # The terms that the holder signs besides, where there are any.
    terms: Mapping[str, Any] | None


def read_link(link: str) -> tuple[uuid.UUID, str]:
    """Return session and client id of a link made here. Raises WalletLinkError for every other one."""
    try:
        parts = urlsplit(link.strip()[:MAX_LINK])
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        session_id = uuid.UUID(query.get("request_uri", "").rpartition("/")[2])
    except ValueError:
        raise WalletLinkError("not a link to a request") from None
    if parts.scheme != LINK_SCHEME or query.get("request_uri") != request_uri(session_id) or "client_id" not in query:
        raise WalletLinkError("not a link of this service")
    return session_id, query["client_id"]


def prepare_answer(*, session_id: uuid.UUID, client_id: str, person: Person, weid: WeID) -> WalletOffer:
    """Fetch the request, prove who asks, and find what answers it.

    Raises as find_open_session and read_signed_request, and WalletLinkError for transaction data of a kind unknown here,
    which no wallet may sign (§8.4).
    """
    session = find_open_session(session_id)
    asked = read_signed_request(
        fetch_request(session_id=session_id),
        client_id=client_id,
        trust=_trust(session),
        now=timezone.now().timestamp(),
    )
    return WalletOffer(session, asked, _find_answers(asked, person, weid), _read_terms(asked))


def _trust(session: PresentationSession) -> ClientTrust:
    anchors = [b64decode(certificate) for certificate in authority_certificates()]
    organisation = session.request.organisation
    methods = did_document(organisation, request_keys(organisation))["verificationMethod"]
    return ClientTrust(anchors=anchors, did_keys={method["id"]: method["publicKeyJwk"] for method in methods})


def _find_answers(asked: AuthorizationRequest, person: Person, weid: WeID) -> tuple[Answer, ...]:
    query = parse_query(asked.dcql_query)
    held = {str(each.credential.pk): each for each in _read_held(person, weid)}
    selection = match(query, [HeldCredential(name, CREDENTIAL_TYPE, each.claims) for name, each in held.items()])
    return tuple(
        _answer(credential_query, held[selection.candidates[credential_query.id][0].handle])
        for credential_query in query.credentials
        if credential_query.id in selection.chosen
    )


def _read_held(person: Person, weid: WeID) -> Iterable[Held]:
    thumbprints = {method.thumbprint for method in device_keys(weid)}
    valid = credentials_of(weid).filter(state=Credential.State.VALID, expires_at__gt=timezone.now())
    for credential in valid:
        sd_jwt = hold(read_sd_jwt(credential, person), allowed_types=_TYPES)
        thumbprint = jwk_thumbprint(public_jwk(holder_key(sd_jwt.payload)))
        if thumbprint in thumbprints:
            claims = reveal(sd_jwt.payload, [disclosure.encoded for disclosure in sd_jwt.disclosures])
            yield Held(credential, claims, thumbprint)


def _answer(query: CredentialQuery, held: Held) -> Answer:
    kind = held.credential.credential_type
    ways = sorted(satisfied_combinations(query, held.claims), key=len)
    paths = [tuple(claim.path for claim in way) for way in ways]
    choices = tuple(Choice(each, items_of(kind, held.claims, each)) for each in paths)
    most = choices[-1].paths if choices else ()
    return Answer(query.id, held, choices, hidden_labels(kind, held.claims, most))


def _read_terms(asked: AuthorizationRequest) -> Mapping[str, Any] | None:
    known = f"{settings.PUBLIC_URL}/authorization/v1"
    found = [parse_transaction_data(item) for item in asked.transaction_data]
    if any(each["type"] != known for each in found) or len(found) > 1:
        raise WalletLinkError("transaction data of a kind that is not spoken here")
    return found[0] if found else None

"""Is this what was asked, and is it true? Every presentation of an answer is judged, and one that fails is refused whole.

1. it is what our own query asks: no less, no more, nothing else (the wallet's choice is never taken on trust)
2. each presentation verifies as any other does here, bound by its holder to this client id and nonce, just now
3. the holder signed exactly the transaction data of this request, and no other

What could not be checked is neither valid nor invalid: it stays, and says what is missing.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils import timezone

from authorization.errors import AnswerRefusedError
from authorization.models import PresentationSession
from authorization.terms import access_ends_at
from credentials.facts import AuthorizationFact, Sources
from credentials.policy import Policy
from credentials.sources import database_sources
from credentials.verification import Report, verify
from protocol.dcql import Authority, PresentedCredential, Query, chain_authorities, check_response, parse_query, present
from protocol.disclosure import Path
from protocol.errors import ProtocolError
from protocol.openid4vp import check_transaction_data, hash_transaction_data, parse_transaction_data
from protocol.sd_jwt_vc import ParsedPresentation, parse, verify_key_binding

KEY_BINDING_MAX_AGE_SECONDS = 300
POLICY = Policy(require_key_binding=True, max_key_binding_age=KEY_BINDING_MAX_AGE_SECONDS)


@dataclass(frozen=True, slots=True)
class Judged:
    """One presentation that no check refused. ``shown`` holds its claims, registered ones too."""

    query_id: str
    parsed: ParsedPresentation
    report: Report
    shown: Mapping[str, Any]

    @property
    def missing(self) -> tuple[str, ...]:
        """The steps that could not be checked, and so leave the verdict open. The log is not waited for here."""
        unknown = (check.step for check in self.report.checks if check.outcome == "unknown")
        return tuple(step for step in unknown if step != "anchor" or POLICY.demands_anchor)


def judge(session: PresentationSession, vp_token: Mapping[str, Sequence[str]]) -> tuple[Judged, ...]:
    """Return the judged presentations of an answer.

    Raises DcqlError for another answer than was asked, AnswerRefusedError with the code of the first check that
    failed, TransactionDataHashError, and ProtocolError for what is not a presentation at all.
    """
    query = parse_query(session.dcql_query)
    parsed = {query_id: [parse(item) for item in items] for query_id, items in vp_token.items()}
    presented = {query_id: [_present(item, query) for item in items] for query_id, items in parsed.items()}
    check_response(query, presented)
    return tuple(
        _judge(session, query_id, item, shown.claims)
        for query_id, items in parsed.items()
        for item, shown in zip(items, presented[query_id], strict=True)
    )


def _judge(session: PresentationSession, query_id: str, parsed: ParsedPresentation, shown: Mapping[str, Any]) -> Judged:
    expected = transaction_data_for(session, query_id)
    now = timezone.now()
    report = verify(
        parsed.text,
        sources=_sources(session),
        now=now,
        policy=POLICY,
        audience=session.client_id,
        nonce=session.nonce,
    )
    failed = next((check.code for check in report.checks if check.outcome == "fail"), None)
    if failed is not None:
        raise AnswerRefusedError(failed)
    _check_binding(parsed, session, expected, now.timestamp())
    return Judged(query_id, parsed, report, shown)


def transaction_data_for(session: PresentationSession, query_id: str) -> list[str]:
    """Return the elements of the request that the credential of *query_id* authorizes, as sent."""
    return [item for item in session.transaction_data if query_id in parse_transaction_data(item)["credential_ids"]]


def _check_binding(
    parsed: ParsedPresentation, session: PresentationSession, expected: Sequence[str], now: float
) -> None:
    """Check that the holder signed this, for this request and just now, and what else was signed (§B.3.3.1).

    Verification does not come to it where an issuer cannot be checked, and lets a signed consent live for years.
    """
    try:
        binding = verify_key_binding(
            parsed,
            audience=session.client_id,
            nonce=session.nonce,
            now=now,
            max_age=KEY_BINDING_MAX_AGE_SECONDS,
        )
    except ProtocolError as error:
        raise AnswerRefusedError(error.code) from None
    if expected or "transaction_data_hashes" in binding:
        check_transaction_data(binding, expected)


def _present(parsed: ParsedPresentation, query: Query) -> PresentedCredential:
    is_asked = any(asked.trusted_authorities for asked in query.credentials)
    return present(parsed, authorities=_authorities(parsed) if is_asked else frozenset())


def _authorities(parsed: ParsedPresentation) -> frozenset[Authority]:
    """By the certificates that we hold of the issuer's key, never by those that the credential brings along.

    Raises CouldNotCheckError: whether an authority stands behind an issuer is then unknown, not false.
    """
    issuer = database_sources().find_issuer(str(parsed.payload.get("iss")))
    chain = getattr(issuer, "x5c", {}).get(parsed.header.get("kid"), ()) if issuer else ()
    return chain_authorities([b64decode(certificate) for certificate in chain])


def _sources(session: PresentationSession) -> Sources:
    return replace(database_sources().as_sources(), authorizations=_TermsOfSession(session))


class _TermsOfSession:
    """The transaction data of this request are being signed right now: no record of them can exist yet."""

    def __init__(self, session: PresentationSession) -> None:
        request, query = session.request, parse_query(session.dcql_query)
        self._digests = {hash_transaction_data(item) for item in session.transaction_data}
        claims: tuple[Path, ...] = tuple(claim.path for asked in query.credentials for claim in asked.claims)
        ends_at = access_ends_at(request).isoformat()
        self._fact = AuthorizationFact("active", claims, request.organisation.slug, ends_at)

    def find_authorization(self, terms_digest: str) -> AuthorizationFact | None:
        return self._fact if terms_digest in self._digests else None

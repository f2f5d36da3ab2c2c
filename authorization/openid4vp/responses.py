"""What a wallet answers: opened, judged, and accepted once (OpenID4VP 1.0 §8).

Nothing changes before every check has passed, and then one conditional UPDATE decides among however many answers come
at the same moment. A refused answer leaves the session open for a better one; only the citizen's own no ends it.
"""

from __future__ import annotations

import hmac
import re
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from authorization import audit, webhooks
from authorization.errors import (
    AnswerRefusedError,
    RequestDecidedError,
    RequestMissingError,
    SessionAnsweredError,
)
from authorization.models import Authorization, PresentationRequest, PresentationSession
from authorization.openid4vp.judgement import Judged, judge
from authorization.openid4vp.request_objects import find_open_session
from authorization.openid4vp.session_secrets import open_secrets
from authorization.receipts import store_authorization
from credentials.models import Credential
from identity.models import WeID
from identity.vault import lookup_hmac, seal_for_service
from protocol.dcql import parse_query, select_values
from protocol.disclosure import Path
from protocol.encoding import json_dumps
from protocol.errors import CodedError, ResponseStateError
from protocol.openid4vp import hash_transaction_data
from protocol.request_object import DC_API_JWT
from protocol.vp_response import ACCESS_DENIED, WalletResponse, read_response

# 128 bits: guessed by nobody within the life of a session.
RESPONSE_CODE_BYTES = 16
# Of what may not be retained at all, the verifier must still be able to read the answer.
SHORTEST_RETENTION = timedelta(hours=1)
# OAuth's alphabet of error codes (RFC 6749 §4.1.2.1), for what a verifier's page will show.
_ERROR = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,80}\Z")


def receive(*, session_id: uuid.UUID, body: bytes, is_digital: bool = False) -> str | None:
    """Take the answer that a wallet posts, and return where it is to lead the browser, if anywhere.

    Through the Digital Credentials API (*is_digital*) there is no ``state`` (appendix A.2): the page that asked hands
    on what was encrypted to this session, and an error is the browser's to tell. Raises as find_open_session,
    ResponseStateError, what read_response and judge raise, and, for the answer that came second, SessionAnsweredError
    or RequestDecidedError.
    """
    session = find_open_session(session_id)
    held = open_secrets(session.pk, session.secrets_ciphertext)
    mode = DC_API_JWT if is_digital else session.response_mode
    response = read_response(body, response_mode=mode, private_key=held.private_key, kid=held.key_id)
    if is_digital and response.is_encrypted and response.error is None:
        return _take_presentations(session, response)
    if not hmac.compare_digest((response.state or "").encode(), held.state.encode()):
        raise ResponseStateError("of another session")
    if response.error is not None:
        _take_error(session, response.error)
        return None
    return _take_presentations(session, response)


def presentation_context(session_id: uuid.UUID) -> str:
    """What the stored presentation is sealed for: this session's row and column."""
    return f"presentation {session_id}"


def digest_of_code(response_code: str) -> str:
    return lookup_hmac("response-code", response_code)


def _take_presentations(session: PresentationSession, response: WalletResponse) -> str | None:
    try:
        judged = judge(session, response.vp_token)
    except CodedError as error:
        # Only who has read the request gets here, so no passer-by can write on the verifier's page.
        _note(session, getattr(error, "reason", error.code))
        raise
    return _accept(session, judged)


def _take_error(session: PresentationSession, error: str) -> None:
    if error == ACCESS_DENIED:
        _refuse(session)
    else:
        # The wallet could not; the citizen may still find another way to answer.
        _note(session, error)


@transaction.atomic
def _refuse(session: PresentationSession) -> None:
    now = timezone.now()
    _answer(session, now, outcome=PresentationSession.Outcome.REFUSED)
    _decide(session.request, PresentationRequest.State.REFUSED, now)
    _record(session, "request.refused", None, {"session": str(session.pk)})


@transaction.atomic
def _accept(session: PresentationSession, judged: Sequence[Judged]) -> str | None:
    now, code = timezone.now(), secrets.token_urlsafe(RESPONSE_CODE_BYTES)
    credential = _find_own(session.request, judged)
    weid = credential.weid if credential else None
    presentations = [[item.query_id, item.parsed.text] for item in judged]
    _answer(
        session,
        now,
        outcome=PresentationSession.Outcome.PRESENTED,
        verdict=_verdict(judged),
        weid=weid,
        report=[describe(item) for item in judged],
        presentation_ciphertext=seal_for_service(json_dumps(presentations), context=presentation_context(session.pk)),
        retained_until=now + max(timedelta(days=session.request.template.retention_days), SHORTEST_RETENTION),
        response_code_digest=digest_of_code(code) if session.redirect_uri else "",
    )
    authorization = _authorize(session, credential, judged[0], now) if credential and session.carries_terms else None
    state = PresentationRequest.State.GRANTED if authorization else PresentationRequest.State.PRESENTED
    _decide(session.request, state, now, weid=authorization.weid if authorization else session.request.weid)
    webhooks.emit(_event(session, _verdict(judged), now))
    _record(session, "presentation.received", weid, _details(session, judged, authorization))
    return f"{session.redirect_uri}#response_code={code}" if session.redirect_uri else None


def describe(judged: Judged) -> dict[str, Any]:
    """Return what may be kept of a judgement for as long as anyone likes: names and codes, never a value."""
    return {
        "query_id": judged.query_id,
        "verdict": judged.report.verdict,
        "issuer": judged.report.issuer,
        "vct": judged.report.vct,
        "claims": [list(path) for path in judged.report.disclosed],
        "checks": [
            {"step": check.step, "code": check.code, "outcome": check.outcome, "evidence": check.evidence}
            for check in judged.report.checks
        ],
        "missing": list(judged.missing),
    }


def _find_own(request: PresentationRequest, judged: Sequence[Judged]) -> Credential | None:
    """Return the certificate that was shown, where we issued it and the holder's WeID has it.

    A request that a citizen has opened on the consent page is answered with that citizen's certificates only. Raises
    RequestMissingError for another's.
    """
    digest = judged[0].parsed.jws.digest
    # A copy in a wallet has a digest of its own; each index is looked up alone, for one of both would scan.
    certificates = Credential.objects.select_related("weid")
    credential = certificates.filter(digest=digest).first() or certificates.filter(instances__digest=digest).first()
    if request.weid_id is not None and (credential is None or credential.weid_id != request.weid_id):
        raise RequestMissingError(str(request.pk))
    return credential


def _authorize(session: PresentationSession, credential: Credential, judged: Judged, now: datetime) -> Authorization:
    """Store the consent that the holder signed: what it covers is what was asked and shown."""
    if judged.parsed.key_binding_jwt is None:
        raise AnswerRefusedError("key_binding_missing")
    query = parse_query(session.dcql_query).find(judged.query_id)
    claims: list[Path] = (
        [claim.path for claim in query.claims if select_values(judged.shown, claim.path)] if query else []
    )
    return store_authorization(
        request=session.request,
        weid=credential.weid,
        credential=credential,
        terms=session.transaction_data[0],
        claims=claims,
        key_binding_jwt=judged.parsed.key_binding_jwt,
        granted_at=now,
    )


def _answer(session: PresentationSession, now: datetime, **changes: Any) -> None:
    # Of parallel answers exactly one finds the session unanswered. The key of the answer is destroyed with it.
    unanswered = PresentationSession.objects.filter(pk=session.pk, answered_at__isnull=True)
    if unanswered.update(answered_at=now, secrets_ciphertext=b"", last_error="", **changes) != 1:
        raise SessionAnsweredError(str(session.pk))


def _decide(request: PresentationRequest, state: str, now: datetime, weid: WeID | None = None) -> None:
    pending = PresentationRequest.objects.filter(
        pk=request.pk, state=PresentationRequest.State.PENDING, expires_at__gt=now, weid=request.weid_id
    )
    if pending.update(state=state, decided_at=now, weid=weid or request.weid_id) != 1:
        raise RequestDecidedError(str(request.pk))


def _note(session: PresentationSession, code: str) -> None:
    open_ones = PresentationSession.objects.filter(pk=session.pk, answered_at__isnull=True)
    open_ones.update(last_error=code if _ERROR.match(code) else "wallet_error")


def _verdict(judged: Sequence[Judged]) -> str:
    return "valid" if all(item.report.verdict == "valid" for item in judged) else "undetermined"


def _details(
    session: PresentationSession, judged: Sequence[Judged], authorization: Authorization | None
) -> dict[str, Any]:
    details: dict[str, Any] = {
        "session": str(session.pk),
        "verdict": _verdict(judged),
        "claims": [list(path) for item in judged for path in item.report.disclosed],
    }
    if authorization:
        details["authorization"] = str(authorization.pk)
    elif session.carries_terms:
        # A certificate from elsewhere has no WeID here to grant anything: that these terms were signed is all there is.
        details["terms_digest"] = hash_transaction_data(session.transaction_data[0])
    return details


def _event(session: PresentationSession, verdict: str, now: datetime) -> webhooks.Event:
    facts: dict[str, webhooks.Fact] = {"request": session.request_id, "verdict": verdict, "verified_at": now}
    return webhooks.Event("presentation.verified", facts, organisation_id=session.request.organisation_id)


def _record(session: PresentationSession, action: str, weid: WeID | None, details: dict[str, Any]) -> None:
    audit.record(
        actor=f"weid:{weid.did}" if weid else "wallet",
        action=action,
        subject=f"request:{session.request_id}",
        weid=weid,
        organisation=session.request.organisation,
        details=details,
    )

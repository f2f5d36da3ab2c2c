"""From the question to the answer, with a wallet that nobody here knows."""

from __future__ import annotations

import copy
from base64 import b64decode
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from authorization.models import AuditEvent, PresentationRequest, PresentationSession, RequestTemplate
from authorization.openid4vp.request_objects import wallet_link
from authorization.openid4vp.results import purge, read_result
from authorization.openid4vp.sessions import session_state
from credentials.facts import CouldNotCheckError
from credentials.sources import DatabaseSources
from identity.trust import agency_issuers
from protocol.dcql import chain_authorities
from protocol.errors import CodedError
from protocol.request_object import AuthorizationRequest
from tests import cast
from tests.authorization.openid4vp.conftest import Asking, session_of
from tests.simulators.presenting_wallet import Wallet

SHOWN = {"name_zh": "李嘉敏", "age_over_18": True}


@pytest.mark.requirement(
    "OpenID4VP 1.0 §8.2", "direct_post: the answer goes to response_uri, and 200 with JSON comes back"
)
@pytest.mark.requirement("OpenID4VP 1.0 §8.3.1", "direct_post.jwt: the answer goes there encrypted")
@pytest.mark.parametrize("response_mode", ["direct_post", "direct_post.jwt"])
@pytest.mark.parametrize("prefix", ["x509_hash", "x509_san_dns", "redirect_uri"])
def test_a_wallet_shows_what_is_asked(ask: Asking, wallet: Wallet, response_mode: str, prefix: str) -> None:
    session = ask(response_mode=response_mode, client_id_prefix=prefix)
    assert session_state(session) == "waiting"
    asked = wallet.open_link(wallet_link(session))
    assert asked.client_id.startswith(f"{prefix}:")
    assert session_state(session_of(asked)) == ("waiting" if prefix == "redirect_uri" else "fetched")
    answer = wallet.answer(asked)
    assert (answer.status_code, answer.json(), answer["Cache-Control"]) == (200, {}, "no-store")
    answered = session_of(asked)
    assert (session_state(answered), answered.request.state, answered.verdict) == ("answered", "presented", "valid")
    result = read_result(session=answered, organisation=cast.bank())
    (shown,) = result.credentials
    assert {name: shown.claims[name] for name in SHOWN} == SHOWN
    assert "parents" not in shown.claims
    assert (shown.query_id, shown.verdict, shown.missing) == ("certificate", "valid", ())
    assert [check["outcome"] for check in shown.checks if check["step"] == "key_binding"] == ["pass"]


def test_nothing_of_what_was_shown_stands_in_the_clear(asked: AuthorizationRequest, wallet: Wallet) -> None:
    wallet.answer(asked)
    stored = str(PresentationSession.objects.values().get())
    events = str(list(AuditEvent.objects.values_list("details", flat=True)))
    assert [text for text in ("李嘉敏", "Ka Man", "eyJ") if text in stored + events] == []


def test_the_key_of_an_answer_is_destroyed_with_it(ask: Asking, wallet: Wallet) -> None:
    asked = wallet.open_link(wallet_link(ask()))
    wallet.answer(asked)
    assert bytes(session_of(asked).secrets_ciphertext) == b""


def test_the_citizen_sees_who_asked_and_who_read(
    asked: AuthorizationRequest, wallet: Wallet, lei: cast.Citizen
) -> None:
    wallet.answer(asked)
    read_result(session=session_of(asked), organisation=cast.bank())
    events = AuditEvent.objects.filter(weid=lei.weid, organisation=cast.bank()).values_list("action", "outcome")
    assert list(events.order_by("sequence")) == [("presentation.received", "done"), ("presentation.read", "done")]


@pytest.mark.requirement("OpenID4VP 1.0 §5.10", "a wallet that posts its nonce finds it in the request object")
def test_a_wallet_may_post_its_nonce(ask: Asking, wallet: Wallet) -> None:
    wallet.wallet_nonce = "nonce-of-the-wallet"
    asked = wallet.open_link(wallet_link(ask(request_uri_method="post")))
    assert asked.parameters["wallet_nonce"] == "nonce-of-the-wallet"
    assert wallet.answer(asked).status_code == 200
    wallet.wallet_nonce = None
    assert "wallet_nonce" not in wallet.open_link(wallet_link(ask(request_uri_method="post"))).parameters


@pytest.mark.requirement("OpenID4VP 1.0 §8.5", "access_denied is the citizen's no")
@pytest.mark.parametrize("response_mode", ["direct_post", "direct_post.jwt"])
def test_a_citizen_may_refuse(ask: Asking, wallet: Wallet, response_mode: str) -> None:
    asked = wallet.open_link(wallet_link(ask(response_mode=response_mode)))
    assert wallet.refuse(asked).status_code == 200
    session = session_of(asked)
    assert (session_state(session), session.request.state) == ("refused", "refused")
    with pytest.raises(CodedError, match="request_refused"):
        read_result(session=session, organisation=cast.bank())
    assert wallet.answer(asked).json()["error"] == "presentation_answered"


@pytest.mark.requirement("OpenID4VP 1.0 §8.5", "what a wallet cannot do leaves the request open")
def test_a_wallet_that_could_not_leaves_the_question_open(asked: AuthorizationRequest, wallet: Wallet) -> None:
    assert wallet.refuse(asked, "vp_formats_not_supported").status_code == 200
    session = session_of(asked)
    assert (session_state(session), session.last_error) == ("fetched", "vp_formats_not_supported")
    assert wallet.answer(asked).status_code == 200
    assert session_of(asked).last_error == ""


def test_what_is_not_answered_in_time_is_over(asked: AuthorizationRequest, wallet: Wallet) -> None:
    PresentationRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert wallet.answer(asked).json()["error"] == "request_expired"
    assert session_state(session_of(asked)) == "expired"
    with pytest.raises(CodedError, match="request_expired"):
        read_result(session=session_of(asked), organisation=cast.bank())
    assert purge() == 1
    assert bytes(session_of(asked).secrets_ciphertext) == b""


def test_a_result_before_the_answer_is_no_result(asked: AuthorizationRequest, wallet: Wallet) -> None:
    with pytest.raises(CodedError, match="request_unanswered"):
        read_result(session=session_of(asked), organisation=cast.bank())


def test_what_was_shown_goes_when_its_retention_is_over(asked: AuthorizationRequest, wallet: Wallet) -> None:
    wallet.answer(asked)
    session = session_of(asked)
    assert session.retained_until is not None
    assert session.retained_until - timezone.now() > timedelta(days=89)
    PresentationSession.objects.update(retained_until=timezone.now())
    with pytest.raises(CodedError, match="presentation_gone"):
        read_result(session=session, organisation=cast.bank())
    assert purge() == 1
    assert session_of(asked).presentation_ciphertext is None
    # What remains says that it was checked, and how; nothing that was shown.
    assert session_of(asked).report[0]["claims"]


def test_what_is_not_to_be_kept_is_read_once(ask: Asking, wallet: Wallet) -> None:
    asked = wallet.open_link(wallet_link(ask(keep="first_read")))
    wallet.answer(asked)
    session = session_of(asked)
    assert read_result(session=session, organisation=cast.bank()).verdict == "valid"
    with pytest.raises(CodedError, match="presentation_gone"):
        read_result(session=session, organisation=cast.bank())


@pytest.mark.parametrize(("source", "missing"), [("find_status", "status"), ("find_issuer", "issuer_key")])
def test_what_could_not_be_checked_leaves_the_verdict_open(
    asked: AuthorizationRequest,
    wallet: Wallet,
    source: str,
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise CouldNotCheckError(f"{missing}_unavailable", {"reason": "unreachable"})

    monkeypatch.setattr(DatabaseSources, source, away)
    assert wallet.answer(asked).status_code == 200
    session = session_of(asked)
    (shown,) = read_result(session=session, organisation=cast.bank()).credentials
    assert (session.verdict, shown.verdict, shown.missing) == ("undetermined", "undetermined", (missing,))
    # Without the issuer's key nothing of it is known to be true, so nothing is told as if it were.
    assert bool(shown.claims) is (missing != "issuer_key")


@pytest.mark.requirement("OpenID4VP 1.0 §6.1.1", "an authority is one that we know to stand behind the issuer")
def test_only_the_authority_asked_for_will_do(ask: Asking, wallet: Wallet, template: RequestTemplate) -> None:
    (issuer,) = agency_issuers().values()
    (ours,) = chain_authorities(b64decode(certificate) for chain in issuer.x5c.values() for certificate in chain)
    query = copy.deepcopy(template.dcql_query)
    for value, status in ((ours[1], 200), ("bm90IG91cnM", 400)):
        query["credentials"][0]["trusted_authorities"] = [{"type": "aki", "values": [value]}]
        template.dcql_query = query
        asked = wallet.open_link(wallet_link(ask()))
        presentation = wallet.bind(asked, "certificate", wallet.held[0], [("name_zh",), ("age_over_18",)])
        answer = wallet.send(asked, {"vp_token": {"certificate": [presentation]}})
        assert answer.status_code == status, answer.content

"""What strangers and dishonest wallets try (O-5 to O-11): each refused by its own code, and nothing stored."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from authorization.models import PresentationSession
from authorization.openid4vp.request_objects import wallet_link
from authorization.openid4vp.sessions import session_state
from credentials.facts import CouldNotCheckError
from credentials.holdings import read_sd_jwt
from credentials.models import Credential
from credentials.revocation import revoke
from credentials.sources import DatabaseSources
from identity.keystore import disable
from protocol.encoding import b64u_decode, b64u_encode, json_dumps, json_object
from protocol.jose import sign_compact
from protocol.keys import SoftwareSigner, generate_p256
from protocol.request_object import AuthorizationRequest
from protocol.sd_jwt_vc import issue_credential
from tests import cast
from tests.authorization.openid4vp.conftest import Asking, session_of
from tests.simulators.presenting_wallet import FORM, Wallet

DAY = 86_400
EVE = SoftwareSigner(generate_p256(), "eve")


def nothing_was_taken(asked: AuthorizationRequest) -> bool:
    session = session_of(asked)
    is_empty = session.presentation_ciphertext is None and not session.report and session.weid is None
    return is_empty and session_state(session) == "fetched" and session.request.state == "pending"


def without_a_disclosure(asked: AuthorizationRequest, wallet: Wallet) -> Any:
    """Taken out after the holder signed."""
    (presentation,) = wallet.present(asked)["certificate"]
    parts = presentation.split("~")
    return wallet.send(asked, {"vp_token": {"certificate": ["~".join([*parts[:1], *parts[2:]])]}})


def without_key_binding(asked: AuthorizationRequest, wallet: Wallet) -> Any:
    (presentation,) = wallet.present(asked)["certificate"]
    return wallet.send(asked, {"vp_token": {"certificate": [presentation.rpartition("~")[0] + "~"]}})


def forged(asked: AuthorizationRequest, wallet: Wallet, **changes: Any) -> Any:
    """A certificate that Eve signed herself, of exactly the claims asked for, bound to her own key."""
    genuine = json_object(b64u_decode(wallet.held[0].split(".")[1]))
    members = {name: genuine[name] for name in ("iss", "vct")} | changes
    made = issue_credential(
        claims={"name_zh": "伊", "age_over_18": True},
        vct=members["vct"],
        signer=EVE,
        header={"kid": json_object(b64u_decode(wallet.held[0].split(".")[0]))["kid"]},
        issuer=members["iss"],
        issued_at=int(time.time()) - 10,
        holder_jwk=EVE.public_jwk,
        disclosable=[("name_zh",), ("age_over_18",)],
    )
    shown = wallet.bind(asked, "certificate", made.text, [("name_zh",), ("age_over_18",)], signer=EVE)
    return wallet.send(asked, {"vp_token": {"certificate": [shown]}})


def altered(asked: AuthorizationRequest, wallet: Wallet) -> Any:
    (presentation,) = wallet.present(asked)["certificate"]
    head, payload, rest = presentation.split(".", 2)
    claims = {**json_object(b64u_decode(payload)), "exp": 4_000_000_000}
    token = {"certificate": [f"{head}.{b64u_encode(json_dumps(claims))}.{rest}"]}
    return wallet.send(asked, {"vp_token": token})


def twice(asked: AuthorizationRequest, wallet: Wallet) -> Any:
    token = wallet.present(asked)
    return wallet.send(asked, {"vp_token": {"certificate": token["certificate"] * 2}})


def under_another_id(asked: AuthorizationRequest, wallet: Wallet) -> Any:
    return wallet.send(asked, {"vp_token": {"other": wallet.present(asked)["certificate"]}})


def with_more(asked: AuthorizationRequest, wallet: Wallet) -> Any:
    return wallet.answer(asked, paths=[("name_zh",), ("age_over_18",), ("parents",)])


def with_less(asked: AuthorizationRequest, wallet: Wallet) -> Any:
    return wallet.answer(asked, paths=[("name_zh",)])


def with_nothing(asked: AuthorizationRequest, wallet: Wallet) -> Any:
    return wallet.answer(asked, paths=[])


def with_unasked_terms(asked: AuthorizationRequest, wallet: Wallet) -> Any:
    return wallet.answer(asked, terms=["eyJ0eXBlIjoieCJ9"])


# name, attack, the code of the refusal, why
ATTACKS: list[tuple[str, Callable[[AuthorizationRequest, Wallet], Any], str, str]] = [
    ("other audience", lambda asked, wallet: wallet.answer(asked, audience="x509_hash:another"),
     "key_binding_audience_mismatch", "made for another verifier, and passed on"),
    ("bare audience", lambda asked, wallet: wallet.answer(asked, audience=asked.client_id.partition(":")[2]),
     "key_binding_audience_mismatch", "the client id counts with its prefix"),
    ("other nonce", lambda asked, wallet: wallet.answer(asked, nonce="n" * 43), "key_binding_nonce_mismatch",
     "made for another session"),
    ("a day old", lambda asked, wallet: wallet.answer(asked, issued_at=time.time() - DAY), "key_binding_stale",
     "made at another time: some wallets' software accepts a day"),
    ("six minutes old", lambda asked, wallet: wallet.answer(asked, issued_at=time.time() - 360), "key_binding_stale",
     "five minutes are the most"),
    ("of tomorrow", lambda asked, wallet: wallet.answer(asked, issued_at=time.time() + DAY), "key_binding_from_future",
     "signed in advance"),
    ("another's key", lambda asked, wallet: wallet.answer(asked, signer=EVE), "key_binding_signature_invalid",
     "shown by someone who is not the holder"),
    ("no key binding", without_key_binding, "dcql_holder_binding_missing", "a copy that anyone may have"),
    ("disclosure removed", without_a_disclosure, "dcql_claim_missing", "the holder signed more than came"),
    ("issuer forged", forged, "signature_invalid", "signed by another key under the issuer's name"),
    ("issuer unknown", lambda asked, wallet: forged(asked, wallet, iss="https://eve.example"), "issuer_unknown",
     "an issuer that nobody registered"),
    ("certificate altered", altered, "signature_invalid", "another end date"),
    ("other type", lambda asked, wallet: forged(asked, wallet, vct="urn:eve"), "dcql_credential_other",
     "O-8: another credential than asked"),
    ("less", with_less, "dcql_claim_missing", "O-8: less than asked"),
    ("nothing disclosed", with_nothing, "dcql_claim_missing", "O-8: nothing of what was asked"),
    ("more", with_more, "dcql_claim_unasked", "O-8: more than asked must not reach the verifier"),
    ("twice", twice, "dcql_credential_unasked", "O-8: one was asked for"),
    ("other id", under_another_id, "dcql_credential_unasked", "O-8: an answer to a question that nobody asked"),
    ("unasked terms", with_unasked_terms, "transaction_data_hash_mismatch", "a consent to something not of this request"),
    ("no presentation", lambda asked, wallet: wallet.send(asked, {"vp_token": {"certificate": ["x"]}}),
     "sd_jwt_malformed", "not an SD-JWT"),
    ("other state", lambda asked, wallet: wallet.answer(asked, state="x"), "vp_response_state", "O-5: of another session"),
    ("no state", lambda asked, wallet: wallet.post(asked, {"vp_token": "{}"}), "vp_response_malformed", "O-5"),
    ("refused by a stranger", lambda asked, wallet: wallet.post(asked, {"error": "access_denied", "state": "x"}),
     "vp_response_state", "whoever has seen the QR code only cannot end the session"),
]  # fmt: skip


@pytest.mark.requirement(
    "OpenID4VP 1.0 §8.6", "every presentation is validated against the request; one failure refuses all"
)
@pytest.mark.parametrize(("attack", "code"), [each[1:3] for each in ATTACKS], ids=[each[0] for each in ATTACKS])
def test_what_was_not_asked_or_is_not_true_is_refused(
    attack: Callable[[AuthorizationRequest, Wallet], Any], code: str, asked: AuthorizationRequest, wallet: Wallet
) -> None:
    answer = attack(asked, wallet)
    assert (answer.status_code, answer.json()["error"]) == (400, code)
    assert nothing_was_taken(asked)
    # The session is still there for an honest answer.
    assert wallet.answer(asked).status_code == 200


def test_a_revoked_certificate_is_refused(asked: AuthorizationRequest, wallet: Wallet, certificate: Credential) -> None:
    revoke(credential=certificate, actor=cast.bo(), reason="no_longer_entitled")
    assert wallet.answer(asked).json()["error"] == "credential_revoked"
    assert nothing_was_taken(asked)


@pytest.mark.requirement("OpenID4VP 1.0 §14.1", "a presentation of one session is worth nothing in another")
def test_an_answer_of_one_session_is_not_one_of_another(ask: Asking, wallet: Wallet) -> None:
    mine, other = (wallet.open_link(wallet_link(ask(response_mode="direct_post"))) for _ in range(2))
    shown = wallet.present(mine)
    replayed = wallet.send(other, {"vp_token": shown})
    assert replayed.json()["error"] == "key_binding_nonce_mismatch"
    crossed = wallet.send(other, {"vp_token": shown}, state=mine.state)
    assert crossed.json()["error"] == "vp_response_state"
    assert nothing_was_taken(mine)
    assert nothing_was_taken(other)


@pytest.mark.requirement("OpenID4VP 1.0 §14.1", "an answer is accepted once")
def test_the_same_answer_posted_again_is_refused(asked: AuthorizationRequest, wallet: Wallet) -> None:
    members = {"vp_token": wallet.present(asked)}
    assert wallet.send(asked, members).status_code == 200
    assert wallet.send(asked, members).json()["error"] == "presentation_answered"


@pytest.mark.requirement("OpenID4VP 1.0 §8.3", "what was to come encrypted is refused in the clear")
def test_an_encrypted_answer_cannot_be_downgraded(ask: Asking, wallet: Wallet) -> None:
    asked = wallet.open_link(wallet_link(ask()))
    token = json_dumps(wallet.present(asked)).decode()
    answer = wallet.post(asked, {"vp_token": token, "state": asked.state})
    assert answer.json()["error"] == "vp_response_encryption"
    assert wallet.answer(asked, kid="another").json()["error"] == "vp_response_encryption"
    assert nothing_was_taken(asked)


def test_an_answer_encrypted_to_another_session_is_refused(ask: Asking, wallet: Wallet) -> None:
    mine, other = (wallet.open_link(wallet_link(ask())) for _ in range(2))
    answer = wallet.answer(mine, kid=other.client_metadata["jwks"]["keys"][0]["kid"])
    assert answer.json()["error"] == "vp_response_encryption"


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        ("x" * (1 << 20), FORM, "too_large"),
        ("{}", "application/json", "vp_response_malformed"),
        ("", FORM, "vp_response_malformed"),
        ("state=a&state=b", FORM, "vp_response_malformed"),
        ("%ff=%ff", FORM, "vp_response_malformed"),
        ("vp_token=" + urlencode({"": "[" * 200})[1:], FORM, "vp_response_malformed"),
    ],
    ids=["huge", "json", "empty", "twice", "bytes", "deep"],
)
def test_what_is_no_answer_is_refused(asked: AuthorizationRequest, body: str, content_type: str, code: str) -> None:
    path = "/openid4vp/response/" + str(asked.response_uri).rpartition("/")[2]
    answer = Client().post(path, body, content_type=content_type)
    assert (answer.status_code, answer.json()["error"]) == (400, code)
    assert nothing_was_taken(asked)


def test_a_session_that_is_none_is_not_found(db: None) -> None:
    for path in ("request", "response"):
        url = f"/openid4vp/{path}/00000000-0000-4000-8000-000000000000"
        answer = Client().post(url, "state=x", content_type=FORM)
        assert (answer.status_code, answer.json()["error"]) == (404, "presentation_session_missing")
    assert Client().get("/openid4vp/request/x").status_code == 404


def test_a_key_that_was_withdrawn_asks_no_more(ask: Asking) -> None:
    session = ask()
    assert session.signing_key is not None
    disable(signing_key=session.signing_key)
    answer = Client().get(f"/openid4vp/request/{session.pk}")
    assert (answer.status_code, answer.json()["error"]) == (400, "signing_key_state")


def test_an_opened_request_is_answered_by_that_citizen_only(
    asked: AuthorizationRequest, wallet: Wallet, lei: cast.Citizen
) -> None:
    """The consent page promises: who opens it first, and nobody else."""
    from authorization.consent import open_request

    other = cast.another_citizen()
    open_request(request=session_of(asked).request, weid=other.weid)
    assert wallet.answer(asked).json()["error"] == "request_missing"
    theirs = Wallet(
        other.device.signer, [read_sd_jwt(cast.issue_certificate(to=other, birth_date="1980-01-01"), other.person)]
    )
    assert theirs.answer(asked).status_code == 200
    assert PresentationSession.objects.get().weid == other.weid


@pytest.mark.parametrize("claims", [{}, {"iat": "now"}, {"iat": 9e9}], ids=str)
def test_the_holder_must_have_signed_even_where_the_issuer_cannot_be_checked(
    asked: AuthorizationRequest, wallet: Wallet, claims: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has a copy of a certificate could otherwise use the request up while a registry is away."""

    def away(*_: object, **__: object) -> None:
        raise CouldNotCheckError("issuer_key_unavailable", {})

    monkeypatch.setattr(DatabaseSources, "find_issuer", away)
    (presentation,) = wallet.present(asked)["certificate"]
    binding = sign_compact(json_dumps(claims), signer=EVE, header={"typ": "kb+jwt"})
    answer = wallet.send(asked, {"vp_token": {"certificate": [f"{presentation.rpartition('~')[0]}~{binding}"]}})
    assert (answer.status_code, answer.json()["error"]) == (400, "key_binding_signature_invalid")
    assert nothing_was_taken(asked)


def test_a_holder_whose_issuer_cannot_be_checked_is_heard(
    asked: AuthorizationRequest, wallet: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise CouldNotCheckError("issuer_key_unavailable", {})

    monkeypatch.setattr(DatabaseSources, "find_issuer", away)
    assert wallet.answer(asked).status_code == 200
    assert session_of(asked).verdict == "undetermined"


def test_a_stranger_who_signed_all_of_it_is_not_the_holder(
    asked: AuthorizationRequest, wallet: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise CouldNotCheckError("issuer_key_unavailable", {})

    monkeypatch.setattr(DatabaseSources, "find_issuer", away)
    answer = Wallet(EVE, wallet.held).answer(asked)
    assert (answer.status_code, answer.json()["error"]) == (400, "key_binding_signature_invalid")
    assert nothing_was_taken(asked)

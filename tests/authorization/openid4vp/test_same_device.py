"""Session fixation (O-6): only the browser to which the wallet led back reads the result, once."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from authorization.models import AuditEvent
from authorization.openid4vp.request_objects import wallet_link
from authorization.openid4vp.results import read_result
from protocol.encoding import b64u_decode
from protocol.errors import CodedError
from protocol.request_object import AuthorizationRequest
from tests import cast
from tests.authorization.openid4vp.conftest import Asking, session_of
from tests.simulators.presenting_wallet import Wallet

BACK = "https://bank.example/done?account=7"


@pytest.fixture
def asked(ask: Asking, wallet: Wallet) -> AuthorizationRequest:
    return wallet.open_link(wallet_link(ask(redirect_uri=BACK)))


def code_in(address: str) -> str:
    return parse_qs(urlsplit(address).fragment)["response_code"][0]


def read(asked: AuthorizationRequest, response_code: str | None) -> str:
    return read_result(session=session_of(asked), organisation=cast.bank(), response_code=response_code).verdict


@pytest.mark.requirement(
    "OpenID4VP 1.0 §8.2", "the answer names redirect_uri with a fresh response code in its fragment"
)
@pytest.mark.requirement(
    "OpenID4VP 1.0 §14.2", "without the response code nobody reads the result, and with it only once"
)
def test_the_result_is_for_the_browser_that_the_wallet_led_back(asked: AuthorizationRequest, wallet: Wallet) -> None:
    address = wallet.answer(asked).json()["redirect_uri"]
    assert address.startswith(f"{BACK}#response_code=")
    code = code_in(address)
    assert len(b64u_decode(code)) >= 16
    for wrong in (None, "", "x", code[:-1], code + "x"):
        with pytest.raises(CodedError, match="response_code_invalid"):
            read(asked, wrong)
    assert read(asked, code) == "valid"
    with pytest.raises(CodedError, match="response_code_invalid"):
        read(asked, code)
    outcomes = (
        AuditEvent.objects.filter(action="presentation.read").order_by("sequence").values_list("outcome", flat=True)
    )
    assert list(outcomes) == ["response_code_invalid"] * 5 + ["done", "response_code_invalid"]


def test_the_code_of_one_session_opens_no_other(ask: Asking, wallet: Wallet) -> None:
    first, second = (wallet.open_link(wallet_link(ask(redirect_uri=BACK))) for _ in range(2))
    codes = [code_in(wallet.answer(asked).json()["redirect_uri"]) for asked in (first, second)]
    with pytest.raises(CodedError, match="response_code_invalid"):
        read(first, codes[1])
    assert [read(first, codes[0]), read(second, codes[1])] == ["valid", "valid"]


def test_no_code_is_given_for_a_refusal_or_across_devices(
    ask: Asking, wallet: Wallet, asked: AuthorizationRequest
) -> None:
    assert wallet.refuse(asked).json() == {}
    across = wallet.open_link(wallet_link(ask()))
    assert wallet.answer(across).json() == {}
    assert session_of(across).response_code_digest == ""


def test_the_code_itself_is_stored_nowhere(asked: AuthorizationRequest, wallet: Wallet) -> None:
    code = code_in(wallet.answer(asked).json()["redirect_uri"])
    session = session_of(asked)
    assert code not in str({name: value for name, value in vars(session).items() if not name.startswith("_")})

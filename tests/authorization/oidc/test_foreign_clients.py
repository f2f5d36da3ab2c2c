"""Relying parties made of other people's code, over real HTTP: django-allauth, and @openid4vc/oauth2 with jose."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from authorization.models import BridgeLogin, RelyingParty
from authorization.openid4vp.request_objects import wallet_link
from credentials.holdings import read_sd_jwt
from identity import personas
from protocol.keys import SoftwareSigner, generate_p256
from tests import cast
from tests.oracles.credential import private_jwk
from tests.oracles.node import OracleError, run
from tests.simulators.presenting_wallet import Wallet

pytestmark = pytest.mark.django_db(transaction=True)

SCRIPT = "openid_client.mjs"
ALLAUTH_CALLBACK = "http://localhost/accounts/oidc/bridge/login/callback/"
NODE_CALLBACK = "http://127.0.0.1:9/callback"


@pytest.fixture
def issuer(settings: Settings, live_server: LiveServer) -> str:
    settings.PUBLIC_URL = live_server.url
    return f"{live_server.url}/oidc"


@pytest.fixture
def wallet(issuer: str) -> Wallet:
    lei = cast.lei()
    return Wallet(lei.device.signer, [read_sd_jwt(cast.issue_certificate(to=lei), lei.person)])


def follow(url: str, wallet: Wallet) -> str:
    """The person's browser: from the client's request to the address that it is sent back to."""
    browser, parts = Client(), urlsplit(url)
    page = browser.get(f"{parts.path}?{parts.query}")["Location"]
    login = BridgeLogin.objects.select_related("session__request").get(pk=page.split("/")[3])
    wallet.answer(wallet.open_link(wallet_link(login.session)))
    return str(browser.get(page)["Location"])


def test_django_allauth_signs_a_citizen_in(issuer: str, wallet: Wallet, settings: Settings) -> None:
    party, secret = cast.relying_party(template=cast.sign_in_template(), redirect_uris=[ALLAUTH_CALLBACK])
    app = {
        "provider_id": "bridge",
        "name": "Chancela",
        "client_id": party.client_id,
        "secret": secret,
        "settings": {
            "server_url": issuer,
            "oauth_pkce_enabled": True,
            "token_auth_method": "client_secret_basic",
            "fetch_userinfo": True,
        },
    }
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
    settings.SOCIALACCOUNT_ADAPTER = "allauth.socialaccount.adapter.DefaultSocialAccountAdapter"
    personas.ensure_persona("eve")
    person = Client(SERVER_NAME="localhost")
    person.post("/demo/eve/")
    leaving = person.post("/accounts/oidc/bridge/login/?process=connect")
    back = urlsplit(follow(leaving["Location"], wallet))
    answer = person.get(f"{back.path}?{back.query}")
    assert answer.status_code == 302, answer.content
    account = SocialAccount.objects.get(provider="bridge")
    login = BridgeLogin.objects.get()
    assert account.uid == login.subject
    assert account.extra_data["userinfo"] == {"sub": login.subject, "name": "李嘉敏", "age_over_18": True}


def node(action: str, issuer: str, party: RelyingParty, **job: Any) -> Any:
    fixed = {"issuer": issuer, "clientId": party.client_id, "redirectUri": NODE_CALLBACK, "state": "s", "nonce": "n"}
    return run(SCRIPT, do=action, **{**fixed, **job})


METHODS = ["secret", "key", "none"]


@pytest.mark.parametrize("method", METHODS)
def test_node_signs_a_citizen_in(issuer: str, wallet: Wallet, method: str) -> None:
    private = generate_p256()
    signer = SoftwareSigner(private, "k")
    choice = {"secret": RelyingParty.Method.SECRET, "key": RelyingParty.Method.KEY, "none": RelyingParty.Method.NONE}
    party, secret = cast.relying_party(
        template=cast.sign_in_template(),
        redirect_uris=[NODE_CALLBACK],
        method=choice[method],
        keys=[{**signer.public_jwk, "kid": "k"}],
    )
    proof: dict[str, dict[str, Any]] = {
        "secret": {"secret": secret},
        "key": {"privateKey": {**private_jwk(private, signer), "kid": "k"}},
    }
    asked = node("ask", issuer, party)
    back = follow(asked["url"], wallet)
    found = node("finish", issuer, party, url=back, verifier=asked["verifier"], **proof.get(method, {}))
    assert found["info"] == {"sub": found["claims"]["sub"], "name": "李嘉敏", "age_over_18": True}
    assert (found["claims"]["nonce"], found["claims"]["name"]) == ("n", "李嘉敏")
    with pytest.raises(OracleError, match="invalid_grant"):
        node("finish", issuer, party, url=back, verifier=asked["verifier"], **proof.get(method, {}))


def test_node_refuses_what_is_not_for_it(issuer: str, wallet: Wallet) -> None:
    """Our tokens let a client notice another nonce, and our answers another issuer (RFC 9207)."""
    party, _ = cast.relying_party(
        template=cast.sign_in_template(), redirect_uris=[NODE_CALLBACK], method=RelyingParty.Method.NONE
    )
    asked = node("ask", issuer, party)
    back = follow(asked["url"], wallet)
    with pytest.raises(OracleError, match=r"'iss'|issuer"):
        node("finish", issuer, party, url=back.replace("iss=http", "iss=https"), verifier=asked["verifier"])
    with pytest.raises(OracleError, match="nonce"):
        node("finish", issuer, party, url=back, verifier=asked["verifier"], nonce="another")

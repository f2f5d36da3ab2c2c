"""A relying party and the browser of whoever signs in to it, over Django's test client. Attacks change one step."""

from __future__ import annotations

import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from django.test import Client

from authorization.models import BridgeLogin, RelyingParty
from authorization.openid4vp.request_objects import wallet_link
from protocol.pkce import challenge_of
from tests.simulators.presenting_wallet import Wallet

FORM = "application/x-www-form-urlencoded"


@dataclass
class Party:
    row: RelyingParty
    secret: str | None
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    browser: Client = field(default_factory=Client)
    system: Client = field(default_factory=Client)

    def parameters(self, **changes: Any) -> dict[str, str]:
        """An authentication request; a change to None leaves the parameter out."""
        usual: dict[str, Any] = {
            "client_id": self.row.client_id,
            "redirect_uri": self.row.redirect_uris[0],
            "response_type": "code",
            "scope": "openid",
            "state": "abc&=#",
            "nonce": "n-1",
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def ask(self, **changes: Any) -> Any:
        return self.browser.get("/oidc/authorize", self.parameters(**changes))

    def begin(self, **changes: Any) -> BridgeLogin:
        """Send the browser here, and return the sign-in that it began."""
        answer = self.ask(**changes)
        assert answer.status_code == 302, answer.content
        assert answer["Location"].startswith("/oidc/login/"), answer["Location"]
        return BridgeLogin.objects.select_related("session__request__organisation", "party").get(
            pk=answer["Location"].split("/")[3]
        )

    def page(self, login: BridgeLogin) -> str:
        return f"/oidc/login/{login.pk}/"

    def continue_to(self, login: BridgeLogin) -> dict[str, str]:
        """Load the page after the wallet's answer, and return what the client is told."""
        return told(self.browser.get(self.page(login)))

    def sign_in(self, wallet: Wallet, **changes: Any) -> dict[str, str]:
        """The whole way with a wallet on another device, up to the code."""
        login = self.begin(**changes)
        answer = wallet.answer(wallet.open_link(wallet_link(login.session)))
        assert answer.status_code == 200, answer.content
        return self.continue_to(login)

    def redeem(self, code: str, **changes: Any) -> Any:
        """Post to the token endpoint; ``header`` replaces how the client proves itself."""
        header = changes.pop("header", self.basic())
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.row.redirect_uris[0],
            "code_verifier": self.verifier,
            **changes,
        }
        body = urlencode({name: value for name, value in form.items() if value is not None})
        headers = {"authorization": header} if header else {}
        return self.system.post("/oidc/token", body, content_type=FORM, headers=headers)

    def basic(self, client_id: str | None = None, secret: str | None = None) -> str:
        pair = f"{quote(client_id or self.row.client_id, safe='')}:{quote(secret or self.secret or '', safe='')}"
        return f"Basic {b64encode(pair.encode()).decode()}"

    def userinfo(self, token: str) -> Any:
        return self.system.get("/oidc/userinfo", headers={"authorization": f"Bearer {token}"})


def told(answer: Any) -> dict[str, str]:
    """What a redirect to the client says, once it is certain that it goes to the client."""
    assert answer.status_code == 302, answer.content
    assert answer["Location"].startswith("https://portal.bank.example/callback?from=chancela&"), answer["Location"]
    assert "no-store" in answer["Cache-Control"]
    query = parse_qs(urlsplit(answer["Location"]).query, strict_parsing=True)
    assert all(len(values) == 1 for values in query.values())
    return {name: values[0] for name, values in query.items() if name != "from"}

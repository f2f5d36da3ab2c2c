"""The token and userinfo endpoints: one code, one client, one proof, once; refusals as OAuth words them."""

from __future__ import annotations

import time
from typing import Any

import pytest
import time_machine
from django.test import Client

from authorization.models import BridgeLogin, RelyingParty
from authorization.oidc.parties import remove_party, renew_secret
from protocol.client_assertion import ASSERTION_TYPE
from protocol.encoding import json_dumps
from protocol.jose import sign_compact
from protocol.keys import SoftwareSigner, generate_p256
from tests import cast
from tests.authorization.oidc.relying_party import FORM, Party
from tests.simulators.presenting_wallet import Wallet

ISSUER = "http://localhost:8000/oidc"
SIGNER = SoftwareSigner(generate_p256(), "client-key")


@pytest.fixture
def code(party: Party, wallet: Wallet) -> str:
    return party.sign_in(wallet)["code"]


@pytest.fixture
def keyed(party: Party) -> Party:
    """The same portal, proving itself by a key of its own."""
    keys = [{**SIGNER.public_jwk, "kid": "client-key"}]
    return Party(*cast.relying_party(template=party.row.template, method=RelyingParty.Method.KEY, keys=keys))


@pytest.fixture
def public(party: Party) -> Party:
    """A page in a browser, which can keep no secret."""
    return Party(*cast.relying_party(template=party.row.template, method=RelyingParty.Method.NONE))


def assertion(party: Party, *, signer: SoftwareSigner = SIGNER, **changes: Any) -> dict[str, str]:
    client_id, now = party.row.client_id, int(time.time())
    usual = {"iss": client_id, "sub": client_id, "aud": ISSUER, "jti": "1", "iat": now, "exp": now + 60}
    claims = {name: value for name, value in {**usual, **changes}.items() if value is not None}
    token = sign_compact(json_dumps(claims), signer=signer, header={"typ": "JWT", "kid": "client-key"})
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}


@pytest.mark.requirement("RFC 6749 §5.2", "a refusal of the token endpoint has error, and no sign-in comes of it")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "unsupported_grant_type"),
        ({"code": None}, "invalid_request"),
        ({"code": "x"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"redirect_uri": "https://portal.bank.example/callback"}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": "v" * 43}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"client_id": "rp_other"}, "invalid_client"),
    ],
    ids=str,
)
def test_a_wrong_request_is_refused_and_the_code_stays_good(
    party: Party, code: str, changes: dict[str, Any], error: str
) -> None:
    answer = party.redeem(changes.pop("code", code) if "code" in changes else code, **changes)
    assert (answer.status_code, answer.json()["error"]) == (401 if error == "invalid_client" else 400, error)
    assert answer["Cache-Control"] == "no-store"
    assert party.redeem(code).status_code == 200


@pytest.mark.requirement("RFC 6749 §4.1.2", "a code works once, and its second use ends the token of the first")
def test_a_code_works_once(party: Party, code: str) -> None:
    token = party.redeem(code).json()["access_token"]
    assert party.userinfo(token).status_code == 200
    assert party.redeem(code).json()["error"] == "invalid_grant"
    assert party.userinfo(token).status_code == 401
    assert bytes(BridgeLogin.objects.get().claims_ciphertext) == b""


def test_a_code_is_over_after_a_minute(party: Party, code: str) -> None:
    with time_machine.travel(time.time() + 61, tick=False):
        assert party.redeem(code).json()["error"] == "invalid_grant"


def test_a_code_is_worthless_to_another_client(party: Party, public: Party, code: str) -> None:
    thief = Party(*cast.relying_party(template=party.row.template), verifier=party.verifier)
    assert thief.redeem(code).json()["error"] == "invalid_grant"
    anonymous = public.redeem(code, header=None, client_id=public.row.client_id, code_verifier=party.verifier)
    assert anonymous.json()["error"] == "invalid_grant"
    assert party.redeem(code).status_code == 200


@pytest.mark.requirement("RFC 6749 §2.3.1", "a client with a secret is let in with that secret alone")
@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic ", "Basic !!!", "Basic eA==", "Basic /////w==", "Bearer x", "Basic " + "A" * 5000, ""],
)
def test_a_malformed_header_is_no_client(party: Party, code: str, header: str) -> None:
    answer = party.redeem(code, header=header)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer["WWW-Authenticate"].startswith("Basic ")


def test_a_wrong_secret_is_no_client(party: Party, keyed: Party, public: Party, code: str) -> None:
    wrong = [
        party.basic(secret="cs_wrong"),
        party.basic(client_id="rp_unknown"),
        party.basic(client_id=keyed.row.client_id),
        party.basic(client_id=public.row.client_id, secret=" "),
    ]
    for header in wrong:
        assert party.redeem(code, header=header).json()["error"] == "invalid_client"
    # Naming oneself is not enough for who has a secret.
    assert party.redeem(code, header=None, client_id=party.row.client_id).json()["error"] == "invalid_client"


def test_a_renewed_secret_replaces_the_old_one(party: Party, code: str) -> None:
    new = renew_secret(party=party.row, account=cast.chan())
    assert party.redeem(code).json()["error"] == "invalid_client"
    assert party.redeem(code, header=party.basic(secret=new)).status_code == 200


def test_two_proofs_at_once_are_refused(party: Party, code: str) -> None:
    assert party.redeem(code, **assertion(party)).json()["error"] == "invalid_request"


@pytest.mark.requirement("OpenID Connect Core 1.0 §9", "private_key_jwt: a signed assertion, made for us, used once")
@pytest.mark.parametrize("audience", [ISSUER, f"{ISSUER}/token", [ISSUER, "https://elsewhere.example"]], ids=str)
def test_a_client_proves_itself_by_its_key(keyed: Party, wallet: Wallet, audience: Any) -> None:
    proof = assertion(keyed, aud=audience)
    code = keyed.sign_in(wallet)["code"]
    assert keyed.redeem(code, header=None, **proof).status_code == 200
    again = keyed.sign_in(wallet)["code"]
    assert keyed.redeem(again, header=None, **proof).json()["error"] == "invalid_client", "an assertion is used once"


def test_a_wrong_assertion_is_no_client(keyed: Party, party: Party, wallet: Wallet) -> None:
    code = keyed.sign_in(wallet)["code"]
    now = int(time.time())
    wrong: dict[str, dict[str, Any]] = {
        "another key": assertion(keyed, signer=SoftwareSigner(generate_p256(), "client-key")),
        "another audience": assertion(keyed, aud="https://elsewhere.example"),
        "expired": assertion(keyed, exp=now - 1),
        "for too long": assertion(keyed, exp=now + 3600),
        "a client with a secret": assertion(party),
        "another type": {**assertion(keyed), "client_assertion_type": "urn:x"},
        "no token": {**assertion(keyed), "client_assertion": "x"},
        "another client_id": {**assertion(keyed), "client_id": party.row.client_id},
    }
    for name, proof in wrong.items():
        answer = keyed.redeem(code, header=None, **proof)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), name
    assert keyed.redeem(code, header=None, **assertion(keyed, jti="2")).status_code == 200


@pytest.mark.requirement("RFC 7636 §4.6", "a client without a secret is held to its code verifier")
def test_a_public_client_has_its_verifier_alone(public: Party, wallet: Wallet) -> None:
    code = public.sign_in(wallet)["code"]
    named = {"header": None, "client_id": public.row.client_id}
    assert public.redeem(code, **named, code_verifier="v" * 43).json()["error"] == "invalid_grant"
    answer = public.redeem(code, **named)
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == "*"


def test_a_removed_client_redeems_and_reads_nothing(party: Party, code: str) -> None:
    token = party.redeem(code).json()["access_token"]
    remove_party(party=party.row, account=cast.chan())
    assert party.userinfo(token).status_code == 401
    assert party.redeem(code).json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", FORM),
        (b"{}", "application/json"),
        (b"\xff=\xff", FORM),
        (b"code=a&code=b", FORM),
        (b"a" * 70_000, FORM),
        (b"client_id=%00&grant_type=authorization_code", FORM),
        (b"client_assertion=x&client_assertion_type=" + ASSERTION_TYPE.encode(), FORM),
    ],
    ids=["nothing", "JSON", "not UTF-8", "twice", "too much", "NUL", "no assertion"],
)
def test_whatever_is_posted_is_answered_as_oauth_says(db: None, body: bytes, content_type: str) -> None:
    answer = Client().post("/oidc/token", body, content_type=content_type)
    assert answer.status_code in {400, 401}
    assert answer.json()["error"] in {"invalid_request", "invalid_client"}


@pytest.mark.requirement("RFC 6750 §3", "a wrong token is told apart from none")
@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        (None, "Bearer"),
        ("Bearer x", 'Bearer error="invalid_token"'),
        ("Bearer ", 'Bearer error="invalid_token"'),
        ("DPoP x", 'Bearer error="invalid_token"'),
        ("Basic eA==", 'Bearer error="invalid_token"'),
        ("Bearer 早", 'Bearer error="invalid_token"'),
    ],
)
def test_without_a_good_token_nothing_is_read(db: None, header: str | None, challenge: str) -> None:
    for method in ("get", "post"):
        answer = getattr(Client(), method)("/oidc/userinfo", headers={"authorization": header} if header else {})
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith(challenge)


def test_configuration_and_keys_are_public(db: None) -> None:
    configuration = Client().get("/oidc/.well-known/openid-configuration")
    assert configuration.json() == Client().get("/.well-known/oauth-authorization-server/oidc").json()
    assert configuration.json()["issuer"] == ISSUER
    assert Client().get("/oidc/keys").json() == {"keys": []}
    cast.relying_party()
    (key,) = Client().get("/oidc/keys").json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}

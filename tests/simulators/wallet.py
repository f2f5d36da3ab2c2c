"""A wallet in memory that speaks OpenID4VCI 1.0: honest by default, and with every message open to change, for attacks."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

from protocol.encoding import b64u_encode, json_dumps
from protocol.envelope import open_envelope, seal_compact
from protocol.keys import SoftwareSigner, generate_p256, jwk_thumbprint, public_jwk
from protocol.pkce import challenge_of

PRE_AUTHORIZED = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
ISSUER = "http://localhost:8000/issuers/identification"
CONFIGURATION = "birth-certificate_1"
REDIRECT_URI = "https://wallet.example/back"
CLIENT_ID = "wallet.example"


def sign(payload: Mapping[str, Any], *, signer: SoftwareSigner, header: Mapping[str, Any]) -> str:
    """A compact JWS with any header at all, as no code of ours would sign it."""
    parts = (json_dumps({"alg": "ES256", **header}), json_dumps(dict(payload)))
    signing_input = ".".join(b64u_encode(part) for part in parts)
    return f"{signing_input}.{b64u_encode(signer.sign(signing_input.encode()))}"


class WalletProvider:
    """Who vouches for wallets and for the keys inside them."""

    def __init__(self) -> None:
        self.signer = SoftwareSigner(generate_p256(), "provider")
        self.public_jwk = self.signer.public_jwk

    def attest_wallet(self, instance_jwk: Mapping[str, Any], *, client_id: str = CLIENT_ID, **changes: Any) -> str:
        now = int(time.time())
        claims = {"iss": "https://provider.example", "sub": client_id, "iat": now, "exp": now + 3600,
                  "cnf": {"jwk": dict(instance_jwk)}, "wallet_name": "Test wallet"}  # fmt: skip
        header = {"typ": "oauth-client-attestation+jwt"}
        return sign({**claims, **changes}, signer=self.signer, header=header)

    def attest_keys(self, keys: Sequence[Mapping[str, Any]], *, nonce: str, **changes: Any) -> str:
        now = int(time.time())
        claims = {"iat": now, "exp": now + 3600, "attested_keys": [dict(key) for key in keys], "nonce": nonce,
                  "key_storage": ["iso_18045_high"], "user_authentication": ["iso_18045_high"]}  # fmt: skip
        return sign({**claims, **changes}, signer=self.signer, header={"typ": "key-attestation+jwt"})


class Wallet:
    """One wallet at one issuer. ``dpop`` binds its tokens to a key; *provider* vouches for it."""

    def __init__(
        self, *, issuer: str = ISSUER, dpop: bool = False, provider: WalletProvider | None = None, name: str = CLIENT_ID
    ) -> None:
        self.http = Client(headers={"accept-language": "en"})
        self.issuer, self.path, self.name = issuer, urlsplit(issuer).path, name
        self.dpop_key = SoftwareSigner(generate_p256(), "dpop") if dpop else None
        self.instance_key = SoftwareSigner(generate_p256(), "instance")
        self.provider = provider
        self.dpop_nonce = ""
        self.access_token = ""
        self.refresh_token = ""
        self.verifier = secrets.token_urlsafe(32)
        self.keys: list[SoftwareSigner] = []

    # --- the authorization server ---

    def redeem(self, offer: Mapping[str, Any], *, tx_code: str | None = None, **changes: Any) -> Any:
        """Bring the code of an offer."""
        form = {
            "grant_type": PRE_AUTHORIZED,
            "pre-authorized_code": offer["grants"][PRE_AUTHORIZED]["pre-authorized_code"],
        }
        return self.ask_token({**form, **({"tx_code": tx_code} if tx_code is not None else {}), **changes})

    def ask_token(self, form: Mapping[str, Any]) -> Any:
        response = self.post_form("token", {name: value for name, value in form.items() if value is not None})
        if response.status_code == 200:
            self.access_token = response.json()["access_token"]
            self.refresh_token = response.json()["refresh_token"]
        return response

    def refresh(self, **changes: Any) -> Any:
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token, "client_id": self.name}
        return self.ask_token({**form, **changes})

    def push(self, **changes: Any) -> Any:
        form = {
            "response_type": "code", "client_id": self.name, "redirect_uri": REDIRECT_URI, "state": "s-1",
            "code_challenge": challenge_of(self.verifier), "code_challenge_method": "S256", "scope": CONFIGURATION,
        }  # fmt: skip
        return self.post_form("par", {name: value for name, value in {**form, **changes}.items() if value is not None})

    def page_for(self, request_uri: str) -> str:
        """The address that the wallet opens in the citizen's browser."""
        slug = self.path.rpartition("/")[2]
        return f"/portal/wallets/{slug}/authorize?{urlencode({'client_id': self.name, 'request_uri': request_uri})}"

    def exchange(self, location: str, **changes: Any) -> Any:
        """Bring the code that came back in the address *location*."""
        code = dict(parse_qsl(urlsplit(location).query)).get("code", "")
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI,
                "code_verifier": self.verifier, "client_id": self.name}  # fmt: skip
        return self.ask_token({**form, **changes})

    # --- the credential issuer ---

    def nonce(self) -> str:
        return str(self.http.post(f"{self.path}/nonce").json()["c_nonce"])

    def prove(self, key: SoftwareSigner, *, nonce: str | None = None, header: Any = None, **changes: Any) -> str:
        """The proof that *key* is the wallet's; *changes* replace claims, None leaves one out."""
        claims = {"aud": self.issuer, "iat": int(time.time()), "nonce": self.nonce() if nonce is None else nonce}
        claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        known = {"typ": "openid4vci-proof+jwt", "jwk": key.public_jwk}
        return sign(claims, signer=key, header=known if header is None else header)

    def proofs(self, count: int = 1) -> dict[str, list[str]]:
        """Fresh keys, as many as copies are wanted, each proven."""
        self.keys = [SoftwareSigner(generate_p256(), f"copy {number}") for number in range(count)]
        nonce = self.nonce()
        return {"jwt": [self.prove(key, nonce=nonce) for key in self.keys]}

    def request(self, proofs: Mapping[str, Any] | None = None, *, count: int = 1, **changes: Any) -> Any:
        """Ask for copies."""
        body = {
            "credential_configuration_id": CONFIGURATION,
            "proofs": self.proofs(count) if proofs is None else proofs,
        }
        return self.post_json(
            "credential", {name: value for name, value in {**body, **changes}.items() if value is not None}
        )

    def request_encrypted(self, metadata: Mapping[str, Any], endpoint: str = "credential", **body: Any) -> Any:
        """Ask with request and answer encrypted; return the answer opened."""
        mine = generate_p256()
        answer_key = {**public_jwk(mine.public_key()), "kid": "answer", "use": "enc", "alg": "ECDH-ES"}
        body["credential_response_encryption"] = {"jwk": answer_key, "enc": "A256GCM"}
        jwe = seal_compact(json_dumps(body), metadata["credential_request_encryption"]["jwks"]["keys"][0])
        response = self.post(endpoint, jwe.encode(), "application/jwt")
        return response, _open(response, mine)

    def collect(self, transaction_id: str) -> Any:
        return self.post_json("deferred", {"transaction_id": transaction_id})

    def notify(self, notification_id: str, event: str = "credential_accepted", **more: Any) -> Any:
        return self.post_json("notification", {"notification_id": notification_id, "event": event, **more})

    # --- HTTP ---

    def post_form(self, name: str, form: Mapping[str, Any]) -> Any:
        return self.post(name, urlencode(form).encode(), "application/x-www-form-urlencoded", is_resource=False)

    def post_json(self, name: str, body: Any) -> Any:
        return self.post(name, json_dumps(body), "application/json")

    def post(self, name: str, body: bytes, content_type: str, *, is_resource: bool = True) -> Any:
        """Send once, and once more when the server wants its nonce in the DPoP proof."""
        for _ in range(2):
            headers = self.headers(name, is_resource=is_resource)
            response: Any = self.http.post(f"{self.path}/{name}", body, content_type=content_type, headers=headers)
            self.dpop_nonce = response.headers.get("DPoP-Nonce", self.dpop_nonce)
            if response.status_code not in {400, 401} or response.json().get("error") != "use_dpop_nonce":
                break
        return response

    def headers(self, name: str, *, is_resource: bool) -> dict[str, str]:
        headers = {}
        if is_resource:
            headers["Authorization"] = f"{'DPoP' if self.dpop_key else 'Bearer'} {self.access_token}"
        elif self.provider is not None:
            headers |= self.attestation()
        if self.dpop_key is not None:
            headers["DPoP"] = self.dpop_proof(name, is_resource=is_resource)
        return headers

    def dpop_proof(self, name: str, *, is_resource: bool, **changes: Any) -> str:
        key = self.dpop_key or SoftwareSigner(generate_p256(), "dpop")
        claims = {
            "jti": secrets.token_urlsafe(12),
            "htm": "POST",
            "htu": f"{self.issuer}/{name}",
            "iat": int(time.time()),
        }
        if self.dpop_nonce:
            claims["nonce"] = self.dpop_nonce
        if is_resource:
            claims["ath"] = b64u_encode(sha256(self.access_token.encode()).digest())
        return sign({**claims, **changes}, signer=key, header={"typ": "dpop+jwt", "jwk": key.public_jwk})

    def attestation(self, **changes: Any) -> dict[str, str]:
        provider = self.provider or WalletProvider()
        claims = {"iss": self.name, "aud": self.issuer, "jti": secrets.token_urlsafe(12), "iat": int(time.time())}
        header = {"typ": "oauth-client-attestation-pop+jwt"}
        return {
            "OAuth-Client-Attestation": provider.attest_wallet(self.instance_key.public_jwk, client_id=self.name),
            "OAuth-Client-Attestation-PoP": sign({**claims, **changes}, signer=self.instance_key, header=header),
        }

    @property
    def dpop_thumbprint(self) -> str:
        return jwk_thumbprint(self.dpop_key.public_jwk) if self.dpop_key else ""


def _open(response: Any, key: ec.EllipticCurvePrivateKey) -> bytes:
    if response.headers["Content-Type"] != "application/jwt":
        return bytes(response.content)
    return open_envelope(response.content.decode(), key, "answer")

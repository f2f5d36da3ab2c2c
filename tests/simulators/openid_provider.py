"""An OpenID provider on loopback: discovery, authorize, token, userinfo and JWKS, with ES256 or RS256 ID tokens.

It believes everyone and says of them what the test set in ``claims``.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from protocol.encoding import b64u_encode, json_dumps
from protocol.jose import sign_compact
from protocol.keys import SoftwareSigner, generate_p256

CLIENT_ID, CLIENT_SECRET, PROVIDER_ID = "chancela", "simulated-secret", "eid"


@dataclass
class Provider:
    port: int
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    # What the test may break: members of the ID token that replace the right ones.
    id_token_changes: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    signer: SoftwareSigner = field(default_factory=lambda: SoftwareSigner(generate_p256(), "provider-key"))

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def app(self) -> dict[str, Any]:
        """What OIDC_PROVIDERS holds for this provider."""
        return {
            "provider_id": PROVIDER_ID,
            "name": "Simulated eID",
            "client_id": CLIENT_ID,
            "secret": CLIENT_SECRET,
            "settings": {"server_url": self.issuer, "oauth_pkce_enabled": True},
        }

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    def jwks(self) -> dict[str, Any]:
        return {"keys": [{**self.signer.public_jwk, "kid": self.signer.key_id, "alg": "ES256", "use": "sig"}]}

    def authorize(self, query: dict[str, str]) -> str:
        """Return where the browser goes next: back, with a code bound to this client, address and challenge."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        """Return the tokens for a code, once; None where anything differs from the authorization request."""
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or form.get("client_secret") != CLIENT_SECRET:
            return None
        challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if asked["redirect_uri"] != form.get("redirect_uri") or asked.get("code_challenge") != challenge:
            return None
        return {"access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": self.id_token()}

    def id_token(self) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 60, **self.claims}
        payload = json_dumps({**claims, **self.id_token_changes})
        return sign_compact(payload, signer=self.signer, header={"typ": "JWT", "kid": self.signer.key_id})


@contextmanager
def serve() -> Iterator[Provider]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    provider = Provider(port=server.server_address[1])
    server.provider = provider  # type: ignore[attr-defined]  # handlers reach it through their server
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def subject_of(name: str) -> str:
    """A stable pairwise subject."""
    return b64u_encode(sha256(name.encode()).digest()[:12])


class _Handler(BaseHTTPRequestHandler):
    @property
    def provider(self) -> Provider:
        provider: Provider = self.server.provider  # type: ignore[attr-defined]  # set by serve
        return provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/authorize":
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self._answer(302, {}, location=self.provider.authorize(query))
            return
        documents: dict[str, Callable[[], dict[str, Any]]] = {
            "/.well-known/openid-configuration": self.provider.configuration,
            "/jwks": self.provider.jwks,
            "/userinfo": lambda: self.provider.userinfo or self.provider.claims,
        }
        self._answer(200, documents[parts.path]()) if parts.path in documents else self._answer(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        tokens = self.provider.token({name: values[0] for name, values in parse_qs(body).items()})
        self._answer(200, tokens) if tokens else self._answer(400, {"error": "invalid_grant"})

    def _answer(self, status: int, document: dict[str, Any], location: str = "") -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the standard library's
        """Say nothing."""

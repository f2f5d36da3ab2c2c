"""A citizen's phone in memory: one P-256 key that never leaves it, and what the browser wallet does with it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings

from protocol.encoding import json_dumps
from protocol.envelope import seal
from protocol.jose import sign_compact
from protocol.key_binding import create_key_binding
from protocol.keys import SoftwareSigner, generate_p256, jwk_thumbprint
from protocol.openid4vp import hash_transaction_data
from protocol.sd_jwt import hold, select

CREDENTIAL_TYPES = frozenset({"dc+sd-jwt"})


class Device:
    def __init__(self, name: str = "phone") -> None:
        self.signer = SoftwareSigner(generate_p256(), name)
        self.public_jwk = self.signer.public_jwk
        self.thumbprint = jwk_thumbprint(self.public_jwk)

    def sign(self, payload: Mapping[str, Any], *, typ: str) -> str:
        return sign_compact(json_dumps(dict(payload)), signer=self.signer, header={"typ": typ})

    def prove(self, nonce: Any, **changes: Any) -> str:
        """The proof of possession that registration asks for; *changes* replace claims, for attacks."""
        claims = {"aud": settings.PUBLIC_URL, "nonce": nonce, "iat": int(time.time())}
        return self.sign({**claims, **changes}, typ="weid-proof+jwt")

    def present(
        self,
        sd_jwt: str,
        *,
        paths: Iterable[Sequence[str | int | None]],
        audience: str,
        nonce: str,
        terms: str | None = None,
    ) -> str:
        """Show *paths* of a held SD-JWT, bound to *audience* and *nonce*, and to *terms* where there are any."""
        shown = select(hold(sd_jwt, allowed_types=CREDENTIAL_TYPES), [tuple(path) for path in paths])
        extra: dict[str, Any] = {}
        if terms is not None:
            extra = {
                "transaction_data_hashes": [hash_transaction_data(terms)],
                "transaction_data_hashes_alg": "sha-256",
            }
        return create_key_binding(
            shown, signer=self.signer, audience=audience, nonce=nonce, issued_at=int(time.time()), extra=extra
        )

    def seal(self, presentation: str, recipients: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The digital envelope that only *recipients* (public JWKs) can open."""
        return dict(seal(presentation.encode(), recipients, protected={}))

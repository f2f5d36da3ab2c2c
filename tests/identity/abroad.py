"""A government abroad on a real TLS server: it serves whatever lists the test has its desks sign."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from identity.models import TrustAnchor
from identity.trust_anchors import add_anchor
from protocol.keys import SoftwareSigner
from protocol.trust_list import MEDIA_TYPE, TrustList, write_list
from protocol.trust_party import Kind, Party
from tests.protocol.trust_makers import DAY, jwk, signer
from tests.simulators.web import Answer, Web

DEGREE = "https://university.example/types/degree"
UNIVERSITY = "https://university.example"
UNIVERSITY_KEY = signer(50)


def party(identifier: str, kind: Kind, key: SoftwareSigner, **changes: Any) -> Party:
    now = int(time.time())
    made = {
        "names": {"en": "Somebody abroad"},
        "keys": (jwk(key),),
        "valid_from": now - DAY,
        "valid_until": now + 365 * DAY,
        "status_since": now - DAY,
    }
    return Party(identifier=identifier, kind=kind, **{**made, **changes})


def university(**changes: Any) -> Party:
    powers = {"types": frozenset({DEGREE}), "status_keys": (jwk(UNIVERSITY_KEY),)}
    return party(UNIVERSITY, Kind.ISSUER, UNIVERSITY_KEY, **{**powers, **changes})


@dataclass
class Desk:
    """Publishes one list at the path ``/<name>.jwt``."""

    web: Web
    name: str
    key: SoftwareSigner
    entries: list[Party] = field(default_factory=list)
    version: int = 0

    @property
    def identifier(self) -> str:
        return f"{self.web.origin}/{self.name}"

    @property
    def uri(self) -> str:
        return f"{self.web.origin}/{self.name}.jwt"

    def as_body(self, **changes: Any) -> Party:
        powers = {"types": frozenset({DEGREE}), "accredits": frozenset(Kind), "list_uri": self.uri}
        return party(self.identifier, Kind.BODY, self.key, **{**powers, **changes})

    def sign(self, *, by: SoftwareSigner | None = None, **changes: Any) -> str:
        now = int(time.time())
        made = {
            "issuer": self.identifier,
            "uri": self.uri,
            "version": self.version,
            "issued_at": now,
            "expires_at": now + 7 * DAY,
            "next_update": now + DAY,
            "entries": tuple(self.entries),
            **changes,
        }
        return write_list(TrustList(**made), signer=by or self.key)

    def serve(self, token: str | bytes, **headers: str) -> None:
        body = token if isinstance(token, bytes) else token.encode()
        self.web.answers[f"/{self.name}.jwt"] = Answer(body, headers={"Content-Type": MEDIA_TYPE, **headers})

    def publish(self, **changes: Any) -> None:
        """Sign the next version and serve it."""
        self.version += 1
        self.serve(self.sign(**changes))

    def fail(self, status: int = 500) -> None:
        self.web.answers[f"/{self.name}.jwt"] = Answer(b"", status=status)

    def pin(self, *types: str, keys: tuple[SoftwareSigner, ...] = ()) -> TrustAnchor:
        """What an operator here does with the key that was handed over by another way."""
        jwks = [jwk(key) for key in keys or (self.key,)]
        return add_anchor(identifier=self.identifier, list_uri=self.uri, public_jwks=jwks, types=types or ("*",))

"""A government abroad that publishes trust lists: builders of sound ones, to be spoilt by the tests."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from protocol.encoding import json_dumps, json_object
from protocol.jose import parse_compact, sign_compact
from protocol.keys import SoftwareSigner
from protocol.trust_chain import Anchor, Resolution, resolve, stored_lists
from protocol.trust_list import TOKEN_TYPE, Publisher, TrustList, write_list
from protocol.trust_party import ANY_TYPE, Kind, Party, Registration

NOW = 1_800_000_000
DAY = 86_400
ROOT = "https://gov.example"
DIPLOMA, BIRTH, RESIDENCE = (f"{ROOT}/types/{name}/1" for name in ("diploma", "birth", "residence"))
EVERY_TYPE = frozenset({ANY_TYPE})


def signer(number: int) -> SoftwareSigner:
    """Fixed keys: a failure is then the same failure on every machine."""
    return SoftwareSigner(ec.derive_private_key(0x7E57 + number, ec.SECP256R1()), f"key-{number}")


def jwk(of: SoftwareSigner) -> dict[str, str]:
    return {**of.public_jwk, "kid": of.key_id}


def party(identifier: str, kind: Kind, key: SoftwareSigner, **changes: Any) -> Party:
    made = Party(
        identifier=identifier,
        kind=kind,
        names={"en": identifier, "zh-Hant": "機構"},
        keys=(jwk(key),),
        valid_from=NOW - DAY,
        valid_until=NOW + 365 * DAY,
        status_since=NOW - DAY,
    )
    return replace(made, **changes)


def issuer(name: str, *types: str, key: SoftwareSigner | None = None, **changes: Any) -> Party:
    used = key or signer(100)
    powers = {"types": frozenset(types), "status_keys": (jwk(used),)}
    return party(f"{ROOT}/issuers/{name}", Kind.ISSUER, used, **{**powers, **changes})


def body(publisher: Desk, *types: str, **changes: Any) -> Party:
    powers = {"types": frozenset(types), "accredits": frozenset(Kind), "list_uri": publisher.uri}
    return party(publisher.identifier, Kind.BODY, publisher.key, **{**powers, **changes})


def verifier(name: str, *vcts: str, **changes: Any) -> Party:
    items = tuple(Registration(vct, (("name",), ("address", "city")), {"en": "why"}, 30) for vct in vcts)
    return party(
        f"{ROOT}/organisations/{name}", Kind.VERIFIER, signer(0), **{"keys": (), "registrations": items, **changes}
    )


@dataclass
class Desk:
    """Whoever publishes a list, with the key to sign it."""

    name: str
    key: SoftwareSigner
    entries: list[Party] = field(default_factory=list)

    @property
    def identifier(self) -> str:
        return ROOT if self.name == "root" else f"{ROOT}/bodies/{self.name}"

    @property
    def uri(self) -> str:
        return f"{ROOT}/trust-lists/{self.name}.jwt"

    @property
    def publisher(self) -> Publisher:
        return Publisher(self.identifier, self.uri, (jwk(self.key),))

    def content(self, **changes: Any) -> TrustList:
        made = TrustList(
            issuer=self.identifier,
            uri=self.uri,
            version=7,
            issued_at=NOW - 60,
            expires_at=NOW + 7 * DAY,
            next_update=NOW + DAY,
            entries=tuple(self.entries),
        )
        return replace(made, **changes)

    def sign(self, *, by: SoftwareSigner | None = None, **changes: Any) -> str:
        return write_list(self.content(**changes), signer=by or self.key)


def claims_of(token: str) -> dict[str, Any]:
    return json_object(parse_compact(token, allowed_types=frozenset({TOKEN_TYPE})).payload)


def forge(claims: Any, *, by: SoftwareSigner, **header: Any) -> str:
    """A token over any claims, sound or not, that its signer did sign."""
    return sign_compact(json_dumps(claims), signer=by, header={"typ": TOKEN_TYPE, **header})


def follow(root: Desk, *tokens: str, types: frozenset[str] = EVERY_TYPE) -> Resolution:
    """Resolve the chain under *root* with what stands in *tokens*, each at the address that it names."""
    held = {claims_of(token)["sub"]: token for token in tokens}
    return resolve(Anchor(root.publisher, types), obtain=stored_lists(held))

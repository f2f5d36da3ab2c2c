"""What only this service knows of a session: ``state``, and the key to which a wallet encrypts its answer.

Both are made for one session, rest sealed, and are destroyed with the answer: what was recorded on the way can then be
opened by nobody.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from identity.errors import UnreadableError
from identity.vault import Binary, seal_for_service, unseal_for_service
from protocol.encoding import b64u_decode, b64u_encode, json_dumps, json_object
from protocol.keys import generate_p256, jwk_thumbprint, public_jwk


@dataclass(frozen=True, slots=True)
class SessionSecrets:
    """Shows neither in ``repr``."""

    state: str
    private_key: ec.EllipticCurvePrivateKey

    @property
    def key_id(self) -> str:
        return jwk_thumbprint(public_jwk(self.private_key.public_key()))

    @property
    def encryption_jwk(self) -> dict[str, str]:
        """The public half, by its name."""
        return {**public_jwk(self.private_key.public_key()), "kid": self.key_id}

    def __repr__(self) -> str:
        return "SessionSecrets()"


def make_secrets() -> SessionSecrets:
    return SessionSecrets(secrets.token_urlsafe(32), generate_p256())


def seal_secrets(session_id: uuid.UUID, made: SessionSecrets) -> bytes:
    key = made.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return seal_for_service(json_dumps({"state": made.state, "key": b64u_encode(key)}), context=_context(session_id))


def open_secrets(session_id: uuid.UUID, sealed: Binary) -> SessionSecrets:
    """Raises UnreadableError once they are destroyed."""
    members = json_object(unseal_for_service(sealed, context=_context(session_id)))
    key = load_der_private_key(b64u_decode(members["key"]), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise UnreadableError("not an EC key")
    return SessionSecrets(members["state"], key)


def _context(session_id: uuid.UUID) -> str:
    return f"presentation session {session_id}"

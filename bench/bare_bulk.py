"""The bare script of the bulk benchmark: signs, seals, copies and hashes as many certificates of the same shape, with
`cryptography`, `orjson`, `psycopg` and `hashlib` alone. Its tables have the columns and indexes of the real ones, and no
foreign keys; it checks no schema, keeps no intents apart from rows, and stores no tree.
"""

from __future__ import annotations

import hmac
import os
import random
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
import psycopg
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ES256 = ec.ECDSA(hashes.SHA256())
DECOY_BUCKET = 4
_SERVICE_KEY = os.urandom(32)
# Columns and their types.
TABLES = {
    "credentials_application": (
        """id credential_type_id agency_id person_hmac person_ciphertext claims_ciphertext state maker_id checker_id
        return_reason created_at submitted_at decided_at""",
        "uuid int8 int8 varchar bytea bytea varchar int8 int8 varchar timestamptz timestamptz timestamptz",
    ),
    "credentials_issuanceintent": (
        "application_id credential_id weid_id signing_key_id number status_list_id status_index created_at",
        "uuid uuid int8 int8 varchar uuid int4 timestamptz",
    ),
    "credentials_credential": (
        """id application_id credential_type_id agency_id weid_id number sd_jwt_ciphertext digest signing_key_id
        status_list_id status_index state issued_at expires_at""",
        "uuid uuid int8 int8 int8 varchar bytea bytea int8 uuid int4 varchar timestamptz timestamptz",
    ),
    "anchoring_logentry": (
        "record_id kind digest leaf_index created_at sequenced_at",
        "varchar varchar bytea int8 timestamptz timestamptz",
    ),
}


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose certificate it is: the key that binds it, and the key that seals it."""

    person_id: uuid.UUID
    jwk: Mapping[str, str]
    data_key: bytes


class BareIssuer:
    """Fills its own copies of the four tables, a chunk a transaction, and remembers the leaves."""

    def __init__(self, database_url: str, *, issuer: str, vct: str, header: Mapping[str, Any], rows: int) -> None:
        self._connection = psycopg.connect(database_url)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._fixed = {"iss": issuer, "vct": vct}
        self._header = _encode(orjson.dumps({"alg": "ES256", **header}))
        self._status_list_id = uuid.uuid4()
        self._indices = random.sample(range(2 * rows), rows)
        self.leaves: list[bytes] = []
        for name in TABLES:
            self._connection.execute(
                f"CREATE TABLE bare_{name} (LIKE {name} INCLUDING DEFAULTS INCLUDING INDEXES INCLUDING IDENTITY)"
            )
        self._connection.commit()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def issue_chunk(self, entries: Sequence[tuple[Holder, Mapping[str, Any]]]) -> None:
        """Sign, seal and store one certificate for each (holder, claims)."""
        now = datetime.now(UTC)
        rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in TABLES}
        for holder, claims in entries:
            for name, row in self._certificate(holder, claims, now).items():
                rows[name].append(row)
        for name, (columns, types) in TABLES.items():
            statement = f"COPY bare_{name} ({', '.join(columns.split())}) FROM STDIN (FORMAT BINARY)"
            with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
                copy.set_types(types.split())
                for row in rows[name]:
                    copy.write_row(row)
        self._connection.commit()

    def _certificate(self, holder: Holder, claims: Mapping[str, Any], now: datetime) -> dict[str, tuple[Any, ...]]:
        number, index = f"BB-{now.year}-{os.urandom(6).hex()}", self._indices.pop()
        issued_at = datetime(now.year, now.month, now.day, tzinfo=UTC)
        expires_at = issued_at + timedelta(days=730)
        dates = {"iat": int(issued_at.timestamp()), "exp": int(expires_at.timestamp())}
        text, digest = self._sign({**claims, "certificate_number": number}, holder, index, dates)
        application, credential = uuid.uuid4(), uuid.uuid4()
        sealed = _seal(holder.data_key, orjson.dumps(claims), str(application))
        self.leaves.append(sha256(b"\x00chancela/leaf@v1\ncredential\n" + digest).digest())
        place = (self._status_list_id, index)
        return {
            "credentials_application": (
                application, 1, 1, *_link(holder.person_id, application), sealed, "issued", 1, 2, "", now, now, now,
            ),
            "credentials_issuanceintent": (application, credential, 1, 1, number, *place, now),
            "credentials_credential": (
                credential, application, 1, 1, 1, number, _seal(holder.data_key, text, str(credential)), digest, 1,
                *place, "valid", issued_at, expires_at,
            ),
            "anchoring_logentry": (f"credential:{credential}", "credential", digest, len(self.leaves), now, now),
        }  # fmt: skip

    def _sign(
        self, claims: Mapping[str, Any], holder: Holder, index: int, dates: Mapping[str, int]
    ) -> tuple[bytes, bytes]:
        disclosures: list[bytes] = []
        status = {"status_list": {"idx": index, "uri": f"http://localhost/status/{self._status_list_id}"}}
        payload = {**self._fixed, **dates, "cnf": {"jwk": holder.jwk}, "status": status, "_sd_alg": "sha-256"}
        payload["_sd"] = _hide_members(claims, disclosures)
        signing_input = self._header + b"." + _encode(orjson.dumps(payload))
        r, s = decode_dss_signature(self._key.sign(signing_input, ES256))
        signature = _encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        text = b"~".join([signing_input + b"." + signature, *disclosures, b""])
        return text, sha256(signing_input).digest()


def merkle_root_and_proofs(leaves: Sequence[bytes]) -> tuple[bytes, list[list[bytes]]]:
    """Return the RFC 6962 root of *leaves* and the inclusion proof of each."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = range(0, len(below) - 1, 2)
        above = [sha256(b"\x01" + below[at] + below[at + 1]).digest() for at in pairs]
        levels.append(above + below[len(below) & ~1 :])
    return levels[-1][0], [_proof(levels, index) for index in range(len(leaves))]


def _proof(levels: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    path = []
    for level in levels[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index >>= 1
    return path


def _hide_members(claims: Mapping[str, Any], disclosures: list[bytes]) -> list[str]:
    digests = []
    for name, value in claims.items():
        hidden = _hide_elements(value, disclosures) if isinstance(value, list) else value
        digests.append(_hide((name, hidden), disclosures))
    return sorted([*digests, *_decoys(len(digests))])


def _hide_elements(values: Iterable[Any], disclosures: list[bytes]) -> list[dict[str, str]]:
    digests = [_hide((value,), disclosures) for value in values]
    return [{"...": digest} for digest in [*digests, *_decoys(len(digests))]]


def _hide(parts: tuple[Any, ...], disclosures: list[bytes]) -> str:
    encoded = _encode(orjson.dumps((_encode(os.urandom(18)).decode(), *parts)))
    disclosures.append(encoded)
    return _encode(sha256(encoded).digest()).decode()


def _decoys(count: int) -> list[str]:
    return [_encode(os.urandom(32)).decode() for _ in range(-count % DECOY_BUCKET)]


def _encode(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def _link(person_id: uuid.UUID, application_id: uuid.UUID) -> tuple[str, bytes]:
    """The sealed link to the person, and the keyed digest that finds it."""
    found_by = hmac.new(_SERVICE_KEY, person_id.bytes, sha256).hexdigest()
    return found_by, _seal(_SERVICE_KEY, str(person_id).encode(), str(application_id))


def _seal(data_key: bytes, plaintext: bytes, context: str) -> bytes:
    nonce = os.urandom(12)
    return nonce + AESGCM(data_key).encrypt(nonce, plaintext, context.encode())

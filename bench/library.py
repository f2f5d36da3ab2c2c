"""Library calls against bare signatures and against PyPI sd-jwt: no HTTP, no database, one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from bench import peers, sample
from bench.measure import Effort, Samples, Work, in_turns, microseconds, ratio
from bench.report import Row
from credentials.policy import Policy
from credentials.verification import (
    AnchorFact,
    AuthorizationFact,
    IssuerTrust,
    Report,
    Sources,
    StatusFact,
    verify,
)
from protocol.encoding import b64u_decode
from protocol.keys import ES256
from protocol.status_list import StatusList
from protocol.trust_chain import Standing

STATUS_INDEX = 4711


@dataclass(frozen=True, slots=True)
class Issuer:
    """The one issuer that MemorySources trusts."""

    identifier: str
    keys: Mapping[str, dict[str, Any]]
    types: frozenset[str]
    status_keys: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    standing: Standing | None = None


class MemorySources:
    """Every fact that verification asks for, in this process's memory."""

    def __init__(self, keys: sample.Keys) -> None:
        signer = keys.issuer_signer
        self._issuer = Issuer(sample.ISSUER, {signer.key_id: signer.public_jwk}, frozenset({sample.VCT}))
        self._statuses = StatusList.of_size(sample.STATUS_SIZE)
        self._anchor = AnchorFact("published", "certificates.example/log", 7, 1000)

    def find_issuer(self, identifier: str) -> Issuer | None:
        """The trust source."""
        return self._issuer if identifier == self._issuer.identifier else None

    def find_status(
        self, *, index: int, uri: str, issuer: IssuerTrust, now: float, max_age: float | None
    ) -> StatusFact:
        """The status source."""
        return StatusFact(self._statuses.get(index), now)

    def find_anchor(self, *, digest: bytes, issuer: IssuerTrust) -> AnchorFact:
        """The anchor source: the proof was found earlier."""
        return self._anchor

    def find_authorization(self, _terms_digest: str) -> AuthorizationFact | None:
        """The authorization source; the sample carries no terms."""
        return None

    def as_sources(self) -> Sources:
        """All four in one."""
        return Sources(trust=self, statuses=self, anchors=self, authorizations=self)


def run(effort: Effort) -> list[Row]:
    """Measure all of it in one interleaved run."""
    keys, now = sample.make_keys(), int(time.time())
    samples = in_turns(_work(keys, now), effort)
    return [*_verify_rows(samples), *_issue_rows(samples)]


def _work(keys: sample.Keys, now: int) -> dict[str, Work]:
    signer = keys.issuer_signer
    held = sample.issue(keys, signer, index=STATUS_INDEX, now=now)
    presentation = sample.present(keys, held, now=now)
    message = _signed_parts(held.issuer_jwt)[0]
    return {
        "two bare verifies": bare_verifies(keys.issuer.public_key(), keys.holder.public_key(), presentation),
        "verify": _verify(keys, presentation, now),
        "sd-jwt verify": peers.verifying(keys, presentation),
        "one bare sign": lambda: keys.issuer.sign(message, ES256),
        "issue": lambda: sample.issue(keys, signer, index=STATUS_INDEX, now=now),
        "sd-jwt issue": peers.issuing(keys, now),
    }


def _verify(keys: sample.Keys, presentation: str, now: int) -> Work:
    sources, policy, moment = MemorySources(keys).as_sources(), Policy(), datetime.fromtimestamp(now, UTC)

    def work() -> Report:
        return verify(
            presentation,
            sources=sources,
            now=moment,
            policy=policy,
            audience=sample.AUDIENCE,
            nonce=sample.NONCE,
            vct=sample.VCT,
        )

    report = work()
    assert report.verdict == "valid", report
    assert {check.outcome for check in report.checks[:9]} == {"pass"}, report.checks
    assert len(report.claims) == len(sample.SHOWN), report.claims
    return work


def bare_verifies(issuer_key: PublicKey, holder_key: PublicKey, presentation: str) -> Callable[[], None]:
    """Return the work of checking both signatures of *presentation*, with keys and signatures ready to use."""
    issuer_jwt, *_, key_binding_jwt = presentation.split("~")
    issued, issuer_signature = _signed_parts(issuer_jwt)
    bound, holder_signature = _signed_parts(key_binding_jwt)

    def work() -> None:
        issuer_key.verify(issuer_signature, issued, ES256)
        holder_key.verify(holder_signature, bound, ES256)

    return work


def _signed_parts(token: str) -> tuple[bytes, bytes]:
    signing_input, _, signature = token.rpartition(".")
    raw = b64u_decode(signature)
    return signing_input.encode(), encode_dss_signature(
        int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    )


def _verify_rows(samples: Samples) -> list[Row]:
    figures = {f"{name}, µs": microseconds(samples, name) for name in ("verify", "two bare verifies", "sd-jwt verify")}
    title = "Library verify, all checks, key binding, 3 of 10 claims"
    return [
        Row(
            f"{title}, ÷ two bare P-256 verifies",
            ratio(samples, "verify", "two bare verifies"),
            "at most",
            1.6,
            figures=figures,
        ),
        Row(f"{title}, rate × PyPI sd-jwt", ratio(samples, "sd-jwt verify", "verify"), "at least", 2.0),
    ]


def _issue_rows(samples: Samples) -> list[Row]:
    figures = {f"{name}, µs": microseconds(samples, name) for name in ("issue", "one bare sign", "sd-jwt issue")}
    title = "Library issue, 10 claims, all selectively disclosable"
    return [
        Row(f"{title}, ÷ one bare sign", ratio(samples, "issue", "one bare sign"), "at most", 2.6, figures=figures),
        Row(f"{title}, rate × PyPI sd-jwt", ratio(samples, "sd-jwt issue", "issue"), "at least", 3.0),
    ]

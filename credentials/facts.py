"""What verification asks the world for: facts, and the sources that know them. Pure: no Django, no I/O of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from credentials.attestations import QuorumFact
from protocol.errors import ProtocolError, UnavailableError
from protocol.quorum import QuorumPolicy
from protocol.trust_chain import Standing

FoundPath = tuple[str | int | None, ...]


class CouldNotCheckError(UnavailableError):
    """A source could not tell; ``reason`` is the code of the check."""

    code = "could_not_check"

    def __init__(self, reason: str, evidence: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.evidence = dict(evidence or {})


class VerificationError(ProtocolError):
    """A rule of trust or consent is broken; ``reason`` is the code of the check."""

    code = "verification_failed"

    def __init__(self, reason: str, evidence: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.evidence = dict(evidence or {})


class IssuerTrust(Protocol):
    """An issuer as registered: ``types`` holds exact ``vct`` values or ``"*"``; key ids map to public JWKs."""

    @property
    def identifier(self) -> str: ...
    @property
    def keys(self) -> Mapping[str, dict[str, Any]]: ...
    @property
    def types(self) -> frozenset[str]: ...
    @property
    def status_keys(self) -> Mapping[str, dict[str, Any]]: ...
    @property
    def standing(self) -> Standing | None:
        """From when to when an accreditation counts, and is known to; None for an issuer that counts without one."""
        ...


class StatusFact(NamedTuple):
    """The bits of one status list entry, and the time, in seconds since 1970, for which they are known."""

    value: int
    as_of: float


class AnchorFact(NamedTuple):
    """Where a credential stands in the log; ``state`` is published, pending or foreign (not of this log)."""

    state: Literal["published", "pending", "foreign"]
    log: str = ""
    leaf_index: int | None = None
    tree_size: int | None = None


class AuthorizationFact(NamedTuple):
    """A citizen's consent; ``keep_until`` is when what was shown under it must be gone (ISO 8601), as it promised."""

    state: Literal["active", "withdrawn", "expired"]
    claims: tuple[tuple[str | int | None, ...], ...]
    organisation: str
    expires_at: str
    keep_until: str = ""


class TrustSource(Protocol):
    def find_issuer(self, identifier: str) -> IssuerTrust | None: ...


class StatusSource(Protocol):
    def find_status(
        self, *, index: int, uri: str, issuer: IssuerTrust, now: float, max_age: float | None
    ) -> StatusFact:
        """Raises UnavailableError when it cannot be known, and StatusIndexError outside the list."""
        ...


class AnchorSource(Protocol):
    def find_anchor(self, *, digest: bytes, issuer: IssuerTrust) -> AnchorFact:
        """*digest* is SHA-256 of the issuer JWT's signing input. Raises UnavailableError when it cannot be known."""
        ...


class QuorumSource(Protocol):
    def find_quorum(self, *, digest: bytes, issuer: IssuerTrust, quorum: QuorumPolicy) -> QuorumFact:
        """*digest* as for find_anchor. Raises VerificationError, and UnavailableError when it cannot be known."""
        ...


class AuthorizationSource(Protocol):
    def find_authorization(self, terms_digest: str) -> AuthorizationFact | None:
        """Raises UnavailableError when it cannot be known."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    trust: TrustSource
    statuses: StatusSource
    anchors: AnchorSource
    authorizations: AuthorizationSource
    # Asked only when the caller of a verification demands a quorum.
    quorums: QuorumSource | None = None

"""A DCQL query as data (OpenID4VP §6), and the one form of it that is made here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from protocol.disclosure import Path
from protocol.sd_jwt_vc import CREDENTIAL_TYPE

# W3C credentials are told apart by sets of types rather than one vct (OpenID4VP §B.1.1).
TYPED_FORMATS = frozenset({"vc+sd-jwt", "jwt_vc_json"})
AUTHORITY_KEY_IDENTIFIER = "aki"
AUTHORITY_TYPES = frozenset({AUTHORITY_KEY_IDENTIFIER, "etsi_tl", "openid_federation"})


@dataclass(frozen=True, slots=True)
class ClaimQuery:
    """One claim asked for (§6.3). ``values`` None admits every value."""

    id: str | None
    path: Path
    values: tuple[str | int | bool, ...] | None = None


@dataclass(frozen=True, slots=True)
class TrustedAuthority:
    """Authorities of one kind, any of which will do (§6.1.1). The values of ``aki`` are base64url without padding."""

    type: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CredentialQuery:
    """One credential asked for (§6.1), with the claims of it and the sets of claims that will do.

    ``vct_values`` is filled for ``dc+sd-jwt`` and ``type_values`` for W3C formats: sets of types, one of which must be
    there in full. Both are empty for a format that is not known here, which nothing can answer.
    """

    id: str
    format: str
    vct_values: tuple[str, ...] = ()
    type_values: tuple[frozenset[str], ...] = ()
    claims: tuple[ClaimQuery, ...] = ()
    claim_sets: tuple[tuple[str, ...], ...] = ()
    multiple: bool = False
    requires_holder_binding: bool = True
    trusted_authorities: tuple[TrustedAuthority, ...] = ()

    @property
    def combinations(self) -> tuple[tuple[ClaimQuery, ...], ...]:
        """The claims that will do together, the verifier's favourite first (§6.4.1)."""
        if not self.claim_sets:
            return (self.claims,)
        by_id = {claim.id: claim for claim in self.claims}
        return tuple(tuple(by_id[identifier] for identifier in wanted) for wanted in self.claim_sets)


@dataclass(frozen=True, slots=True)
class CredentialSet:
    """Alternatives among credential queries, by their ids (§6.2).

    ``purpose`` is text of earlier drafts that many verifiers still send; it is shown and decides nothing.
    """

    options: tuple[tuple[str, ...], ...]
    is_required: bool = True
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query (§6). Without ``credential_sets`` every credential is asked for."""

    credentials: tuple[CredentialQuery, ...]
    credential_sets: tuple[CredentialSet, ...] = ()

    @property
    def sets(self) -> tuple[CredentialSet, ...]:
        """The credential sets, stated or meant (§6.4.2)."""
        return self.credential_sets or tuple(CredentialSet(((asked.id,),)) for asked in self.credentials)

    def find(self, query_id: str) -> CredentialQuery | None:
        """Return the credential query of that id."""
        return next((asked for asked in self.credentials if asked.id == query_id), None)


def credential_query(
    *, query_id: str, vct: str, required: Iterable[Path], optional: Iterable[Path] = ()
) -> dict[str, Any]:
    """Return a DCQL query for one credential; with *optional* paths, showing all is preferred and less will do (§6.4)."""
    needed = list(required)
    paths = [*needed, *optional]
    claims = [{"id": f"c{position}", "path": list(path)} for position, path in enumerate(paths)]
    credential: dict[str, Any] = {"id": query_id, "format": CREDENTIAL_TYPE, "meta": {"vct_values": [vct]}}
    if claims:
        credential["claims"] = claims
    if len(paths) > len(needed) > 0:
        every = [claim["id"] for claim in claims]
        credential["claim_sets"] = [every, every[: len(needed)]]
    return {"credentials": [credential]}

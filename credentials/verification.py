"""Judge a presentation.

The steps, in order, each answered by one check:

 1. parse           it is in a format that is read here, well formed, of an allowed type and algorithm
 2. issuer_key      its issuer is registered here, and names one of the issuer's registered keys
 3. issuer_trusted  that issuer may issue this type, by an accreditation in force, and the caller accepts both
 4. signature       the issuer signed exactly these bytes
 5. disclosures     every disclosure belongs to what was signed, and hides nothing that must be open
 6. key_binding     the holder's key signed exactly this presentation, for this audience and nonce
 7. validity        now lies between its dates
 8. status          the issuer has neither withdrawn nor suspended it
 9. anchor          it stands in the public log, and as many have attested that log as the caller's quorum asks
10. authorization   the citizen's consent that the holder signed is still in force, and covers what is shown

Steps 1 to 5 each need the one before: without a pass there the work ends, and the rest is reported as not applicable. A
step returns what it established and raises what broke. Nothing here performs I/O: facts come from the caller's `Sources`,
keys and addresses never from the token. "Could not check" is an outcome of its own, never a pass and never a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from credentials.check_texts import sentence
from credentials.facts import (
    AnchorFact,
    AuthorizationFact,
    CouldNotCheckError,
    FoundPath,
    IssuerTrust,
    Sources,
    StatusFact,
    VerificationError,
)
from credentials.issuer_keys import candidate_keys
from credentials.policy import Policy
from credentials.presented import REGISTERED, Presented, read, verify_signature
from protocol import status_list
from protocol.errors import CodedError, CredentialTypeMismatchError, SignatureError, UnavailableError
from protocol.quorum import Outcome as Quorum
from protocol.quorum import QuorumPolicy
from protocol.trust_chain import Standing

__all__ = [
    "REGISTERED",
    "AnchorFact",
    "AuthorizationFact",
    "Check",
    "CouldNotCheckError",
    "IssuerTrust",
    "Report",
    "Sources",
    "StatusFact",
    "VerificationError",
    "verify",
]

Outcome = Literal["pass", "fail", "unknown", "not_applicable"]
Verdict = Literal["valid", "invalid", "undetermined"]

# With a signed authorization, its own end decides how long the holder's signature may be used.
_AUTHORIZED_MAX_AGE: Final = 10 * 366 * 86_400
_MAX_TRANSACTIONS: Final = 8
_MAX_HASH: Final = 128


class Check(NamedTuple):
    """One step's answer. ``code`` is stable; ``evidence`` holds no claim value."""

    step: str
    code: str
    outcome: Outcome
    evidence: dict[str, Any]

    @property
    def message(self) -> str:
        """The sentence for a person, in the current language."""
        return sentence(self.code, step=self.step)


class Report(NamedTuple):
    """``claims``, ``issuer`` and ``vct`` are filled only when signature and disclosures hold.

    ``missing`` names what could not be checked and leaves the verdict undetermined; otherwise it is empty.
    """

    verdict: Verdict
    claims: dict[str, Any]
    issuer: str | None
    vct: str | None
    checks: tuple[Check, ...]
    disclosed: tuple[FoundPath, ...] = ()
    missing: tuple[str, ...] = ()


# A code, with evidence; without it, the step had nothing to judge.
Passed = tuple[str, dict[str, Any] | None]


def verify(
    presentation: str,
    *,
    sources: Sources,
    now: datetime,
    policy: Policy,
    audience: str | None = None,
    nonce: str | None = None,
    vct: str | None = None,
) -> Report:
    """Return the report on *presentation*; whatever the input, nothing is raised.

    *audience* and *nonce*, when given, demand a key binding JWT made for them; *vct* demands that exact type.
    """
    judged = _Presentation(presentation, sources=sources, now=now.timestamp(), policy=policy)
    judged.audience, judged.nonce, judged.vct = audience, nonce, vct
    checks: list[Check] = []
    for step, take in _STEPS:
        try:
            code, evidence = take(judged)
        except CodedError as error:
            checks.append(_refusal(step, error))
            if step in _FOUNDATIONS:
                break
        else:
            # A named tuple's own constructor is written in Python, and this runs ten times a verification.
            answer = (step, code, "pass", evidence) if evidence is not None else (step, code, "not_applicable", {})
            checks.append(tuple.__new__(Check, answer))
    if len(checks) < len(_STEPS):
        checks += [Check(step, "not_reached", "not_applicable", {}) for step, _ in _STEPS[len(checks) :]]
    return judged.report(tuple(checks))


def _refusal(step: str, error: CodedError) -> Check:
    if isinstance(error, CouldNotCheckError):
        return Check(step, error.reason, "unknown", error.evidence)
    if isinstance(error, VerificationError):
        return Check(step, error.reason, "fail", error.evidence)
    if isinstance(error, UnavailableError):
        return Check(step, f"{step}_unavailable", "unknown", {"reason": error.code})
    return Check(step, error.code, "fail", {"detail": error.detail} if error.detail else {})


class _Presentation:
    """What the steps have established so far."""

    __slots__ = (
        "audience", "binding", "disclosed", "issuer", "keys", "nonce", "now", "parsed", "policy", "shown", "sources",
        "text", "trusted_type", "vct",
    )  # fmt: skip

    parsed: Presented
    issuer: IssuerTrust
    keys: Sequence[Any]
    # Of the types that it says it is of, the one that its issuer may issue.
    trusted_type: str
    # Claims, once step 5 has passed; the holder's signed claims, once step 6 has.
    shown: dict[str, Any] | None
    binding: dict[str, Any] | None
    disclosed: tuple[FoundPath, ...]
    # What the caller demands, or None.
    audience: str | None
    nonce: str | None
    vct: str | None

    def __init__(self, text: str, *, sources: Sources, now: float, policy: Policy) -> None:
        self.text, self.sources, self.now, self.policy = text, sources, now, policy
        self.shown = self.binding = None
        self.disclosed = ()

    # 1
    def parse(self) -> Passed:
        self.parsed = read(self.text)
        return "parsed", {"disclosures": len(self.parsed.disclosures)}

    # 2
    def find_issuer_key(self) -> Passed:
        identifier = self.parsed.issuer
        if not isinstance(identifier, str) or not identifier:
            raise VerificationError("issuer_missing")
        # Exact comparison: no case folding, no trailing slash, no resolution of what the token claims to be.
        issuer = self.sources.trust.find_issuer(identifier)
        if issuer is None:
            raise VerificationError("issuer_unknown", {"issuer": identifier[:300]})
        self.issuer = issuer
        header = self.parsed.jws.header
        self.keys = candidate_keys(header, issuer.keys, owner=identifier)
        if not self.keys:
            raise VerificationError("issuer_key_unknown", {"issuer": identifier})
        return "issuer_key_found", {"issuer": identifier, "kid": header.get("kid")}

    # 3
    def check_trust(self) -> Passed:
        if self.issuer.standing is not None:
            _check_standing(self.issuer.standing, self.now)
        stated, trusted = self.parsed.types, self.issuer.types
        if self.vct is not None and self.vct not in stated:
            raise CredentialTypeMismatchError("a credential of another type")
        wanted = stated if self.vct is None else (self.vct,)
        vct = next((item for item in wanted if "*" in trusted or item in trusted), None)
        if vct is None:
            raise VerificationError("issuer_not_trusted_for_type", {"issuer": self.issuer.identifier})
        self.trusted_type = vct
        accepted = self.policy.accepted_issuers
        if accepted is not None and self.issuer.identifier not in accepted:
            raise VerificationError("issuer_not_accepted", {"issuer": self.issuer.identifier})
        if self.policy.accepted_types is not None and vct not in self.policy.accepted_types:
            raise VerificationError("type_not_accepted", {"vct": vct})
        return "issuer_trusted", {"issuer": self.issuer.identifier, "vct": vct}

    # 4
    def check_signature(self) -> Passed:
        for key in self.keys:
            try:
                verify_signature(self.parsed, key)
            except SignatureError:
                continue
            return "signature_valid", {"algorithm": self.parsed.jws.header["alg"]}
        raise SignatureError("made by none of the issuer's keys")

    # 5
    def check_disclosures(self) -> Passed:
        self.shown, self.disclosed = self.parsed.show()
        return "disclosures_valid", {"disclosed": len(self.disclosed)}

    # 6
    def check_key_binding(self) -> Passed:
        is_asked = self.audience is not None or self.nonce is not None or self.policy.require_key_binding
        if not self.parsed.is_bound and not is_asked:
            return "key_binding_absent", None
        binding = self.parsed.verify_holder(
            audience=self.audience, nonce=self.nonce, now=self.now, max_age=_AUTHORIZED_MAX_AGE
        )
        is_fresh = self.now - binding["iat"] <= self.policy.max_key_binding_age
        if not is_fresh and "transaction_data_hashes" not in binding:
            raise VerificationError("key_binding_stale", {"iat": binding["iat"]})
        self.binding = binding
        # Without audience and nonce a copied presentation looks the same as the holder's own.
        code = "key_binding_valid" if self.audience is not None else "key_binding_not_addressed"
        return code, {"audience": binding["aud"], "iat": binding["iat"]}

    # 7
    def check_validity(self) -> Passed:
        return "within_validity", self.parsed.check_validity(self.now)

    # 8
    def check_status(self) -> Passed:
        reference = self.parsed.status_reference()
        if reference is None:
            return "status_absent", None
        index, uri = reference
        evidence: dict[str, Any] = {"uri": uri, "index": index}
        fact = self.sources.statuses.find_status(
            index=index, uri=uri, issuer=self.issuer, now=self.now, max_age=self.policy.max_status_age
        )
        evidence["as_of"] = int(fact.as_of)
        if fact.value != status_list.VALID:
            raise VerificationError(_STATUS_CODES.get(fact.value, "status_not_valid"), evidence)
        return "status_valid", evidence

    # 9
    def check_anchor(self) -> Passed:
        if self.policy.quorum is not None:
            return self._check_quorum(self.policy.quorum)
        fact = self.sources.anchors.find_anchor(digest=self.parsed.jws.digest, issuer=self.issuer)
        if fact.state == "published":
            return "anchored", {"log": fact.log, "leaf_index": fact.leaf_index, "tree_size": fact.tree_size}
        if fact.state == "pending":
            raise CouldNotCheckError("anchor_pending", {"log": fact.log})
        if self.policy.require_anchor:
            raise CouldNotCheckError("anchor_foreign")
        return "anchor_foreign", None

    def _check_quorum(self, quorum: QuorumPolicy) -> Passed:
        if self.sources.quorums is None:
            raise CouldNotCheckError("anchor_unavailable", {"reason": "no_source"})
        fact = self.sources.quorums.find_quorum(digest=self.parsed.jws.digest, issuer=self.issuer, quorum=quorum)
        if fact.fork is not None:
            # Whoever has both notes has all it takes to convict the log, so both are handed over.
            raise VerificationError("log_forked", {"notes": list(fact.fork.notes)})
        if fact.result.outcome is Quorum.NOT_MET:
            raise VerificationError("quorum_not_met", fact.describe())
        if fact.result.outcome is Quorum.UNDETERMINED:
            raise CouldNotCheckError("quorum_undetermined", fact.describe())
        return "anchor_attested", fact.describe()

    # 10
    def check_authorization(self) -> Passed:
        if self.binding is None or "transaction_data_hashes" not in self.binding:
            return "authorization_absent", None
        fact: AuthorizationFact | None = None
        for terms_digest in _transaction_hashes(self.binding):
            fact = self.sources.authorizations.find_authorization(terms_digest)
            if fact is None:
                raise CouldNotCheckError("authorization_unknown", {"terms_digest": terms_digest})
            if fact.state != "active":
                raise VerificationError(f"authorization_{fact.state}", {"organisation": fact.organisation})
            if not all(_is_covered(path, fact.claims) for path in self.disclosed):
                raise VerificationError("authorization_exceeded", {"organisation": fact.organisation})
        evidence = {"organisation": fact.organisation, "expires_at": fact.expires_at} if fact else {}
        return "authorization_active", evidence

    def report(self, checks: tuple[Check, ...]) -> Report:
        verdict, missing = _conclude(checks, self.policy)
        if self.shown is None:
            return Report(verdict, {}, None, None, checks, (), missing)
        return Report(verdict, self.shown, self.issuer.identifier, self.trusted_type, checks, self.disclosed, missing)


_STEPS: Final[tuple[tuple[str, Callable[[_Presentation], Passed]], ...]] = (
    ("parse", _Presentation.parse),
    ("issuer_key", _Presentation.find_issuer_key),
    ("issuer_trusted", _Presentation.check_trust),
    ("signature", _Presentation.check_signature),
    ("disclosures", _Presentation.check_disclosures),
    ("key_binding", _Presentation.check_key_binding),
    ("validity", _Presentation.check_validity),
    ("status", _Presentation.check_status),
    ("anchor", _Presentation.check_anchor),
    ("authorization", _Presentation.check_authorization),
)
STEPS: Final = tuple(step for step, _ in _STEPS)
_FOUNDATIONS: Final = frozenset(STEPS[:5])
# What is missing when one of these steps could not be taken; the others are called as the step.
_SUBJECTS: Final = {"issuer_key": "issuer", "issuer_trusted": "issuer"}
MISSABLE: Final = tuple(dict.fromkeys(_SUBJECTS.get(step, step) for step in STEPS))
_STATUS_CODES: Final = {
    status_list.INVALID: "credential_revoked",
    status_list.SUSPENDED: "credential_suspended",
}


def _check_standing(standing: Standing, now: float) -> None:
    """Raises CouldNotCheckError first: what an overdue list says, good or bad, may have changed unseen."""
    if now >= standing.fresh_until:
        evidence = {"lists": list(standing.lists), "fresh_until": int(standing.fresh_until)}
        raise CouldNotCheckError("trust_list_expired", evidence)
    if standing.withdrawn_at is not None:
        raise VerificationError("accreditation_withdrawn", {"since": int(standing.withdrawn_at)})
    if not standing.valid_from <= now < standing.valid_until:
        times = {"valid_from": int(standing.valid_from), "valid_until": int(standing.valid_until)}
        raise VerificationError("accreditation_not_in_force", times)


def _conclude(checks: Iterable[Check], policy: Policy) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict, and what is missing where that is why it is open."""
    missing: tuple[str, ...] = ()
    for check in checks:
        if check.outcome == "fail":
            return "invalid", ()
        # A credential enters the log within seconds; only a caller who asks for it waits for that.
        if check.outcome == "unknown" and (check.step != "anchor" or policy.demands_anchor):
            missing += (_SUBJECTS.get(check.step, check.step),)
    return ("undetermined", missing) if missing else ("valid", ())


def _transaction_hashes(binding: Mapping[str, Any]) -> list[str]:
    hashes = binding["transaction_data_hashes"]
    algorithm = binding.get("transaction_data_hashes_alg", "sha-256")
    if not isinstance(hashes, list) or not 1 <= len(hashes) <= _MAX_TRANSACTIONS or algorithm != "sha-256":
        raise VerificationError("transaction_data_malformed")
    if not all(isinstance(value, str) and 0 < len(value) <= _MAX_HASH for value in hashes):
        raise VerificationError("transaction_data_malformed")
    return hashes


def _is_covered(path: FoundPath, granted: Iterable[FoundPath]) -> bool:
    """A disclosure is within the consent when it leads to a granted path or lies beneath one."""
    return any(
        all(
            step == wanted or (wanted is None and isinstance(step, int))
            for step, wanted in zip(path, one, strict=False)
        )
        for one in granted
    )

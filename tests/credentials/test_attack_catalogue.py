"""The whole attack catalogue, and its benign controls, against the verdict: never a crash, never a wrong verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from credentials.facts import AnchorFact, AuthorizationFact, CouldNotCheckError, IssuerTrust, Sources, StatusFact
from credentials.policy import Policy
from credentials.trust_bundle import BundledIssuer
from credentials.verification import REGISTERED, Report, verify
from protocol.jose import parse_compact
from tests.protocol.attacks import ATTACKS, CONTROLS
from tests.protocol.makers import AUDIENCE, ISSUER, ISSUER_NAME, NONCE, NOW, VCT, Case

_ISSUER = BundledIssuer(identifier=ISSUER_NAME, keys={"1": ISSUER.public_jwk}, types=frozenset({VCT}), status_keys={})


class _World:
    """One issuer, whose credentials have no status and are in no log."""

    issuer = _ISSUER

    def find_issuer(self, identifier: str) -> IssuerTrust | None:
        return self.issuer if identifier == ISSUER_NAME else None

    def find_status(self, **_: Any) -> StatusFact:
        raise CouldNotCheckError("status_unavailable")

    def find_anchor(self, **_: Any) -> AnchorFact:
        return AnchorFact("foreign")

    def find_authorization(self, terms_digest: str) -> AuthorizationFact | None:
        raise CouldNotCheckError("authorization_unavailable", {"terms_digest": terms_digest})


_SOURCES = Sources(trust=_World(), statuses=_World(), anchors=_World(), authorizations=_World())


def judged(case: Case) -> Report:
    token = case.build()
    return verify(
        token,
        sources=_SOURCES,
        now=datetime.fromtimestamp(NOW, UTC),
        policy=Policy(require_key_binding=True),
        audience=AUDIENCE,
        nonce=NONCE,
        vct=VCT,
    )


@pytest.mark.parametrize("case", ATTACKS, ids=[case.name.encode("unicode_escape").decode() for case in ATTACKS])
def test_an_attack_is_never_valid_and_never_crashes(case: Case) -> None:
    report = judged(case)
    assert report.verdict == "invalid", (case.reason, report)
    assert len(report.checks) == 10
    assert all(check.message for check in report.checks)


# Sound by the standards, and still not for this service to call valid.
STRICTER = {
    "header: x5c": ("invalid", "issuer_key_unknown"),
    "extra claim in the binding": ("undetermined", "authorization_unavailable"),
}


@pytest.mark.parametrize("case", CONTROLS, ids=[case.name.encode("unicode_escape").decode() for case in CONTROLS])
def test_a_benign_control_is_valid_with_exactly_its_claims(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    header = parse_compact(case.build().partition("~")[0], allowed_types=frozenset({"dc+sd-jwt"})).header
    # The issuer registers its key under the name that it uses itself.
    monkeypatch.setattr(_World, "issuer", replace(_ISSUER, keys={header.get("kid", "1"): ISSUER.public_jwk}))
    report = judged(case)
    if case.name in STRICTER:
        assert (report.verdict, {check.code for check in report.checks} & {STRICTER[case.name][1]}) == (
            STRICTER[case.name][0],
            {STRICTER[case.name][1]},
        )
        return
    expected = {name: value for name, value in (case.claims or {}).items() if name not in REGISTERED}
    assert (report.verdict, report.claims) == ("valid", expected), (case.reason, report)

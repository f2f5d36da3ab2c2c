"""Every step of verification: what passes, what fails with which code, and what could not be checked."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from anchoring import sequencer
from credentials import holdings, revocation
from credentials.models import Credential, StatusChange
from credentials.policy import DEFAULT, Policy
from credentials.sources import DatabaseSources
from credentials.verification import (
    STEPS,
    AuthorizationFact,
    CouldNotCheckError,
    Report,
    StatusFact,
    verify,
)
from identity import keystore, trust
from identity.models import SigningKey
from protocol.keys import SoftwareSigner, generate_p256
from protocol.sd_jwt import hold, select
from protocol.sd_jwt_vc import issue_credential
from tests import cast

pytestmark = pytest.mark.django_db

VCT = "http://localhost:8000/types/birth-certificate/1"
AUDIENCE = "https://bank.example"
NONCE = "n-0S6_WzA2Mj"


def judge(text: str, *, now: datetime | None = None, policy: Policy = DEFAULT, **asked: Any) -> Report:
    sources = asked.pop("sources", None) or DatabaseSources().as_sources()
    return verify(text, sources=sources, now=now or datetime.now(UTC), policy=policy, **asked)


def outcome(report: Report, step: str) -> tuple[str, str]:
    check = next(check for check in report.checks if check.step == step)
    return check.outcome, check.code


@pytest.fixture
def lei() -> cast.Citizen:
    return cast.lei()


@pytest.fixture
def credential(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


@pytest.fixture
def held(lei: cast.Citizen, credential: Credential) -> str:
    return holdings.read_sd_jwt(credential, lei.person)


def swap_signature(text: str) -> str:
    jwt, tilde, rest = text.partition("~")
    body, dot, signature = jwt.rpartition(".")
    return body + dot + ("A" if signature[0] != "A" else "B") + signature[1:] + tilde + rest


def show(held: str, *names: str) -> str:
    return select(hold(held, allowed_types=frozenset({"dc+sd-jwt"})), [(name,) for name in names])


def present(lei: cast.Citizen, held: str, *names: str, **changes: Any) -> str:
    asked = {"audience": AUDIENCE, "nonce": NONCE, **changes}
    return lei.device.present(held, paths=[(name,) for name in names], **asked)


def test_a_genuine_certificate_is_valid_and_shows_only_what_was_disclosed(held: str) -> None:
    report = judge(show(held, "family_name", "age_over_18"))
    assert report.verdict == "valid"
    assert report.claims == {"family_name": "Lei", "age_over_18": True}
    assert (report.issuer, report.vct) == ("http://localhost:8000/issuers/identification", VCT)
    assert tuple(check.step for check in report.checks) == STEPS


def test_all_ten_steps_pass_when_logged_bound_and_authorized(lei: cast.Citizen, held: str) -> None:
    sequencer.sequence()
    sequencer.sign_checkpoint()
    fact = AuthorizationFact("active", (("family_name",),), "daiwan", "2030-01-01")
    sources = replace(DatabaseSources().as_sources(), authorizations=_Authorizations(fact))
    text = present(lei, held, "family_name", terms="dGVybXM")
    report = judge(text, sources=sources, audience=AUDIENCE, nonce=NONCE, policy=Policy(require_anchor=True))
    assert [(check.step, check.outcome) for check in report.checks] == [(step, "pass") for step in STEPS]
    assert report.verdict == "valid"


def test_a_certificate_not_yet_in_the_log_is_valid_unless_the_caller_insists(held: str) -> None:
    relaxed = judge(show(held))
    assert (relaxed.verdict, outcome(relaxed, "anchor")) == ("valid", ("unknown", "anchor_pending"))
    assert judge(show(held), policy=Policy(require_anchor=True)).verdict == "undetermined"


@pytest.mark.parametrize(
    ("damage", "step", "code"),
    [
        (lambda _: "", "parse", "sd_jwt_malformed"),
        (lambda _: "a~", "parse", "jws_malformed"),
        (lambda text: text.replace("~", "", 1), "parse", None),
        (swap_signature, "signature", "signature_invalid"),
        (lambda text: text + "WyJhIiwgImIiLCAiYyJd~", "disclosures", "disclosure_unreferenced"),
    ],
)
def test_a_damaged_certificate_is_invalid_at_the_step_it_breaks(
    held: str, damage: Any, step: str, code: str | None
) -> None:
    report = judge(damage(show(held, "sex")))
    found = outcome(report, step)
    assert report.verdict == "invalid"
    assert found[0] == "fail"
    assert code is None or found[1] == code
    assert (report.claims, report.issuer, report.vct) == ({}, None, None)
    later = report.checks[STEPS.index(step) + 1 :]
    assert {(check.outcome, check.code) for check in later} <= {("not_applicable", "not_reached")}


@pytest.mark.parametrize(
    ("asked", "step", "code"),
    [
        ({"vct": "https://elsewhere.example/type"}, "issuer_trusted", "vct_mismatch"),
        (
            {"policy": Policy(accepted_issuers=frozenset({"https://x.example"}))},
            "issuer_trusted",
            "issuer_not_accepted",
        ),
        ({"audience": AUDIENCE}, "key_binding", "key_binding_missing"),
        ({"nonce": NONCE}, "key_binding", "key_binding_missing"),
        ({"policy": Policy(require_key_binding=True)}, "key_binding", "key_binding_missing"),
        ({"now": datetime.now(UTC) + timedelta(days=3651)}, "validity", "expired"),
        ({"now": datetime.now(UTC) - timedelta(days=3)}, "validity", "issued_in_future"),
    ],
)
def test_what_the_caller_asks_for_is_enforced(held: str, asked: dict[str, Any], step: str, code: str) -> None:
    report = judge(show(held), **asked)
    assert (report.verdict, outcome(report, step)) == ("invalid", ("fail", code))


@pytest.mark.parametrize(
    ("signed", "asked", "code"),
    [
        ({"audience": "https://other.example"}, {}, "key_binding_audience_mismatch"),
        ({"nonce": "another"}, {}, "key_binding_nonce_mismatch"),
        ({}, {"now": datetime.now(UTC) + timedelta(hours=1)}, "key_binding_stale"),
        ({}, {"now": datetime.now(UTC) - timedelta(minutes=6)}, "key_binding_from_future"),
    ],
)
def test_key_binding_is_for_this_verifier_and_this_moment(
    lei: cast.Citizen, held: str, signed: dict[str, Any], asked: dict[str, Any], code: str
) -> None:
    report = judge(present(lei, held, "sex", **signed), audience=AUDIENCE, nonce=NONCE, **asked)
    assert (report.verdict, outcome(report, "key_binding")) == ("invalid", ("fail", code))


def test_key_binding_without_audience_is_checked_but_says_that_a_copy_cannot_be_told(
    lei: cast.Citizen, held: str
) -> None:
    report = judge(present(lei, held, "sex"))
    assert (report.verdict, outcome(report, "key_binding")) == ("valid", ("pass", "key_binding_not_addressed"))


def test_a_stolen_certificate_signed_by_another_device_is_refused(held: str) -> None:
    from tests.simulators.device import Device

    thief = Device("thief")
    text = thief.present(held, paths=[("sex",)], audience=AUDIENCE, nonce=NONCE)
    report = judge(text, audience=AUDIENCE, nonce=NONCE)
    assert outcome(report, "key_binding") == ("fail", "key_binding_signature_invalid")


@pytest.mark.parametrize(
    ("change", "reason", "found"),
    [
        (revocation.revoke, StatusChange.Reason.DATA_ERROR, ("fail", "credential_revoked")),
        (revocation.suspend, StatusChange.Reason.INVESTIGATION, ("fail", "credential_suspended")),
    ],
)
def test_status_is_known_to_a_warm_verifier_at_once(
    credential: Credential, held: str, change: Any, reason: str, found: tuple[str, str]
) -> None:
    sources = DatabaseSources().as_sources()
    assert judge(show(held), sources=sources).verdict == "valid"
    change(credential=credential, actor=cast.bo(), reason=reason)
    report = judge(show(held), sources=sources)
    assert (report.verdict, outcome(report, "status")) == ("invalid", found)


def test_reinstating_makes_it_valid_again(credential: Credential, held: str) -> None:
    revocation.suspend(credential=credential, actor=cast.bo(), reason="investigation")
    revocation.reinstate(credential=credential, actor=cast.bo(), reason="resolved")
    assert judge(show(held)).verdict == "valid"


def test_an_unreachable_status_is_undetermined_never_valid_or_invalid(held: str) -> None:
    sources = replace(DatabaseSources().as_sources(), statuses=_NoStatuses())
    report = judge(show(held), sources=sources)
    assert (report.verdict, outcome(report, "status")) == ("undetermined", ("unknown", "status_unavailable"))


def test_a_status_value_of_the_future_is_not_valid(held: str) -> None:
    sources = replace(DatabaseSources().as_sources(), statuses=_Statuses(3))
    assert outcome(judge(show(held), sources=sources), "status") == ("fail", "status_not_valid")


@pytest.mark.parametrize(
    ("fact", "found", "verdict"),
    [
        (AuthorizationFact("active", (("sex",),), "daiwan", ""), ("pass", "authorization_active"), "valid"),
        (AuthorizationFact("withdrawn", (("sex",),), "daiwan", ""), ("fail", "authorization_withdrawn"), "invalid"),
        (AuthorizationFact("expired", (("sex",),), "daiwan", ""), ("fail", "authorization_expired"), "invalid"),
        (AuthorizationFact("active", (("parents",),), "daiwan", ""), ("fail", "authorization_exceeded"), "invalid"),
        (None, ("unknown", "authorization_unknown"), "undetermined"),
    ],
)
def test_the_holders_signed_permission_must_be_in_force_and_cover_what_is_shown(
    lei: cast.Citizen, held: str, fact: AuthorizationFact | None, found: tuple[str, str], verdict: str
) -> None:
    sources = replace(DatabaseSources().as_sources(), authorizations=_Authorizations(fact))
    text = present(lei, held, "sex", terms="dGVybXM")
    report = judge(text, sources=sources, audience=AUDIENCE, nonce=NONCE)
    assert (report.verdict, outcome(report, "authorization")) == (verdict, found)


def test_with_a_permission_in_force_the_age_of_the_signature_does_not_matter(lei: cast.Citizen, held: str) -> None:
    fact = AuthorizationFact("active", (("sex",),), "daiwan", "")
    sources = replace(DatabaseSources().as_sources(), authorizations=_Authorizations(fact))
    text = present(lei, held, "sex", terms="dGVybXM")
    later = datetime.now(UTC) + timedelta(days=20)
    assert judge(text, sources=sources, audience=AUDIENCE, nonce=NONCE, now=later).verdict == "valid"


def test_a_retired_key_still_verifies_and_a_disabled_one_does_not(credential: Credential, held: str) -> None:
    sources = DatabaseSources().as_sources()
    keystore.rotate(purpose=SigningKey.Purpose.CREDENTIAL, agency=credential.agency)
    assert judge(show(held), sources=sources).verdict == "valid"
    keystore.disable(signing_key=SigningKey.objects.get(pk=credential.signing_key_id))
    assert outcome(judge(show(held), sources=sources), "issuer_key") == ("fail", "issuer_key_unknown")


def foreign(signer: SoftwareSigner, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
    members: dict[str, Any] = {
        "claims": {"name": "Wong"},
        "vct": "https://uni.example/degree",
        "issuer": "https://uni.example",
        "issued_at": int(time.time()) - 60,
        "header": header or {},
        "disclosable": [("name",)],
    }
    return issue_credential(**{**members, **changes}, signer=signer).text


@pytest.fixture
def university() -> SoftwareSigner:
    signer = SoftwareSigner(generate_p256(), "uni-1")
    trust.add_issuer(
        identifier="https://uni.example", public_jwk=signer.public_jwk, types=["https://uni.example/degree"]
    )
    return signer


def test_a_registered_issuer_from_elsewhere_is_judged_by_the_same_steps(university: SoftwareSigner) -> None:
    report = judge(foreign(university))
    assert (report.verdict, report.claims) == ("valid", {"name": "Wong"})
    assert outcome(report, "status") == ("not_applicable", "status_absent")
    assert outcome(report, "anchor") == ("not_applicable", "anchor_foreign")


@pytest.mark.parametrize(
    ("changes", "step", "code"),
    [
        ({"issuer": "https://uni.example/"}, "issuer_key", "issuer_unknown"),
        ({"issuer": "https://UNI.example"}, "issuer_key", "issuer_unknown"),
        ({"issuer": None}, "issuer_key", "issuer_missing"),
        ({"vct": "https://uni.example/phd"}, "issuer_trusted", "issuer_not_trusted_for_type"),
        ({"header": {"kid": "nobody"}}, "issuer_key", "issuer_key_unknown"),
    ],
)
def test_an_issuer_is_trusted_for_exactly_what_was_registered(
    university: SoftwareSigner, changes: dict[str, Any], step: str, code: str
) -> None:
    assert outcome(judge(foreign(university, **changes)), step) == ("fail", code)


def test_an_outsider_cannot_sign_in_a_registered_issuers_name(university: SoftwareSigner) -> None:
    outsider = SoftwareSigner(generate_p256(), "uni-1")
    assert outcome(judge(foreign(outsider)), "signature") == ("fail", "signature_invalid")


def test_an_issuer_removed_is_unknown_at_once(university: SoftwareSigner) -> None:
    sources = DatabaseSources().as_sources()
    text = foreign(university)
    assert judge(text, sources=sources).verdict == "valid"
    trust.remove_issuer(identifier="https://uni.example")
    assert outcome(judge(text, sources=sources), "issuer_key") == ("fail", "issuer_unknown")


def test_another_issuers_credential_cannot_use_our_status_list(
    university: SoftwareSigner, credential: Credential
) -> None:
    uri = f"http://localhost:8000/status/{credential.status_list_id}"
    report = judge(foreign(university, status={"status_list": {"idx": 1, "uri": uri}}))
    assert (report.verdict, outcome(report, "status")) == ("undetermined", ("unknown", "status_unavailable"))


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ({"status_list": {"idx": -1, "uri": "https://uni.example/s"}}, ("fail", "status_reference_malformed")),
        ({"status_list": {"idx": True, "uri": "https://uni.example/s"}}, ("fail", "status_reference_malformed")),
        ({"other": {}}, ("fail", "status_reference_malformed")),
        ({"status_list": {"idx": 1, "uri": "https://127.0.0.1/s"}}, ("unknown", "status_unavailable")),
    ],
)
def test_a_foreign_status_that_cannot_be_read_is_never_taken_for_good(
    university: SoftwareSigner, status: dict[str, Any], found: tuple[str, str]
) -> None:
    report = judge(foreign(university, status=status))
    assert outcome(report, "status") == found
    assert report.verdict != "valid"


class _NoStatuses:
    def find_status(self, **_: Any) -> StatusFact:
        raise CouldNotCheckError("status_unavailable")


class _Statuses:
    def __init__(self, value: int) -> None:
        self.value = value

    def find_status(self, *, now: float, **_: Any) -> StatusFact:
        return StatusFact(self.value, now)


class _Authorizations:
    def __init__(self, fact: AuthorizationFact | None) -> None:
        self.fact = fact

    def find_authorization(self, terms_digest: str) -> AuthorizationFact | None:
        assert len(terms_digest) == 43
        return self.fact

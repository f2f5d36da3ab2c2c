from __future__ import annotations

import time

import pytest

from protocol.errors import ProtocolError
from tests.protocol.attacks import ATTACKS, CLAIMS, CONTROLS, DISCLOSURES, JWS, KEY_BINDING
from tests.protocol.makers import Case, judge

SECONDS_TO_REFUSE = 2.0


def named(cases: tuple[Case, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case.name.encode("unicode_escape").decode() for case in cases])


def assert_refused(case: Case) -> None:
    token = case.build()
    started_at = time.perf_counter()
    with pytest.raises(ProtocolError) as refusal:
        judge(token)
    assert refusal.value.code == case.expected, f"{refusal.value}, because {case.reason}"
    assert time.perf_counter() - started_at < SECONDS_TO_REFUSE


@pytest.mark.requirement("RFC 8725 §3", "forged, malleable and confused JWS refused (catalogue, JWS)")
@named(JWS)
def test_attack_on_the_jws_is_refused(case: Case) -> None:
    assert_refused(case)


@pytest.mark.requirement("RFC 9901 §7.1", "unsound disclosures and digests refused (catalogue, disclosures)")
@named(DISCLOSURES)
def test_attack_on_disclosures_is_refused(case: Case) -> None:
    assert_refused(case)


@pytest.mark.requirement("RFC 9901 §7.3", "unsound key binding refused (catalogue, key binding)")
@named(KEY_BINDING)
def test_attack_on_key_binding_is_refused(case: Case) -> None:
    assert_refused(case)


@pytest.mark.requirement("SD-JWT VC §3.2.2", "unsound registered claims and outer forms refused (catalogue, claims)")
@named(CLAIMS)
def test_attack_on_claims_is_refused(case: Case) -> None:
    assert_refused(case)


@pytest.mark.requirement("RFC 9901 §7", "sound presentations accepted with exactly their claims (catalogue, controls)")
@named(CONTROLS)
def test_benign_control_is_accepted_with_its_claims(case: Case) -> None:
    claims = judge(case.build())
    assert claims == case.claims, case.reason
    # True == 1 and 0 == -0.0 in Python: the text tells them apart.
    assert {name: repr(value) for name, value in claims.items()} == {
        name: repr(value) for name, value in (case.claims or {}).items()
    }


def test_catalogue_has_one_case_per_name() -> None:
    names = [case.name for case in (*ATTACKS, *CONTROLS)]
    assert len(set(names)) == len(names)


def test_catalogue_is_as_large_as_the_card_says() -> None:
    assert len(JWS) >= 100
    assert len(DISCLOSURES) >= 80
    assert len(KEY_BINDING) >= 60
    assert len(CLAIMS) >= 46
    assert len(CONTROLS) >= 35

"""Who is accredited for what, by whom: nobody passes on what they do not hold, and an end ends all below."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from authorization.models import AuditEvent
from identity import trust
from identity.accreditation import ExternalParty, Terms, accredit, withdraw
from identity.errors import (
    AccreditationExceededError,
    AccreditationInvalidError,
    AccreditationUnknownError,
    IssuerFormatError,
)
from identity.grants import EVERY_TYPE, Kind, agency_grants, grants, is_in_force
from identity.models import Accreditation, Agency, SigningKey
from identity.organisations import open_agency
from protocol.keys import generate_p256, public_jwk
from tests import cast
from tests.identity.trust_steps import BIRTH, BUREAU, DIPLOMA

pytestmark = pytest.mark.django_db


def school(**changes: Any) -> ExternalParty:
    jwk = {**public_jwk(generate_p256().public_key()), "kid": "key-1"}
    made = {"identifier": "https://school.example", "names": {"en": "School"}, "public_jwks": (jwk,), **changes}
    return ExternalParty(**made)


def body(slug: str = "education", types: Any = (DIPLOMA,), grantor: Agency | None = None, **more: Any) -> Agency:
    """An agency that accredits others."""
    agency = cast.agency(slug)
    accredit(party=agency, kind=Kind.BODY, terms=Terms(types, grantor, **more))
    return agency


def test_a_new_agency_is_accredited_for_whatever_the_catalogue_gives_it() -> None:
    agency = cast.agency()
    (grant,) = grants()
    assert (grant.accreditation.agency, grant.types) == (agency, EVERY_TYPE)
    assert trust.agency_issuers()[BUREAU].types == EVERY_TYPE


def test_a_new_accreditation_takes_the_place_of_the_one_before() -> None:
    agency = cast.agency()
    accredit(party=agency, kind=Kind.ISSUER, terms=Terms([BIRTH], by=cast.administrator()))
    assert trust.agency_issuers()[BUREAU].types == {BIRTH}
    rows = list(Accreditation.objects.order_by("pk"))
    assert [row.withdrawn_at is None for row in rows] == [False, True]
    granted = AuditEvent.objects.filter(action="accreditation.granted").latest("pk")
    assert granted.actor == f"account:{cast.administrator().pk}"


def test_a_withdrawn_agency_stays_known_as_withdrawn() -> None:
    agency = cast.agency()
    row = withdraw(party=agency, kind=Kind.ISSUER)
    standing = trust.agency_issuers()[BUREAU].standing
    assert standing is not None
    assert standing.withdrawn_at == row.withdrawn_at.timestamp()  # type: ignore[union-attr]  # it has just been set
    with pytest.raises(AccreditationUnknownError):
        withdraw(party=agency, kind=Kind.ISSUER)


def test_every_change_moves_the_version() -> None:
    agency, versions = cast.agency(), [trust.trust_version()]
    withdraw(party=agency, kind=Kind.ISSUER)
    versions.append(trust.trust_version())
    accredit(party=agency, kind=Kind.ISSUER, terms=Terms(EVERY_TYPE))
    versions.append(trust.trust_version())
    assert versions == sorted(set(versions))


def test_a_body_passes_on_what_it_holds() -> None:
    accredit(party=school(), kind=Kind.ISSUER, terms=Terms([DIPLOMA], body()))
    issuer = trust.trusted_issuers()["https://school.example"]
    assert issuer.types == {DIPLOMA}
    assert list(issuer.keys) == ["key-1"]


def test_withdrawing_a_body_ends_all_below_and_cutting_it_cuts_them() -> None:
    education = body(types=EVERY_TYPE)
    accredit(party=school(), kind=Kind.ISSUER, terms=Terms([DIPLOMA, BIRTH], education))
    body(types=[BIRTH])
    assert trust.trusted_issuers()["https://school.example"].types == {BIRTH}
    withdraw(party=education, kind=Kind.BODY)
    standing = trust.trusted_issuers()["https://school.example"].standing
    assert standing is not None
    assert standing.withdrawn_at is not None


def test_nothing_outlives_its_grantor() -> None:
    end = timezone.now() + timedelta(days=10)
    accredit(party=school(), kind=Kind.ISSUER, terms=Terms([DIPLOMA], body(valid_until=end)))
    standing = trust.trusted_issuers()["https://school.example"].standing
    assert standing is not None
    assert standing.valid_until == end.timestamp()
    with time_machine.travel(end + timedelta(seconds=1)):
        assert [is_in_force(grant, now=timezone.now().timestamp()) for grant in grants()] == [True, False, False]


def test_a_body_gets_a_key_for_its_list_once() -> None:
    education = body()
    body(types=EVERY_TYPE)
    assert SigningKey.objects.filter(agency=education, purpose="trust").count() == 1


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (lambda: Terms([DIPLOMA], cast.agency("labour")), "an agency that is no accrediting body"),
        (lambda: Terms([BIRTH], body()), "a type that the body does not hold"),
        (lambda: Terms(EVERY_TYPE, body()), "every type, of a body that holds one"),
        (lambda: Terms([DIPLOMA], body(valid_until=_in(5)), _in(6)), "an end past the body's own"),
        (lambda: Terms([DIPLOMA], _withdrawn_body()), "a body that was withdrawn"),
    ],
)
def test_what_the_grantor_does_not_hold_is_not_granted(terms: Any, reason: str) -> None:
    given = terms()
    with pytest.raises(AccreditationExceededError):
        accredit(party=school(), kind=Kind.ISSUER, terms=given)
    assert "https://school.example" not in trust.trusted_issuers(), reason


def test_nobody_accredits_themselves_or_who_stands_above_them() -> None:
    education = body(types=EVERY_TYPE)
    labour = body("labour", EVERY_TYPE, education)
    for party, grantor in ((education, education), (education, labour)):
        with pytest.raises(AccreditationExceededError):
            accredit(party=party, kind=Kind.BODY, terms=Terms(EVERY_TYPE, grantor))


def test_a_chain_is_no_longer_than_readers_follow() -> None:
    cast.agency()
    above: Agency | None = None
    for number in range(3):
        agency = open_agency(slug=f"level-{number}", name={"en": "x"})
        accredit(party=agency, kind=Kind.BODY, terms=Terms(EVERY_TYPE, above))
        above = agency
    with pytest.raises(AccreditationExceededError):
        accredit(party=open_agency(slug="level-3", name={"en": "x"}), kind=Kind.BODY, terms=Terms(EVERY_TYPE, above))


@pytest.mark.parametrize(
    "make",
    [
        lambda: (school(), Kind.ISSUER, Terms([])),
        lambda: (school(public_jwks=()), Kind.ISSUER, Terms([BIRTH])),
        lambda: (school(public_jwks=({},)), Kind.ISSUER, Terms([BIRTH])),
        lambda: (school(identifier="http://school.example"), Kind.ISSUER, Terms([BIRTH])),
        lambda: (school(identifier=BUREAU), Kind.ISSUER, Terms([BIRTH])),
        lambda: (school(names={}), Kind.ISSUER, Terms([BIRTH])),
        lambda: (school(names={"en": "\u202e"}), Kind.ISSUER, Terms([BIRTH])),
        lambda: (school(), Kind.BODY, Terms([BIRTH])),
        lambda: (school(list_uri="ftp://x"), Kind.BODY, Terms([BIRTH])),
        lambda: (cast.agency(), Kind.ISSUER, Terms([BIRTH], valid_until=_in(-1))),
        lambda: (_reserved_agency(), Kind.BODY, Terms([BIRTH])),
    ],
)
def test_what_readers_elsewhere_would_refuse_is_refused_here(make: Any) -> None:
    party, kind, terms = make()
    held = Accreditation.objects.count()
    with pytest.raises((AccreditationInvalidError, IssuerFormatError)) as refusal:
        accredit(party=party, kind=kind, terms=terms)
    assert refusal.value.fields
    assert Accreditation.objects.count() == held


def test_the_command_accredits_lists_and_withdraws(capsys: pytest.CaptureFixture[str]) -> None:
    cast.agency("education")
    jwk = json.dumps({**public_jwk(generate_p256().public_key()), "kid": "k"})
    call_command("trust", "accredit", "education", "--kind", "body", "--type", DIPLOMA)
    call_command(
        *("trust", "accredit", "https://school.example", "--by", "education", "--type", DIPLOMA),
        *("--jwk", jwk, "--en", "School", "--until", "2100-01-01"),
    )
    call_command("trust", "accreditations")
    out = capsys.readouterr().out
    assert f"education\tbody\t{DIPLOMA}\troot\tgranted" in out
    assert f"https://school.example\tissuer\t{DIPLOMA}\teducation\tgranted" in out
    call_command("trust", "withdraw", "education", "--kind", "body")
    call_command("trust", "accreditations")
    assert f"https://school.example\tissuer\t{DIPLOMA}\teducation\twithdrawn" in capsys.readouterr().out
    with pytest.raises(CommandError, match="accreditation_unknown"):
        call_command("trust", "withdraw", "education", "--kind", "body")
    with pytest.raises(CommandError, match="does not exist"):
        call_command("trust", "withdraw", "nowhere")


def test_no_agency_without_a_grant_issues_anything() -> None:
    agency = cast.agency()
    Accreditation.objects.all().delete()
    assert trust.agency_issuers()[BUREAU].types == frozenset()
    assert agency_grants(Kind.ISSUER).get(agency.pk) is None


def _in(days: int) -> Any:
    return timezone.now() + timedelta(days=days)


def _withdrawn_body() -> Agency:
    education = body()
    withdraw(party=education, kind=Kind.BODY)
    return education


def _reserved_agency() -> Agency:
    cast.agency()
    return open_agency(slug="verifiers", name={"en": "x"})

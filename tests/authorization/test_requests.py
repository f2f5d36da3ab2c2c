"""Templates and requests: nothing is asked that was not approved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from authorization.errors import (
    OrganisationUnapprovedError,
    RecipientKeyInvalidError,
    RecipientKeyMissingError,
    TemplateInvalidError,
    TemplateUnusableError,
)
from authorization.models import AuditEvent
from authorization.recipients import add_recipient_key, revoke_recipient_key
from authorization.requests import approve_template, consent_url, create_request, request_state, retire_template
from credentials.models import CredentialType
from identity.errors import RoleMissingError
from identity.models import Organisation, RecipientKey
from identity.organisations import register_organisation
from protocol.dcql import parse_query
from protocol.keys import generate_p256, public_jwk
from tests import cast

pytestmark = pytest.mark.django_db


@pytest.mark.requirement("OpenID4VP 1.0 §6", "a request template is stored as a DCQL query")
def test_a_template_is_stored_as_dcql() -> None:
    template = cast.registered_template()
    [query] = parse_query(template.dcql_query).credentials
    assert query.vct_values == (template.credential_type.vct,)
    assert [claim.path for claim in query.claims] == [
        ("name_zh",), ("age_over_18",), ("birth_place",), ("certificate_number",),
    ]  # fmt: skip
    assert template.required_claims == [["name_zh"], ["age_over_18"]]
    assert not template.is_usable


def test_what_a_certificate_always_shows_is_part_of_every_request() -> None:
    kind = cast.credential_type()
    open_claim = {"path": ["edition"], "label": {"en": "Edition"}, "disclosure": "always", "widget": "text"}
    CredentialType.objects.filter(pk=kind.pk).update(claims=[*kind.claims, open_claim])
    assert cast.registered_template().required_claims[0] == ["edition"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"required": []}, "claims"),
        ({"required": [("name",)]}, "claims"),
        ({"required": [("parents", None, "name")]}, "claims"),
        ({"slug": "proof-of-residence", "required": [("address",), ("address", "parish")], "optional": []}, "claims"),
        ({"access_days": 0}, "access_days"),
        ({"access_days": 366}, "access_days"),
        ({"max_reads": 0}, "max_reads"),
        ({"max_reads": 1001}, "max_reads"),
        ({"retention_days": -1}, "retention_days"),
        ({"retention_days": 3651}, "retention_days"),
    ],
    ids=str,
)
def test_a_template_that_asks_too_much_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(TemplateInvalidError) as refusal:
        cast.registered_template(**change)
    assert list(refusal.value.fields) == [field]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"purpose": {}}, "purpose"),
        ({"purpose": {"en": "why"}}, "purpose"),
        ({"purpose": {"zh-hant": " "}}, "purpose"),
        ({"purpose": {"zh-hant": "why", "fr": "pourquoi"}}, "purpose"),
        ({"purpose": {"zh-hant": "x" * 301}}, "purpose"),
    ],
    ids=str,
)
def test_a_template_must_say_why(change: dict[str, Any], field: str) -> None:
    with pytest.raises(TemplateInvalidError) as refusal:
        cast.registered_template(**change)
    assert list(refusal.value.fields) == [field]


def test_only_an_administrator_of_the_issuing_agency_approves() -> None:
    template = cast.registered_template(slug="diploma", required=[("name_zh",)], optional=[])
    for account in (cast.administrator(), cast.ana(), cast.chan()):
        with pytest.raises(RoleMissingError):
            approve_template(template=template, administrator=account)
        with pytest.raises(RoleMissingError):
            retire_template(template=template, account=account, is_agency=True)
    administrator = cast.agency_administrator(template.credential_type.agency)
    assert approve_template(template=template, administrator=administrator).approved_by == administrator
    with pytest.raises(TemplateUnusableError):
        approve_template(template=template, administrator=administrator)


def test_an_unapproved_or_retired_template_asks_nothing() -> None:
    cast.recipient_key()
    template = cast.registered_template()
    with pytest.raises(TemplateUnusableError):
        cast.ask(template)
    approve_template(template=template, administrator=cast.administrator())
    assert cast.ask(template).state == "pending"
    for _ in range(2):
        retire_template(template=template, account=cast.chan())
    with pytest.raises(TemplateUnusableError):
        cast.ask(template)
    assert AuditEvent.objects.filter(action="template.retired").count() == 1


def test_nobody_asks_with_the_template_of_another() -> None:
    template = cast.approved_template()
    other = register_organisation(slug="insurer", name={"en": "Insurer"})
    with pytest.raises(OrganisationUnapprovedError):
        create_request(template=template, organisation=other)
    Organisation.objects.update(approved_at=timezone.now())
    other.refresh_from_db()
    with pytest.raises(TemplateUnusableError):
        create_request(template=template, organisation=other)


def test_nothing_is_asked_without_a_key_to_seal_to() -> None:
    template = cast.approved_template()
    with pytest.raises(RecipientKeyMissingError):
        create_request(template=template, organisation=cast.bank())


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (timedelta(seconds=1), timedelta(minutes=1)),
        (timedelta(hours=2), timedelta(hours=2)),
        (timedelta(days=30), timedelta(days=3)),
    ],
)
def test_the_time_to_answer_is_bounded(wanted: timedelta, given: timedelta) -> None:
    asked = cast.ask(cast.approved_template(access_days=3), lifetime=wanted)
    assert abs(asked.expires_at - asked.created_at - given) < timedelta(seconds=5)


def test_every_request_has_its_own_nonce_and_link() -> None:
    template = cast.approved_template()
    first, second = cast.ask(template), cast.ask(template)
    assert len({first.nonce, second.nonce}) == 2
    assert len(first.nonce) == 43
    assert consent_url(first) == f"http://localhost:8000/portal/requests/{first.pk}/"
    first.expires_at = timezone.now()
    assert [request_state(first), request_state(second)] == ["expired", "pending"]


def _add(jwk: Any, label: str = "key") -> RecipientKey:
    return add_recipient_key(organisation=cast.bank(), account=cast.chan(), label=label, public_jwk=jwk)


@pytest.mark.parametrize(
    "change", [{"d": "AA"}, {"crv": "P-384"}, {"x": "AA"}, {"kty": "OKP"}, {"use": "sig"}], ids=str
)
def test_only_public_p256_keys_are_registered(change: dict[str, str]) -> None:
    with pytest.raises(RecipientKeyInvalidError):
        _add({**public_jwk(generate_p256().public_key()), **change})


@pytest.mark.parametrize("label", ["", "  ", "x" * 81])
def test_a_recipient_key_has_a_name(label: str) -> None:
    with pytest.raises(RecipientKeyInvalidError):
        _add(public_jwk(generate_p256().public_key()), label)


def test_a_recipient_key_is_registered_once_even_after_revocation() -> None:
    jwk = {**public_jwk(generate_p256().public_key()), "use": "enc", "alg": "ECDH-ES+A256KW"}
    key = _add(jwk)
    assert set(key.public_jwk) == {"kty", "crv", "x", "y"}
    for _ in range(2):
        revoke_recipient_key(key=key, account=cast.chan())
    with pytest.raises(RecipientKeyInvalidError):
        _add(jwk)
    assert AuditEvent.objects.filter(action="recipient_key.revoked").count() == 1


def test_there_are_at_most_as_many_keys_as_an_envelope_holds() -> None:
    for _ in range(16):
        _add(public_jwk(generate_p256().public_key()))
    with pytest.raises(RecipientKeyInvalidError):
        _add(public_jwk(generate_p256().public_key()))

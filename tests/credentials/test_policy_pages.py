"""Policies as members of an organisation make and retire them, without any script."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from credentials.models import VerificationPolicy
from identity import personas
from tests import cast
from tests.credentials.conftest import Enter

pytestmark = pytest.mark.django_db

LIST, NEW, COUNTER = "/verifier/policies/", "/verifier/new-policy/", "/verifier/policies/counter/"
VCT = "http://localhost:8000/types/birth-certificate/1"
ENTERED: dict[str, Any] = {
    "name": "counter",
    "accepted_types": [VCT],
    "accepted_issuers": "https://one.example\n https://two.example\n",
    "require_key_binding": "on",
    "max_key_binding_age": "300",
    "max_status_age": "",
    "quorum": "",
    "undetermined": "reject",
    "retention_days": "30",
}


@pytest.fixture
def chan(enter: Enter) -> Client:
    cast.credential_type()
    cast.bank()
    return enter(personas.ensure_persona("chan"))


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def test_a_policy_is_entered_shown_revised_and_retired(chan: Client) -> None:
    assert "You have no policy yet" in text_of(chan.get(LIST))
    assert chan.post(NEW, ENTERED)["Location"] == COUNTER
    first = VerificationPolicy.objects.get()
    assert (first.version, first.retention_days) == (1, 30)
    assert first.rules == {
        "accepted_types": [VCT],
        "accepted_issuers": ["https://one.example", "https://two.example"],
        "require_key_binding": True,
        "undetermined": "reject",
    }
    revision = text_of(chan.get(f"{COUNTER}new-version/"))
    assert "https://one.example\nhttps://two.example" in revision
    assert revision.count(" checked>") == 3
    changed = {**ENTERED, "accepted_types": [], "max_status_age": "600", "retention_days": ""}
    assert chan.post(f"{COUNTER}new-version/", changed)["Location"] == COUNTER
    page = text_of(chan.get(COUNTER))
    assert page.index("Version 2") < page.index("Version 1")
    assert "max_status_age" in page
    assert chan.post(f"{COUNTER}retire").status_code == 302
    assert "No longer in use" in text_of(chan.get(LIST))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "Enter a name for the policy."),
        ({"name": "Counter"}, "Use only lower-case letters, digits and hyphens."),
        ({"name": "taken"}, "There is a policy of this name. Choose another."),
        ({"max_key_binding_age": ""}, "Enter how old the holder"),
        ({"retention_days": "9999"}, "3650"),
        ({"quorum": "nonsense"}, "There is a problem"),
        ({"accepted_types": ["https://other.example"]}, "https://other.example"),
        ({"accepted_issuers": "i" * 301}, "There is a problem"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(changes: dict[str, Any], said: str, chan: Client) -> None:
    chan.post(NEW, {**ENTERED, "name": "taken"})
    answer = chan.post(NEW, {**ENTERED, **changes})
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert VerificationPolicy.objects.count() == 1


def test_a_kind_that_is_no_longer_issued_stays_in_a_policy_that_names_it(chan: Client) -> None:
    chan.post(NEW, ENTERED)
    VerificationPolicy.objects.update(rules={"accepted_types": ["https://gone.example"]})
    answer = chan.post(f"{COUNTER}new-version/", {**ENTERED, "accepted_types": ["https://gone.example"]})
    assert answer.status_code == 302
    assert VerificationPolicy.objects.get(version=2).rules["accepted_types"] == ["https://gone.example"]


def test_an_unknown_policy_is_not_found(chan: Client) -> None:
    assert {chan.get(f"/verifier/policies/{name}/").status_code for name in ("none", "counter")} == {404}

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from identity import personas
from identity.checks import check_demo_settings, check_kyc_document_days, check_signing_keys
from identity.models import Account, Agency
from protocol.errors import NotFoundError
from tests import cast
from tests.identity.conftest import SignIn

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "PATH": "/usr/bin:/bin",
    "DEMO": "0",
    "PUBLIC_URL": "https://certificates.example",
    "SECRET_KEY": "only-for-this-test-0123456789-abcdefghijklmnopqrstuvwxyz",
    "KEY_ENCRYPTION_KEY": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    "LOOKUP_KEY": "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
    "LOG_SIGNING_SEED": "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
    "DATABASE_URL": "postgres://root@127.0.0.1:5432/chancela",
    "CELERY_BROKER_URL": "redis://127.0.0.1:6379/9",
}


def test_everyone_is_listed_and_one_click_lets_in(client: Client) -> None:
    personas.seed()
    page = client.get("/demo/").content.decode()
    assert all(persona.name in page for persona in personas.PERSONAS)
    for persona in personas.PERSONAS:
        assert client.post(f"/demo/{persona.slug}/")["Location"] == persona.home


def test_seeding_twice_changes_nothing() -> None:
    personas.seed()
    counted = Account.objects.count(), Agency.objects.count()
    personas.seed()
    assert (Account.objects.count(), Agency.objects.count()) == counted


def test_the_door_opens_by_post_for_personas_only(client: Client) -> None:
    cast.ana()
    assert client.get("/demo/ana/").status_code == 405
    assert client.post("/demo/mallory/").status_code == 404
    assert client.post("/demo/bo/").status_code == 404
    Account.objects.filter(username="ana").update(is_active=False)
    assert client.post("/demo/ana/").status_code == 404


def test_the_door_checks_the_csrf_token() -> None:
    cast.ana()
    assert Client(enforce_csrf_checks=True).post("/demo/ana/").status_code == 403


def test_nothing_of_the_session_before_is_carried_over(sign_in: SignIn) -> None:
    cast.bo()
    client = sign_in("ana")
    session = client.session
    session["secret"] = "of Ana"
    session.save()
    before = session.session_key
    client.post("/demo/bo/")
    assert client.session.session_key != before
    assert "secret" not in client.session


def test_personas_have_no_password() -> None:
    personas.seed()
    assert not any(account.has_usable_password() for account in Account.objects.all())


def test_outside_the_demonstration_there_are_no_personas(settings: Settings) -> None:
    settings.DEMO = False
    with pytest.raises(NotFoundError):
        personas.ensure_persona("ana")


def test_production_has_neither_the_door_nor_the_demo_provider() -> None:
    script = (
        "import django; django.setup()\n"
        "from django.conf import settings\n"
        "from django.urls import NoReverseMatch, reverse\n"
        "assert not any('demo' in path for path in settings.KYC_PROVIDERS)\n"
        "for name in ('demo', 'kyc_demo', 'sandbox', 'sandbox_inbox'):\n"
        "    try: reverse(name)\n"
        "    except NoReverseMatch: print('no', name)\n"
    )
    environment = {**PRODUCTION, "DJANGO_SETTINGS_MODULE": "config.settings.base"}
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert run.stdout.split("\n")[:4] == ["no demo", "no kyc_demo", "no sandbox", "no sandbox_inbox"], run.stderr


def test_dangerous_settings_are_refused(settings: Settings) -> None:
    settings.FETCH_ALLOWED_PRIVATE_HOSTS = ["localhost"]
    assert check_demo_settings() == []
    settings.DEMO = False
    assert {error.id for error in check_demo_settings()} == {"identity.E001", "identity.E002"}
    assert check_kyc_document_days() == []
    settings.KYC_DOCUMENT_DAYS = 365
    assert [error.id for error in check_kyc_document_days()] == ["identity.E003"]


def test_a_wrong_master_key_is_noticed_before_anything_is_signed(settings: Settings) -> None:
    cast.agency()
    assert check_signing_keys() == []
    settings.KEY_ENCRYPTION_KEY = bytes(range(100, 132))
    assert [error.id for error in check_signing_keys()] == ["identity.E004"]

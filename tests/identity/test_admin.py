from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client

from identity.models import Account, Organisation
from identity.organisations import approve_organisation, register_organisation
from tests import cast
from tests.identity.conftest import SignIn

pytestmark = pytest.mark.django_db


def operator(sign_in: SignIn) -> Client:
    """Ana as operator, let in through the door that counts as a second factor."""
    client = sign_in("ana")
    Account.objects.filter(pk=cast.ana().pk).update(is_staff=True, is_superuser=True)
    return client


def test_every_list_and_first_object_opens_and_shows_no_ciphertext(sign_in: SignIn) -> None:
    cast.lei()
    client = operator(sign_in)
    assert client.get("/admin/").status_code == 200
    for model in apps.get_app_config("identity").get_models():
        if not admin.site.is_registered(model):
            continue
        url = f"/admin/identity/{model._meta.model_name}/"
        assert client.get(url).status_code == 200
        first = model._default_manager.order_by("pk").first()
        if first is not None:
            page = client.get(f"{url}{first.pk}/change/")
            assert page.status_code == 200
            assert b"ciphertext" not in page.content
            assert b"wrapped" not in page.content


def test_keys_and_weids_change_by_verbs_only(sign_in: SignIn) -> None:
    lei = cast.lei()
    client = operator(sign_in)
    assert client.post(f"/admin/identity/weid/{lei.weid.pk}/change/", {"did": "did:weid:1:0x0"}).status_code == 403
    assert client.post(f"/admin/identity/weid/{lei.weid.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get("/admin/identity/signingkey/add/").status_code == 403


def test_an_operator_cannot_take_an_approval_or_an_organisation_away_unnoticed(sign_in: SignIn) -> None:
    """API keys are held as good as of a trust version, which only verbs raise."""
    shop = register_organisation(slug="shop", name={"en": "Shop"})
    approve_organisation(organisation=shop)
    client, url = operator(sign_in), "/admin/identity/organisation/"
    unapproved = {"slug": "shop", "name": '{"en": "Shop"}', "approved_at_0": "", "approved_at_1": ""}
    selected = {"action": "delete_selected", "_selected_action": shop.pk, "post": "yes"}
    assert client.post(f"{url}{shop.pk}/change/", unapproved).status_code == 200
    assert client.post(f"{url}{shop.pk}/delete/", {"post": "yes"}).status_code == 200
    assert client.post(url, selected).status_code == 200
    assert Organisation.objects.filter(pk=shop.pk, approved_at__isnull=False).exists()


def test_an_operator_without_second_factor_is_led_to_it(client: Client) -> None:
    Account.objects.filter(pk=cast.ana().pk).update(is_staff=True, is_superuser=True)
    assert client.get("/admin/")["Location"] == "/admin/login/?next=/admin/"
    assert client.get("/admin/login/?next=/admin/")["Location"] == "/accounts/login/?next=/admin/"
    client.force_login(cast.ana(), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/admin/", follow=True).redirect_chain[-1][0] == "/accounts/second-factor/"


def test_no_password_is_taken_by_the_admin_site_itself(client: Client) -> None:
    ana = cast.ana()
    ana.is_staff = ana.is_superuser = True
    ana.set_password("correct horse battery staple")
    ana.save()
    form = {"username": ana.username, "password": "correct horse battery staple"}
    assert client.post("/admin/login/", form)["Location"].startswith("/accounts/login/")
    assert "_auth_user_id" not in client.session


def test_others_are_refused(sign_in: SignIn) -> None:
    assert sign_in("ana").get("/admin/", follow=True).status_code == 403

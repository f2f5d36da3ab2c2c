from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client

from authorization.models import AuditEvent
from identity.models import Account, Accreditation, Organisation, SigningKey
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


GRANT = {"agency": "", "kind": "body", "types": '["*"]', "grantor": "", "valid_until_0": "", "valid_until_1": ""}


def test_an_operator_accredits_and_withdraws_by_the_verbs(sign_in: SignIn) -> None:
    client, agency = operator(sign_in), cast.agency()
    grant = {**GRANT, "agency": agency.pk}
    assert client.post("/admin/identity/accreditation/add/", grant).status_code == 302
    row = Accreditation.objects.get(kind="body")
    assert (row.agency, row.types, row.granted_by) == (agency, ["*"], cast.ana())
    assert SigningKey.objects.filter(agency=agency, purpose="trust").exists()
    assert client.post("/admin/identity/accreditation/add/", grant).status_code == 302
    row = Accreditation.objects.get(kind="body", withdrawn_at=None)
    chosen = {"action": "withdraw_selected", "_selected_action": row.pk}
    assert client.post("/admin/identity/accreditation/", chosen).status_code == 302
    row.refresh_from_db()
    assert row.withdrawn_at is not None
    actor = AuditEvent.objects.get(action="accreditation.withdrawn").actor
    assert actor == f"account:{cast.ana().pk}"


@pytest.mark.parametrize("types", ['"birth"', "[1]", "{}", "nonsense"])
def test_types_are_an_array_of_texts(sign_in: SignIn, types: str) -> None:
    client, agency = operator(sign_in), cast.agency()
    page = client.post("/admin/identity/accreditation/add/", {**GRANT, "agency": agency.pk, "types": types})
    assert page.status_code == 200
    assert not Accreditation.objects.filter(kind="body").exists()


def test_what_the_verb_refuses_the_operator_reads(sign_in: SignIn) -> None:
    client, agency = operator(sign_in), cast.agency()
    page = client.post("/admin/identity/accreditation/add/", {**GRANT, "agency": agency.pk, "grantor": agency.pk})
    assert page.status_code == 409
    assert not Accreditation.objects.filter(kind="body").exists()


def test_to_see_accreditations_is_not_to_decide_about_them(sign_in: SignIn) -> None:
    client = sign_in("bo")
    bo = cast.bo()
    Account.objects.filter(pk=bo.pk).update(is_staff=True)
    bo.user_permissions.add(Permission.objects.get(codename="view_accreditation"))
    row = Accreditation.objects.get(agency=cast.agency())
    assert client.get(f"/admin/identity/accreditation/{row.pk}/change/").status_code == 200
    assert client.post("/admin/identity/accreditation/add/", {**GRANT, "agency": row.agency_id}).status_code == 403
    client.post("/admin/identity/accreditation/", {"action": "withdraw_selected", "_selected_action": row.pk})
    row.refresh_from_db()
    assert row.withdrawn_at is None

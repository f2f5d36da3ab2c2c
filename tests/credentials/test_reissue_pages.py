"""The portal after a change of device, walked without a script; and what the clerks see of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from config import demo
from credentials import revocation
from credentials.models import Application, Credential
from identity import keystore, weid
from identity.models import Account, SigningKey, WeID
from tests import cast
from tests.credentials.conftest import Enter
from tests.simulators.device import Device

pytestmark = pytest.mark.django_db

RESTORE = "/portal/certificates/restore"


@pytest.fixture
def old(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


@pytest.fixture
def later(lei: cast.Citizen, old: Credential) -> cast.Citizen:
    return cast.change_device(lei)


@pytest.fixture
def portal(later: cast.Citizen, enter: Enter) -> Client:
    return enter(later.account)


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def split(page: str) -> tuple[str, str]:
    """Return what stands in the list, and what is folded away below it."""
    shown, _, folded = page.partition("<details")
    return shown, folded


def test_a_citizen_who_changed_nothing_is_told_nothing(lei: cast.Citizen, old: Credential, enter: Enter) -> None:
    page = text_of(enter(lei.account).get("/portal/"))
    assert old.number in page
    assert RESTORE not in page
    assert "earlier device" not in page
    assert "Earlier certificates" not in page


def test_the_notice_says_how_many_and_what_restoring_does(later: cast.Citizen, portal: Client) -> None:
    assert "1 certificate is bound to your earlier device" in text_of(portal.get("/portal/"))
    cast.issue_certificate(to=cast.change_device(later), slug="diploma")
    cast.change_device(later)
    page = text_of(portal.get("/portal/"))
    assert "2 certificates are bound to your earlier device" in page
    assert re.search(rf'<form method="post" action="{RESTORE}">.*Restore to this device', page)
    assert "can still be fetched until you withdraw it" in page


def test_one_press_restores_and_folds_the_earlier_ones_away(portal: Client, old: Credential) -> None:
    page = text_of(portal.post(RESTORE, follow=True))
    new = Credential.objects.get(state=Credential.State.VALID)
    shown, folded = split(page)
    assert "1 certificate was restored." in shown
    assert new.number in shown
    assert old.number not in shown
    assert old.number in folded
    assert "Revoked" in folded
    assert RESTORE not in page


def test_pressing_again_is_harmless(portal: Client) -> None:
    for _ in range(3):
        assert portal.post(RESTORE)["Location"] == "/portal/"
    assert Credential.objects.count() == 2


def test_the_wallet_collects_the_new_one_only(portal: Client) -> None:
    portal.post(RESTORE)
    collected = json.loads(text_of(portal.get("/portal/wallet/credentials")))["credentials"]
    assert [one["number"] for one in collected] == [Credential.objects.get(state="valid").number]


def test_the_earlier_one_leads_to_the_one_in_its_place(portal: Client, old: Credential) -> None:
    assert "issued again" not in text_of(portal.get(f"/portal/certificates/{old.pk}/"))
    portal.post(RESTORE)
    new = Credential.objects.get(state="valid")
    page = text_of(portal.get(f"/portal/certificates/{old.pk}/"))
    assert "It was issued again for a later device." in page
    assert f'href="/portal/certificates/{new.pk}/">{new.number}</a>' in page


def test_the_activity_tells_each_step(portal: Client) -> None:
    portal.post(RESTORE)
    page = text_of(portal.get("/portal/activity/"))
    for text in ("You restored a certificate to a new device", "A certificate of yours was revoked"):
        assert text in page


def test_without_a_device_in_use_there_is_nothing_to_restore_to(
    lei: cast.Citizen, old: Credential, enter: Enter
) -> None:
    weid.revoke_device(weid=lei.weid, person=lei.person, fragment=weid.device_keys(lei.weid)[0].fragment)
    client = enter(lei.account)
    assert RESTORE not in text_of(client.get("/portal/"))
    assert client.post(RESTORE).status_code == 302
    assert Credential.objects.get() == old


def test_what_a_clerk_revoked_stays_in_the_list(lei: cast.Citizen, old: Credential, enter: Enter) -> None:
    revocation.revoke(credential=old, actor=cast.bo(), reason="data_error")
    page = text_of(enter(lei.account).get("/portal/"))
    assert old.number in page
    assert "Revoked" in page
    assert "Earlier certificates" not in page


def test_what_cannot_be_restored_now_is_said_and_stays_in_the_notice(portal: Client, old: Credential) -> None:
    key = SigningKey.objects.get(agency=old.agency, purpose=SigningKey.Purpose.CREDENTIAL)
    keystore.disable(signing_key=key)
    page = text_of(portal.post(RESTORE, follow=True))
    assert "could not be restored just now" in page
    assert "1 certificate is bound to your earlier device" in page


def test_only_a_post_with_its_token_restores(later: cast.Citizen, portal: Client) -> None:
    assert portal.get(RESTORE).status_code == 405
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(later.account, backend="django.contrib.auth.backends.ModelBackend")
    assert guarded.post(RESTORE).status_code == 403
    assert Credential.objects.count() == 1


def test_another_citizens_press_touches_nothing_of_hers(old: Credential, later: cast.Citizen, enter: Enter) -> None:
    assert enter(cast.another_citizen().account).post(RESTORE)["Location"] == "/portal/"
    assert Credential.objects.get() == old
    assert not Application.objects.filter(replaces__isnull=False).exists()


def test_the_portal_takes_the_same_few_queries_however_much_there_is(
    lei: cast.Citizen, enter: Enter, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = enter(lei.account)
    for _ in range(2):
        for slug in ("birth-certificate", "diploma", "birth-certificate"):
            cast.issue_certificate(to=lei, slug=slug)
        lei = cast.change_device(lei)
        client.get("/portal/")
        with django_assert_num_queries(9):
            client.get("/portal/")
        client.post(RESTORE)
        client.get("/portal/")
        with django_assert_num_queries(9):
            client.get("/portal/")


def test_restoring_takes_the_same_queries_for_each(
    lei: cast.Citizen, enter: Enter, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(4):
        cast.issue_certificate(to=lei)
    later = cast.change_device(lei)
    client = enter(later.account)
    with django_assert_max_num_queries(12 + 4 * 70):
        client.post(RESTORE)
    assert Credential.objects.filter(state="valid").count() == 4


def test_clerks_find_the_way_from_the_old_to_the_new_and_back(portal: Client, old: Credential, enter: Enter) -> None:
    portal.post(RESTORE)
    new = Credential.objects.get(state="valid")
    clerk = enter(cast.bo())
    page = text_of(clerk.get(f"/clerk/credentials/{old.pk}/"))
    assert "Replaced by a newer certificate" in page
    assert f"/clerk/credentials/{new.pk}/" in page
    page = text_of(clerk.get(f"/clerk/applications/{new.application_id}/"))
    assert "Issued again for a new device" in page
    assert f"/clerk/credentials/{old.pk}/" in page
    assert "ana@" in page
    assert "bo@" in page
    revocation.suspend(credential=new, actor=cast.bo(), reason="investigation")
    assert "Replaced by" not in text_of(clerk.get(f"/clerk/credentials/{new.pk}/"))


def test_the_next_start_of_the_demonstration_presents_what_wong_restored(enter: Enter) -> None:
    first = demo.seed()
    account = Account.objects.get(email="wong@demo.chancela.example")
    cast.change_device(cast.Citizen(account, account.person, WeID.objects.get(), Device()))
    assert "1 certificate was restored." in text_of(enter(account).post(RESTORE, follow=True))
    second = demo.seed()
    assert Credential.objects.count() == 2
    assert second.number == Credential.objects.get(state="valid").number != first.number

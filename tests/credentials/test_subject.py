"""Nobody who only reads the tables learns whose WeID a certificate belongs to."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection

from credentials.models import Application
from credentials.subject import subject_hmac
from identity.errors import UnreadableError
from identity.models import Person
from tests import cast

pytestmark = pytest.mark.django_db


def test_an_application_finds_its_person_and_a_person_their_applications(lei: cast.Citizen) -> None:
    application = cast.draft_application(to=lei)
    stored = Application.objects.get(person_hmac=subject_hmac(lei.person))
    assert (stored, stored.person) == (application, lei.person)


def test_a_link_moved_to_another_application_opens_nothing(lei: cast.Citizen) -> None:
    first, second = cast.draft_application(to=lei), cast.draft_application(to=lei)
    Application.objects.filter(pk=first.pk).update(person_ciphertext=second.person_ciphertext)
    with pytest.raises(UnreadableError):
        _ = Application.objects.get(pk=first.pk).person


def test_only_account_and_proof_of_identity_point_at_a_person() -> None:
    pointing = {
        field.related_model.__name__
        for field in Person._meta.get_fields()
        if field.is_relation and field.auto_created and isinstance(field.related_model, type)
    }
    assert pointing == {"KycCase"}


def test_no_row_about_a_certificate_holds_the_persons_or_their_accounts_id(lei: cast.Citizen) -> None:
    cast.issue_certificate(to=lei)
    for model in (*apps.get_app_config("credentials").get_models(), *apps.get_app_config("authorization").get_models()):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608 our own names
            dump = repr(cursor.fetchall())
        assert str(lei.person.pk) not in dump, model
        assert lei.account.email not in dump, model

"""A verifier organisation's own key: made when it first asks, certified under its name, one active at a time."""

from __future__ import annotations

from base64 import b64decode

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from authorization.models import AuditEvent
from identity import keystore, trust
from identity.certificates import decode_certificate
from identity.errors import KeyStateError
from identity.models import Agency, SigningKey
from identity.organisations import register_organisation
from tests import cast

pytestmark = pytest.mark.django_db
REQUEST = SigningKey.Purpose.REQUEST


@pytest.fixture(autouse=True)
def authority(db: None) -> Agency:
    return cast.agency()


def test_the_key_is_made_once_and_for_one_organisation() -> None:
    first = keystore.request_signer(cast.bank())
    assert keystore.request_signer(cast.bank()).key_id == first.key_id
    other = register_organisation(slug="rival", name={"en": "Rival"})
    assert keystore.request_signer(other).key_id != first.key_id
    assert first.key_id.startswith("daiwan.request.")
    event = AuditEvent.objects.get(subject=f"signing_key:{first.key_id}")
    assert (event.action, event.organisation) == ("signing_key.created", cast.bank())


@pytest.mark.requirement("OpenID4VP 1.0 §5.9.3", "the certificate names the host of response_uri, and whose it is")
def test_the_certificate_says_whose_it_is() -> None:
    (encoded,) = keystore.request_signer(cast.bank()).x5c
    leaf = x509.load_der_x509_certificate(b64decode(encoded))
    leaf.verify_directly_issued_by(decode_certificate(trust.authority_certificates()[0]))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["http://localhost:8000/verifiers/daiwan"]
    (organisation,) = leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert organisation.value == "Daiwan Bank (demonstration)"


def test_what_a_rotated_key_signed_still_verifies_and_what_a_disabled_one_signed_does_not() -> None:
    first = keystore.request_signer(cast.bank())
    second = keystore.rotate(purpose=REQUEST, organisation=cast.bank())
    assert set(keystore.request_keys(cast.bank())) == {first.key_id, second.key_id}
    keystore.disable(signing_key=SigningKey.objects.get(key_id=first.key_id))
    assert set(keystore.request_keys(cast.bank())) == {second.key_id}
    assert keystore.request_signer(cast.bank()).key_id == second.key_id


def test_there_is_one_active_key_and_one_owner() -> None:
    keystore.request_signer(cast.bank())
    with pytest.raises(KeyStateError):
        keystore.create_key(purpose=REQUEST, organisation=cast.bank())
    with pytest.raises(IntegrityError), transaction.atomic():
        SigningKey.objects.filter(organisation=cast.bank()).update(agency=cast.agency())


def test_operators_make_and_rotate_it_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    cast.bank()
    call_command("keys", "create", "request", "--organisation", "daiwan")
    call_command("keys", "rotate", "request", "--organisation", "daiwan")
    first, second = capsys.readouterr().out.split()
    assert first != second
    assert keystore.request_signer(cast.bank()).key_id == second
    with pytest.raises(CommandError):
        call_command("keys", "create", "request", "--organisation", "nowhere")

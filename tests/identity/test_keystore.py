from __future__ import annotations

import logging
from base64 import b64decode
from datetime import timedelta

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from authorization.models import AuditEvent
from identity import keystore, trust
from identity.certificates import decode_certificate
from identity.checks import check_certificates
from identity.errors import KeyFaultError, KeyStateError, UnreadableError
from identity.models import Agency, SigningKey
from protocol.jose import sign_compact, verify_compact
from protocol.keys import generate_p256, p256_from_jwk, public_jwk
from tests import cast

pytestmark = pytest.mark.django_db
CREDENTIAL = SigningKey.Purpose.CREDENTIAL


def active_key(agency: Agency) -> SigningKey:
    return SigningKey.objects.get(agency=agency, purpose=CREDENTIAL, state="active")


def test_a_signature_verifies_with_the_published_key() -> None:
    signer = keystore.signer_for(purpose=CREDENTIAL, agency=cast.agency())
    token = sign_compact(b"{}", signer=signer, header={"typ": "test", "kid": signer.key_id, "x5c": signer.x5c})
    key = p256_from_jwk(signer.public_jwk)
    assert verify_compact(token, key=key, allowed_types=frozenset({"test"})).header["x5c"] == signer.x5c


def test_the_certificate_names_the_issuer_and_chains_to_the_authority() -> None:
    agency = cast.agency()
    signer = keystore.signer_for(purpose=CREDENTIAL, agency=agency)
    (leaf,) = (x509.load_der_x509_certificate(b64decode(item)) for item in signer.x5c)
    root = decode_certificate(trust.authority_certificates()[0])
    leaf.verify_directly_issued_by(root)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [keystore.issuer_identifier(agency)]
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    public_key = leaf.public_key()
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    assert public_jwk(public_key) == signer.public_jwk


def test_the_authority_certifies_keys_and_nothing_above_them() -> None:
    cast.agency()
    root = decode_certificate(trust.authority_certificates()[0])
    root.verify_directly_issued_by(root)
    constraints = root.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert constraints.ca
    assert constraints.path_length == 0


def test_rotation_retires_the_old_key_which_still_verifies_but_signs_no_more() -> None:
    agency = cast.agency()
    before = active_key(agency)
    version = trust.trust_version()
    after = keystore.rotate(purpose=CREDENTIAL, agency=agency)
    before.refresh_from_db()
    assert (before.state, after.state) == ("retired", "active")
    assert set(trust.agency_issuers()[keystore.issuer_identifier(agency)].keys) == {before.key_id, after.key_id}
    assert trust.trust_version() > version
    with pytest.raises(KeyStateError):
        keystore.signer_of(before)


def test_a_disabled_key_leaves_every_trust_answer() -> None:
    agency = cast.agency()
    key = active_key(agency)
    keystore.disable(signing_key=key)
    assert key.key_id not in trust.agency_issuers()[keystore.issuer_identifier(agency)].keys
    with pytest.raises(KeyStateError):
        keystore.signer_for(purpose=CREDENTIAL, agency=agency)


def test_there_is_one_active_key_per_purpose_and_one_authority() -> None:
    agency = cast.agency()
    with pytest.raises(KeyStateError):
        keystore.create_key(purpose=CREDENTIAL, agency=agency)
    with pytest.raises(KeyStateError):
        keystore.create_authority()
    assert SigningKey.objects.filter(agency=agency, purpose=CREDENTIAL).count() == 1


def test_no_key_without_an_authority() -> None:
    with pytest.raises(KeyStateError):
        keystore.create_key(purpose=SigningKey.Purpose.RECEIPT)


def test_a_wrapped_key_does_not_open_as_another_row() -> None:
    agency = cast.agency()
    key = active_key(agency)
    renamed = SigningKey(key_id="another", purpose=key.purpose, public_jwk=key.public_jwk, x5c=[])
    renamed.wrapped_private_key = key.wrapped_private_key
    with pytest.raises(UnreadableError):
        keystore.signer_of(renamed).sign(b"data")


def test_a_signature_by_the_wrong_key_is_never_released() -> None:
    key = active_key(cast.agency())
    key.public_jwk = public_jwk(generate_p256().public_key())
    with pytest.raises(KeyFaultError):
        keystore.signer_of(key).sign(b"data")


def test_nothing_shows_a_private_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    signer = keystore.signer_for(purpose=CREDENTIAL, agency=cast.agency())
    signer.sign(b"data")
    private = keystore._BACKEND.private_key(active_key(cast.agency())).private_numbers().private_value
    shown = repr(signer) + repr(keystore._BACKEND) + caplog.text
    assert f"{private:x}" not in shown
    assert str(private) not in shown
    assert private.to_bytes(32, "big") not in bytes(active_key(cast.agency()).wrapped_private_key)


def test_every_change_of_a_key_leaves_its_trace() -> None:
    agency = cast.agency()
    first = active_key(agency)
    second = keystore.rotate(purpose=CREDENTIAL, agency=agency)
    keystore.disable(signing_key=second)
    events = AuditEvent.objects.filter(action__startswith="signing_key.").order_by("sequence")
    trace = [(e.action, e.subject) for e in events if e.details["purpose"] == "credential"]
    assert trace == [
        ("signing_key.created", f"signing_key:{first.key_id}"),
        ("signing_key.created", f"signing_key:{second.key_id}"),
        ("signing_key.rotated", f"signing_key:{first.key_id}"),
        ("signing_key.disabled", f"signing_key:{second.key_id}"),
    ]
    assert {e.details["agency"] for e in events} == {"identification", ""}
    assert events.get(action="signing_key.rotated").details["successor"] == second.key_id


def test_nothing_is_signed_under_an_expired_certificate() -> None:
    agency = cast.agency()
    leaf = decode_certificate(active_key(agency).x5c[0])
    with time_machine.travel(leaf.not_valid_after_utc - timedelta(seconds=5), tick=False):
        assert keystore.signer_for(purpose=CREDENTIAL, agency=agency).sign(b"data")
    with time_machine.travel(leaf.not_valid_after_utc + timedelta(seconds=5), tick=False):
        with pytest.raises(KeyStateError, match="expired"):
            keystore.signer_for(purpose=CREDENTIAL, agency=agency)
        keystore.rotate(purpose=CREDENTIAL, agency=agency)
        assert keystore.signer_for(purpose=CREDENTIAL, agency=agency).sign(b"data")


def test_a_certificate_that_cannot_be_read_signs_nothing() -> None:
    key = active_key(cast.agency())
    key.x5c = ["bm90IGEgY2VydGlmaWNhdGU="]
    with pytest.raises(KeyStateError):
        keystore.signer_of(key)


@pytest.mark.parametrize(("days_before", "is_warned"), [(31, False), (29, True), (-1, True)])
def test_the_end_of_a_certificate_is_announced_a_month_before(days_before: int, is_warned: bool) -> None:
    key = active_key(cast.agency())
    ends_at = decode_certificate(key.x5c[0]).not_valid_after_utc
    with time_machine.travel(ends_at - timedelta(days=days_before), tick=False):
        found = check_certificates()
    assert [warning.id for warning in found] == ["identity.W001"] * is_warned
    assert all(key.key_id in warning.msg for warning in found)

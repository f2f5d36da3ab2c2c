from __future__ import annotations

import logging
from base64 import b64decode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from identity import keystore, trust
from identity.certificates import decode_certificate
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

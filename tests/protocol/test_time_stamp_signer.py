"""Whose word a time stamp takes, and for what time: chains, purposes, keys and their ends."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from protocol import cms, der, time_stamp
from protocol.errors import (
    TimeStampFormatError,
    TimeStampSignatureError,
    TimeStampSignerError,
)
from tests.protocol import time_stamp_tokens as made
from tests.protocol.time_stamp_cases import (
    DIGEST,
    ROOT,
    SIGNER,
    WEAK_KEY,
    info,
    pinned,
    text_of,
    token,
    verify,
)
from tests.protocol.time_stamp_tokens import Token
from tests.simulators.tsa import Certified, certify, certify_signer


class TestSigner:
    """Whose word counts, and for what time."""

    @pytest.mark.requirement("RFC 3161 §2.3", "the signer's certificate is for time stamping only, critically so")
    @pytest.mark.parametrize(
        "options",
        [
            {"purposes": ()},
            {"is_critical": False},
            {"purposes": (ExtendedKeyUsageOID.SERVER_AUTH,)},
            {"purposes": (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.SERVER_AUTH)},
            {"purposes": (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)},
            {"is_authority": True},
        ],
        ids=["none", "not critical", "TLS", "TLS, too", "any", "a key for certificates only"],
    )
    def test_a_certificate_for_something_else_stamps_nothing(self, options: dict[str, object]) -> None:
        signer = certify_signer(ROOT, ends=timedelta(days=3000), **options)
        with pytest.raises(TimeStampSignerError):
            verify(token(signer=signer))
        with pytest.raises(TimeStampSignerError):
            verify(token(signer=signer), anchor=signer)

    @pytest.mark.requirement("RFC 3161 §4", "a token outlives the certificate that signed it")
    def test_validity_is_judged_at_the_stated_time(self) -> None:
        past = certify_signer(ROOT, starts=timedelta(hours=-20), ends=timedelta(hours=-10))
        then = datetime.now(UTC) - timedelta(hours=15)
        assert verify(token(signer=past, content=info(time=text_of(then)))).generated_at == then.replace(microsecond=0)
        for outside in (then - timedelta(hours=6), then + timedelta(hours=6)):
            for anchor in (ROOT, past):
                with pytest.raises(TimeStampSignerError):
                    verify(token(signer=past, content=info(time=text_of(outside))), anchor=anchor)

    def test_the_whole_chain_must_have_been_valid_then(self) -> None:
        old_root = certify("Root", is_authority=True, ends=timedelta(days=30))
        with pytest.raises(TimeStampSignerError):
            verify(token(signer=certify_signer(old_root, ends=timedelta(days=3000))), anchor=old_root)

    def test_other_anchors_are_refused(self) -> None:
        other = certify("Root", is_authority=True, ends=timedelta(days=3650))
        with pytest.raises(TimeStampSignerError):
            verify(token(), anchor=other)
        for pin in (b"", bytes(32), bytes.fromhex(ROOT.pin)[:31]):
            with pytest.raises(TimeStampSignerError):
                time_stamp.verify(token(), DIGEST, anchor=pin, certificates=[ROOT.der])
        with pytest.raises(TimeStampSignerError):
            time_stamp.verify(token(), DIGEST, anchor=bytes.fromhex(ROOT.pin))

    @pytest.mark.requirement("RFC 5280 §6.1", "only authorities certify, within their path length")
    @pytest.mark.parametrize(
        "options",
        [
            {"is_authority": False},
            {"extra": [(x509.InhibitAnyPolicy(0), True)]},
            {"extra": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]},
            {"extra": [(x509.NameConstraints([x509.DNSName("a.example")], None), True)]},
            {"signs_certificates": False},
        ],
        ids=["not an authority", "a policy", "an unknown extension", "names", "a key for other signatures"],
    )
    def test_a_chain_through_somebody_else_leads_nowhere(self, options: dict[str, object]) -> None:
        ends = timedelta(days=3000)
        middle = certify("Middle", ROOT, **{"is_authority": True, "ends": ends, **options})  # type: ignore[arg-type]
        signed = token(signer=certify_signer(middle, ends=ends))
        with pytest.raises(TimeStampSignerError):
            verify(signed, middle.der, ROOT.der)

    def test_a_path_longer_than_allowed_leads_nowhere(self) -> None:
        ends = timedelta(days=3000)
        short = certify("Short", is_authority=True, path_length=0, ends=ends)
        middle = certify("Middle", short, is_authority=True, ends=ends)
        with pytest.raises(TimeStampSignerError):
            verify(token(signer=certify_signer(middle, ends=ends)), middle.der, short.der, anchor=short)
        assert verify(token(signer=certify_signer(short, ends=ends)), anchor=short).digest == DIGEST

    def test_a_serial_number_below_one_is_refused(self) -> None:
        number = SIGNER.certificate.serial_number
        encoded = der.write_integer(number)
        negative = encoded[:2] + bytes([encoded[2] | 0x80]) + encoded[3:]
        mutant = SIGNER.der.replace(encoded, negative, 1)
        sid = made.sequence(SIGNER.certificate.issuer.public_bytes(), negative)
        attributes = [*Token(SIGNER, info()).standard_attributes()[:2], made.named_by_sha256(mutant)]
        signed = token(certificates=(mutant,), sid=sid, attributes=attributes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(TimeStampFormatError):
                verify(signed, mutant, anchor=pinned(mutant))

    def test_a_key_of_another_kind_is_refused(self) -> None:
        key = ed25519.Ed25519PrivateKey.generate()
        signer = certify_signer(ROOT, key=key, ends=timedelta(days=3000))
        borrowed = Certified(SIGNER.key, signer.certificate)
        with pytest.raises(TimeStampSignatureError):
            verify(token(signer=borrowed))

    @pytest.mark.parametrize("is_pinned", [True, False])
    def test_a_weak_key_is_refused(self, is_pinned: bool) -> None:
        signer = certify_signer(ROOT, key=WEAK_KEY, ends=timedelta(days=3000))
        with pytest.raises(TimeStampSignerError):
            verify(token(signer=signer), anchor=signer if is_pinned else ROOT)

    def test_a_weak_key_above_is_refused(self) -> None:
        ends = timedelta(days=3000)
        weak = certify("Weak", is_authority=True, key=WEAK_KEY, ends=ends)
        with pytest.raises(TimeStampSignerError):
            verify(token(signer=certify_signer(weak, ends=ends)), anchor=weak)

    def test_an_untrusted_supply_is_bounded(self) -> None:
        with pytest.raises(TimeStampFormatError):
            time_stamp.verify(token(), DIGEST, anchor=bytes(32), certificates=[ROOT.der] * (cms.MAX_CERTIFICATES + 1))
        with pytest.raises(TimeStampFormatError):
            verify(made.sequence(bytes(time_stamp.MAX_RESPONSE_BYTES)))

"""RFC 3161 tokens: OpenSSL's verify here and there, and nothing that an attacker changes, omits or adds is believed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import rfc3161_client
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from protocol import der, time_stamp
from protocol.errors import (
    DerError,
    ProtocolError,
    TimeStampError,
    TimeStampFormatError,
    TimeStampImprintError,
    TimeStampRefusedError,
    TimeStampSignatureError,
    TimeStampSignerError,
)
from protocol.time_stamp import TimeStampRequest
from tests.protocol import time_stamp_tokens as made
from tests.protocol.time_stamp_cases import (
    DATA,
    DIGEST,
    MOMENT,
    NONCE,
    ROOT,
    SIGNER,
    info,
    pinned,
    token,
    verify,
)
from tests.protocol.time_stamp_tokens import Token
from tests.simulators import tsa
from tests.simulators.tsa import Authority, Certified, certify, certify_signer


def stamped(authority: Authority, request: TimeStampRequest | None = None) -> bytes:
    asked = time_stamp.write_request(request or TimeStampRequest(DIGEST, NONCE))
    return time_stamp.read_response(authority.reply(asked))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "serial").write_text("0A\n")
    return Authority(tmp_path, certify_signer(ROOT))


class TestRequests:
    """What goes to an authority."""

    @pytest.mark.parametrize("policy", [None, tsa.POLICY])
    def test_others_read_them_as_meant(self, policy: str | None, tmp_path: Path) -> None:
        asked = time_stamp.write_request(TimeStampRequest(DIGEST, NONCE, policy))
        (tmp_path / "request").write_bytes(asked)
        text = tsa.openssl("ts", "-query", "-in", "request", "-text", folder=tmp_path)
        assert "Hash Algorithm: sha256" in text
        assert f"Nonce: 0x{NONCE:X}" in text
        assert "Certificate required: yes" in text
        assert f"Policy OID: {policy or 'unspecified'}" in text
        assert time_stamp.read_request(asked) == TimeStampRequest(DIGEST, NONCE, policy)

    def test_those_of_others_are_read(self) -> None:
        builder = rfc3161_client.TimestampRequestBuilder().data(DATA)
        request = builder.hash_algorithm(rfc3161_client.HashAlgorithm.SHA256).build()
        assert time_stamp.read_request(request.as_bytes()) == TimeStampRequest(DIGEST, request.nonce or 0)

    def test_a_policy_that_is_none_is_refused(self) -> None:
        with pytest.raises(DerError):
            time_stamp.write_request(TimeStampRequest(DIGEST, NONCE, "policy"))

    def test_other_requests_are_refused(self) -> None:
        asked = time_stamp.write_request(TimeStampRequest(DIGEST, NONCE))
        certificate = der.write_true()
        for other in (b"", asked[:-1], asked + b"\0", made.sequence(), made.sequence(*_parts(asked)[:-1])):
            with pytest.raises(ProtocolError):
                time_stamp.read_request(other)
        with pytest.raises(ProtocolError):
            time_stamp.read_request(made.sequence(der.write_integer(2), *_parts(asked)[1:]))
        with pytest.raises(ProtocolError):
            time_stamp.read_request(made.sequence(*_parts(asked), certificate))


class TestResponses:
    """What an authority answers."""

    @pytest.mark.requirement("RFC 3161 §2.4.2", "only a granted status carries a token; a refusal says why")
    def test_a_refusal_of_openssl_says_why(self, authority: Authority) -> None:
        with pytest.raises(TimeStampRefusedError) as refused:
            stamped(authority, TimeStampRequest(DIGEST, NONCE, "1.3.6.1.4.1.32473.99"))
        assert refused.value.failure == "unacceptedPolicy"

    @pytest.mark.parametrize(
        ("status", "bits", "failure"),
        [
            (2, "07 80", "badAlg"),
            (2, "05 20", "badRequest"),
            (2, "02 04", "badDataFormat"),
            (2, "01 0002", "timeNotAvailable"),
            (2, "06 00000040", "systemFailure"),
            (2, "06 80000040", "badAlg systemFailure"),
            (2, "00 0000000080", ""),
            (3, "", ""),
            (1, "", ""),
            (5, "", ""),
        ],
    )
    def test_everything_but_granted_is_a_refusal(self, status: int, bits: str, failure: str) -> None:
        words = made.sequence(der.write(0x0C, b"no"))
        flags = der.write(der.BIT_STRING, bytes.fromhex(bits)) if bits else b""
        answer = made.sequence(made.sequence(der.write_integer(status), words, flags), token())
        with pytest.raises(TimeStampRefusedError) as refused:
            time_stamp.read_response(answer)
        assert refused.value.failure == failure

    @pytest.mark.parametrize("bits", [3, 8, 20_000])
    def test_a_status_that_there_is_not_is_no_answer(self, bits: int) -> None:
        with pytest.raises(TimeStampFormatError):
            time_stamp.read_response(made.sequence(made.sequence(der.write_integer(1 << bits))))

    @given(st.binary(max_size=60))
    def test_anything_else_is_no_response(self, data: bytes) -> None:
        with pytest.raises(ProtocolError):
            time_stamp.read_response(data)

    def test_a_grant_without_a_token_or_out_of_bounds_is_no_response(self) -> None:
        granted = made.sequence(der.write_integer(0))
        whole = token()
        assert time_stamp.read_response(made.sequence(granted, whole)) == whole
        for answer in (
            made.sequence(granted),
            made.sequence(granted, whole, whole),
            made.sequence(granted, made.sequence(bytes(time_stamp.MAX_RESPONSE_BYTES))),
        ):
            with pytest.raises(ProtocolError):
                time_stamp.read_response(answer)


class TestOracles:
    """OpenSSL's tokens, judged by OpenSSL, by another library, and by us."""

    @pytest.mark.requirement("RFC 3161 §2.4.2", "imprint, nonce, policy, serial number and time of a token")
    def test_all_three_agree(self, authority: Authority, tmp_path: Path) -> None:
        asked_at = datetime.now(UTC)
        answer = authority.reply(time_stamp.write_request(TimeStampRequest(DIGEST, NONCE, tsa.OTHER_POLICY)))
        found = time_stamp.read_response(answer)
        stamp = verify(found)
        assert (stamp.digest, stamp.nonce, stamp.policy) == (DIGEST, NONCE, tsa.OTHER_POLICY)
        assert stamp.serial_number == 0x0B
        assert asked_at.replace(microsecond=0) <= stamp.generated_at <= datetime.now(UTC)
        assert tsa.judged_by_openssl(found, DATA, ROOT.pem, tmp_path)
        assert not tsa.judged_by_openssl(found, DATA + b"x", ROOT.pem, tmp_path)
        theirs = rfc3161_client.decode_timestamp_response(answer)
        verifier = rfc3161_client.VerifierBuilder(nonce=NONCE).add_root_certificate(ROOT.certificate).build()
        assert verifier.verify_message(theirs, DATA)
        assert theirs.tst_info.gen_time == stamp.generated_at.replace(microsecond=0)

    @pytest.mark.requirement("RFC 5816 §2.2.1", "the signer is named by either generation of the attribute")
    @pytest.mark.parametrize("hash_name", ["sha1", "sha256", "sha512"])
    def test_each_hash_that_names_the_signer_is_understood(self, authority: Authority, hash_name: str) -> None:
        authority.hash = hash_name
        assert verify(stamped(authority)).digest == DIGEST

    def test_accuracy_and_fractions_of_seconds_are_understood(self, authority: Authority) -> None:
        authority.accuracy, authority.precision = "secs:1, millisecs:500, microsecs:100", 6
        assert any(verify(stamped(authority)).generated_at.microsecond for _ in range(2))

    def test_rsa_is_understood(self, authority: Authority, tmp_path: Path) -> None:
        key = rsa.generate_private_key(65537, 2048)
        authority.signer = certify_signer(ROOT, key=key)
        found = stamped(authority)
        assert verify(found).digest == DIGEST
        assert tsa.judged_by_openssl(found, DATA, ROOT.pem, tmp_path)

    @pytest.mark.requirement("RFC 5280 §6", "certificates between the signer and the pinned one are found and checked")
    def test_intermediate_certificates_lead_to_the_root(self, authority: Authority) -> None:
        middle = certify("Middle", ROOT, is_authority=True, purposes=tsa.TIME_STAMPING)
        authority.signer = certify_signer(middle)
        found = stamped(authority)
        assert verify(found, middle.der, ROOT.der).digest == DIGEST
        assert verify(found, middle.der, anchor=middle).digest == DIGEST
        with pytest.raises(TimeStampSignerError):
            verify(found)

    def test_the_signer_itself_may_be_pinned(self, authority: Authority) -> None:
        assert verify(stamped(authority), anchor=authority.signer).digest == DIGEST

    def test_what_we_make_others_accept(self, tmp_path: Path) -> None:
        assert verify(token()).generated_at == MOMENT
        assert tsa.judged_by_openssl(token(), DATA, ROOT.pem, tmp_path, at=MOMENT)


class TestMutation:
    """Every byte of a token is covered by something."""

    def test_no_changed_byte_is_accepted(self, authority: Authority) -> None:
        found = stamped(authority)
        verify(found)
        for at in range(len(found)):
            for bits in (0x01, 0x20, 0x80, 0xFF):
                with pytest.raises(TimeStampError):
                    verify(found[:at] + bytes([found[at] ^ bits]) + found[at + 1 :])

    def test_no_part_is_accepted(self) -> None:
        whole = token()
        for end in range(len(whole)):
            with pytest.raises(TimeStampError):
                verify(whole[:end])
        with pytest.raises(TimeStampError):
            verify(whole + b"\0")

    @given(st.integers(0, 2000), st.integers(0, 2000), st.binary(max_size=8))
    def test_no_splice_is_accepted_for_something_else(self, start: int, end: int, inserted: bytes) -> None:
        whole = token()
        mutant = whole[:start] + inserted + whole[end:]
        try:
            stamp = verify(mutant)
        except TimeStampError:
            return
        assert stamp == verify(whole)

    def test_a_certificate_in_place_of_another_is_never_an_exception(self) -> None:
        encoded = SIGNER.der
        for at in range(len(encoded)):
            mutant = encoded[:at] + bytes([encoded[at] ^ 0xFF]) + encoded[at + 1 :]
            for attributes in ([made.named_by_sha256(mutant)], None):
                with pytest.raises(TimeStampError):
                    verify(token(certificates=(mutant,), attributes=attributes))
            with pytest.raises(TimeStampError):
                verify(token(), anchor=pinned(mutant))


def _edit(**changes: object) -> Callable[[], bytes]:
    return lambda: token(content=info(**changes))


def _with_attributes(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[], bytes]:
    return lambda: token(attributes=change(Token(SIGNER, info()).standard_attributes()))


HOSTILE_INFO: dict[str, Callable[[], bytes]] = {
    "version 2": _edit(version=2),
    "imprint by SHA-512": _edit(hash=made.algorithm(made.SHA512), digest=bytes(64)),
    "SHA-512 in name only": _edit(hash=made.algorithm(made.SHA512)),
    "a short imprint": _edit(digest=DIGEST[:31]),
    "another digest": _edit(digest=bytes(32)),
    "parameters of the hash": _edit(hash=made.algorithm(made.SHA256, b"\x05\x01\x00")),
    "no seconds": _edit(time=b"203001020304Z"),
    "local time": _edit(time=b"20300102030405"),
    "an offset": _edit(time=b"20300102030405+0100"),
    "a fraction that ends in zero": _edit(time=b"20300102030405.10Z"),
    "an empty fraction": _edit(time=b"20300102030405.Z"),
    "the thirteenth month": _edit(time=b"20301302030405Z"),
    "second sixty": _edit(time=b"20300102030460Z"),
    "year zero": _edit(time=b"00000102030405Z"),
    "digits of another script": _edit(time="٢٠٣٠٠١٠٢٠٣٠٤٠٥Z".encode()),
    "a critical extension": _edit(
        tail=der.write(der.context(1), made.sequence(der.write_oid("1.2.3"), der.write_true(), made.octets(b"")))
    ),
    "a field too many": _edit(tail=made.octets(b"")),
    "a negative length of everything": _edit(policy=b"\x06\x84\xff\xff\xff\xff"),
    "empty content": lambda: token(content=b""),
}

HOSTILE_SIGNED_DATA: dict[str, Callable[[], bytes]] = {
    "another content type": lambda: token(content_type="1.2.840.113549.1.7.1"),
    "version 1": lambda: token(version=1),
    "two signers": lambda: token(signers=2),
    "no signer": lambda: token(signers=0),
    "no certificate": lambda: token(certificates=()),
    "too many certificates": lambda: token(certificates=(SIGNER.der,) * 17),
    "something else than a certificate": lambda: token(certificates=(made.sequence(),)),
    "no digest algorithm": lambda: token(digests=der.write(der.SET)),
    "another digest algorithm": lambda: token(digests=der.write(der.SET, made.algorithm(made.SHA512))),
    "issuer and serial number of another": lambda: token(sid=made.issued_by(SIGNER, 1)),
    "issuer of another": lambda: token(sid=made.issued_by(certify("X"), SIGNER.certificate.serial_number)),
    "a key identifier": lambda: token(sid=der.write(der.context(0, is_constructed=False), bytes(20))),
    "no signed attributes": lambda: token(attributes=[]),
    "signature of nothing": lambda: token(signature=b""),
    "zeros as signature": lambda: token(signature=bytes.fromhex("3006020100020100")),
    "another algorithm": lambda: token(signature_algorithm=made.algorithm(made.RSA)),
    "an unknown algorithm": lambda: token(signature_algorithm=made.algorithm("1.3.101.112", b"")),
    "something after the signature": lambda: token(after=made.octets(b"")),
}

HOSTILE_ATTRIBUTES: dict[str, Callable[[], bytes]] = {
    "no content type": _with_attributes(lambda all_: all_[1:]),
    "no message digest": _with_attributes(lambda all_: [all_[0], all_[2]]),
    "no name of the signer": _with_attributes(lambda all_: all_[:2]),
    "one twice": _with_attributes(lambda all_: [*all_, all_[1]]),
    "two values": _with_attributes(
        lambda all_: [made.attribute(made.CONTENT_TYPE, *[der.write_oid(made.TST_INFO)] * 2), *all_[1:]]
    ),
    "no value": _with_attributes(lambda all_: [made.attribute(made.CONTENT_TYPE), *all_[1:]]),
    "another content type": _with_attributes(
        lambda all_: [made.attribute(made.CONTENT_TYPE, der.write_oid("1.2.840.113549.1.7.1")), *all_[1:]]
    ),
    "digest of other content": _with_attributes(
        lambda all_: [all_[0], made.attribute(made.MESSAGE_DIGEST, made.octets(bytes(32))), all_[2]]
    ),
    "name of another signer": _with_attributes(lambda all_: [*all_[:2], made.named_by_sha256(ROOT.der)]),
    "names of nobody": _with_attributes(
        lambda all_: [*all_[:2], made.attribute(made.SIGNING_CERTIFICATE_V2, made.sequence(made.sequence()))]
    ),
    "the older name right, the newer wrong": _with_attributes(
        lambda all_: [*all_[:2], made.named_by_sha1(SIGNER.der), made.named_by_sha256(ROOT.der)]
    ),
}


@pytest.mark.requirement("RFC 3161 §2.4.2", "tokens of another form, imprint or signature are refused")
@pytest.mark.parametrize(
    "make",
    [*HOSTILE_INFO.values(), *HOSTILE_SIGNED_DATA.values(), *HOSTILE_ATTRIBUTES.values()],
    ids=[*HOSTILE_INFO, *HOSTILE_SIGNED_DATA, *HOSTILE_ATTRIBUTES],
)
def test_a_hostile_token_is_refused(make: Callable[[], bytes]) -> None:
    with pytest.raises(TimeStampError):
        verify(make())


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (HOSTILE_INFO["another digest"], TimeStampImprintError),
        (HOSTILE_INFO["version 2"], TimeStampFormatError),
        (HOSTILE_SIGNED_DATA["no certificate"], TimeStampSignerError),
        (HOSTILE_SIGNED_DATA["zeros as signature"], TimeStampSignatureError),
        (HOSTILE_ATTRIBUTES["digest of other content"], TimeStampSignatureError),
        (HOSTILE_ATTRIBUTES["name of another signer"], TimeStampSignerError),
    ],
)
def test_each_refusal_names_its_rule(make: Callable[[], bytes], error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        verify(make())


@pytest.mark.parametrize(
    "tail",
    [
        b"",
        made.sequence(der.write_integer(1)) + der.write_true() + der.write_integer(9),
        der.write(der.context(0), der.write(der.context(4), made.sequence())),
        der.write(der.context(1), made.sequence(der.write_oid("0.4.0.19422.1.1"), made.octets(b""))),
    ],
    ids=["nothing", "accuracy, ordering, nonce", "the authority's name", "an extension that is not critical"],
)
def test_what_the_standard_allows_is_accepted(tail: bytes) -> None:
    assert verify(token(content=info(tail=tail))).generated_at == MOMENT


def test_what_is_unsigned_changes_nothing() -> None:
    plain = verify(token())
    extra = [ROOT.der, certify("Somebody").der, der.write(der.context(1), b"")]
    assert verify(token(certificates=(*extra, SIGNER.der))) == plain
    assert verify(token(after=der.write(der.context(1), made.attribute("1.2.3", made.NULL)))) == plain
    assert verify(token(lists=der.write(der.context(1), made.sequence()))) == plain


def test_older_and_newer_names_of_the_signer_may_stand_together() -> None:
    attributes = Token(SIGNER, info()).standard_attributes()
    assert verify(token(attributes=[*attributes, made.named_by_sha1(SIGNER.der)])).digest == DIGEST
    assert verify(token(attributes=[*attributes[:2], made.named_by_sha1(SIGNER.der)])).digest == DIGEST


def test_an_attackers_certificate_with_the_signers_name_and_number_is_not_it() -> None:
    twin = Certified(SIGNER.key, SIGNER.certificate)
    forged = certify_signer(certify("Root", is_authority=True))
    for certificates in ((forged.der, SIGNER.der), (SIGNER.der, forged.der)):
        assert verify(token(signer=twin, certificates=certificates)).digest == DIGEST
        with pytest.raises(TimeStampSignerError):
            verify(token(signer=forged, certificates=certificates))


def _parts(encoded: bytes) -> list[bytes]:
    return [each.encoding for each in der.elements(der.read(encoded, der.SEQUENCE).content)]

"""A time stamping authority: ``openssl ts`` behind HTTP, under a certificate authority made for the test.

Every token is OpenSSL's own. What an authority can get wrong is arranged around it: the certificates it has, the request
it is shown, the answer that leaves.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocol.keys import generate_p256
from protocol.time_stamp import RESPONSE_TYPE
from tests.simulators.web import Answer, Web, serve

POLICY = "1.3.6.1.4.1.32473.1"
OTHER_POLICY = "1.3.6.1.4.1.32473.2"
TIME_STAMPING = (ExtendedKeyUsageOID.TIME_STAMPING,)

Key = EllipticCurvePrivateKey | rsa.RSAPrivateKey

_CONFIGURATION = """
[tsa]
default_tsa = authority
[authority]
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = {policy}
other_policies = {other_policy}
digests = sha256, sha512
accuracy = {accuracy}
clock_precision_digits = {precision}
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = {hash}
"""


@dataclass(frozen=True)
class Certified:
    """A key and the certificate over it."""

    key: Key
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def pin(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write key and certificate as PEM files; return their paths."""
        key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        certificate.write_bytes(self.pem)
        return key, certificate


def certify(
    name: str,
    issuer: Certified | None = None,
    *,
    is_authority: bool = False,
    signs_certificates: bool = True,
    purposes: Sequence[x509.ObjectIdentifier] = (),
    is_critical: bool = True,
    starts: timedelta = timedelta(days=-1),
    ends: timedelta = timedelta(days=365),
    path_length: int | None = None,
    key: Key | None = None,
    extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> Certified:
    """Make a key and its certificate, signed by *issuer* or by itself; *starts* and *ends* count from now."""
    key, now = key or generate_p256(), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(_name(name)).public_key(key.public_key())
    builder = builder.issuer_name(issuer.certificate.subject if issuer else _name(name))
    builder = (
        builder.serial_number(x509.random_serial_number()).not_valid_before(now + starts).not_valid_after(now + ends)
    )
    builder = builder.add_extension(x509.BasicConstraints(is_authority, path_length), critical=True)
    builder = builder.add_extension(_usage(is_authority=is_authority and signs_certificates), critical=True)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=is_critical)
    for extension, is_extra_critical in extra:
        builder = builder.add_extension(extension, critical=is_extra_critical)
    return Certified(key, builder.sign(issuer.key if issuer else key, hashes.SHA256()))


def certify_signer(issuer: Certified, **options: object) -> Certified:
    """Make a time stamping authority's certificate as RFC 3161 §2.3 asks for it, unless *options* say otherwise."""
    return certify("Time Stamping Unit", issuer, **{"purposes": TIME_STAMPING, **options})  # type: ignore[arg-type]


@dataclass
class Authority:
    """Signs as OpenSSL does; *show* may change what it is shown, *answer* what it answers."""

    folder: Path
    signer: Certified
    hash: str = "sha256"
    accuracy: str = "secs:1"
    precision: int = 0
    show: Callable[[bytes], bytes] | None = None
    answer: Callable[[bytes], Answer] | None = None
    delay: float = 0.0
    requests: list[bytes] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def reply(self, request: bytes) -> bytes:
        """Return the TimeStampResp for *request*; one that is refused has a status and no token."""
        with self.lock:
            key, certificate = self.signer.write(self.folder, "signer")
            configuration = _CONFIGURATION.format(
                folder=self.folder,
                policy=POLICY,
                other_policy=OTHER_POLICY,
                accuracy=self.accuracy,
                precision=self.precision,
                hash=self.hash,
            )
            (self.folder / "tsa.cnf").write_text(configuration)
            (self.folder / "request").write_bytes(self.show(request) if self.show else request)
            options = ["-config", "tsa.cnf", "-queryfile", "request", "-inkey", key, "-signer", certificate]
            openssl("ts", "-reply", *options, "-out", "response", folder=self.folder)
            return (self.folder / "response").read_bytes()

    def handle(self, web: Web) -> Answer:
        request = web.bodies.pop("/", b"")
        if not request:
            return Answer(status=405)
        self.requests.append(request)
        time.sleep(self.delay)
        response = self.reply(request)
        return self.answer(response) if self.answer else Answer(response, headers={"Content-Type": RESPONSE_TYPE})


@contextmanager
def serving(authority: Authority) -> Iterator[str]:
    """Run the authority; give its address."""
    with serve() as web:
        web.answers["/"] = lambda: authority.handle(web)
        yield f"{web.origin}/"


def judged_by_openssl(token: bytes, data: bytes, root: bytes, folder: Path, *, at: datetime | None = None) -> bool:
    """Whether OpenSSL finds that *token* stamps *data* under the certificate *root* (PEM)."""
    for name, content in (("token", token), ("data", data), ("root.pem", root)):
        (folder / name).write_bytes(content)
    moment = ["-attime", str(int(at.timestamp()))] if at else []
    command = ["-verify", "-data", "data", "-in", "token", "-token_in", "-CAfile", "root.pem", *moment]
    return "Verification: OK" in openssl("ts", *command, folder=folder, is_checked=False)


def openssl(*arguments: object, folder: Path, is_checked: bool = True) -> str:
    """Run OpenSSL in *folder*; return what it printed."""
    command = ["openssl", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=is_checked, timeout=30)
    return done.stdout + done.stderr


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    signs = {"digital_signature": not is_authority, "content_commitment": False}
    certifies = {"key_cert_sign": is_authority, "crl_sign": is_authority}
    unused = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    return x509.KeyUsage(**signs, **certifies, **unused)

"""Ledgers made from options as an operator gives them, each with the simulator that it talks to running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from anchoring.backends.rekor import RekorLedger
from anchoring.backends.timestamp import TimestampLedger
from anchoring.backends.witness import WitnessLedger
from anchoring.ledger import Ledger
from anchoring.log_key import log_key
from protocol.keys import generate_p256
from tests.anchoring.evm.chains import PromptLedger, deployed, funded_key
from tests.simulators import rekor, tsa
from tests.simulators.anvil import Anvil
from tests.simulators.witness import serve_witness

Make = Callable[[], Ledger]


@contextmanager
def timestamp(folder: Path) -> Iterator[Make]:
    root = tsa.certify("Root", is_authority=True)
    authority = new_authority(folder, root)
    with tsa.serving(authority) as url:
        yield lambda: TimestampLedger.from_options("stamp", timestamp_options(url, root, folder))


@contextmanager
def remote_log(folder: Path) -> Iterator[Make]:
    log = rekor.RemoteLog()
    log.add_others(3)
    options = rekor_options("", log, folder)
    with rekor.serving(log) as url:
        yield lambda: RekorLedger.from_options("public", {**options, "url": url})


@contextmanager
def witness(_: Path) -> Iterator[Make]:
    with serve_witness("guangdong.example/witness", log_key()) as running:
        yield lambda: WitnessLedger.from_options("guangdong", {"url": running.url, "vkey": running.vkey})


@contextmanager
def contract(folder: Path) -> Iterator[Make]:
    with Anvil() as chain:
        options = deployed(chain, funded_key(chain, folder / "submitter.key"))
        yield lambda: PromptLedger.from_options("contract", options)


def new_authority(folder: Path, root: tsa.Certified) -> tsa.Authority:
    (folder / "serial").write_text("01\n")
    return tsa.Authority(folder, tsa.certify_signer(root))


def timestamp_options(url: str, pinned: tsa.Certified, folder: Path, *others: tsa.Certified) -> dict[str, str]:
    """Options that pin a certificate; its file holds *others* as well."""
    path = folder / "anchors.pem"
    path.write_bytes(b"".join(each.pem for each in (pinned, *others)))
    return {"url": url, "certificate": pinned.pin, "certificate_file": str(path)}


def rekor_options(url: str, log: rekor.RemoteLog, folder: Path) -> dict[str, str]:
    """Options that pin *log*, with a new key for our signatures."""
    path = folder / "rekor.key"
    path.write_bytes(generate_p256().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return {"url": url, "vkey": log.key.vkey, "key_file": str(path)}

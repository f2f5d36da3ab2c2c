"""What an operator may write about a time stamping authority, and what is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from anchoring.backends.timestamp import TimestampLedger
from anchoring.errors import (
    LedgerMisconfiguredError,
)
from anchoring.ledger import Intent, PublishedCheckpoint, Trust
from anchoring.log_key import log_key, log_signer
from protocol.checkpoint import Checkpoint, sign
from tests.anchoring.ledgers_at_work import new_authority, timestamp_options
from tests.protocol.trees import MemoryTree
from tests.simulators import tsa

pytestmark = pytest.mark.django_db

ROOT = tsa.certify("Root", is_authority=True)
CHECKPOINT = Checkpoint(log_key().name, 5, MemoryTree(5).root)
HEAD = PublishedCheckpoint(CHECKPOINT, sign(CHECKPOINT, log_signer()))


@pytest.fixture
def authority(tmp_path: Path) -> tsa.Authority:
    return new_authority(tmp_path, ROOT)


@pytest.fixture
def url(authority: tsa.Authority) -> Iterator[str]:
    with tsa.serving(authority) as address:
        yield address


@pytest.fixture
def options(url: str, tmp_path: Path) -> dict[str, str]:
    return timestamp_options(url, ROOT, tmp_path)


@pytest.fixture
def ledger(options: dict[str, str]) -> TimestampLedger:
    return TimestampLedger.from_options("stamp", options)


def submit(ledger: TimestampLedger, head: PublishedCheckpoint = HEAD) -> Intent:
    intent = ledger.prepare(head, None)
    ledger.submit(intent)
    return intent


def pins(certificate: str = ROOT.pin, **others: str) -> Trust:
    return Trust((log_key(),), {"certificate": certificate, **others})


class TestOptions:
    @pytest.mark.parametrize(
        "change",
        [
            {"url": ""},
            {"url": "ftp://localhost/"},
            {"certificate": ""},
            {"certificate": "00" * 32},
            {"certificate_file": ""},
            {"certificate_file": "/does/not/exist.pem"},
            {"certificate_file": "anchors.pem"},
            {"policy_oid": "policy"},
            {"tolerance_seconds": "-1"},
            {"tolerance_seconds": "soon"},
            {"tolerance_seconds": "1" * 6},
            {"tolerance_second": "1"},
        ],
    )
    def test_wrong_ones_are_refused(self, options: dict[str, str], change: dict[str, str]) -> None:
        with pytest.raises(LedgerMisconfiguredError):
            TimestampLedger.from_options("stamp", {**options, **change})

    @pytest.mark.parametrize("content", [b"", b"not a certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
    def test_a_file_without_certificates_is_refused(
        self, options: dict[str, str], tmp_path: Path, content: bytes
    ) -> None:
        (tmp_path / "anchors.pem").write_bytes(content)
        with pytest.raises(LedgerMisconfiguredError):
            TimestampLedger.from_options("stamp", options)

    def test_a_pin_as_tools_print_it_is_accepted(self, options: dict[str, Any]) -> None:
        pin = ":".join(ROOT.pin[at : at + 2] for at in range(0, 64, 2)).upper()
        ledger = TimestampLedger.from_options("stamp", {**options, "certificate": pin, "tolerance_seconds": "5"})
        assert ledger.identity().pins == {"certificate": ROOT.pin}
        assert ledger.tolerance == timedelta(seconds=5)

    def test_intermediate_certificates_go_into_the_evidence(
        self, url: str, authority: tsa.Authority, tmp_path: Path
    ) -> None:
        middle = tsa.certify("Middle", ROOT, is_authority=True, purposes=tsa.TIME_STAMPING)
        authority.signer = tsa.certify_signer(middle)
        ledger = TimestampLedger.from_options("stamp", timestamp_options(url, ROOT, tmp_path, middle))
        submit(ledger)
        assert TimestampLedger.verify(ledger.export(CHECKPOINT), CHECKPOINT, pins()).is_valid

    def test_the_signer_itself_may_be_pinned(self, url: str, authority: tsa.Authority, tmp_path: Path) -> None:
        ledger = TimestampLedger.from_options("stamp", timestamp_options(url, authority.signer, tmp_path))
        submit(ledger)
        assert TimestampLedger.verify(ledger.export(CHECKPOINT), CHECKPOINT, pins(authority.signer.pin)).is_valid
        assert not TimestampLedger.verify(ledger.export(CHECKPOINT), CHECKPOINT, pins()).is_valid

from __future__ import annotations

import os
from pathlib import Path

import pytest
from coincurve import PrivateKey

from anchoring.backends.evm import EvmLedger
from anchoring.backends.evm.options import PROFILES, parse_options, read_key
from anchoring.errors import LedgerMisconfiguredError
from tests.anchoring.evm.chains import write_key

HASH = "0x" + "ab" * 32
ADDRESS = "0x" + "Cd" * 20


@pytest.fixture
def good(tmp_path: Path) -> dict[str, str]:
    write_key(tmp_path / "key")
    return {
        "rpc_url": "http://node.internal:8545/path",
        "chain_id": "1337",
        "genesis": HASH,
        "address": ADDRESS,
        "code_hash": HASH.upper().replace("0X", "0x"),
        "key_file": str(tmp_path / "key"),
    }


def test_what_is_left_out_has_the_defaults_of_its_profile(good: dict[str, str]) -> None:
    found = parse_options(good)
    assert (found.confirmations, found.profile, found.gas_price) == (12, PROFILES["ethereum"], None)
    assert parse_options({**good, "profile": "fisco"}).confirmations == 1
    assert found.pins == {"chain_id": "1337", "genesis": HASH, "address": ADDRESS.lower(), "code_hash": HASH}


def test_a_ledger_is_made_without_contacting_anything(good: dict[str, str]) -> None:
    identity = EvmLedger.from_options("contract", good).identity()
    assert (identity.ledger_id, identity.is_offline_verifiable) == ("contract", False)
    assert identity.finality == "12 blocks"


@pytest.mark.parametrize("name", ["rpc_url", "chain_id", "genesis", "address", "code_hash", "key_file"])
def test_nothing_that_identifies_the_chain_may_be_missing(good: dict[str, str], name: str) -> None:
    del good[name]
    with pytest.raises(LedgerMisconfiguredError, match=name):
        parse_options(good)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rpc_url", "ftp://node"),
        ("rpc_url", "http://"),
        ("rpc_url", "http://[::1"),
        ("rpc_url", "http://node:99999"),
        ("chain_id", "0"),
        ("chain_id", "-1"),
        ("chain_id", "0x1"),
        ("chain_id", "1" * 40),
        ("chain_id", "１"),
        ("genesis", HASH[:-1]),
        ("genesis", HASH + "\n"),
        ("address", HASH),
        ("address", "cd" * 20),
        ("code_hash", "0x" + "zz" * 32),
        ("key_file", "relative/key"),
        ("profile", "bitcoin"),
        ("confirmations", "0"),
        ("confirmations", "101"),
        ("gas_price", "1.5"),
        ("max_gas_price", ""),
        ("stuck_seconds", "0"),
        ("private_key", "0x01"),
    ],
)
def test_what_is_not_understood_is_a_mistake(good: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(LedgerMisconfiguredError, match="option" if name == "private_key" else name):
        parse_options({**good, name: value})


def test_options_are_text(good: dict[str, str]) -> None:
    with pytest.raises(LedgerMisconfiguredError):
        parse_options({**good, "confirmations": 3})  # type: ignore[dict-item]  # what JSON may hold


class TestKeyFile:
    """The one secret."""

    @pytest.mark.parametrize("form", ["{}", "{}\n", "0x{}", "  {}  \n"])
    def test_hexadecimal_with_or_without_prefix(self, tmp_path: Path, form: str) -> None:
        key, path = PrivateKey(), tmp_path / "key"
        write_key(path, key)
        path.write_text(form.format(key.secret.hex().upper() if "  " in form else key.secret.hex()))
        assert read_key(path).secret == key.secret

    @pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o601, 0o777])
    def test_a_file_that_others_may_touch_is_refused(self, tmp_path: Path, mode: int) -> None:
        write_key(tmp_path / "key", mode=mode)
        with pytest.raises(LedgerMisconfiguredError, match="others"):
            read_key(tmp_path / "key")

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"00" * 32,
            b"ff" * 32,
            b"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
            b"01" * 31,
            b"01" * 33,
            b"zz" * 32,
            bytes(range(32)),
            b"\xff" * 64,
        ],
    )
    def test_what_is_no_key_is_refused_and_never_repeated(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "key"
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(LedgerMisconfiguredError) as caught:
            read_key(path)
        assert not content or content.decode("latin-1") not in str(caught.value)

    def test_a_missing_file_a_folder_and_a_pipe_are_refused(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe", 0o600)
        for path in (tmp_path / "absent", tmp_path, tmp_path / "pipe"):
            with pytest.raises(LedgerMisconfiguredError, match="key_file"):
                read_key(path)

    def test_a_ledger_without_its_key_cannot_be_made(self, good: dict[str, str]) -> None:
        Path(good["key_file"]).unlink()
        with pytest.raises(LedgerMisconfiguredError):
            EvmLedger.from_options("contract", good)

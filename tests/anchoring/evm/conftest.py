from __future__ import annotations

from pathlib import Path

import pytest

from anchoring.backends.evm import EvmLedger
from tests.anchoring.evm.chains import PromptLedger, deployed, funded_key
from tests.simulators.anvil import Anvil


@pytest.fixture
def key_file(anvil: Anvil, tmp_path: Path) -> Path:
    return funded_key(anvil, tmp_path / "submitter.key")


@pytest.fixture
def options(anvil: Anvil, key_file: Path, db: None) -> dict[str, str]:
    return deployed(anvil, key_file)


@pytest.fixture
def ledger(options: dict[str, str]) -> EvmLedger:
    """Its own contract and key on the chain that the session shares."""
    return PromptLedger.from_options("contract", options)

"""Compiles the contracts reproducibly, and compares the result with what is committed.

usage: python scripts/contract.py [write|check]
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "contracts" / "CheckpointWitness.sol"
ARTIFACT = SOURCE.with_suffix(".json")
# The Paris instructions are the newest that every supported chain runs (FISCO BCOS 3.9 lacks none of them).
SETTINGS = {
    "evmVersion": "paris",
    "optimizer": {"enabled": True, "runs": 100_000},
    # Without the hash of the metadata, the same source gives the same bytes wherever it lies.
    "metadata": {"bytecodeHash": "none"},
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
}


def compile_contract(source: Path = SOURCE) -> dict[str, Any]:
    """Return ABI, creation and runtime bytecode, compiler and settings. Raises ValueError for whatever solc remarks."""
    question = {
        "language": "Solidity",
        "sources": {source.name: {"content": source.read_text(encoding="utf-8")}},
        "settings": SETTINGS,
    }
    command = ["node", "scripts/solc.mjs"]
    done = subprocess.run(command, input=json.dumps(question), cwd=ROOT, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    if answer.get("errors"):
        raise ValueError("\n".join(error["formattedMessage"] for error in answer["errors"]))
    contract = answer["contracts"][source.name][source.stem]
    return {
        "contract": source.stem,
        "compiler": answer["compiler"],
        "settings": {name: value for name, value in SETTINGS.items() if name != "outputSelection"},
        "abi": contract["abi"],
        "creation_code": "0x" + contract["evm"]["bytecode"]["object"],
        "runtime_code": "0x" + contract["evm"]["deployedBytecode"]["object"],
    }


def main(action: str) -> int:
    compiled = json.dumps(compile_contract(), indent=1, sort_keys=True) + "\n"
    if action == "write":
        ARTIFACT.write_text(compiled, encoding="utf-8")
        return 0
    is_same = ARTIFACT.read_text(encoding="utf-8") == compiled
    print(f"{ARTIFACT.name} {'is' if is_same else 'is NOT'} what {SOURCE.name} compiles to")
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))

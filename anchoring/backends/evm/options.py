"""What an operator says about an EVM ledger, read strictly: an unknown or missing option is a mistake, not a default."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from coincurve import PrivateKey

from anchoring.errors import LedgerMisconfiguredError

MAX_CONFIRMATIONS = 100
MAX_KEY_FILE_BYTES = 200
MAX_WEI_DIGITS = 30

_HASH = re.compile(r"0x[0-9a-f]{64}\Z")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}\Z")
_NUMBER = re.compile(r"(?:0|[1-9][0-9]*)\Z", re.ASCII)
_KEY = re.compile(r"(?:0x)?([0-9a-f]{64})\Z")


@dataclass(frozen=True, slots=True)
class Profile:
    """How a family of chains differs.

    *replaces*: another transaction of the same nonce that offers more takes the place of one that waits.
    *has_market*: a block has a base fee, to which a type-2 transaction adds a tip.
    *keeps_states*: the node answers calls about the state some blocks ago, which is how depth is measured.
    """

    confirmations: int
    replaces: bool
    has_market: bool
    keeps_states: bool
    needs_genesis: bool


# Of FISCO BCOS 3.9: consensus is final at once; a nonce in the pool is refused; an old block's state is the newest one.
PROFILES = {
    "ethereum": Profile(12, replaces=True, has_market=True, keeps_states=True, needs_genesis=True),
    "fisco": Profile(1, replaces=False, has_market=False, keeps_states=False, needs_genesis=False),
}

# Names that anyone can check: what evidence and policies pin a ledger by.
PINS = ("chain_id", "genesis", "address", "code_hash")
NAMES = frozenset(
    {*PINS, "rpc_url", "key_file", "confirmations", "profile", "gas_price", "max_gas_price", "stuck_seconds"}
)


@dataclass(frozen=True, slots=True)
class EvmOptions:
    """*genesis* and *code_hash* are 32 bytes in hexadecimal, *address* 20; prices are wei per gas.

    *confirmations* counts the block of the transaction as the first. *gas_price* is the market's where None.
    *stuck_seconds* is how long a transaction waits before more is offered.
    """

    rpc_url: str
    chain_id: int
    genesis: str | None
    address: str
    code_hash: str
    key_file: Path
    profile: Profile
    confirmations: int
    gas_price: int | None
    max_gas_price: int | None
    stuck_seconds: int

    @property
    def pins(self) -> dict[str, str]:
        """The chain and the contract, without which nothing that this node says counts."""
        pins = {"chain_id": str(self.chain_id), "address": self.address, "code_hash": self.code_hash}
        return pins | ({"genesis": self.genesis} if self.genesis else {})


def parse_options(options: Mapping[str, str]) -> EvmOptions:
    """Return *options* with everything that was left out. Raises LedgerMisconfiguredError."""
    unknown = sorted(set(options) - NAMES)
    if unknown or not all(isinstance(value, str) for value in options.values()):
        raise LedgerMisconfiguredError(f"unknown option {unknown[0]}" if unknown else "every option is text")
    profile = _profile(options.get("profile", "ethereum"))
    if profile.needs_genesis and "genesis" not in options:
        raise LedgerMisconfiguredError("option genesis is missing")
    found = EvmOptions(
        rpc_url=_url(_required(options, "rpc_url")),
        chain_id=_integer(options, "chain_id", 1, (1 << 63) - 1),
        genesis=_hexadecimal(options, "genesis", _HASH) if "genesis" in options else None,
        address=_hexadecimal(options, "address", _ADDRESS),
        code_hash=_hexadecimal(options, "code_hash", _HASH),
        key_file=_path(_required(options, "key_file")),
        profile=profile,
        confirmations=_integer(options, "confirmations", 1, MAX_CONFIRMATIONS, profile.confirmations),
        gas_price=_optional_wei(options, "gas_price"),
        max_gas_price=_optional_wei(options, "max_gas_price"),
        stuck_seconds=_integer(options, "stuck_seconds", 1, 86400, 180),
    )
    if found.confirmations > 1 and not profile.keeps_states:
        raise LedgerMisconfiguredError("confirmations is 1 on this profile: its blocks are final")
    return found


def read_key(path: Path) -> PrivateKey:
    """Return the secp256k1 key in the file at *path*: 32 bytes in hexadecimal.

    Read at each signature, so that a rotated key needs no restart. Raises LedgerMisconfiguredError, also for a file
    that everybody may read.
    """
    try:
        # A pipe without a writer must not be waited for.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_KEY_FILE_BYTES)
    except (OSError, ValueError) as error:
        raise LedgerMisconfiguredError(f"key_file: {type(error).__name__}") from None
    if not stat.S_ISREG(mode) or mode & stat.S_IRWXO:
        raise LedgerMisconfiguredError("key_file: others may read it, or it is no file")
    match = _KEY.match(content.decode("ascii", "replace").strip().lower())
    try:
        return PrivateKey(bytes.fromhex(match[1]) if match else b"")
    except ValueError:
        # Never the content: it is a secret, even where it is malformed.
        raise LedgerMisconfiguredError("key_file: not a secp256k1 key of 32 bytes in hexadecimal") from None


def _profile(name: str) -> Profile:
    if name not in PROFILES:
        raise LedgerMisconfiguredError(f"profile is one of {', '.join(PROFILES)}")
    return PROFILES[name]


def _required(options: Mapping[str, str], name: str) -> str:
    if not options.get(name):
        raise LedgerMisconfiguredError(f"option {name} is missing")
    return options[name]


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise LedgerMisconfiguredError("rpc_url is not an address of http or https")
    return text


def _path(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise LedgerMisconfiguredError("key_file is an absolute path: the workers start elsewhere")
    return path


def _hexadecimal(options: Mapping[str, str], name: str, form: re.Pattern[str]) -> str:
    # Capitals in an address are a checksum for people's eyes; pins are compared in one spelling.
    text = _required(options, name).lower()
    if not form.match(text):
        raise LedgerMisconfiguredError(f"{name} is not hexadecimal of its length")
    return text


def _integer(options: Mapping[str, str], name: str, least: int, most: int, default: int | None = None) -> int:
    if default is not None and name not in options:
        return default
    text = _required(options, name)
    if not _NUMBER.match(text) or len(text) > MAX_WEI_DIGITS or not least <= int(text) <= most:
        raise LedgerMisconfiguredError(f"{name} is a number from {least} to {most}")
    return int(text)


def _optional_wei(options: Mapping[str, str], name: str) -> int | None:
    return _integer(options, name, 0, 10**MAX_WEI_DIGITS - 1) if name in options else None

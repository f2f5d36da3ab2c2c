"""Keccak-256 with the original padding (the Keccak submission, version 3): the hash of Ethereum and of WeIdentity.

It differs from SHA3-256 (FIPS 202) in one padding byte, and hashlib has only the latter.
"""

from __future__ import annotations

RATE = 136
LANES = 25
MASK = (1 << 64) - 1


def _round_constants() -> list[int]:
    """Return the 24 iota constants, from the degree-8 register of the Keccak reference §1.2."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for power in range(7):
            if register & 1:
                constant |= 1 << ((1 << power) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


def _steps() -> list[tuple[int, int]]:
    """Return (target lane, rotation) for each step of rho and pi, starting at lane 1; a lane is x + 5 * y."""
    x, y, rotation, steps = 1, 0, 0, []
    for step in range(24):
        rotation += step + 1
        x, y = y, (2 * x + 3 * y) % 5
        steps.append((x + 5 * y, rotation % 64))
    return steps


_CONSTANTS = _round_constants()
_STEPS = _steps()


def keccak_256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 digest of *data*."""
    # 0x01 opens the padding here; SHA-3 opens it with 0x06.
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % RATE)
    padded[-1] |= 0x80
    state = [0] * LANES
    for block in range(0, len(padded), RATE):
        for lane in range(RATE // 8):
            start = block + 8 * lane
            state[lane] ^= int.from_bytes(padded[start : start + 8], "little")
        _permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _permute(state: list[int]) -> None:
    for constant in _CONSTANTS:
        columns = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in range(5)]
        for x in range(5):
            parity = columns[x - 1] ^ _rotate(columns[(x + 1) % 5], 1)
            for y in range(0, LANES, 5):
                state[x + y] ^= parity
        moving = state[1]
        for target, rotation in _STEPS:
            state[target], moving = _rotate(moving, rotation), state[target]
        for y in range(0, LANES, 5):
            row = state[y : y + 5]
            for x in range(5):
                state[x + y] = row[x] ^ (~row[(x + 1) % 5] & MASK & row[(x + 2) % 5])
        state[0] ^= constant


def _rotate(lane: int, by: int) -> int:
    return ((lane << by) | (lane >> (64 - by))) & MASK

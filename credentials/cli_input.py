"""Where the command line reads from: a file, standard input, an address, and the code in an image."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from credentials.evidence_file import MAX_EVIDENCE_BYTES, MEDIA_TYPE
from credentials.offline_settings import ensure_settings
from protocol.errors import InvalidInputError

ACCEPTED: Final = frozenset(
    {
        "application/json",
        "application/jwt",
        "application/octet-stream",
        "application/dc+sd-jwt",
        "application/vc+sd-jwt",
        "image/jpeg",
        "image/png",
        "text/plain",
        MEDIA_TYPE,
    }
)
_ADDRESSES: Final = ("https://", "http://")
_IMAGES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_QR_READER: Final = Path(__file__).resolve().parent.parent / "scripts" / "read_qr.mjs"
_QR_SECONDS: Final = 30


def read_input(name: str) -> bytes:
    """Return what *name* holds: a path, ``-`` for standard input, or a public https address; of an image, its QR code.

    At most MAX_EVIDENCE_BYTES and one more, by which a reader sees that there is too much. Raises OSError, FetchError,
    FetchRefusedError, and InvalidInputError for an image without exactly one code.
    """
    data = _fetch(name) if name.startswith(_ADDRESSES) else _read(name)
    return _read_code(data) if data.startswith(_IMAGES) else data


def _read(name: str) -> bytes:
    # One byte more than is allowed tells that there is too much, without reading the rest.
    if name == "-":
        return sys.stdin.buffer.read(MAX_EVIDENCE_BYTES + 1)
    with Path(name).open("rb") as file:
        return file.read(MAX_EVIDENCE_BYTES + 1)


def _fetch(address: str) -> bytes:
    ensure_settings()
    from anchoring.fetch import get

    return get(address, purpose="the command line", max_bytes=MAX_EVIDENCE_BYTES, accept=ACCEPTED).content


def _read_code(image: bytes) -> bytes:
    """Return the text of the one code in *image*. An address in it is not followed: whoever printed it chose it."""
    text = _decode(image)
    if text.startswith(_ADDRESSES):
        raise InvalidInputError(f"the code holds an address; give it yourself, if you trust it: {text[:200]!a}")
    return text.encode()


def _decode(image: bytes) -> str:
    # The decoder of the pages, in Node, which the project needs anyway: no second one, and none in this process.
    command = ["node", str(_QR_READER)]
    try:
        done = subprocess.run(command, input=image, capture_output=True, timeout=_QR_SECONDS, check=False)  # noqa: S603
    except FileNotFoundError:
        raise InvalidInputError("reading an image needs Node") from None
    except subprocess.TimeoutExpired:
        raise InvalidInputError("the image could not be read in time") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").splitlines()
        raise InvalidInputError(lines[-1] if len(lines) == 1 else "the image cannot be read")
    text: Any = json.loads(done.stdout)
    return str(text)

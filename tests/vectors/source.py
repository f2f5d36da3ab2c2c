"""Where third-party vectors are read from: the folder named by ``VECTORS_DIR``, compressed as published.

A clone without the folder leaves these tests out and says so; ``REQUIRE_VECTORS=1`` turns that into a failure.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

PROJECT_ROOT = Path(__file__).resolve().parents[2]


class VectorsMissingError(RuntimeError):
    """The folder of vectors, or one file of it, is not there although it must be."""


def folder() -> Path:
    return (PROJECT_ROOT / os.environ.get("VECTORS_DIR", "../shared/vectors")).resolve()


def is_present() -> bool:
    return folder().is_dir()


def is_required() -> bool:
    return os.environ.get("REQUIRE_VECTORS", "") not in ("", "0")


def is_left_out() -> bool:
    """Whether vector tests are not collected at all; with REQUIRE_VECTORS they are, and fail to load."""
    return not is_present() and not is_required()


def left_out_line() -> str | None:
    """The line for the terminal summary, or None when nothing is left out."""
    return f"third-party vectors left out: no folder at {folder()} (set VECTORS_DIR)" if is_left_out() else None


@cache
def read(name: str) -> bytes:
    """The bytes of one file; ``x.json`` finds ``x.json.gz``, and gzip (not tar) is undone."""
    for path in (folder() / name, folder() / f"{name}.gz"):
        if path.is_file():
            data = path.read_bytes()
            return gzip.decompress(data) if path.suffix == ".gz" and not path.name.endswith(".tar.gz") else data
    raise VectorsMissingError(f"{name} not found in {folder()}")


def load(name: str) -> Any:
    """The JSON value of ``x.json`` or ``x.json.gz``; for ``x.tar.gz`` a dict of member path to bytes."""
    return archive(name) if name.endswith(".tar.gz") else json.loads(read(name))


@cache
def archive(name: str) -> dict[str, bytes]:
    """Every regular file of a ``.tar.gz``, by its path inside, in order of path."""
    members: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(read(name)), mode="r:gz") as tar:
        for member in tar.getmembers():
            handle = tar.extractfile(member)
            if handle is not None:
                members[member.name] = handle.read()
    return dict(sorted(members.items()))


def unwrap(data: bytes) -> str:
    """Text published with line breaks for reading, without any whitespace."""
    return "".join(data.decode("ascii").split())

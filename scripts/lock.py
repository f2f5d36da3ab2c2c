"""`make lock`: pin every dependency with its hashes, in the one form that pip's hash mode takes everywhere.

A package that is pinned with extras (`pydantic[email]==…`) is pinned without them, too: pip asks for the plain name as
well, wherever another package needs it, and an unpinned name is refused in hash mode.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

NAMES = ("requirements", "requirements-dev", "requirements-node")
_PIN_WITH_EXTRAS = re.compile(r"^([A-Za-z0-9_.-]+)\[[^]]+\](==.*\\\n(?:    --hash=\S+(?: \\)?\n)+)", re.MULTILINE)
_OPTIONS = ("--quiet", "--no-strip-extras", "--generate-hashes", "--universal", "--no-header", "--no-emit-index-url")


def main() -> None:
    for name in NAMES:
        pins = Path(f"{name}.txt")
        subprocess.run(
            [Path(sys.executable).parent / "uv", "pip", "compile", *_OPTIONS, f"{name}.in", "-o", pins], check=True
        )
        text = pins.read_text()
        plain = [f"{package}{rest}" for package, rest in _PIN_WITH_EXTRAS.findall(text)]
        pins.write_text(text + "".join(plain))


if __name__ == "__main__":
    main()

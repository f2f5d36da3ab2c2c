"""The verifier's command: no database, its own key, its own machine."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from protocol.envelope import seal
from protocol.keys import jwk_thumbprint


def make_key(path: Path) -> dict[str, str]:
    out = io.StringIO()
    call_command("envelope", "keygen", str(path), stdout=out)
    jwk: dict[str, str] = json.loads(out.getvalue())
    return {**jwk, "kid": jwk_thumbprint(jwk)}


def test_what_was_sealed_to_the_key_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jwk = make_key(tmp_path / "key.pem")
    sealed = json.dumps(seal("證明".encode(), [jwk]))
    (tmp_path / "envelope.json").write_text(sealed)
    out = io.StringIO()
    call_command("envelope", "open", str(tmp_path / "key.pem"), str(tmp_path / "envelope.json"), stdout=out)
    monkeypatch.setattr("sys.stdin", io.StringIO(sealed))
    call_command("envelope", "open", str(tmp_path / "key.pem"), stdout=out)
    assert out.getvalue() == "證明\n證明\n"


def test_a_key_is_its_owners_alone_and_never_overwritten(tmp_path: Path) -> None:
    make_key(tmp_path / "key.pem")
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600
    with pytest.raises(CommandError):
        make_key(tmp_path / "key.pem")


@pytest.mark.parametrize("envelope", ["", "{}", "[]", "x", "\xff"])
def test_what_does_not_open_says_so(tmp_path: Path, envelope: str) -> None:
    make_key(tmp_path / "key.pem")
    (tmp_path / "envelope.json").write_text(envelope)
    with pytest.raises(CommandError):
        call_command("envelope", "open", str(tmp_path / "key.pem"), str(tmp_path / "envelope.json"))
    with pytest.raises(CommandError):
        call_command("envelope", "open", str(tmp_path / "envelope.json"), str(tmp_path / "envelope.json"))

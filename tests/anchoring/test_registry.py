"""Which ledgers are in use: those of the settings, those added, and kinds that an installed package brings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from anchoring import checks, registry
from anchoring.backends.memory import MemoryLedger
from anchoring.errors import LedgerMisconfiguredError
from anchoring.models import ConfiguredLedger

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_registry() -> Iterator[None]:
    registry._make.cache_clear()
    yield
    registry._make.cache_clear()


def test_added_ledgers_join_those_of_the_settings(settings: Settings) -> None:
    settings.LEDGER_KINDS = {"memory": "anchoring.backends.memory.MemoryLedger"}
    ConfiguredLedger.objects.create(ledger_id="trial", kind="memory", options={"confirmations": "3"})
    assert set(registry.ledgers()) == {"embedded", "trial"}
    assert registry.ledgers()["trial"].identity().finality == "3 more blocks"


def test_an_added_ledger_stays_the_same_object_until_its_options_change(settings: Settings) -> None:
    row = ConfiguredLedger.objects.create(ledger_id="trial", kind="memory", options={})
    first = registry.ledgers()["trial"]
    assert registry.ledgers()["trial"] is first
    row.options = {"confirmations": "1"}
    row.save()
    assert registry.ledgers()["trial"] is not first


def test_an_added_ledger_cannot_take_the_place_of_one_of_the_settings() -> None:
    ConfiguredLedger.objects.create(ledger_id="embedded", kind="memory")
    assert not isinstance(registry.ledgers()["embedded"], MemoryLedger)


@pytest.mark.parametrize(("kind", "options"), [("unheard-of", {}), ("memory", {"confirmations": "many"})])
def test_a_ledger_that_cannot_be_made_is_left_out_and_named(kind: str, options: dict[str, str]) -> None:
    ConfiguredLedger.objects.create(ledger_id="broken", kind=kind, options=options)
    assert set(registry.ledgers()) == {"embedded"}
    assert registry.unusable_ledgers() == ["broken"]
    assert "broken" in str(checks.check_head_guard(databases=["default"]))
    with pytest.raises(LedgerMisconfiguredError):
        registry.make_ledger(ledger_id="broken", kind=kind, options=options)


def test_a_ledger_that_cannot_say_what_it_is_is_left_out(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def identity(_: MemoryLedger) -> None:
        raise OSError("its store is gone")

    monkeypatch.setattr(MemoryLedger, "identity", identity)
    ConfiguredLedger.objects.create(ledger_id="broken", kind="memory")
    assert registry.unusable_ledgers() == ["broken"]


def test_a_ledger_that_was_mended_is_used_without_a_restart(settings: Settings) -> None:
    ConfiguredLedger.objects.create(ledger_id="museum", kind="clay")
    assert registry.unusable_ledgers() == ["museum"]
    settings.LEDGER_KINDS = {**settings.LEDGER_KINDS, "clay": "anchoring.backends.memory.MemoryLedger"}
    assert registry.unusable_ledgers() == []


def test_an_installed_package_brings_a_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tablets.py").write_text("from anchoring.backends.memory import MemoryLedger as ClayTablets\n")
    metadata = tmp_path / "tablets-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: tablets\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[chancela.ledgers]\nclay = tablets:ClayTablets\nbroken = tablets:Missing\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    ConfiguredLedger.objects.create(ledger_id="museum", kind="clay")
    assert isinstance(registry.ledgers()["museum"], MemoryLedger)
    assert "broken" not in registry.kinds()

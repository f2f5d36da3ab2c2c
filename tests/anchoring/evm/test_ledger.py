from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring.backends.evm import EvmLedger
from anchoring.errors import LedgerError, TransientLedgerError
from anchoring.ledger import Presence, Progress, PublishedCheckpoint, Trust
from anchoring.log_key import log_key
from anchoring.models import EvmTransaction
from protocol.checkpoint import Checkpoint
from protocol.encoding import canonical_json
from protocol.merkle import EMPTY_ROOT
from tests.anchoring.evm.chains import anchor, deployed, funded_key, head
from tests.simulators.anvil import ETHER, Anvil

pytestmark = pytest.mark.django_db


def pinned(ledger: EvmLedger) -> Trust:
    return Trust((), ledger.identity().pins)


def changed(evidence: bytes, **fields: object) -> bytes:
    return canonical_json({**json.loads(evidence), **fields})


def test_a_checkpoint_goes_the_whole_way(ledger: EvmLedger) -> None:
    assert ledger.latest(log_key().name) is None
    intent = anchor(ledger, 5)
    assert ledger.find(head(5).checkpoint) is Presence.PRESENT
    assert ledger.poll(intent) is Progress.FINAL
    anchor(ledger, 9, 5)
    assert ledger.latest(log_key().name) == head(9).checkpoint
    assert ledger.find(head(9, fork=500).checkpoint) is Presence.CONFLICTING


def test_nothing_of_the_log_leaves_but_hashes_and_sizes(ledger: EvmLedger) -> None:
    intent = anchor(ledger, 300)
    assert log_key().name.encode() not in intent.payload
    assert head(300).note.encode() not in intent.payload


def test_health_tells_height_balance_and_what_was_spent(ledger: EvmLedger) -> None:
    before = ledger.health()
    assert (before.is_healthy, before.spent) == (True, "0 wei")
    assert f"balance {99}" in before.detail
    ledger.poll(anchor(ledger, 5))
    paid = EvmTransaction.objects.exclude(paid="").get().paid
    assert 0 < int(paid) < ETHER
    assert ledger.health().spent == f"{paid} wei"


class TestEvidence:
    """What it says by itself, and what a node adds."""

    def test_it_names_chain_contract_block_and_transaction(self, ledger: EvmLedger, anvil: Anvil) -> None:
        anchor(ledger, 5)
        fields = json.loads(ledger.export(head(5).checkpoint))
        assert {name: fields[name] for name in ledger.identity().pins} == ledger.identity().pins
        receipt = anvil.ask("eth_getTransactionReceipt", fields["transaction"])
        assert receipt["blockHash"] == fields["block_hash"]
        assert int(receipt["blockNumber"], 16) == fields["block_number"]
        assert receipt["to"] == fields["address"]

    def test_it_is_valid_by_its_pins_and_conclusive_only_with_a_node(self, ledger: EvmLedger, anvil: Anvil) -> None:
        anchor(ledger, 5)
        evidence = ledger.export(head(5).checkpoint)
        offline = ledger.verify(evidence, head(5).checkpoint, pinned(ledger))
        assert (offline.is_valid, offline.is_conclusive) == (True, False)
        assert "node" in offline.not_checked[0]
        online = EvmLedger.check_online(evidence, head(5).checkpoint, anvil.url, pinned(ledger))
        assert (online.is_valid, online.is_conclusive) == (True, True)
        assert EvmLedger.check_online(evidence, head(5).checkpoint, anvil.url).is_valid

    def test_pins_must_name_chain_and_contract_and_all_be_met(self, ledger: EvmLedger) -> None:
        anchor(ledger, 5)
        evidence, pins = ledger.export(head(5).checkpoint), dict(ledger.identity().pins)
        few = {name: pins[name] for name in ("chain_id", "address")}
        assert ledger.verify(evidence, head(5).checkpoint, Trust((), few)).is_valid
        assert ledger.verify(evidence, head(5).checkpoint, Trust((), {**few, "address": few["address"].upper()}))
        wrong: list[dict[str, str]] = [
            {},
            {"chain_id": pins["chain_id"]},
            {"address": pins["address"]},
            {**pins, "vkey": "x"},
            *({**pins, name: value[:-1] + "x"} for name, value in pins.items()),
        ]
        for other in wrong:
            assert not ledger.verify(evidence, head(5).checkpoint, Trust((), other)).is_valid

    def test_a_node_finds_out_what_the_evidence_invents(self, ledger: EvmLedger, anvil: Anvil) -> None:
        anchor(ledger, 5)
        genuine = ledger.export(head(5).checkpoint)
        invented = changed(genuine, size=9, root="0x" + head(9).checkpoint.root.hex())
        assert ledger.verify(invented, head(9).checkpoint, pinned(ledger)).is_valid
        asked = EvmLedger.check_online(invented, head(9).checkpoint, anvil.url)
        assert (asked.is_valid, asked.reason) == (False, "the contract does not hold this checkpoint")
        fork = head(5, fork=500).checkpoint
        forged = changed(genuine, root="0x" + fork.root.hex())
        assert EvmLedger.check_online(forged, fork, anvil.url).reason == "the contract holds another root"

    def test_a_node_of_another_chain_and_a_node_that_is_away_decide_nothing(
        self, ledger: EvmLedger, anvil: Anvil
    ) -> None:
        anchor(ledger, 5)
        evidence = ledger.export(head(5).checkpoint)
        elsewhere = changed(evidence, chain_id="5")
        for attestation, url in ((evidence, "http://127.0.0.1:1"), (elsewhere, anvil.url), (evidence, "nonsense")):
            with pytest.raises(LedgerError):
                EvmLedger.check_online(attestation, head(5).checkpoint, url)

    def test_without_the_checkpoint_there_is_no_evidence(self, ledger: EvmLedger) -> None:
        with pytest.raises(TransientLedgerError):
            ledger.export(head(5).checkpoint)

    @pytest.mark.parametrize(
        "fields",
        [
            {"kind": "memory"},
            {"size": "5"},
            {"size": True},
            {"size": -1},
            {"size": 6},
            {"chain_id": 31337},
            {"chain_id": "031337"},
            {"root": "0x00"},
            {"root": None},
            {"genesis": ""},
            {"block_number": "1"},
            {"block_hash": "0x"},
            {"transaction": 7},
            {"origin": "elsewhere.example/log"},
            {"more": 1},
        ],
    )
    def test_every_field_has_one_form(self, ledger: EvmLedger, fields: dict[str, object]) -> None:
        anchor(ledger, 5)
        evidence = changed(ledger.export(head(5).checkpoint), **fields)
        assert not ledger.verify(evidence, head(5).checkpoint, pinned(ledger)).is_valid
        assert not EvmLedger.check_online(evidence, head(5).checkpoint, "http://127.0.0.1:1").is_valid

    @given(data=st.one_of(st.binary(max_size=300), st.dictionaries(st.text(max_size=5), st.text()).map(canonical_json)))
    def test_hostile_bytes_are_invalid_and_nothing_else(self, data: bytes) -> None:
        trust = Trust((), {"chain_id": "1", "address": "0x" + "00" * 20})
        assert not EvmLedger.verify(data, head(5).checkpoint, trust).is_valid
        assert not EvmLedger.verify(data + b" " * 5000, head(5).checkpoint, trust).is_valid

    @pytest.mark.parametrize("value", [None, "text", 5, [b"x"]])
    def test_what_is_not_even_bytes_is_invalid(self, value: object) -> None:
        assert not EvmLedger.verify(value, head(5).checkpoint, Trust(())).is_valid  # type: ignore[arg-type]  # hostile


def test_a_checkpoint_of_the_empty_tree_is_refused_for_good(ledger: EvmLedger) -> None:
    empty = PublishedCheckpoint(Checkpoint(log_key().name, 0, EMPTY_ROOT), head(5).note)
    with pytest.raises(LedgerError) as caught:
        ledger.prepare(empty, None)
    assert caught.value.code == "ledger_rejected"


def test_two_logs_share_a_contract_and_a_key_without_touching_each_other(anvil: Anvil, tmp_path: Path) -> None:
    options = deployed(anvil, funded_key(anvil, tmp_path / "key"), "one")
    ledger = EvmLedger.from_options("one", options)
    with pytest.raises(LedgerError) as caught:
        ledger.prepare(PublishedCheckpoint(Checkpoint("elsewhere.example/log", 5, bytes(32)), head(5).note), None)
    # Its submitter was never named for that log.
    assert caught.value.code == "ledger_misconfigured"

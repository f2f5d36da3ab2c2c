"""One certificate in a log that a witness, an offline ledger and a ledger with a node of its own have attested."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pytest_django import Settings

from anchoring import registry, sequencer
from anchoring.attestation import attest
from anchoring.log_key import log_verifier_key
from anchoring.models import Checkpoint, Cosignature
from credentials import holdings
from credentials.evidence_export import collect
from credentials.models import Credential
from protocol.cosignature import Ed25519Cosigner, add_lines, cosign
from protocol.sd_jwt import hold, select
from tests import cast
from tests.simulators.evidence_ledgers import NODE_PINS

WITNESS = Ed25519Cosigner("guangdong.example/witness", b"\x07" * 32)
STRANGER = Ed25519Cosigner("elsewhere.example/witness", b"\x08" * 32)
COSIGNED_AT = 1_790_000_000
_CLASSES = {
    "memory": "anchoring.backends.memory.MemoryLedger",
    "node": "tests.simulators.evidence_ledgers.NodeLedger",
}


@dataclass(frozen=True)
class World:
    """*held* shows everything, *shown* one claim."""

    lei: cast.Citizen
    credential: Credential
    held: str
    shown: str


def use_ledgers(settings: Settings, *names: str) -> None:
    """Make the ledgers *names* afresh, besides the embedded one."""
    settings.LEDGER_KINDS = {**settings.LEDGER_KINDS, **_CLASSES}
    settings.ANCHORING_LEDGERS = ["anchoring.backends.embedded.EmbeddedLedger", *(_CLASSES[name] for name in names)]
    registry._load.cache_clear()


def issue(lei: cast.Citizen) -> World:
    credential = cast.issue_certificate(to=lei)
    held = holdings.read_sd_jwt(credential, lei.person)
    return World(lei, credential, held, select(hold(held, allowed_types=frozenset({"dc+sd-jwt"})), [("sex",)]))


def log() -> Checkpoint:
    """Sequence, sign, and return the newest checkpoint."""
    sequencer.sequence()
    checkpoint = sequencer.sign_checkpoint()
    assert checkpoint is not None
    return Checkpoint.objects.get(size=checkpoint.size)


def attest_all(*names: str) -> None:
    for name in names:
        assert attest(ledger_id=name) == 1


def witness(checkpoint: Checkpoint, cosigner: Ed25519Cosigner = WITNESS, at: int = COSIGNED_AT) -> None:
    Cosignature.objects.create(
        ledger_id=cosigner.verifier_key.name,
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root,
        note=checkpoint.note,
        lines=cosign(checkpoint.note, cosigner, at),
    )


def attested(lei: cast.Citizen, settings: Settings) -> World:
    """Everything there is: issued, logged, cosigned and attested by both ledgers."""
    use_ledgers(settings, "memory", "node")
    world = issue(lei)
    checkpoint = log()
    witness(checkpoint)
    attest_all("memory", "node")
    return world


def quorum(rule: str) -> str:
    """Return a policy over our log, both witnesses and both ledgers; *rule* is its groups and quorum line."""
    pins = " ".join(f"{name}={value}" for name, value in NODE_PINS.items())
    return (
        f"log {log_verifier_key()}\n"
        f"witness guangdong {WITNESS.verifier_key.vkey}\n"
        f"witness elsewhere {STRANGER.verifier_key.vkey}\n"
        "ledger stamp memory store=memory\n"
        f"ledger contract node {pins}\n"
        f"{rule}\n"
    )


def bundle(world: World, now: Any, **asked: Any) -> bytes:
    return collect(presentation=world.shown, now=now, **asked)


def with_cosignature(data: bytes, cosigner: Ed25519Cosigner, at: int) -> bytes:
    """Add what anyone can make: a cosignature of the receipt's note, and an attestation that pins its key."""
    value: dict[str, Any] = json.loads(data)
    head, _, note = value["receipt"].partition("\n\n")
    note = add_lines(note, cosign(note, cosigner, at))
    value["receipt"] = f"{head}\n\n{note}"
    value["attestations"].append(
        {
            "ledger_id": cosigner.verifier_key.name,
            "kind": "witness",
            "pins": {"vkey": cosigner.verifier_key.vkey},
            "checkpoint": note,
            "consistency": [],
            "evidence": "",
        }
    )
    return json.dumps(value, ensure_ascii=False).encode()

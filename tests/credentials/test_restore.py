"""The drill: yesterday's dump is restored with PostgreSQL's own tools, and no certificate is lost."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from anchoring import fsck, monitor, outbox, sequencer
from anchoring.checks import check_head_guard
from anchoring.errors import LogRollbackError
from anchoring.export import export_log
from anchoring.log_key import log_key, log_origin
from anchoring.models import Checkpoint, FollowedLog, LogEntry
from anchoring.receipts import receipt_for
from anchoring.tiles import StoredTiles, border_tiles
from credentials import holdings, issuance, revocation
from credentials.models import Credential
from credentials.policy import Policy
from credentials.sources import DatabaseSources
from credentials.verification import Report, verify
from protocol.checkpoint import verify as verify_note
from protocol.merkle import consistency_proof, leaf_hash, verify_consistency
from protocol.proof import leaf_data, parse_receipt, verify_receipt
from protocol.sd_jwt import hold, select
from tests import cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


@dataclass(frozen=True, slots=True)
class Held:
    """What a citizen has of a certificate: the text, and the proof that was downloaded with it."""

    credential: Credential
    text: str
    proof: str


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "public"


def publish(folder: Path) -> None:
    while sequencer.sequence():
        pass
    sequencer.sign_checkpoint()
    export_log(folder=folder)


def issue(lei: cast.Citizen, folder: Path, **changes: str) -> Held:
    credential = cast.issue_certificate(to=lei, **changes)
    publish(folder)
    receipt = receipt_for(issuance.record_id(credential.pk))
    assert receipt is not None
    text = holdings.read_sd_jwt(credential, lei.person)
    shown = select(hold(text, allowed_types=frozenset({"dc+sd-jwt"})), [("family_name",)])
    return Held(credential, shown, receipt.encode())


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def database_options() -> list[str]:
    database = connection.settings_dict
    host, port = str(database["HOST"] or "127.0.0.1"), str(database["PORT"] or 5432)
    return ["--host", host, "--port", port, "--username", str(database["USER"]), "--dbname", str(database["NAME"])]


def dump(path: Path) -> None:
    run("pg_dump", *database_options(), "--format", "custom", "--file", str(path))


def restore(path: Path) -> None:
    connection.close()
    run("pg_restore", *database_options(), "--clean", "--if-exists", "--single-transaction", str(path))


def judge(held: Held) -> Report:
    sources = DatabaseSources().as_sources()
    return verify(held.text, sources=sources, now=datetime.now(UTC), policy=Policy(require_anchor=True))


def fresh(held: Held) -> Credential:
    return Credential.objects.get(pk=held.credential.pk)


def codes(report: Report) -> dict[str, str]:
    return {check.step: check.code for check in report.checks}


def faults() -> list[str]:
    return [str(finding) for finding in fsck.check() if not finding.is_notice]


def test_a_restored_backup_is_refused_recovered_and_lived_on_without_losing_a_certificate(
    folder: Path, tmp_path: Path
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL's own dump and restore")
    lei = cast.lei()
    before, withdrawn = issue(lei, folder), issue(lei, folder)
    dump(tmp_path / "yesterday.dump")
    after = issue(lei, folder)
    revocation.revoke(credential=withdrawn.credential, actor=cast.bo(), reason="data_error")
    publish(folder)
    assert judge(withdrawn).verdict == "invalid"
    published = verify_note((folder / "checkpoint").read_bytes(), [log_key()])

    restore(tmp_path / "yesterday.dump")
    assert not Credential.objects.filter(pk=after.credential.pk).exists()
    assert [message.id for message in check_head_guard(databases=["default"])] == ["anchoring.E002"]
    since = cast.issue_certificate(to=lei)
    sequencer.sequence()
    with pytest.raises(LogRollbackError):
        sequencer.sign_checkpoint()
    assert codes(judge(after))["anchor"] == "anchor_pending"

    output = StringIO()
    call_command("log", "recover", "--from", str(folder), stdout=output)
    assert f"at {published.size} leaves again" in output.getvalue()
    assert faults() == []
    # What the restore has undone is named, so that it is done again: the log knows that there was a revocation.
    lost = {finding.detail for finding in fsck.check()}
    assert {"a credential whose record was lost", "a status whose record was lost"} <= lost
    revocation.revoke(credential=fresh(withdrawn), actor=cast.bo(), reason="data_error")
    assert judge(withdrawn).verdict == "invalid"
    publish(folder)
    assert faults() == []

    for held in (before, after):
        report = judge(held)
        assert (report.verdict, codes(report)["anchor"]) == ("valid", "anchored")
        # The proof from before the restore holds as well, and so does its checkpoint under the log as it is now.
        leaf = leaf_hash(leaf_data("credential", bytes(held.credential.digest)))
        proven = verify_receipt(parse_receipt(held.proof), leaf_hash=leaf, keys=[log_key()])
        assert_extends(proven.size, proven.root)
    assert_extends(published.size, published.root)
    assert receipt_for(issuance.record_id(since.pk)) is not None

    outbox.append(
        record_id=issuance.record_id(after.credential.pk),
        kind=LogEntry.Kind.CREDENTIAL,
        digest=bytes(after.credential.digest),
    )
    assert sequencer.sequence() == 0
    again = receipt_for(issuance.record_id(after.credential.pk))
    assert again is not None
    assert again.index == parse_receipt(after.proof).index
    monitor.due_logs()
    assert monitor.examine(origin=log_origin()).state == FollowedLog.State.SOUND


def assert_extends(size: int, root: bytes) -> None:
    newest = Checkpoint.objects.order_by("size").last()
    assert newest is not None
    tiles = StoredTiles(border_tiles(newest.size))
    verify_consistency(size, newest.size, consistency_proof(tiles, size, newest.size), root, bytes(newest.root))

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from anchoring import export, monitor, recovery
from anchoring.log_reader import open_log
from anchoring.models import FollowedLog
from protocol.errors import CodedError

MONITOR_SECONDS = 60


class Command(BaseCommand):
    help = "Export the log as files, follow logs and re-verify them, recover ours after a database was restored."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        writing = acts.add_parser("export", help="bring DIR up to the newest checkpoint, for any web server")
        writing.add_argument("dir", type=Path)
        writing.add_argument("--grace", type=float, default=export.GRACE_SECONDS, help="seconds to keep replaced tiles")
        following = acts.add_parser("follow", help="re-verify the log at URL from now on; afresh, if it was followed")
        following.add_argument("url")
        following.add_argument("vkey", nargs="+", help="its verifier keys, as it published them before")
        acts.add_parser("followed", help="list the logs followed, with what was found; exit with 1 if one is broken")
        leaving = acts.add_parser("unfollow", help="forget a log and what was found of it")
        leaving.add_argument("origin")
        reading = acts.add_parser("monitor", help="examine every log followed, again and again")
        reading.add_argument("--once", action="store_true", help="once; exit with 1 if one is broken")
        recovering = acts.add_parser("recover", help="bring back what a restored database lacks of the published log")
        recovering.add_argument("--from", dest="place", required=True, help="address or folder of the published log")

    def handle(self, *_: Any, act: str, **options: Any) -> None:
        try:
            getattr(self, f"_{act}")(options)
        except CodedError as error:
            raise CommandError(str(error)) from None

    def _export(self, options: dict[str, Any]) -> None:
        done = export.export_log(folder=options["dir"], grace_seconds=options["grace"])
        self.stdout.write(f"{done.size} leaves; {done.written} files written, {done.removed} removed")

    def _follow(self, options: dict[str, Any]) -> None:
        row = monitor.follow(url=options["url"], vkeys=options["vkey"])
        self._show(monitor.examine(origin=row.origin))

    def _followed(self, _options: dict[str, Any]) -> None:
        rows = list(FollowedLog.objects.all())
        for row in rows:
            self._show(row)
        _exit_if_broken(rows)

    def _unfollow(self, options: dict[str, Any]) -> None:
        monitor.unfollow(origin=options["origin"])

    def _monitor(self, options: dict[str, Any]) -> None:
        while True:
            rows = [monitor.examine(origin=origin) for origin in monitor.due_logs()]
            for row in rows:
                self._show(row)
            if options["once"]:
                _exit_if_broken(rows)
                return
            time.sleep(MONITOR_SECONDS)

    def _recover(self, options: dict[str, Any]) -> None:
        done = recovery.recover(reader=open_log(options["place"]))
        self.stdout.write(
            f"The log stands at {done.size} leaves again: {done.matched} records have their leaf back, "
            f"{done.nameless} leaves wait for their record, {done.displaced} records wait for another place."
        )
        self.stdout.write("Run fsck, then see docs/procedures/anchoring.md for what the restored database still lacks.")

    def _show(self, row: FollowedLog) -> None:
        place = row.url or "this database"
        self.stdout.write(f"{row.state} {row.origin} {row.size} leaves read from {place} {row.finding}".rstrip())
        for note in json.loads(row.evidence or "[]"):
            self.stdout.write(note)


def _exit_if_broken(rows: list[FollowedLog]) -> None:
    if any(row.state == FollowedLog.State.BROKEN for row in rows):
        sys.exit(1)

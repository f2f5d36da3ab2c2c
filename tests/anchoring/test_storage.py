"""What the tables of the log ask of PostgreSQL, so that a log that grows does not grow slow."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

needs_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="autovacuum is PostgreSQL's")


def options_of(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE relname = %s", [table])
        return set(cursor.fetchone()[0] or [])


@needs_postgresql
@pytest.mark.django_db
def test_dead_entries_of_those_that_waited_are_cleared_by_number_not_by_share() -> None:
    wanted = {"autovacuum_vacuum_scale_factor=0", "autovacuum_vacuum_threshold=20000"}
    assert wanted <= options_of("anchoring_logentry")


@needs_postgresql
@pytest.mark.django_db(transaction=True)
def test_that_can_be_taken_back() -> None:
    try:
        MigrationExecutor(connection).migrate([("anchoring", "0002_ledgers")])
        assert options_of("anchoring_logentry") == set()
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    assert len(options_of("anchoring_logentry")) == 2

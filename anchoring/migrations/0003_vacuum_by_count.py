from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

OPTIONS = ("autovacuum_vacuum_scale_factor", "autovacuum_vacuum_threshold")


def vacuum_by_count(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Each record leaves a dead entry in the index of those that wait, and the next search walks past all of them.

    A fifth of the table, the default, grows with the log; a number does not.
    """
    if schema_editor.connection.vendor == "postgresql":
        values = ", ".join(f"{name} = {value}" for name, value in zip(OPTIONS, (0, 20_000), strict=True))
        schema_editor.execute(f"ALTER TABLE anchoring_logentry SET ({values})")


def vacuum_by_share(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE anchoring_logentry RESET ({', '.join(OPTIONS)})")


class Migration(migrations.Migration):
    dependencies = [("anchoring", "0002_ledgers")]

    operations = [migrations.RunPython(vacuum_by_count, vacuum_by_share)]

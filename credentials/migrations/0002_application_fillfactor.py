from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def leave_room(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Every application changes its state a few times. With room on its page, a change rewrites none of its indexes."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE credentials_application SET (fillfactor = 50)")


def leave_none(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE credentials_application RESET (fillfactor)")


class Migration(migrations.Migration):
    dependencies = [("credentials", "0001_certificates")]

    operations = [migrations.RunPython(leave_room, leave_none)]

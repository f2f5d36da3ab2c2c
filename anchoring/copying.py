"""Many rows at once: COPY on PostgreSQL, which is several times faster than INSERT; the ORM's bulk insert elsewhere.

And many values at once: the lookup ``among`` sends one array where ``in`` sends, and parses, a thousand parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Manager, Model
from django.db.models.lookups import In
from django.db.models.sql.compiler import SQLCompiler

_BATCH = 1000
# What Django calls a column's type → what COPY's binary form calls it.
_TYPE_NAMES = {
    "timestamp with time zone": "timestamptz",
    "integer": "int4",
    "bigint": "int8",
    "smallint": "int2",
}


def copy_rows(model: type[Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert *rows*, whose values stand in the order of *columns* (attribute names such as ``weid_id``).

    Belongs in the caller's transaction. Constraints hold as for any insert. Raises django.db.IntegrityError.
    """
    if connection.vendor != "postgresql":
        made = [model(**dict(zip(columns, row, strict=True))) for row in rows]
        manager: Manager[Any] = model._default_manager  # noqa: SLF001 Django's documented name for it
        manager.bulk_create(made, batch_size=_BATCH)
        return
    meta = model._meta  # noqa: SLF001 Django's documented name for it
    by_name = {field.attname: field for field in meta.concrete_fields}
    fields = [by_name[name] for name in columns]
    names = ", ".join(f'"{field.column}"' for field in fields)
    statement = f'COPY "{meta.db_table}" ({names}) FROM STDIN (FORMAT BINARY)'
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types([_type_name(field) for field in fields])
        for row in rows:
            copy.write_row(row)


def _type_name(field: Any) -> str:
    declared = str(field.db_type(connection)).partition("(")[0]
    return _TYPE_NAMES.get(declared, declared)


class Among(In):
    """``field__among=[…]``: as ``in``, for long lists of plain values. For every field of every app."""

    lookup_name = "among"

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        """Return ``column = ANY(array)``; the driver adapts the list as it is."""
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", [*parameters, list(self.rhs)]

    def get_prep_lookup(self) -> Any:
        """The values are the driver's to adapt; preparing each costs more than finding it."""
        return self.rhs

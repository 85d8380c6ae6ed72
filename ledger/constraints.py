"""A CHECK for what is decided once, when a row is inserted."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.sql.query import Query


class CheckOnInsert(models.CheckConstraint):
    """
    A CHECK on columns that no UPDATE may change, looked at by INSERT alone.

    Each statement that writes a table has PostgreSQL parse every CHECK of that table from its stored text. Where rows are
    updated all the time in other columns, that costs more than the update. This is a trigger instead whose WHEN holds the
    condition; it refuses with the SQLSTATE and the constraint's name that a CHECK would give. As with a CHECK, NULL passes.

    The table needs `ledger_refuse_row()` (ledger, migration 0001), and whoever uses this something that keeps the columns
    from changing.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CheckOnInsert) and super().__eq__(other)

    def constraint_sql(
        self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> str:
        """Nothing inside CREATE TABLE; the trigger follows it."""
        assert schema_editor is not None
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))
        return ""

    def create_sql(
        self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> Any:
        assert model is not None
        assert schema_editor is not None
        table = schema_editor.quote_name(model._meta.db_table)
        return (
            f"CREATE TRIGGER {schema_editor.quote_name(self.name)} BEFORE INSERT ON {table} FOR EACH ROW"
            f" WHEN (NOT ({self._condition_sql(model, schema_editor)})) EXECUTE FUNCTION ledger_refuse_row()"
        )

    def remove_sql(
        self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> Any:
        assert model is not None
        assert schema_editor is not None
        table = schema_editor.quote_name(model._meta.db_table)
        return f"DROP TRIGGER {schema_editor.quote_name(self.name)} ON {table}"

    def _condition_sql(self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor) -> str:
        """The condition in SQL, on NEW's columns."""
        query = Query(model, alias_cols=True)
        query.get_initial_alias()
        where = query.build_where(self.condition)  # type: ignore[arg-type]
        sql, parameters = where.as_sql(
            query.get_compiler(connection=schema_editor.connection), schema_editor.connection
        )
        table = schema_editor.quote_name(model._meta.db_table)
        return str(sql.replace(f"{table}.", "NEW.") % tuple(schema_editor.quote_value(p) for p in parameters))

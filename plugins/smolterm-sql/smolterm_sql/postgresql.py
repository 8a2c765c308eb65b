"""PostgreSQL, by psycopg.

A query runs as the declaration of a cursor in a read-only transaction, by the protocol that takes
one statement at a time: the server refuses whatever is no SELECT, VALUES or TABLE.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from smolterm.pack import ToolError, secrets, settings

from smolterm_sql.database import LOOK, SECONDS, by_quotes, changed, failed, refused
from smolterm_sql.rows import collected

CONNECT_SECONDS = 10


class PostgreSQL:
    """The server of the pack's settings."""

    def __init__(self) -> None:
        password = secrets["POSTGRESQL_PASSWORD"] if secrets.has("POSTGRESQL_PASSWORD") else None
        try:
            self._server = psycopg.connect(
                settings["postgresql"],
                password=password,
                connect_timeout=CONNECT_SECONDS,
                options=f"-c statement_timeout={SECONDS * 1000:.0f} -c lock_timeout=10s",
                application_name="smolterm",
            )
        except psycopg.Error as error:
            raise failed(
                error, "The person can change the address: smolterm packs set sql postgresql=..."
            ) from None

    def tables(self) -> list[dict[str, object]]:
        """Return each table and view."""
        return self.query(
            "SELECT CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || c.relname"
            " AS name, CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END AS kind,"
            " greatest(c.reltuples, 0)::bigint AS about_rows"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN"
            " ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg!_toast%%' ESCAPE '!'"
            " AND has_table_privilege(c.oid, 'SELECT') AND %s ORDER BY 1", (True,), None,
        )  # fmt: skip

    def columns(self, table: str) -> list[dict[str, object]]:
        """Return each column."""
        schema, _, name = table.rpartition(".")
        return self.query(
            "SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,"
            " NOT a.attnotnull AS nullable, EXISTS (SELECT 1 FROM pg_index i WHERE"
            " i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY(i.indkey)) AS key"
            " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s"
            " AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            (schema or "public", name), None,
        )  # fmt: skip

    def query(
        self, sql: str, values: Sequence[object], limit: int | None
    ) -> list[dict[str, object]]:
        """Return rows."""
        with self._reading(), self._server.cursor("rows") as cursor:
            cursor.execute(sql, list(values) or None)
            names = [each.name for each in cursor.description or []]
            return collected(names, cursor.fetchmany, limit)

    def explain(self, sql: str) -> str:
        """Return the plan."""
        with self._reading():
            # Prepared: the protocol then takes one statement alone.
            rows = self._server.execute("EXPLAIN (VERBOSE false) " + sql, prepare=True)
            return "\n".join(str(row[0]) for row in rows)

    def execute(self, sql: str, many: Sequence[Sequence[object]]) -> dict[str, object]:
        """Change something."""
        count, returned = 0, []
        with self._told(), self._server.cursor() as cursor:
            for values in many:
                cursor.execute(sql, list(values) or None, prepare=True)
                if cursor.description is not None:
                    names = [each.name for each in cursor.description]
                    returned += collected(names, cursor.fetchmany, None)
                count += max(cursor.rowcount, 0)
            self._server.commit()
        return changed(count, returned)

    def quoted(self, name: str) -> str:
        """Return a name as it stands in SQL."""
        return by_quotes(name)

    def placeholder(self) -> str:
        """Return what stands for a value."""
        return "%s"

    def close(self) -> None:
        """Close the connection; what was not committed is gone."""
        self._server.close()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._told():
            self._server.rollback()
            self._server.read_only = True
            yield

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.ReadOnlySqlTransaction as error:
            # A whole server may be for reading only, too.
            raise (refused() if self._server.read_only else failed(_words(error), "")) from None
        except psycopg.errors.QueryCanceled:
            raise ToolError(f"It took longer than {SECONDS:g} s and was stopped.") from None
        except psycopg.errors.SyntaxError as error:
            raise self._syntax(error) from None
        except psycopg.Error as error:
            raise failed(_words(error), error.diag.message_hint or LOOK) from None

    def _syntax(self, error: psycopg.Error) -> ToolError:
        if "multiple commands" in str(error):
            return ToolError("This is more than one statement.", next="Pass them one by one.")
        next = "query_database() takes SELECT alone; use execute_sql() to change something."
        return failed(_words(error), next if self._server.read_only else "")


def _words(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error)

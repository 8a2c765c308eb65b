"""MySQL and MariaDB, by PyMySQL.

Queries run in a read-only transaction, in which the server refuses to change a table. Three things
it still allows there are refused before: blocks of statements (they may end the transaction),
SELECT ... INTO (writes files at the server) and comments that the server runs.
"""

from __future__ import annotations

import re
import ssl
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pymysql  # type: ignore[import-untyped]
from pymysql.cursors import SSCursor  # type: ignore[import-untyped]
from smolterm.pack import ToolError, secrets, settings

from smolterm_sql.database import SECONDS, changed, failed, refused
from smolterm_sql.rows import collected, most

CONNECT_SECONDS = 10
READING = frozenset({"select", "with", "values", "table", "show", "describe", "desc"})
TOO_LONG = frozenset({1969, 3024})
"""Errors of MariaDB and MySQL."""
READ_ONLY = 1792

_TOKEN = re.compile(
    r"""'(?:[^'\\]|\\.|'')*+'|"(?:[^"\\]|\\.|"")*+"|`(?:[^`]|``)*+`"""
    r"""|/\*(?P<runs>M?!)?.*?\*/|--(?=\s|\Z)[^\n]*|\#[^\n]*|(?P<word>\w+)|(?P<open>['"`]|/\*)|.""",
    re.DOTALL,
)


class MySQL:
    """The server of the pack's settings."""

    def __init__(self) -> None:
        address = urllib.parse.urlsplit(settings["mysql"])
        options = dict(urllib.parse.parse_qsl(address.query))
        password = secrets["MYSQL_PASSWORD"] if secrets.has("MYSQL_PASSWORD") else ""
        try:
            self._server = pymysql.connect(
                host=address.hostname or "127.0.0.1",
                port=address.port or 3306,
                user=urllib.parse.unquote(address.username or ""),
                password=password,
                database=urllib.parse.unquote(address.path.strip("/")) or None,
                charset="utf8mb4",
                connect_timeout=CONNECT_SECONDS,
                read_timeout=SECONDS + 5,
                write_timeout=SECONDS + 5,
                local_infile=False,
                ssl=_trust(options) if options.get("tls", "off") != "off" else None,
            )
        except (pymysql.Error, ValueError, OSError) as error:
            raise failed(
                _words(error), "The person can change the address: smolterm packs set sql mysql=..."
            ) from None
        with self._told():
            self._prepare()

    def tables(self) -> list[dict[str, object]]:
        """Return each table and view of the database in the address."""
        return self.query(
            "SELECT table_name AS name, CASE table_type WHEN 'VIEW' THEN 'view' ELSE 'table' END"
            " AS kind, CAST(coalesce(table_rows, 0) AS SIGNED) AS about_rows"
            " FROM information_schema.tables WHERE table_schema = database() ORDER BY 1", (), None,
        )  # fmt: skip

    def columns(self, table: str) -> list[dict[str, object]]:
        """Return each column."""
        schema, _, name = table.rpartition(".")
        rows = self.query(
            "SELECT column_name AS name, column_type AS type, is_nullable AS nullable,"
            " column_key AS `key` FROM information_schema.columns WHERE table_name = %s"
            " AND table_schema = coalesce(nullif(%s, ''), database()) ORDER BY ordinal_position",
            (name, schema), None,
        )  # fmt: skip
        return [
            {**row, "nullable": row["nullable"] == "YES", "key": row["key"] == "PRI"}
            for row in rows
        ]

    def query(
        self, sql: str, values: Sequence[object], limit: int | None
    ) -> list[dict[str, object]]:
        """Return rows."""
        _only_reads(sql)
        with self._reading(most(limit) + 1):
            cursor = SSCursor(self._server)
            cursor.execute(sql, list(values) or None)
            names = [str(each[0]) for each in cursor.description or ()]
            try:
                return collected(names, cursor.fetchmany, limit)
            finally:
                self._drop(cursor)

    def explain(self, sql: str) -> str:
        """Return the plan, a line for each table."""
        rows = self._explained(sql)
        return "\n".join(
            ", ".join(f"{key}: {cell}" for key, cell in row.items() if cell is not None)
            for row in rows
        )

    def execute(self, sql: str, many: Sequence[Sequence[object]]) -> dict[str, object]:
        """Change something."""
        count, returned = 0, []
        with self._told(), self._server.cursor() as cursor:
            for values in many:
                count += cursor.execute(sql, list(values) or None)
                if cursor.description is not None:
                    names = [str(each[0]) for each in cursor.description]
                    returned += collected(names, cursor.fetchmany, None)
            self._server.commit()
        return changed(count, returned)

    def quoted(self, name: str) -> str:
        """Return a name as it stands in SQL."""
        return ".".join("`" + part.replace("`", "``") + "`" for part in name.split("."))

    def placeholder(self) -> str:
        """Return what stands for a value."""
        return "%s"

    def close(self) -> None:
        """Close the connection; what was not committed is gone."""
        if self._server.open:
            self._server.close()

    def _prepare(self) -> None:
        is_mariadb = "mariadb" in self._server.get_server_info().lower()
        limit = f"max_statement_time={SECONDS:g}" if is_mariadb else (
            f"max_execution_time={SECONDS * 1000:.0f}")  # fmt: skip
        with self._server.cursor() as cursor:
            cursor.execute(f"SET SESSION {limit}, lock_wait_timeout=10")
            # Where a backslash is none, `_only_reads` would read strings otherwise than the server.
            cursor.execute("SET SESSION sql_mode=REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')")

    def _explained(self, sql: str) -> list[dict[str, object]]:
        _only_reads(sql)
        with self._reading(1_000), self._server.cursor() as cursor:
            cursor.execute("EXPLAIN " + sql)
            names = [str(each[0]) for each in cursor.description or ()]
            return collected(names, cursor.fetchmany, 1_000)

    @contextmanager
    def _reading(self, rows: int) -> Iterator[None]:
        with self._told():
            with self._server.cursor() as cursor:
                cursor.execute(f"SET SESSION sql_select_limit={rows:d}")
                cursor.execute("START TRANSACTION READ ONLY")
            yield

    def _drop(self, cursor: SSCursor) -> None:
        """Leave rows that nobody reads at the server, instead of reading them all."""
        result = cursor._result
        if result is not None and result.unbuffered_active:
            result.unbuffered_active = False
            self._server.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (pymysql.Error, OSError) as error:
            number = error.args[0] if error.args else 0
            if number in TOO_LONG:
                raise ToolError(f"It took longer than {SECONDS:g} s and was stopped.") from None
            raise (refused() if number == READ_ONLY else failed(_words(error))) from None


def _trust(options: dict[str, str]) -> ssl.SSLContext:
    # Given by its parts alone, PyMySQL checks no certificate where no file of them is named.
    return ssl.create_default_context(cafile=options.get("ca"))


def _only_reads(sql: str) -> None:
    """Refuse what a read-only transaction would let through.

    Raises:
        ToolError: it is no plain query.
    """
    first = ""
    for token in _TOKEN.finditer(sql):
        word = (token["word"] or "").lower()
        first = first or word
        if token["open"]:
            raise ToolError("A quote or a comment is not closed.")
        if token["runs"] or word == "into":
            raise refused()
    if first not in READING:
        raise refused()


def _words(error: BaseException) -> str:
    return str(error.args[1] if len(error.args) > 1 else error)

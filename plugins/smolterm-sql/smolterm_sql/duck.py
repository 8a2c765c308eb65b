"""DuckDB: its own files, and CSV, JSON and Parquet files read into memory.

DuckDB's own switch closes files, network and extensions, and a lock keeps it closed, before the
model's SQL is seen.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
from smolterm.pack import ToolError

from smolterm_sql.database import SECONDS, by_quotes, changed, failed, refused
from smolterm_sql.rows import collected, distinct

MAGIC = b"DUCK"
"""From the eighth byte on."""
READERS = {
    ".parquet": "read_parquet", ".csv": "read_csv", ".tsv": "read_csv", ".json": "read_json",
    ".jsonl": "read_json", ".ndjson": "read_json",
}  # fmt: skip
MEMORY = "2GB"

_OPEN: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
    "memory_limit": MEMORY,
    "threads": "2",
}
_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    **_OPEN,
    "enable_external_access": "false",
    "lock_configuration": "true",
}


class Duck:
    """One open database.

    Args:
        path: a real path that the person granted.
        write: it may be changed, and made when it is not there.
    """

    def __init__(self, path: Path, *, write: bool = False) -> None:
        try:
            self._db = duckdb.connect(str(path), read_only=not write, config=_CLOSED)
        except duckdb.Error as error:
            raise failed(error, "Is it a DuckDB file, and does no other program use it?") from None

    @classmethod
    def of_files(cls, files: Mapping[str, Path]) -> Duck:
        """Return a database in memory that holds files as tables.

        Args:
            files: the name of the table, and the real path of the file that it is made of.
        """
        self = cls.__new__(cls)
        self._db = duckdb.connect(":memory:", config=_OPEN)
        for name, path in files.items():
            reader = READERS.get(path.suffix.lower())
            if reader is None:
                raise ToolError(
                    f"{path.name!r} is no {', '.join(READERS)} file.",
                    next="Use the tools for Excel, or convert it.",
                )
            with self._told(f"Is {path.name!r} what its ending says?"):
                self._db.execute(
                    f"CREATE TABLE {by_quotes(name)} AS SELECT * FROM {reader}(?)",  # noqa: S608
                    [str(path)],
                )
        self._db.execute("SET enable_external_access = false")
        self._db.execute("SET lock_configuration = true")
        return self

    def tables(self) -> list[dict[str, object]]:
        """Return each table and view."""
        return self.query(
            "SELECT CASE WHEN table_schema = 'main' THEN '' ELSE table_schema || '.' END"
            " || table_name AS name, CASE table_type WHEN 'VIEW' THEN 'view' ELSE 'table' END"
            " AS kind FROM information_schema.tables ORDER BY 1", (), None,
        )  # fmt: skip

    def columns(self, table: str) -> list[dict[str, object]]:
        """Return each column."""
        schema, _, name = table.rpartition(".")
        return self.query(
            "SELECT c.column_name AS name, c.data_type AS type, c.is_nullable AS nullable,"
            " EXISTS (SELECT 1 FROM duckdb_constraints() k WHERE k.table_oid = c.table_oid"
            " AND k.constraint_type = 'PRIMARY KEY'"
            " AND list_contains(k.constraint_column_names, c.column_name)) AS key"
            " FROM duckdb_columns() c WHERE c.schema_name = ? AND c.table_name = ?"
            " AND c.database_name = current_database() ORDER BY c.column_index",
            (schema or "main", name), None,
        )  # fmt: skip

    def query(
        self, sql: str, values: Sequence[object], limit: int | None
    ) -> list[dict[str, object]]:
        """Return rows."""
        with self._told():
            statement = self._one(sql)
            if statement.type not in (
                duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN,
            ):  # fmt: skip
                raise refused()
            return self._run(statement, values, limit)

    def explain(self, sql: str) -> str:
        """Return the plan as DuckDB draws it."""
        rows = self.query("EXPLAIN " + sql, (), None)
        return "\n".join(str(row["explain_value"]) for row in rows)

    def execute(self, sql: str, many: Sequence[Sequence[object]]) -> dict[str, object]:
        """Change something."""
        with self._told():
            self._one(sql)
            self._db.begin()
            count, returned = 0, []
            for values in many:
                rows = self._run(self._one(sql), values, None)
                # It counts what it changed in a table of one cell.
                if len(rows) == 1 and list(rows[0]) == ["Count"]:
                    count += int(str(rows[0]["Count"]))
                else:
                    returned += rows
            self._db.commit()
            return changed(count, returned)

    def quoted(self, name: str) -> str:
        """Return a name as it stands in SQL."""
        return by_quotes(name)

    def placeholder(self) -> str:
        """Return what stands for a value."""
        return "?"

    def close(self) -> None:
        """Close it; what was not committed is gone."""
        self._db.close()

    def _one(self, sql: str) -> duckdb.Statement:
        statements = self._db.extract_statements(sql)
        if len(statements) != 1:
            raise ToolError("This is not one statement.", next="Pass them one by one.")
        return statements[0]

    def _run(
        self, statement: duckdb.Statement, values: Sequence[object], limit: int | None
    ) -> list[dict[str, object]]:
        self._db.execute(statement, list(values) or None)
        names = [str(each[0]) for each in self._db.description or []]
        return collected(names, self._db.fetchmany, limit) if names else []

    @contextmanager
    def _told(self, next: str = "") -> Iterator[None]:
        """Stop what takes too long, and say what went wrong."""
        timer = threading.Timer(SECONDS, self._db.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        except duckdb.InterruptException:
            raise ToolError(f"It took longer than {SECONDS:g} s and was stopped.") from None
        except duckdb.PermissionException:
            raise ToolError(
                "Files, network and extensions are closed to SQL.",
                next="query_files() reads files: name them in its `files`.",
            ) from None
        except duckdb.OutOfMemoryException:
            raise ToolError(
                f"It takes more than {MEMORY} of memory.", next="Read fewer or smaller files."
            ) from None
        except duckdb.Error as error:
            if "read-only" in str(error):
                raise refused() from None
            raise (failed(error, next) if next else failed(error)) from None
        finally:
            timer.cancel()


def parquet(rows: Sequence[Mapping[str, object]]) -> bytes:
    """Return rows as the bytes of a Parquet file.

    Raises:
        ToolError: a column holds values of types that do not go together.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [[row.get(name) for row in rows] for name in names]
    shown = ", ".join(
        f"unnest(?) AS {by_quotes(name.replace('.', '_'))}" for name in distinct(names)
    )
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(":memory:", config=_OPEN) as db:
        target = Path(folder) / "table.parquet"
        try:
            db.execute(f"CREATE TABLE t AS SELECT {shown}", columns)
            db.execute("COPY t TO ? (FORMAT parquet)", [str(target)])
        except duckdb.Error as error:
            raise failed(error, "Each column needs values of one type, or None.") from None
        return target.read_bytes()

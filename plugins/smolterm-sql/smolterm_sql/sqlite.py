"""SQLite: files in the granted folder.

The authorizer is asked while a statement is prepared, before any of it runs; it refuses every other
file, also where a hostile database has hidden it in a view or a trigger.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from smolterm.pack import ToolError

from smolterm_sql.database import SECONDS, changed, failed, refused
from smolterm_sql.rows import collected

MAGIC = b"SQLite format 3\0"
READING = frozenset({
    sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE,
})  # fmt: skip
OUTSIDE = frozenset({sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH})
LOOKING = frozenset({
    "table_info", "table_xinfo", "table_list", "index_list", "index_info", "foreign_key_list",
    "user_version",
})  # fmt: skip
"""Pragmas that only tell."""
FORBIDDEN = frozenset({"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"})


class SQLite:
    """One open file.

    Args:
        path: a real path that the person granted.
        write: it may be changed, and made when it is not there.
    """

    def __init__(self, path: Path, *, write: bool = False) -> None:
        mode = "rwc" if write else "ro"
        self._write = write
        self._end = time.monotonic() + SECONDS
        try:
            self._file = sqlite3.connect(
                f"{path.as_uri()}?mode={mode}", uri=True, timeout=5, isolation_level=None
            )
            self._file.execute("PRAGMA trusted_schema=OFF")
            self._file.execute("PRAGMA temp_store=MEMORY")
            self._file.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            raise failed(error, "Is it a SQLite file?") from None
        self._file.set_authorizer(self._judged)
        self._file.set_progress_handler(lambda: time.monotonic() > self._end, 10_000)

    def tables(self) -> list[dict[str, object]]:
        """Return each table and view."""
        return self.query(
            "SELECT name, type AS kind FROM sqlite_master WHERE type IN ('table', 'view')"
            " AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name", (), None,
        )  # fmt: skip

    def columns(self, table: str) -> list[dict[str, object]]:
        """Return each column."""
        rows = self.query(f"PRAGMA table_xinfo({self.quoted(table)})", (), None)
        return [
            {
                "name": row["name"],
                "type": row["type"],
                "nullable": not row["notnull"] and not row["pk"],
                "key": bool(row["pk"]),
            }
            for row in rows
            if row["hidden"] != 1
        ]

    def query(
        self, sql: str, values: Sequence[object], limit: int | None
    ) -> list[dict[str, object]]:
        """Return rows."""
        try:
            cursor = self._file.execute(sql, _bound(values))
            if cursor.description is None:
                raise refused()
            names = [str(each[0]) for each in cursor.description]
            return collected(names, cursor.fetchmany, limit)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise self._said(error) from None

    def explain(self, sql: str) -> str:
        """Return the plan, indented."""
        depth = {0: 0}
        lines = []
        for row in self.query("EXPLAIN QUERY PLAN " + sql, (), None):
            number, parent = row["id"], row["parent"]
            assert isinstance(number, int) and isinstance(parent, int)
            depth[number] = depth.get(parent, 0) + 1
            lines.append("  " * (depth[number] - 1) + str(row["detail"]))
        return "\n".join(lines)

    def execute(self, sql: str, many: Sequence[Sequence[object]]) -> dict[str, object]:
        """Change something."""
        count, returned = 0, []
        try:
            self._file.execute("BEGIN IMMEDIATE")
            for values in many:
                cursor = self._file.execute(sql, _bound(values))
                if cursor.description is not None:
                    names = [str(each[0]) for each in cursor.description]
                    returned += collected(names, cursor.fetchmany, None)
                count += max(cursor.rowcount, 0)
            if self._file.in_transaction:
                self._file.execute("COMMIT")
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise self._said(error) from None
        return changed(count, returned)

    def quoted(self, name: str) -> str:
        """Return a name as it stands in SQL."""
        return '"' + name.replace('"', '""') + '"'

    def placeholder(self) -> str:
        """Return what stands for a value."""
        return "?"

    def close(self) -> None:
        """Close it; what was not committed is gone."""
        self._file.close()

    def _judged(
        self, action: int, one: str | None, two: str | None, where: str | None, by: str | None
    ) -> int:
        if action in OUTSIDE or (action == sqlite3.SQLITE_FUNCTION and two in FORBIDDEN):
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_PRAGMA:
            return sqlite3.SQLITE_OK if one in LOOKING else sqlite3.SQLITE_DENY
        if self._write or action in READING:
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY

    def _said(self, error: Exception) -> ToolError:
        if time.monotonic() > self._end:
            return ToolError(f"It took longer than {SECONDS:g} s and was stopped.")
        if "not authorized" in str(error) or "prohibited" in str(error):
            if not self._write:
                return refused()
            return ToolError(
                "Other files, extensions and most pragmas are closed to execute_sql()."
            )
        if "one statement at a time" in str(error):
            return ToolError("This is more than one statement.", next="Pass them one by one.")
        return failed(error)


def _bound(values: Sequence[object]) -> list[object]:
    """Return values as SQLite stores them: it has no dates and no decimals of its own."""
    kept = (int, float, str, bytes)
    return [each if each is None or isinstance(each, kept) else str(each) for each in values]

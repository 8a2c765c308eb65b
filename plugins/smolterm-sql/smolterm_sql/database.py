"""What each kind of database can do, and the words for what went wrong in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from smolterm.pack import ToolError

SECONDS = 30.0
"""How long one statement may take."""
LOOK = "list_tables() and describe_table() show the names."


class Database(Protocol):
    """An open database."""

    def tables(self) -> list[dict[str, object]]:
        """Return name and kind of each table and view."""

    def columns(self, table: str) -> list[dict[str, object]]:
        """Return name, type, nullable and key of each column; empty: there is no such table."""

    def query(
        self, sql: str, values: Sequence[object], limit: int | None
    ) -> list[dict[str, object]]:
        """Return rows; the database itself refuses what changes anything."""

    def explain(self, sql: str) -> str:
        """Return how the database would run it, as the database writes that."""

    def execute(self, sql: str, many: Sequence[Sequence[object]]) -> dict[str, object]:
        """Run one statement, once for each of `many`, and keep all that it changed or nothing."""

    def quoted(self, name: str) -> str:
        """Return a name as it stands in SQL."""

    def placeholder(self) -> str:
        """Return what stands for a value."""

    def close(self) -> None:
        """Close it."""


def failed(what: object, next: str = LOOK) -> ToolError:
    """Return a database's complaint as a tool's error."""
    text = " ".join(str(what).split())
    end = "" if text.endswith((".", "!", "?")) else "."
    return ToolError(f"The database says: {text[:1_000]}{end}", next=next)


def refused() -> ToolError:
    """Return the error of a query that would change something."""
    return ToolError(
        "query_database() only reads, and this is no statement that only reads.",
        next="Use execute_sql() to change something.",
    )


def changed(rows: int, returned: list[dict[str, object]] | None = None) -> dict[str, object]:
    """Return what `execute` returns; a database that counts no rows says -1."""
    about: dict[str, object] = {"changed": max(rows, 0)}
    if returned:
        about["rows"] = returned
    return about


def by_quotes(name: str) -> str:
    """Return a name in the quotes of standard SQL; dots part a schema from its table."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))

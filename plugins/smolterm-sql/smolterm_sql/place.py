"""Which database a name means, and where in the granted folder its file lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smolterm.pack import ToolError, files, settings

from smolterm_sql.database import Database

SQLITE = (".db", ".sqlite", ".sqlite3", ".db3")
DUCKDB = (".duckdb", ".ddb")
SERVERS = ("postgresql", "mysql")


def known() -> list[dict[str, object]]:
    """Return the servers that are set and the database files in the granted folder."""
    found: list[dict[str, object]] = [
        {"database": name, "kind": "server"} for name in SERVERS if settings.get(name)
    ]
    try:
        there = files.list()
    except ToolError:
        return found
    for file in there:
        ending = Path(file.path).suffix.lower()
        if ending in SQLITE or ending in DUCKDB:
            kind = "SQLite" if ending in SQLITE else "DuckDB"
            found.append({"database": file.path, "kind": kind, "size": file.size})
    return found


@contextmanager
def opened(name: str, *, write: bool = False) -> Iterator[Database]:
    """Open a database and close it again."""
    database = _open(name, write)
    try:
        yield database
    finally:
        database.close()


def _open(name: str, write: bool) -> Database:
    if name == "postgresql":
        from smolterm_sql.postgresql import PostgreSQL

        return PostgreSQL()
    if name == "mysql":
        from smolterm_sql.mysql import MySQL

        return MySQL()
    path = Path(files.place(name, write=write))
    if _is_duck(path):
        from smolterm_sql.duck import Duck

        return Duck(path, write=write)
    from smolterm_sql.sqlite import SQLite

    return SQLite(path, write=write)


def _is_duck(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except FileNotFoundError:
        start = b""
    if not start:
        return path.suffix.lower() in DUCKDB
    return start[8:12] == b"DUCK"

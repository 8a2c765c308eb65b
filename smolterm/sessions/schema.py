"""What stands in the database of sessions, and how an older one becomes one of today."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from sqlite3 import Connection

APPLICATION = 0x534D4F4C
"""What SQLite calls the application's id: `SMOL`."""

MOST_EVENTS = 1 << 32
"""Of one session. An event's number is its session's number times this, plus its place, so that
events of one session lie side by side and need no second index."""

TABLES = """
CREATE TABLE sessions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL DEFAULT '',
    task TEXT NOT NULL DEFAULT '',
    started REAL NOT NULL,
    changed REAL NOT NULL,
    model TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL DEFAULT '',
    folder TEXT NOT NULL DEFAULT '',
    steps INTEGER NOT NULL DEFAULT 0,
    tasks INTEGER NOT NULL DEFAULT 0,
    branches INTEGER NOT NULL DEFAULT 0,
    forked_from TEXT NOT NULL DEFAULT '',
    forked_step INTEGER,
    indexed INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX by_change ON sessions (changed);
CREATE TABLE events (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    line BLOB NOT NULL
);
CREATE TABLE taken (
    name TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    session INTEGER NOT NULL
);
"""
"""`sessions.indexed` is the number of the last event that can be found by its words; `taken` names
the files of JSON lines that were taken in, with how much of each."""

WORDS = "CREATE VIRTUAL TABLE words USING fts5(text, tokenize = 'unicode61 remove_diacritics 2')"
"""Its rows have the numbers of the events that hold the words; a title has its session's, below 0.
It stands apart from the version: SQLite may have been built without it."""

Step: TypeAlias = "Callable[[Connection], None]"


def _first(connection: Connection) -> None:
    for statement in TABLES.split(";\n"):
        if statement.strip():
            connection.execute(statement)


STEPS: Sequence[Step] = (_first,)
"""Step N makes a store of version N + 1 from one of version N; each runs in one transaction."""

VERSION = len(STEPS)


def ensure_words(connection: Connection) -> bool:
    """Make the table of words where SQLite can; says whether it is there and can be used."""
    import sqlite3

    try:
        connection.execute("SELECT rowid FROM words LIMIT 0")
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            return False
    else:
        return True
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(WORDS)
        connection.execute("UPDATE sessions SET indexed = 0")
        connection.execute("COMMIT")
    except sqlite3.OperationalError:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return False
    return True

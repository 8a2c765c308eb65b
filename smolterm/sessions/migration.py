"""Sessions of before the database: files of JSON lines, taken in where they lie.

The files stay as they are. A smolterm of that time may still write to one; what it adds is taken
in too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from smolterm.events import Event, from_line
from smolterm.store import data_folder

if TYPE_CHECKING:
    from sqlite3 import Connection

    from smolterm.sessions.database import Database


def lines_folder() -> Path:
    """Return where the files of JSON lines are."""
    return data_folder() / "sessions"


def take_in(database: Database, folder: Path | None = None) -> list[str]:
    """Copy what the files hold and the store does not; returns what a person should know.

    Raises:
        StoreError: the store cannot be written.
    """
    said: list[str] = []
    files = _sizes(folder or lines_folder())
    if not files:
        return said
    taken = {name: (size, session) for name, size, session in
             database.rows("SELECT name, bytes, session FROM taken")}  # fmt: skip
    for path, size in files.items():
        before, session = taken.get(path.name, (0, 0))
        if size > before:
            try:
                said += _take(database, path, before, session)
            except OSError as error:
                said.append(f"{path} cannot be read: {error.strerror}.")
    return said


def _sizes(folder: Path) -> dict[Path, int]:
    try:
        return {path: path.stat().st_size for path in sorted(folder.glob("*.jsonl"))}
    except OSError:
        return {}


def _take(database: Database, path: Path, before: int, session: int) -> list[str]:
    """Take in what stands behind a place in one file, up to its last whole line."""
    from smolterm.sessions.record import Writer

    data = path.read_bytes()[before:]
    events, used, bad = _whole(data)
    if not events:
        return [f"{path} holds no session; it was left as it is."] if bad and not before else []
    with database.transaction() as connection:
        # Another process may have been quicker.
        rows = connection.execute("SELECT bytes FROM taken WHERE name = ?", (path.name,)).fetchall()
        if (rows[0][0] if rows else 0) != before:
            return []
        if not session:
            session = _new(connection, path.stem, events[0].at)
        writer = Writer.behind(database, None, session, connection)
        for event in events:
            writer.put(connection, event)
        connection.execute(
            "INSERT OR REPLACE INTO taken (name, bytes, session) VALUES (?, ?, ?)",
            (path.name, before + used, session),
        )
    if not bad:
        return []
    return [
        f"{path}: line {bad} is no event; the {len(events)} before it were taken in, and the file "
        "was left as it is."
    ]


def _new(connection: Connection, name: str, at: float) -> int:
    found = connection.execute("SELECT number FROM sessions WHERE id = ?", (name,)).fetchall()
    if found:
        return int(found[0][0])
    cursor = connection.execute(
        "INSERT INTO sessions (id, started, changed) VALUES (?, ?, ?)", (name, at, at)
    )
    return int(cursor.lastrowid or 0)


def _whole(data: bytes) -> tuple[list[Event], int, int]:
    """Return the events up to the first line that is none, their bytes, and that line's number.

    A last line that was cut by a crash is no mistake.
    """
    events: list[Event] = []
    used = 0
    for number, line in enumerate(_lines(data), 1):
        try:
            events.append(from_line(line))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return events, used, number
        used += len(line)
    return events, used, 0


def _lines(data: bytes) -> Iterator[bytes]:
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        yield data[start : end + 1]
        start = end + 1

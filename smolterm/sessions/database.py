"""The one file that holds all sessions: made, opened, migrated, or refused untouched.

Several processes may have it open and write to it. What is refused is never written to.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolterm.errors import StoreError
from smolterm.sessions.schema import APPLICATION, STEPS, Step
from smolterm.store import database_path

if TYPE_CHECKING:
    from sqlite3 import Connection

WAIT_SECONDS = 2.0
"""For another process that writes; an event is written in well under a millisecond."""
CHECKPOINT_PAGES = 4_000
"""Of 4 KB: the log grows to this before a commit has to tidy it up by itself."""
MAGIC = b"SQLite format 3\0"
UNTOUCHED = "The file was not changed."
MOVE = "Move it away and smolterm begins a new one; a copy of it may be what a backup holds."


class Database:
    """One connection; every failure of it is a `StoreError`.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path, connection: Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, path: Path | None = None, *, steps: Sequence[Step] = STEPS) -> Database:
        """Open the file; make it, or make it one of today's, where that is needed.

        Args:
            steps: see `schema.STEPS`.

        Raises:
            StoreError: it is damaged, newer, another program's, or cannot be opened.
        """
        path = path or database_path()
        _look(path, len(steps))
        with _mapped(path):
            _make(path)
            connection = _connect(path)
            try:
                _configure(connection)
                _bring_up(path, connection, steps)
            except BaseException:
                connection.close()
                raise
        return cls(path, connection)

    @property
    def connection(self) -> Connection:
        return self._connection

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """Run one statement by itself and return its rows."""
        with _mapped(self.path):
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Do several things, or none of them."""
        with _mapped(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._undo()
                raise

    def _undo(self) -> None:
        import sqlite3

        with suppress(sqlite3.Error, UnicodeDecodeError):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        import sqlite3

        with suppress(sqlite3.Error):
            self._connection.close()


def checkpoint(path: Path) -> None:
    """Tidy up the log of a database, beside whoever writes to it; never raises."""
    import sqlite3

    with suppress(sqlite3.Error, OSError, UnicodeDecodeError):
        connection = _connect(path)
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        finally:
            connection.close()


def _connect(path: Path) -> Connection:
    import sqlite3

    connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
    # A damaged file must not end in an error of decoding.
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    return connection


def _configure(connection: Connection) -> None:
    for name, value in (
        ("trusted_schema", "OFF"),
        ("cell_size_check", "ON"),
        ("journal_mode", "WAL"),
        ("synchronous", "NORMAL"),
        ("wal_autocheckpoint", CHECKPOINT_PAGES),
    ):
        connection.execute(f"PRAGMA {name} = {value}").fetchall()


def _look(path: Path, version: int) -> None:
    """Refuse by its head what is not ours, before anything opens it."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from None
    if not head:
        return
    if len(head) < 100 or not head.startswith(MAGIC):
        raise StoreError(f"{path} is damaged: it is no database.", kept=UNTOUCHED, next=MOVE)
    found, application = struct.unpack(">I", head[60:64])[0], struct.unpack(">I", head[68:72])[0]
    _judge(path, found, application, version)


def _judge(path: Path, found: int, application: int, version: int) -> None:
    if application not in (0, APPLICATION) or (found and application != APPLICATION):
        raise StoreError(f"{path} is no store of smolterm's.", kept=UNTOUCHED, next=MOVE)
    if found > version:
        raise StoreError(
            f"{path} was written by a newer smolterm (its version is {found}, {version} is known).",
            kept=UNTOUCHED,
            next="Update smolterm, or set SMOLTERM_DATA to another folder.",
        )


def _make(path: Path) -> None:
    """Make the folder and an empty file that its owner alone can read."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(
            f"The session cannot be saved to {path}: {error.strerror}.",
            kept="What was saved before is still there.",
            next="Free space, or set SMOLTERM_DATA to a folder that can be written.",
        ) from None


def _bring_up(path: Path, connection: Connection, steps: Sequence[Step]) -> None:
    """Migrate step by step; two processes may try at once, and one of them finds it done."""
    # The log may hold newer facts than the head of the file.
    found = _judged(path, connection, steps)
    if found == len(steps):
        return
    if found:
        _back_up(path, connection, found)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        for step in steps[_judged(path, connection, steps) :]:
            step(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _judged(path: Path, connection: Connection, steps: Sequence[Step]) -> int:
    """Return the store's version; refuse what is not ours."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    _judge(path, found & 0xFFFFFFFF, application & 0xFFFFFFFF, len(steps))
    return int(found)


def _back_up(path: Path, connection: Connection, found: int) -> None:
    """Copy the store beside itself before it is changed; an older copy of it stays."""
    import sqlite3

    copy = path.with_name(f"{path.name}.version-{found}")
    if copy.exists():
        return
    making = path.with_name(f"{copy.name}.new-{os.getpid()}")
    try:
        _make(making)
        target = sqlite3.connect(making)
        try:
            connection.backup(target)
        finally:
            target.close()
        making.replace(copy)
    except BaseException:
        with suppress(OSError):
            making.unlink()
        raise


@contextmanager
def _mapped(path: Path) -> Iterator[None]:
    """Turn what SQLite raises into what a person can act on."""
    import sqlite3

    try:
        yield
    except sqlite3.Error as error:
        raise _as_store_error(path, error) from None
    except (OverflowError, UnicodeDecodeError):
        # SQLite's own message may quote what is no text.
        raise _damaged(path, "it holds nonsense") from None


def _as_store_error(path: Path, error: Exception) -> StoreError:
    name = getattr(error, "sqlite_errorname", "")
    kept, unsaved = "What was saved before is still there.", "the session goes on unsaved."
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(
            f"{path} is held by another process for more than {WAIT_SECONDS:g} s.", kept=kept,
            next=f"End that process; {unsaved}",
        )  # fmt: skip
    if name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR"):
        return StoreError(
            f"The session cannot be saved to {path}: {error}. The disk may be full.", kept=kept,
            next=f"Free space; {unsaved}",
        )  # fmt: skip
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return StoreError(
            f"The session cannot be saved to {path}: {error}.", kept=kept,
            next=f"Make it and its folder writable; {unsaved}",
        )  # fmt: skip
    return _damaged(path, str(error))


def _damaged(path: Path, why: str) -> StoreError:
    return StoreError(
        f"{path} is damaged: {why}.", kept="What can be read of it is still there.", next=MOVE
    )


def damaged_at(path: Path, session: str, place: int) -> StoreError:
    """Return the error for an event that is none."""
    return StoreError(
        f"{path} is damaged: event {place} of session {session} is none.",
        kept=UNTOUCHED,
        next=f"`smolterm sessions export {session} --format jsonl` writes what can be read.",
    )

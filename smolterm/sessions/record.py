"""Everything that happens in one session: held in memory, and written before it is shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from smolterm.errors import StoreError
from smolterm.events import (
    Event,
    Finished,
    ModelChanged,
    Notice,
    ReplyFinished,
    Rewound,
    SessionResumed,
    SessionStarted,
    StepStarted,
    TaskStarted,
    Usage,
    to_line,
)
from smolterm.sessions.lease import Lease
from smolterm.sessions.past import NEVER_KEPT, PASSING, Past, take_back, usage_of
from smolterm.store import data_folder, database_path
from smolterm.transcript import add_usage

if TYPE_CHECKING:
    from sqlite3 import Connection

    from smolterm.sessions.database import Database
    from smolterm.sessions.search import Index

INSERT = "INSERT INTO events (number, kind, line) VALUES (?, ?, ?)"
TIDY_BYTES = 4 << 20
"""Written since the log was tidied up last."""
MOST_TASK = 2_000
"""Characters of a first task that serve as a title."""


class Record:
    """The events of one session.

    In the store there is nothing of it before its first event: the file is opened then. When the
    store fails, the session goes on in memory alone.

    Args:
        session: its id.
        save: write to the store.
        past: what it goes on from.
        address: tells where its model is asked.

    Attributes:
        events: those in force, without what only passes by.
        branches: how many parts were abandoned.
        spent: what these cost.
    """

    def __init__(
        self,
        session: str,
        *,
        save: bool,
        past: Past | None = None,
        address: Callable[[], str] = str,
    ) -> None:
        self.session = session
        self.events: list[Event] = list(past.events) if past is not None else []
        self.branches = past.branches if past is not None else 0
        self.spent = past.spent if past is not None else Usage()
        self._address = address
        self._past = past
        self._lease = past.lease if past is not None else None
        self._saves = save
        self._writer: Writer | None = None
        self._waiting: list[Event] = []

    @property
    def path(self) -> Path | None:
        """The database, once it holds something of this session."""
        if self._past is not None and not self._past.is_fork:
            return database_path()
        return None if self._writer is None else self._writer.path

    @property
    def unsaved(self) -> bool:
        """What happens is not written."""
        return not self._saves

    def hold(self, event: Event) -> None:
        """Take an event in that is worth writing only when another one follows."""
        self._remember(event)
        self._waiting.append(event)

    def append(self, event: Event) -> Notice | None:
        """Take one event in and write it; returns what a person should know of a failure."""
        self._remember(event)
        if not self._saves or isinstance(event, NEVER_KEPT):
            return None
        try:
            if self._writer is None:
                self._writer = self._begin()
            waiting, self._waiting = self._waiting, []
            for one in (*waiting, event):
                if isinstance(one, Rewound):
                    self._writer.tasks = sum(isinstance(e, TaskStarted) for e in self.events)
                self._writer.write(one)
        except StoreError as error:
            self._saves = False
            self._close_writer()
            return Notice(text=str(error), level="warning")
        return None

    def _remember(self, event: Event) -> None:
        if isinstance(event, Rewound):
            gone = take_back(self.events, event.step)
            self.spent = add_usage(self.spent, usage_of(gone))
            self.branches = event.branch
        if not isinstance(event, (*PASSING, *NEVER_KEPT)):
            self.events.append(event)

    def _begin(self) -> Writer:
        past = self._past
        if self._lease is None:
            self._lease = Lease.take(running_folder(), self.session)
        if past is not None and not past.is_fork:
            return Writer.onward(self.session, self._address)
        begun = self.events[: len(past.events)] if past is not None else []
        return Writer.anew(self.session, begun, past=past, address=self._address)

    def close(self) -> None:
        """Let others have the session; safe to call twice."""
        self._saves = False
        self._close_writer()
        if self._lease is not None:
            self._lease.close()
            self._lease = None

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()


class Writer:
    """Writes the events of one session; each is on its way to the disk when `write` returns.

    A process that is killed loses nothing of it; only a machine that loses its power may lose the
    last moments.

    Attributes:
        tasks: how many are in force.
    """

    def __init__(
        self,
        database: Database,
        index: Index | None,
        number: int,
        place: int,
        address: Callable[[], str] = str,
    ) -> None:
        from smolterm.sessions.schema import MOST_EVENTS

        self.path = database.path
        self._database = database
        self._index = index
        self._address = address
        self._number = number
        self._next = number * MOST_EVENTS + place
        self._passing: int | None = None
        """The number of the first event that goes when the reply is whole."""
        self.tasks = 0
        self._titled = False
        self._bytes = 0

    @classmethod
    def anew(
        cls,
        session: str,
        begun: list[Event],
        *,
        past: Past | None = None,
        address: Callable[[], str] = str,
    ) -> Writer:
        """Begin a session that is not in the store yet.

        Args:
            begun: what a fork takes along.
            address: see `Record`.

        Raises:
            StoreError: see `Database.open`.
        """
        from smolterm.sessions.database import Database

        database = Database.open()
        try:
            index = _index(database)
            now = time.time()
            with database.transaction() as connection:
                cursor = connection.execute(
                    "INSERT INTO sessions (id, started, changed, forked_from, forked_step)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (session, now, now, past.forked_from if past else "",
                     past.forked_step if past else None),
                )  # fmt: skip
                writer = cls(database, index, int(cursor.lastrowid or 0), 1, address)
                for event in begun:
                    writer.put(connection, event)
        except BaseException:
            database.close()
            raise
        return writer

    @classmethod
    def onward(cls, session: str, address: Callable[[], str]) -> Writer:
        """Go on writing a session.

        Raises:
            StoreError: it is not there any more, or see `Database.open`.
        """
        from smolterm.sessions.database import Database

        database = Database.open()
        try:
            found = database.rows("SELECT number FROM sessions WHERE id = ?", session)
            if not found:
                raise StoreError(
                    f"Session {session} is not in {database.path} any more.",
                    next="The session goes on unsaved.",
                )
            index = _index(database)
            with database.transaction() as connection:
                writer = cls.behind(database, index, found[0][0], connection, address)
        except BaseException:
            database.close()
            raise
        return writer

    @classmethod
    def behind(
        cls,
        database: Database,
        index: Index | None,
        number: int,
        connection: Connection,
        address: Callable[[], str] = str,
    ) -> Writer:
        """Write behind what a session has, within a transaction."""
        from smolterm.sessions.schema import MOST_EVENTS

        first = number * MOST_EVENTS
        (last,) = connection.execute(
            "SELECT max(number) FROM events WHERE number BETWEEN ? AND ?",
            (first, first + MOST_EVENTS - 1),
        ).fetchone()
        writer = cls(database, index, number, (last or first) - first + 1, address)
        task, writer.tasks = connection.execute(
            "SELECT task, tasks FROM sessions WHERE number = ?", (number,)
        ).fetchone()
        writer._titled = bool(task)
        return writer

    def write(self, event: Event) -> None:
        """Write one event.

        Raises:
            StoreError: it could not be written; nothing of it was.
        """
        if isinstance(event, PASSING):
            # The most frequent by far, and of all only one statement.
            self._passing = self._passing or self._next
            self._database.rows(INSERT, *_insert(self._next, event))
            self._next += 1
            return
        with self._database.transaction() as connection:
            self.put(connection, event)
            if isinstance(event, ReplyFinished) and self._passing is not None:
                connection.execute(
                    "DELETE FROM events WHERE number BETWEEN ? AND ?"
                    " AND kind IN ('ReplyDelta', 'PromptRead')",
                    (self._passing, self._next - 1),
                )
                self._passing = None
            if isinstance(event, Finished) and self._index is not None:
                self._index.flush(connection, self._number)
        if isinstance(event, Finished) or self._bytes > TIDY_BYTES:
            # It waits for the disk, which nobody who looks at a screen should do.
            self._bytes = 0
            threading.Thread(
                target=_tidy, args=(self.path,), name="tidy sessions", daemon=True
            ).start()

    def put(self, connection: Connection, event: Event) -> None:
        """Insert one event, and what the list of sessions says of it, within a transaction."""
        values = _insert(self._next, event)
        self._bytes += len(values[-1])
        connection.execute(INSERT, values)
        if self._index is not None:
            self._index.add(self._next, event)
        self._next += 1
        changes = self._changes(event)
        if changes:
            names = ", ".join(f"{name} = ?" for name in changes)
            connection.execute(
                f"UPDATE sessions SET {names} WHERE number = ?",  # noqa: S608  our own names
                (*changes.values(), self._number),
            )

    def _changes(self, event: Event) -> dict[str, object]:
        """Return what an event changes in the list of sessions."""
        match event:
            case SessionStarted():
                folder = {"folder": _plain(event.folder or "")}
                return folder | self._model(event.model)
            case SessionResumed():
                return {"changed": event.at} | self._model(event.model)
            case ModelChanged(state="switched"):
                return self._model(event.model)
            case TaskStarted():
                self.tasks += 1
                changes: dict[str, object] = {"changed": event.at, "tasks": self.tasks}
                if not self._titled:
                    changes["task"], self._titled = _plain(event.task[:MOST_TASK]), True
                return changes
            case StepStarted():
                return {"steps": event.step, "changed": event.at}
            case Rewound():
                return {
                    "steps": event.step - 1,
                    "tasks": self.tasks,
                    "branches": event.branch,
                    "changed": event.at,
                }
            case Finished():
                return {"changed": event.at}
            case _:
                return {}

    def _model(self, name: str) -> dict[str, object]:
        return {"model": _plain(name), "address": _plain(self._address())}

    def close(self) -> None:
        if self._index is not None:
            self._index.give_up()
        self._database.close()


def running_folder() -> Path:
    """Return where the leases are."""
    return data_folder() / "running"


def _insert(number: int, event: Event) -> tuple[int, str, bytes]:
    return number, type(event).__name__, to_line(event)[:-1]


def _plain(text: str) -> str:
    """Return text that a database takes: no half surrogates, no end of string in the middle."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _index(database: Database) -> Index | None:
    from smolterm.sessions.schema import ensure_words
    from smolterm.sessions.search import Index

    return Index() if ensure_words(database.connection) else None


def _tidy(path: Path) -> None:
    from smolterm.sessions.database import checkpoint

    checkpoint(path)

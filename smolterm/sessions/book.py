"""The sessions that are kept: found, read, gone on with, forked, named and removed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from smolterm.errors import StoreError, UsageError
from smolterm.events import Event, Rewound, from_line
from smolterm.sessions.database import UNTOUCHED, Database, damaged_at
from smolterm.sessions.lease import Lease, held
from smolterm.sessions.migration import lines_folder, take_in
from smolterm.sessions.past import Past, before, branch, cell_for, in_force, last_step, usage_of
from smolterm.sessions.record import running_folder
from smolterm.sessions.schema import MOST_EVENTS, ensure_words
from smolterm.sessions.search import catch_up, index_title, search
from smolterm.sessions.states import state_path, states_of
from smolterm.store import StoredSession, database_path, new_session_id
from smolterm.transcript import add_usage

MOST_TITLE = 200
FIELDS = "id, title, task, started, changed, model, folder, steps, tasks, branches, number"


class Book:
    """Reads the store; what is written with it is done when a method returns.

    Attributes:
        said: what a person should know, of files that could not be taken in for example.
    """

    def __init__(self) -> None:
        self.said: list[str] = []
        self.indexed = True
        """Words are looked for in SQLite's index."""
        self._open: Database | None = None

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go; it is opened again when it is needed."""
        if self._open is not None:
            self._open.close()
            self._open = None

    @property
    def _database(self) -> Database | None:
        """The store, with all of before the database taken in; None: nothing was ever saved."""
        if self._open is None:
            if not database_path().exists() and not any(lines_folder().glob("*.jsonl")):
                return None
            self._open = Database.open()
        self.said += [text for text in take_in(self._open) if text not in self.said]
        return self._open

    def find(self, words: str = "", limit: int = 200) -> list[StoredSession]:
        """Return the newest first, or those that hold all the words.

        Raises:
            StoreError: the store cannot be read.
        """
        database = self._database
        if database is None:
            return []
        excerpts: dict[int, str] = {}
        where, values = "", []
        if words.strip():
            self.indexed = catch_up(database)
            excerpts = search(database, words, indexed=self.indexed)
            numbers = sorted(excerpts, reverse=True)[:30_000]
            where = f"WHERE number IN ({', '.join('?' * len(numbers))})"
            values = numbers
        rows = database.rows(
            f"SELECT {FIELDS} FROM sessions {where} ORDER BY changed DESC, number DESC LIMIT ?",  # noqa: S608
            *values, max(0, limit),
        )  # fmt: skip
        running = held(running_folder())
        return [_stored(database.path, row, running, excerpts) for row in rows]

    def identify(self, name: str) -> str:
        """Return the id that a person means by its beginning, or by its last part.

        Raises:
            UsageError: none, or more than one, begins so.
        """
        database = self._database
        rows = [] if database is None else database.rows("SELECT id FROM sessions ORDER BY id DESC")
        ids = [str(row[0]) for row in rows]
        if name in ids:
            return name
        found = [one for one in ids if name and one.startswith(name)]
        found = found or [one for one in ids if name and one.rpartition("-")[2].startswith(name)]
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(f"No session is named {name}.", next="See `smolterm sessions`.")
        shown = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
        raise UsageError(f"{name} may be any of {shown}.", next="Give more of its name.")

    def newest(self) -> str:
        """Return the session that went on last and is open nowhere now.

        Raises:
            UsageError: there is none.
        """
        for one in self.find(limit=50):
            if not one.running:
                return one.id
        raise UsageError("There is no session to go on with.", next="Begin one: smolterm")

    def about(self, session: str) -> StoredSession:
        """Return what a list says of one session.

        Raises:
            UsageError: it is not there.
        """
        database, number = self._number(session)
        row = database.rows(f"SELECT {FIELDS} FROM sessions WHERE number = ?", number)[0]  # noqa: S608
        return _stored(database.path, row, held(running_folder()), {})

    def lines(self, session: str) -> list[bytes]:
        """Return the events as they are stored, whatever they hold."""
        database, number = self._number(session)
        rows = database.rows(
            "SELECT line FROM events WHERE number BETWEEN ? AND ? ORDER BY number",
            number * MOST_EVENTS, (number + 1) * MOST_EVENTS - 1,
        )  # fmt: skip
        return [row[0] if isinstance(row[0], bytes) else b"" for row in rows]

    def record(self, session: str) -> list[Event]:
        """Return everything that happened, abandoned parts included.

        Raises:
            UsageError: it is not there.
            StoreError: the store is damaged.
        """
        lines = self.lines(session)
        try:
            return list(_decoder.decode(b"[" + b",".join(lines) + b"]"))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise damaged_at(database_path(), session, _bad(lines)) from None

    def events(self, session: str, branch: int | None = None) -> list[Event]:
        """Return what is in force in a session, or was in a branch before it was abandoned.

        Raises:
            UsageError: there is no such session or branch.
            StoreError: the store is damaged.
        """
        return _part(session, self.record(session), branch)

    def past(self, session: str) -> Past:
        """Return what a session goes on from, with the lease on it.

        Raises:
            UsageError: it is not there.
            StoreError: another process writes to it, or the store is damaged.
        """
        self._number(session)
        lease = Lease.take(running_folder(), session)
        try:
            return self._past(session, lease)
        except BaseException:
            lease.close()
            raise

    def _past(self, session: str, lease: Lease) -> Past:
        # Read only now: whoever had the lease before may have written until then.
        record = self.record(session)
        events = in_force(record)
        rewinds = sum(isinstance(event, Rewound) for event in record)
        model, address, folder = self._model(session)
        return Past(
            id=session,
            events=events,
            model=model,
            address=address,
            folder=folder,
            branches=rewinds,
            spent=_difference(record, events) if rewinds else usage_of(()),
            state=_existing(state_path(session)),
            lease=lease,
        )

    def forked(self, session: str, step: int | None = None, number: int | None = None) -> Past:
        """Return what a new session begins with: another one, before a step or at its end.

        Args:
            number: the branch that the step is of; None: what is in force.

        Raises:
            UsageError: there is no such session, branch or step.
            StoreError: the store is damaged.
        """
        record = self.record(session)
        events = _part(session, record, number)
        cell: int | None = None
        if step is not None:
            newest = last_step(events)
            if not 1 <= step <= newest + 1:
                raise UsageError(
                    f"Session {session} has no step {step}; the last is {newest}.",
                    kept="Nothing was changed.",
                )
            cell = cell_for(events, step)
            events = before(events, step)
        model, address, folder = self._model(session)
        return Past(
            id=new_session_id(),
            events=[event for event in events if not isinstance(event, Rewound)],
            model=model,
            address=address,
            folder=folder,
            state=_existing(state_path(session, number)),
            cell=cell,
            forked_from=session,
            forked_step=step,
        )

    def rename(self, session: str, title: str) -> None:
        """Give a session a title; an empty one takes it away.

        Raises:
            UsageError: the session is not there.
            StoreError: the store cannot be written.
        """
        database, number = self._number(session)
        title = " ".join(title.encode("utf-8", "replace").decode().replace("\0", "").split())
        title = title[:MOST_TITLE]
        has_words = ensure_words(database.connection)
        with database.transaction() as connection:
            connection.execute("UPDATE sessions SET title = ? WHERE number = ?", (title, number))
            if has_words:
                index_title(connection, number, title)

    def delete(self, session: str) -> None:
        """Remove a session, its variables, and the file of JSON lines that it came from.

        Raises:
            UsageError: the session is not there.
            StoreError: another process writes to it, or the store cannot be written.
        """
        database, number = self._number(session)
        lease = Lease.take(running_folder(), session)
        try:
            first, last = number * MOST_EVENTS, (number + 1) * MOST_EVENTS - 1
            has_words = ensure_words(database.connection)
            with database.transaction() as connection:
                if has_words:
                    connection.execute(
                        "DELETE FROM words WHERE rowid = ? OR rowid BETWEEN ? AND ?",
                        (-number, first, last),
                    )
                connection.execute("DELETE FROM events WHERE number BETWEEN ? AND ?", (first, last))
                connection.execute("DELETE FROM sessions WHERE number = ?", (number,))
            for path in (*states_of(session), lines_folder() / f"{session}.jsonl"):
                with suppress(FileNotFoundError):
                    path.unlink()
        except OSError as error:
            raise StoreError(f"{error.filename} cannot be removed: {error.strerror}.") from None
        finally:
            lease.close()

    def _number(self, session: str) -> tuple[Database, int]:
        database = self._database
        rows = [] if database is None else database.rows(
            "SELECT number FROM sessions WHERE id = ?", session
        )  # fmt: skip
        if database is None or not rows:
            raise UsageError(f"No session is named {session}.", next="See `smolterm sessions`.")
        return database, int(rows[0][0])

    def _model(self, session: str) -> tuple[str, str, str]:
        database, number = self._number(session)
        row = database.rows("SELECT model, address, folder FROM sessions WHERE number = ?", number)[
            0
        ]
        return str(row[0]), str(row[1]), str(row[2])


_decoder: msgspec.json.Decoder[list[Event]] = msgspec.json.Decoder(list[Event])


def _part(session: str, record: list[Event], number: int | None) -> list[Event]:
    if number is None:
        return in_force(record)
    try:
        return branch(record, number)
    except IndexError:
        raise UsageError(f"Session {session} has no branch {number}.") from None


def _bad(lines: list[bytes]) -> int:
    """Return the place of the first line that is no event, from 1."""
    for place, line in enumerate(lines, 1):
        try:
            from_line(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return place
    return 0


def _difference(record: list[Event], events: list[Event]) -> Any:
    """Return what the abandoned parts cost."""
    kept = {id(event) for event in events}
    total = usage_of(())
    for event in record:
        if id(event) not in kept:
            total = add_usage(total, usage_of([event]))
    return total


def _existing(path: Path) -> Path | None:
    return path if path.exists() else None


def _stored(
    path: Path, row: tuple[Any, ...], running: set[str], excerpts: dict[int, str]
) -> StoredSession:
    values = dict(zip(FIELDS.split(", "), row, strict=True))
    number, task = values.pop("number"), str(values.pop("task"))
    values["title"] = values["title"] or " ".join(task.split())[:MOST_TITLE]
    values |= {"running": values["id"] in running, "excerpt": excerpts.get(number, "")}
    try:
        return msgspec.convert(values, StoredSession)
    except msgspec.ValidationError as error:
        raise StoreError(
            f"{path} is damaged: the list of sessions holds nonsense ({error}).", kept=UNTOUCHED
        ) from None

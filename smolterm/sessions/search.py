"""Words looked for in all sessions: by SQLite's full-text index, or by reading where it has none.

The index is written at the end of each task and brought up to date before a search, so that
writing an event costs one insertion and no more.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from smolterm.events import (
    ActionProposed,
    CellFinished,
    DecisionMade,
    Event,
    Finished,
    OutputAdded,
    ReplyFinished,
    TaskStarted,
    from_line,
)
from smolterm.sessions.schema import MOST_EVENTS, ensure_words

if TYPE_CHECKING:
    from sqlite3 import Connection

    from smolterm.sessions.database import Database

MOST_TEXT = 64 * 1024
"""Characters of one event, or of one step's output, that can be found."""
MOST_WORDS = 16
AROUND = 60
"""Characters of an excerpt on each side of what was found."""
KINDS = (
    "TaskStarted", "ReplyFinished", "ActionProposed", "DecisionMade", "OutputAdded",
    "CellFinished", "Finished",
)  # fmt: skip


def text_of(event: Event) -> str:
    """Return what can be found of an event."""
    match event:
        case TaskStarted():
            text = event.task
        case ReplyFinished():
            # The code stands in it too.
            text = f"{event.reasoning}\n{event.text}" if event.reasoning else event.text
        case DecisionMade(decision="edit"):
            text = event.code
        case DecisionMade():
            text = event.reason
        case OutputAdded():
            text = event.text
        case CellFinished():
            parts = (event.value, event.error.traceback if event.error is not None else None)
            text = "\n".join(part for part in parts if part)
        case Finished():
            text = event.answer or ""
        case ActionProposed() | _:
            text = ""
    return text[:MOST_TEXT]


class Index:
    """What is still to be made findable of the session that is being written."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, str]] = []
        self._last = 0
        self._output = False

    def add(self, number: int, event: Event) -> None:
        """Note an event; neighbouring pieces of output become one text."""
        self._last = number
        text = text_of(event)
        joins = isinstance(event, OutputAdded)
        if joins and self._output and self._waiting:
            first, before = self._waiting[-1]
            if len(before) < MOST_TEXT:
                self._waiting[-1] = first, before + text
        elif text:
            self._waiting.append((number, text))
        self._output = joins if text else self._output and joins

    def reach(self, number: int) -> None:
        """Note that everything up to an event was looked at."""
        self._last = number

    def flush(self, connection: Connection, session: int) -> None:
        """Write what was noted, within a transaction."""
        connection.executemany(
            "INSERT OR REPLACE INTO words (rowid, text) VALUES (?, ?)",
            [(number, _clean(text[:MOST_TEXT])) for number, text in self._waiting],
        )
        connection.execute(
            "UPDATE sessions SET indexed = max(indexed, ?) WHERE number = ?", (self._last, session)
        )
        self.give_up()

    def give_up(self) -> None:
        """Leave the rest to the next search."""
        self._waiting = []


def index_title(connection: Connection, session: int, title: str) -> None:
    """Make a title findable, within a transaction; the words' table must be there."""
    connection.execute("DELETE FROM words WHERE rowid = ?", (-session,))
    if title:
        connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (-session, title))


def catch_up(database: Database) -> bool:
    """Bring the index up to date; False where SQLite has no full-text search.

    Raises:
        StoreError: the store is damaged or cannot be written.
    """
    if not ensure_words(database.connection):
        return False
    behind = database.rows(
        "SELECT number, indexed, title FROM sessions AS s WHERE indexed <"
        " (SELECT coalesce(max(number), 0) FROM events WHERE number BETWEEN"
        " s.number * ? AND (s.number + 1) * ? - 1)", MOST_EVENTS, MOST_EVENTS,
    )  # fmt: skip
    for session, indexed, title in behind:
        index = Index()
        first = max(indexed, session * MOST_EVENTS) + 1
        end = (session + 1) * MOST_EVENTS - 1
        with database.transaction() as connection:
            for number, kind, line in connection.execute(
                "SELECT number, kind, line FROM events WHERE number BETWEEN ? AND ?"
                " ORDER BY number", (first, end),
            ):  # fmt: skip
                event = _event(line) if kind in KINDS else None
                if event is not None:
                    index.add(number, event)
                index.reach(number)
            index.flush(connection, session)
            index_title(connection, session, title)
    return True


def search(database: Database, words: str, *, indexed: bool) -> dict[int, str]:
    """Return the numbers of the sessions that hold all the words, each with an excerpt.

    Args:
        indexed: the index is there and up to date.
    """
    wanted = words.split()[:MOST_WORDS]
    if not wanted:
        return {}
    # Languages without spaces, and pieces from the middle of a word, are no words to the index.
    found = _by_index(database, wanted) if indexed else {}
    return found or _by_reading(database, wanted)


def _by_index(database: Database, wanted: list[str]) -> dict[int, str]:
    found: set[int] | None = None
    for word in wanted:
        rows = database.rows(
            "SELECT DISTINCT CASE WHEN rowid < 0 THEN -rowid ELSE rowid / ? END"
            " FROM words WHERE words MATCH ?", MOST_EVENTS, _quoted(word),
        )  # fmt: skip
        sessions = {row[0] for row in rows}
        found = sessions if found is None else found & sessions
    any_of = " OR ".join(map(_quoted, wanted))
    return {number: _excerpt_by_index(database, number, any_of) for number in found or ()}


def _excerpt_by_index(database: Database, session: int, query: str) -> str:
    rows = database.rows(
        "SELECT snippet(words, 0, '', '', '…', 16) FROM words WHERE words MATCH ?"
        " AND (rowid = ? OR rowid BETWEEN ? AND ?) ORDER BY rank LIMIT 1",
        query, -session, session * MOST_EVENTS, (session + 1) * MOST_EVENTS - 1,
    )  # fmt: skip
    return " ".join(str(rows[0][0]).split()) if rows else ""


def _quoted(word: str) -> str:
    """Return a query for what begins with a word, whatever characters it holds."""
    return '"' + _clean(word).replace('"', '""') + '" *'


def _by_reading(database: Database, wanted: list[str]) -> dict[int, str]:
    """Look into every text; slow, but it finds whatever stands there."""
    patterns = [re.compile(re.escape(_clean(word)), re.IGNORECASE) for word in wanted]
    missing: dict[int, set[int]] = {}
    found: dict[int, str] = {}
    for session, text in _texts(database):
        left = missing.setdefault(session, set(range(len(patterns))))
        for place in list(left):
            if hit := patterns[place].search(text):
                left.discard(place)
                found.setdefault(session, _around(text, hit.start(), hit.end()))
    return {session: found[session] for session, left in missing.items() if not left}


def _texts(database: Database) -> Any:
    for number, title, task in database.rows("SELECT number, title, task FROM sessions"):
        yield number, title or task
    marks = ", ".join("?" * len(KINDS))
    last = -1
    while rows := database.rows(
        f"SELECT number, line FROM events WHERE number > ? AND kind IN ({marks})"  # noqa: S608
        " ORDER BY number LIMIT 2000", last, *KINDS,
    ):  # fmt: skip
        for number, line in rows:
            event = _event(line)
            if event is not None:
                yield number // MOST_EVENTS, text_of(event)
        last = rows[-1][0]


def _around(text: str, start: int, end: int) -> str:
    first, last = max(0, start - AROUND), min(len(text), end + AROUND)
    cut = " ".join(text[first:last].split())
    return f"{'…' if first else ''}{cut}{'…' if last < len(text) else ''}"


def _event(line: object) -> Event | None:
    try:
        return from_line(line) if isinstance(line, bytes) else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", " ")

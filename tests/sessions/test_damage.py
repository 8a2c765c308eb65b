"""Stores that are older, newer, damaged or somebody else's: taken in, or refused untouched."""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from smolterm import events as e
from smolterm.errors import SmoltermError, StoreError
from smolterm.sessions.book import Book
from smolterm.sessions.database import Database
from smolterm.sessions.record import Record
from smolterm.sessions.schema import STEPS, VERSION
from smolterm.store import database_path


def fill(name: str = "a", steps: int = 30) -> list[e.Event]:
    one = Record(name, save=True)
    one.append(e.TaskStarted(task=f"the task of {name}"))
    for number in range(1, steps + 1):
        one.append(e.StepStarted(step=number, steps_left=1))
        one.append(e.ReplyFinished(step=number, text=f"word{number} " * 50))
        one.append(e.OutputAdded(step=number, stream="stdout", text=f"{number} " * 700))
    one.append(e.Finished(reason="answer", answer="so"))
    one.close()
    for thread in threading.enumerate():
        if thread.name == "tidy sessions":
            thread.join()
    with sqlite3.connect(database_path()) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return one.events


def set_version(version: int) -> None:
    with sqlite3.connect(database_path()) as store:
        store.execute(f"PRAGMA user_version = {version}")
    store.close()


def refused(words: str) -> StoreError:
    """Everything refuses the store and leaves it as it is; returns the error."""
    before = database_path().read_bytes()
    with Book() as book, pytest.raises(StoreError, match=words) as caught:
        book.find()
    assert caught.value.kept and caught.value.next
    one = Record("new", save=True)
    failure = one.append(e.Notice(text="x"))
    assert failure is not None and caught.value.what in failure.text
    one.close()
    assert database_path().read_bytes() == before
    return caught.value


def test_a_newer_store_is_refused() -> None:
    fill()
    set_version(VERSION + 1)
    assert "Update smolterm" in refused("newer smolterm").next


def test_a_store_of_another_program_is_refused() -> None:
    fill()
    with sqlite3.connect(database_path()) as store:
        store.execute("PRAGMA application_id = 7")
    store.close()
    refused("no store of smolterm's")


@pytest.mark.parametrize("junk", [b"junk", b"SQLite format 3\0", b"\0" * 4096, b"[]" * 600])
def test_what_is_no_database_is_refused(data: Path, junk: bytes) -> None:
    data.mkdir()
    database_path().write_bytes(junk)
    refused("is damaged")


def test_an_empty_file_becomes_a_store(data: Path) -> None:
    data.mkdir()
    database_path().write_bytes(b"")
    assert fill()


@pytest.mark.parametrize("seed", range(40))
def test_damage_at_random_places_is_an_error_or_harmless(seed: int) -> None:
    events = fill()
    chance = random.Random(seed)
    path = database_path()
    data = bytearray(path.read_bytes())
    if seed % 4 == 0:
        del data[chance.randrange(100, len(data)) :]
    for _ in range(chance.choice((1, 20, 400))):
        data[chance.randrange(100 if seed % 3 else 0, len(data))] = chance.randrange(256)
    path.write_bytes(data)
    for use in (
        lambda book: book.find(),
        lambda book: book.find("word3"),
        lambda book: book.find("no such word at all"),
        lambda book: book.record("a"),
        lambda book: book.past("a").lease.close(),
        lambda book: book.rename("a", "title"),
        lambda book: book.delete("a"),
    ):
        with Book() as book:
            try:
                use(book)
            except SmoltermError as error:
                assert str(error)
    one = Record("b", save=True)
    one.append(e.Notice(text="x"))
    one.close()
    assert events


def test_an_event_that_is_none_is_named_and_the_others_can_be_had() -> None:
    fill()
    with sqlite3.connect(database_path()) as store:
        (third,) = store.execute("SELECT number FROM events ORDER BY number LIMIT 1 OFFSET 2"
                                 ).fetchone()  # fmt: skip
        store.execute("UPDATE events SET line = '{' WHERE number = ?", (third,))
    store.close()
    with Book() as book:
        with pytest.raises(StoreError, match="event 3 of session a") as caught:
            book.past("a")
        assert "--format jsonl" in caught.value.next
        assert len(book.lines("a")) == 92
        # The lease that was taken is free again.
        with pytest.raises(StoreError, match="event 3"):
            book.past("a")


def second(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE sessions ADD COLUMN mood TEXT NOT NULL DEFAULT 'fine'")


def fails(connection: sqlite3.Connection) -> None:
    second(connection)
    raise sqlite3.OperationalError("database or disk is full")


def test_an_older_store_is_copied_before_it_is_changed() -> None:
    events = fill()
    database = Database.open(steps=[*STEPS, second])
    assert database.rows("SELECT id, mood FROM sessions") == [("a", "fine")]
    database.close()
    copy = database_path().with_name(f"sessions.db.version-{VERSION}")
    assert copy.stat().st_mode & 0o777 == 0o600
    refused("newer smolterm")
    shutil.move(copy, database_path())
    with Book() as book:
        assert book.record("a") == events


def test_a_migration_that_fails_changes_nothing() -> None:
    events = fill()
    with pytest.raises(StoreError):
        Database.open(steps=[*STEPS, fails])
    with Book() as book:
        assert book.record("a") == events


def write_lines(data: Path, name: str, *parts: bytes) -> Path:
    folder = data / "sessions"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.jsonl"
    path.write_bytes(b"".join(parts))
    return path


OLD: list[e.Event] = [
    e.SessionStarted(session="old", version="0", model="m"),
    e.TaskStarted(task="an old task"),
    e.StepStarted(step=1, steps_left=1),
    e.Finished(reason="answer", answer="found it"),
]


def test_files_of_lines_are_taken_in_once_and_left_in_place(data: Path) -> None:
    lines = [e.to_line(event) for event in OLD]
    path = write_lines(data, "old", *lines, lines[0][:20])
    before = path.read_bytes()
    with Book() as book:
        assert [(one.id, one.title, one.steps, one.model) for one in book.find()] == [
            ("old", "an old task", 1, "m")
        ]
        assert book.record("old") == OLD
        assert [one.id for one in book.find("found")] == ["old"]
        assert book.said == []
    assert path.read_bytes() == before
    # A smolterm of before still writes to it.
    more = e.TaskStarted(task="more")
    path.write_bytes(b"".join(lines) + e.to_line(more))
    with Book() as book:
        assert book.record("old") == [*OLD, more]
        assert [one.id for one in book.find("more")] == ["old"]
        book.delete("old")
    assert not path.exists()
    with Book() as book:
        assert book.find() == []


def test_a_file_with_a_bad_line_gives_what_stands_before_it(data: Path) -> None:
    lines = [e.to_line(event) for event in OLD]
    path = write_lines(data, "old", *lines[:2], b"junk\n", *lines[2:])
    write_lines(data, "none", b"junk\n")
    write_lines(data, "empty")
    with Book() as book:
        assert [one.id for one in book.find()] == ["old"]
        assert book.record("old") == OLD[:2]
        assert any(f"{path}: line 3" in text for text in book.said)
        assert any("none.jsonl holds no session" in text for text in book.said)

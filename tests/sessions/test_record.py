"""What is written of a session: at once, by several processes, and whatever happens to them."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from smolterm import events as e
from smolterm.errors import StoreError, UsageError
from smolterm.sessions.book import Book
from smolterm.sessions.record import Record
from smolterm.store import database_path


def record(name: str, *events: e.Event, **options) -> Record:
    made = Record(name, save=True, **options)
    for event in events:
        assert made.append(event) is None
    return made


def stored(name: str) -> list[e.Event]:
    with Book() as book:
        return book.record(name)


def python(code: str, *argv: str, **options) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *argv], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)  # fmt: skip


def test_nothing_is_made_before_the_first_event(data: Path) -> None:
    record("a").close()
    assert not data.exists()
    with Book() as book:
        assert book.find() == []
    assert not data.exists()


def test_an_event_is_in_the_store_when_append_returns() -> None:
    one = record("a")
    events: list[e.Event] = []
    for number in range(5):
        events.append(e.Notice(text=f"{number} ä \0 \ud800".encode("utf-8", "replace").decode()))
        one.append(events[-1])
        assert stored("a") == events
    one.close()


def test_it_is_the_owners_alone(data: Path) -> None:
    one = record("a", e.Notice(text="secret"))
    for path in (p for p in data.rglob("*") if p.is_file()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    one.close()


def test_pieces_of_a_reply_are_kept_only_until_it_is_whole() -> None:
    one = record("a", e.TaskStarted(task="x"), e.StepStarted(step=1, steps_left=1))
    pieces = [e.ReplyDelta(step=1, channel="reply", text=text) for text in "abc"]
    for piece in pieces:
        one.append(piece)
    one.append(e.LineReached(step=1, line=3))
    # A crash now loses nothing of what was on the screen.
    assert [ev for ev in stored("a") if isinstance(ev, e.ReplyDelta)] == pieces
    one.append(e.ReplyFinished(step=1, text="abc"))
    assert [type(ev) for ev in stored("a")] == [e.TaskStarted, e.StepStarted, e.ReplyFinished]
    assert [type(ev) for ev in one.events] == [e.TaskStarted, e.StepStarted, e.ReplyFinished]
    one.close()


def test_the_list_tells_title_steps_model_and_what_is_open() -> None:
    one = record(
        "a",
        e.SessionStarted(session="a", version="1", model="m", folder="/f"),
        e.TaskStarted(task="count\nthe primes", at=5.0),
        e.StepStarted(step=1, steps_left=1, at=6.0),
        e.StepStarted(step=2, steps_left=1, at=7.0),
        e.ModelChanged(state="switched", model="n"),
        e.Finished(reason="answer", at=8.0),
        e.TaskStarted(task="again", at=9.0),
    )
    with Book() as book:
        (about,) = book.find()
        assert (about.id, about.title, about.model, about.folder) == (
            "a", "count the primes", "n", "/f",
        )  # fmt: skip
        assert (about.steps, about.tasks, about.changed, about.running) == (2, 2, 9.0, True)
        one.close()
        book.rename("a", "  Primes \n below 9 ")
        assert [(ab.title, ab.running) for ab in book.find()] == [("Primes below 9", False)]
        assert [ab.title for ab in book.find("below")] == ["Primes below 9"]
        book.rename("a", "")
        assert book.about("a").title == "count the primes"
        assert book.find("below") == []


def test_names_are_known_by_their_start_or_last_part() -> None:
    for name in ("20260101-000000-aaa", "20260102-000000-bbb", "20260102-000000-bcc"):
        record(name, e.Notice(text="x")).close()
    with Book() as book:
        assert book.identify("20260101") == "20260101-000000-aaa"
        assert book.identify("bcc") == "20260102-000000-bcc"
        with pytest.raises(UsageError, match="may be any of"):
            book.identify("20260102")
        for nothing in ("", "x", "2026%", "'"):
            with pytest.raises(UsageError, match="No session is named"):
                book.identify(nothing)


MANY = """
import sys
from smolterm import events as e
from smolterm.sessions.record import Record
record = Record(sys.argv[1], save=True)
record.append(e.TaskStarted(task=sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    said = record.append(e.Notice(text=f"{number} " + sys.argv[1] * 200))
    assert said is None, said
    if number == 50:
        print("going", flush=True)
record.append(e.Finished(reason="answer"))
record.close()
"""


def test_several_processes_write_at_once() -> None:
    names = ["a", "b", "c"]
    writers = [python(MANY, name, "400", stdin=subprocess.PIPE) for name in names]
    for writer in writers:
        assert writer.stdout and writer.stdout.readline() == "ready\n", writer.communicate()
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        assert writer.communicate(timeout=60)[1] == ""
    for name in names:
        texts = [ev.text for ev in stored(name) if isinstance(ev, e.Notice)]
        assert texts == [f"{number} " + name * 200 for number in range(400)]


def test_a_process_that_is_killed_loses_nothing_and_frees_its_session() -> None:
    writer = python(MANY, "a", "100000", stdin=subprocess.PIPE)
    assert writer.stdin and writer.stdout
    writer.stdin.write("\n")
    writer.stdin.flush()
    assert writer.stdout.readline() == "ready\n"
    with Book() as book:
        assert [one.running for one in book.find()] == [True]
        with pytest.raises(StoreError, match=f"another process, {writer.pid}"):
            book.past("a")
        assert writer.stdout.readline() == "going\n"
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate()
        assert [one.running for one in book.find()] == [False]
        past = book.past("a")
    numbers = [int(ev.text.split()[0]) for ev in past.events if isinstance(ev, e.Notice)]
    assert len(numbers) > 50
    assert numbers == list(range(len(numbers)))
    again = Record("a", save=True, past=past)
    assert again.append(e.Notice(text="more")) is None
    again.close()
    assert len(stored("a")) == len(numbers) + 2


FULL = """
import resource, signal
from smolterm import events as e
from smolterm.sessions.record import Record
record = Record("a", save=True)
record.append(e.TaskStarted(task="x"))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
said = [record.append(e.Notice(text=f"{n} " + "b" * 9000)) for n in range(60)]
said = [notice.text for notice in said if notice]
print(len(said), said)
assert record.unsaved and len(record.events) == 61
record.close()
"""


def test_a_full_disk_keeps_what_was_before_and_the_session_goes_on() -> None:
    """A limit on the size of files stands for the disk."""
    done = python(FULL).communicate(timeout=60)
    assert done[1] == ""
    assert done[0].startswith("1 ")
    assert "cannot be saved" in done[0] and "goes on unsaved" in done[0]
    numbers = [int(ev.text.split()[0]) for ev in stored("a") if isinstance(ev, e.Notice)]
    assert 3 < len(numbers) < 60
    assert numbers == list(range(len(numbers)))


def test_a_store_that_is_held_too_long_lets_the_session_go_on(monkeypatch) -> None:
    monkeypatch.setattr("smolterm.sessions.database.WAIT_SECONDS", 0.05)
    one = record("a", e.Notice(text="1"))
    holder = sqlite3.connect(database_path(), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    failure = one.append(e.Finished(reason="answer"))
    holder.execute("ROLLBACK")
    holder.close()
    assert failure is not None and "held by another process" in failure.text
    assert one.append(e.Notice(text="2")) is None
    one.close()
    assert stored("a") == one.events[:1]


def test_a_session_that_was_deleted_meanwhile_goes_on_unsaved() -> None:
    record("a", e.Notice(text="1")).close()
    with Book() as book:
        past = book.past("a")
    assert past.lease is not None
    with sqlite3.connect(database_path()) as store:
        store.execute("DELETE FROM sessions")
    again = Record("a", save=True, past=past)
    failure = again.append(e.Notice(text="2"))
    assert failure is not None and "not in" in failure.text
    again.close()


def test_a_deleted_session_leaves_nothing_behind(data: Path) -> None:
    record("a", e.TaskStarted(task="a secret word"), e.Finished(reason="answer")).close()
    record("b", e.TaskStarted(task="another word"), e.Finished(reason="answer")).close()
    (data / "states").mkdir()
    for name in ("a.state", "a.1.state", "b.state"):
        (data / "states" / name).write_bytes(b"x")
    with Book() as book:
        assert {one.id for one in book.find("word")} == {"a", "b"}
        book.delete("a")
        assert [one.id for one in book.find("word")] == ["b"]
        assert book.find("secret") == []
        with pytest.raises(UsageError, match="No session"):
            book.delete("a")
    assert [path.name for path in (data / "states").iterdir()] == ["b.state"]


def test_events_that_wait_are_written_with_the_next() -> None:
    one = record("a")
    one.hold(e.ModeChanged(mode="plan"))
    assert one.path is None
    one.append(e.TaskStarted(task="x"))
    assert [type(ev) for ev in stored("a")] == [e.ModeChanged, e.TaskStarted]
    one.close()


def test_nothing_of_the_store_is_loaded_before_it_is_needed() -> None:
    code = "import sys, smolterm.session, smolterm.resuming, smolterm.tui.app\n"
    code += "assert not {'sqlite3', 'smolterm.sessions.book'} & set(sys.modules)"
    assert python(code).communicate(timeout=60)[1] == ""

"""Words are found wherever they stand: by the index, or by reading."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from smolterm import events as e
from smolterm.sessions import search as searching
from smolterm.sessions.book import Book
from smolterm.sessions.database import Database
from smolterm.sessions.record import Record
from smolterm.sessions.search import MOST_TEXT, catch_up, search
from smolterm.store import database_path

TALK: list[e.Event] = [
    e.TaskStarted(task="Sum the invoices"),
    e.StepStarted(step=1, steps_left=1),
    e.ReplyFinished(
        step=1, text="I group.\n```python\ndf.groupby('city')\n```", reasoning="Hmm, pandas"
    ),
    e.OutputAdded(step=1, stream="stdout", text="Zür"),
    e.OutputAdded(step=1, stream="stdout", text="ich 東京の天気\n"),
    e.CellFinished(
        step=1, error=e.CellError(type="KeyError", message="x", traceback="KeyError: 'Umsatz'")
    ),
    e.DecisionMade(step=2, decision="reject", by="person", reason="too expensive"),
    e.Finished(reason="answer", answer="It is 42%."),
]


def keep(name: str, *events: e.Event) -> None:
    one = Record(name, save=True)
    for event in events:
        one.append(event)
    one.close()


def found(words: str) -> set[str]:
    with Book() as book:
        return {one.id for one in book.find(words)}


@pytest.mark.parametrize(
    "words",
    [
        "invoices", "INVOICES", "invoi", "pandas", "groupby", "df.groupby('city')", "zurich",
        "Zürich", "umsatz", "expensive", "42", "42%", "sum 42 pandas", "東京", "天気", "roupb",
    ],
)  # fmt: skip
def test_every_kind_of_text_is_found(words: str) -> None:
    keep("a", *TALK)
    keep("b", e.TaskStarted(task="Something else"), e.Finished(reason="answer"))
    assert found(words) == {"a"}


@pytest.mark.parametrize("words", ["absent", "sum absent", '"', "*", "' OR 1", "NEAR(", "-", "a:b"])
def test_what_is_not_there_is_not_found(words: str) -> None:
    keep("a", *TALK)
    assert found(words) == set()


def test_no_words_are_no_search() -> None:
    keep("a", *TALK)
    assert found("") == found("  ") == {"a"}


def test_the_newest_stands_first_and_tells_where_the_words_are() -> None:
    keep("old", e.TaskStarted(task="rain in May", at=1.0), e.Finished(reason="answer", at=2.0))
    keep("new", e.TaskStarted(task="and rain in June", at=3.0), e.Finished(reason="answer", at=4.0))
    with Book() as book:
        assert [one.id for one in book.find("rain")] == ["new", "old"]
        assert [one.id for one in book.find("rain", limit=1)] == ["new"]
        assert "rain in May" in book.find("May")[0].excerpt


def test_a_session_that_was_killed_before_its_end_is_found_too() -> None:
    keep("a", *TALK[:4])
    with sqlite3.connect(database_path()) as store:
        assert store.execute("SELECT count(*) FROM words").fetchone() == (0,)
    store.close()
    assert found("invoices") == {"a"}


def test_reading_finds_what_the_index_finds() -> None:
    keep("a", *TALK)
    database = Database.open()
    assert catch_up(database)
    for words in ("invoices", "df.groupby", "expensive", "umsatz 42", "absent"):
        both = [search(database, words, indexed=indexed) for indexed in (True, False)]
        assert both[0].keys() == both[1].keys(), words
    database.close()


def test_of_a_long_output_the_start_is_found() -> None:
    text = "start " + "x" * (MOST_TEXT + 10) + " end"
    keep("a", e.TaskStarted(task="t"), e.OutputAdded(step=1, stream="stdout", text=text),
         e.Finished(reason="answer"))  # fmt: skip
    assert found("start") == {"a"}
    assert found("end") == set()


def test_an_sqlite_without_an_index_searches_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keep("a", *TALK)
    monkeypatch.setattr(searching, "ensure_words", lambda connection: False)
    with Book() as book:
        assert [one.id for one in book.find("invoices")] == ["a"]
        assert book.indexed is False

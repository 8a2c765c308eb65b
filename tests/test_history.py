"""What was typed is there again, whoever else types."""

from __future__ import annotations

import multiprocessing
import stat
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.history import FileHistory

from smolterm.history import LONGEST_ENTRY, History, _entry, _parsed
from smolterm.printable import printable


def test_entries_come_back_in_their_order_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "data" / "history"
    history = History(path)
    for text in ("one", "two\n\n+lines\n# of it", "two\n\n+lines\n# of it", "drei ü 漢字"):
        history.add(text)
    assert History(path).entries == ["one", "two\n\n+lines\n# of it", "drei ü 漢字"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_prompt_toolkit_shares_the_file(tmp_path: Path) -> None:
    path = tmp_path / "history"
    History(path).add("from the screen\nin two lines")
    FileHistory(path).store_string("from the inline prompt")
    expected = ["from the inline prompt", "from the screen\nin two lines"]
    assert list(FileHistory(path).load_history_strings()) == expected
    assert History(path).entries == expected[::-1]


def _type(path: Path, name: str) -> None:
    history = History(path, most_bytes=100_000)
    for number in range(100):
        history.add(f"{name} {number}")


def test_processes_that_type_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history"
    context = multiprocessing.get_context("fork")
    typing = [context.Process(target=_type, args=(path, name)) for name in "abc"]
    for process in typing:
        process.start()
    for process in typing:
        process.join()
    entries = History(path).entries
    for name in "abc":
        mine = [entry for entry in entries if entry.startswith(name)]
        assert mine == [f"{name} {number}" for number in range(100)]


def test_a_long_file_loses_its_older_half_and_nothing_new(tmp_path: Path) -> None:
    path = tmp_path / "history"
    history = History(path, most_bytes=4_000)
    for number in range(500):
        history.add(f"entry {number}")
        assert path.stat().st_size <= 4_100
    kept = History(path, most_bytes=4_000).entries
    assert kept[-1] == "entry 499" and 20 < len(kept) < 200
    assert kept == [f"entry {number}" for number in range(500 - len(kept), 500)]
    assert [entry.name for entry in tmp_path.iterdir()] == ["history"]


def test_what_cannot_be_kept_is_there_for_now(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    history = History(tmp_path / "file" / "history")
    history.add("typed")
    assert history.entries == ["typed"]
    path = tmp_path / "history"
    history = History(path)
    history.add("x" * LONGEST_ENTRY)
    assert len(history.entries) == 1
    assert History(path).entries == []
    assert History(None).entries == []


def test_a_file_of_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_bytes(b"+old\xff\x00\x1b[31m\n\n+next\nnoise\n++plus")
    assert History(path).entries == ["old\ufffd", "next", "+plus"]


def test_all_the_words_must_be_there_and_the_newest_is_first() -> None:
    history = History(None)
    for text in ("Sum the sales", "plot sales", "sum of costs", "plot sales", "sum sales again"):
        history.add(text)
    assert history.search("SUM sales") == ["sum sales again", "Sum the sales"]
    assert history.search("plot") == ["plot sales"]
    assert history.search("", 2) == ["sum sales again", "plot sales"]
    assert history.search("nothing") == []


@given(st.lists(st.text(min_size=1), max_size=5))
def test_any_text_comes_back(texts: list[str]) -> None:
    cleaned = [printable(text.encode("utf-8", "replace").decode()) for text in texts]
    assert list(_parsed(b"".join(_entry(text) for text in cleaned))) == cleaned

"""Where things are kept, and the JSON lines of before the database."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.errors import StoreError
from smolterm.events import Finished, Notice, TaskStarted, to_line
from smolterm.store import data_folder, new_session_id, read_session
from tests.test_events import EVENTS


def test_what_is_written_is_read(tmp_path):
    events = [TaskStarted(task="ä\n\u2028"), Finished(reason="answer", answer="")]
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"".join(map(to_line, events)))
    assert list(read_session(path)) == events


@given(st.lists(EVENTS, min_size=1, max_size=4), st.data())
def test_any_prefix_of_a_file_reads(tmp_path_factory, events, data):
    whole = b"".join(map(to_line, events))
    cut = data.draw(st.integers(0, len(whole)))
    path = tmp_path_factory.getbasetemp() / "prefix.jsonl"
    path.write_bytes(whole[:cut])
    assert list(read_session(path)) == events[: whole[:cut].count(b"\n")]


@pytest.mark.parametrize("bad", [b"junk", b"", b"[]", b'{"event":"Nothing"}', b"\xff\xfe"])
def test_a_bad_line_before_the_last_is_named(tmp_path, bad):
    path = tmp_path / "s.jsonl"
    good = to_line(Notice(text="x"))
    path.write_bytes(good + bad + b"\n" + good)
    with pytest.raises(StoreError, match="line 2"):
        list(read_session(path))
    assert path.read_bytes() == good + bad + b"\n" + good


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(StoreError, match=r"nothing\.jsonl cannot be read"):
        list(read_session(tmp_path / "nothing.jsonl"))


def test_names_sort_by_time_and_do_not_repeat():
    names = {new_session_id() for _ in range(500)}
    assert len(names) == 500
    assert all(re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}", name) for name in names)


def test_where_sessions_live(monkeypatch):
    monkeypatch.setenv("SMOLTERM_DATA", "relative")
    assert data_folder().is_absolute()
    monkeypatch.delenv("SMOLTERM_DATA")
    assert os.fspath(data_folder()).endswith("smolterm")

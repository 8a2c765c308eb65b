"""Sessions on disk: nothing shown is lost, whatever happens to process or disk."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.errors import StoreError
from smolterm.events import Finished, Notice, TaskStarted, to_line
from smolterm.store import SessionFile, data_folder, new_session_id, read_session
from tests.test_events import EVENTS


def saved(path, *events):
    file = SessionFile(path)
    for event in events:
        file.append(event)
    file.close()
    return list(read_session(path))


def test_what_is_appended_is_read(tmp_path):
    events = [TaskStarted(task="ä\n\u2028"), Finished(reason="answer", answer="")]
    assert saved(tmp_path / "a" / "b" / "s.jsonl", *events) == events


def test_nothing_is_made_before_the_first_event(tmp_path):
    file = SessionFile(tmp_path / "sessions" / "s.jsonl")
    file.close()
    assert not (tmp_path / "sessions").exists()


def test_it_is_the_owners_alone(tmp_path):
    path = tmp_path / "sessions" / "s.jsonl"
    saved(path, Notice(text="secret"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_an_event_is_on_disk_when_append_returns(tmp_path):
    path = tmp_path / "s.jsonl"
    file = SessionFile(path)
    for number in range(3):
        file.append(Notice(text=str(number)))
        assert [event.text for event in read_session(path)] == [str(n) for n in range(number + 1)]
    file.close()


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


def test_a_full_disk(tmp_path):
    path = tmp_path / "full"
    path.symlink_to("/dev/full")
    file = SessionFile(path)
    with pytest.raises(StoreError, match="No space left") as caught:
        file.append(Notice(text="x"))
    assert caught.value.next
    file.close()


def test_a_disk_that_fills_up_within_a_line_keeps_what_was_before(tmp_path):
    """A limit on the size of files stands for the disk: the write is cut, then refused."""
    path = tmp_path / "s.jsonl"
    code = f"""
import resource, signal
from pathlib import Path
from smolterm.errors import StoreError
from smolterm.events import Notice
from smolterm.store import SessionFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
file = SessionFile(Path({str(path)!r}))
for text in ("a" * 500, "b" * 900, "c"):
    try:
        file.append(Notice(text=text))
    except StoreError as error:
        print(error.what)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    half, refused = done.stdout.splitlines()
    assert "half a line" in half
    assert "too large" in refused
    assert [event.text for event in read_session(path)] == ["a" * 500]


def test_two_sessions_at_once_do_not_mix(tmp_path):
    code = """
import sys
from pathlib import Path
from smolterm.events import Notice
from smolterm.store import SessionFile
file = SessionFile(Path(sys.argv[1]))
for number in range(300):
    file.append(Notice(text=sys.argv[2] * 2000))
"""
    path = tmp_path / "one.jsonl"
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in ("a", "b")
    ]
    assert [writer.wait(20) for writer in writers] == [0, 0]
    # Even into one file, which never happens, whole lines go.
    texts = [event.text for event in read_session(path)]
    assert sorted(texts) == sorted(["a" * 2000, "b" * 2000] * 300)


def test_names_sort_by_time_and_do_not_repeat():
    names = {new_session_id() for _ in range(500)}
    assert len(names) == 500
    assert all(re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}", name) for name in names)


def test_where_sessions_live(monkeypatch):
    monkeypatch.setenv("SMOLTERM_DATA", "relative")
    assert data_folder().is_absolute()
    monkeypatch.delenv("SMOLTERM_DATA")
    assert os.fspath(data_folder()).endswith("smolterm")

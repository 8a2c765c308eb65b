"""What the terminal is asked and told; the clipboard's sequences; what a crash leaves."""

from __future__ import annotations

import os
import pty
import re
import signal
import sys
import termios
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.tui import terminal
from smolterm.tui.crash import crash_lines, write_crash
from smolterm.tui.terminal import asked, is_dark, read_answers, title, typed_ahead

DARK, LIGHT = b"\x1b]11;rgb:1111/1313/1c1c\x1b\\", b"\x1b]11;rgb:fbfb/fbfb/fdfd\x07"
HERE = b"\x1b[?62;22c"


@pytest.mark.parametrize(
    ("came", "dark", "typed"),
    [
        (DARK + HERE, True, b""),
        (LIGHT + HERE, False, b""),
        (b"ab" + LIGHT + b"c" + HERE + b"d", False, b"abcd"),
        (HERE, None, b""),
        (b"\x1b]11;rgb:ff/ff/ff\x1b\\", False, b""),
        (b"\x1b]11;rgb:zz/1/2\x07", None, b""),
        (b"x\x1b]11;rgb:11", None, b"x"),
        (b"\x1b[A", None, b"\x1b[A"),
        (b"", None, b""),
    ],
)
def test_answers_are_told_from_what_was_typed(came, dark, typed):
    assert read_answers(came) == (dark, typed)


@given(st.binary(max_size=200))
def test_any_bytes_are_read(came):
    dark, typed = read_answers(came)
    assert dark in (True, False, None) and len(typed) <= len(came)


@pytest.mark.parametrize(
    ("theme", "environ", "dark"),
    [
        ("dark", {"COLORFGBG": "0;15"}, True),
        ("light", {}, False),
        ("auto", {}, True),
        ("auto", {"COLORFGBG": "15;0"}, True),
        ("auto", {"COLORFGBG": "0;15"}, False),
        ("auto", {"COLORFGBG": "0;default;7"}, False),
        ("auto", {"COLORFGBG": "nonsense"}, True),
    ],
)
def test_where_the_terminal_says_nothing_the_environment_hints(theme, environ, dark):
    assert is_dark(theme, environ) is dark


@given(st.text(max_size=300))
def test_a_title_is_one_sequence_whatever_it_says(words):
    sequence = title(words)
    assert re.fullmatch(r"\x1b\]2;[^\x00-\x1f\x7f-\x9f]{0,80}\x07", sequence)
    sequence.encode()


def answering(master: int, answer: bytes) -> threading.Thread:
    """Answer the question on a terminal once it was asked."""

    def work() -> None:
        asked_so_far = b""
        while b"\x1b[c" not in asked_so_far:
            asked_so_far += os.read(master, 1000)
        os.write(master, answer)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def in_terminal(master: int, slave: int, answer: bytes) -> list[object]:
    """Ask in a process of its own, whose terminal this is; returns what it found."""
    before = termios.tcgetattr(slave)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(master)
        os.login_tty(slave)
        with asked("auto", {}):
            quiet = termios.tcgetattr(0)[3] & (termios.ECHO | termios.ICANON)
            found = (is_dark("auto", {}), typed_ahead(), quiet, termios.tcgetattr(0) == before)
        os.write(write, repr(found).encode())
        os._exit(0)
    os.close(write)
    thread = answering(master, answer) if answer else None
    found = os.read(read, 10_000)
    os.close(read)
    os.waitpid(pid, 0)
    if thread is not None:
        thread.join()
    return list(eval(found))


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"typed" + LIGHT + HERE, [False, "typed", 0, True]),
        (DARK + HERE, [True, "", 0, True]),
        (HERE, [True, "", 0, True]),
        (b"", [True, "", 0, True]),
    ],
    ids=["light", "dark", "no colour", "silent"],
)
def test_the_terminal_is_asked_and_left_as_it_was(answer, found):
    master, slave = pty.openpty()
    try:
        assert in_terminal(master, slave, answer) == found
    finally:
        os.close(master)
        os.close(slave)


GONE = """
import signal
from smolterm.tui.terminal import asked

with asked("auto", {}):
    signal.pause()
"""


def test_a_terminal_that_goes_away_while_it_is_asked_ends_the_start():
    pid, master = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", GONE])
    came = b""
    while b"\x1b[c" not in came:
        came += os.read(master, 1000)
    os.close(master)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGHUP


def test_late_answers_are_no_keys():
    from textual.drivers import linux_driver

    known = linux_driver.XTermParser
    try:
        terminal.swallow_late_answers()
        parser = linux_driver.XTermParser()
        events = list(parser.feed("a" + (DARK + HERE).decode() + "b"))
    finally:
        linux_driver.XTermParser = known
    assert [event.key for event in events] == ["a", "b"]


def test_a_crash_is_written_without_values(tmp_path, monkeypatch):
    monkeypatch.setenv("SMOLTERM_DATA", str(tmp_path / "data"))

    def fail() -> None:
        secret = "sk-" + "x" * 20
        raise ValueError(len(secret))

    with pytest.raises(ValueError) as caught:
        fail()
    path = write_crash(caught.value, (80, 24))
    text = path.read_text()
    assert "ValueError: 23" in text and "in fail" in text and "sk-x" not in text
    assert path.stat().st_mode & 0o777 == 0o600
    assert str(path) in crash_lines(caught.value, path)[1]


def test_a_crash_that_cannot_be_written_there_is_written_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "data").write_text("no folder")
    monkeypatch.setenv("SMOLTERM_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = write_crash(ValueError("x"), (80, 24))
    assert isinstance(path, Path) and path.parent == tmp_path

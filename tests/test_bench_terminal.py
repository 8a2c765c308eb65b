"""The bench's terminal: when a program counts as taking typing, and what it is answered."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.measure import Failed
from bench.terminal import PROBE, shown, typed

RAW = """
import os, sys, termios, tty
tty.setraw(0)
"""
ECHO = "os.write(1, os.read(0, 100)); os.read(0, 100)"


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_a_program_that_echoes_is_reached(tmp_path: Path) -> None:
    argv = program(f"{RAW}open('here', 'w').close()\n{ECHO}")
    reached = typed(argv, os.environ, folder=tmp_path)
    assert reached.milliseconds > 0
    assert (tmp_path / "here").exists()
    if sys.platform == "linux":
        assert 1 < reached.own < 1000 and 1 < reached.all < 1000


def test_what_shows_in_line_mode_is_no_echo() -> None:
    # As a program does that asks the terminal something before it starts.
    text = f"""
mode = termios.tcgetattr(0)
tty.setraw(0)
os.read(0, 1)
termios.tcsetattr(0, termios.TCSANOW, mode)
os.write(1, {PROBE.encode()!r})
"""
    with pytest.raises(Failed, match="never came"):
        typed(program(f"import os, termios, tty\n{text}"), os.environ)


def test_nothing_is_typed_into_line_mode() -> None:
    with pytest.raises(Failed, match="got b'nothing came"):
        typed(program("import select; print('came' if select.select([0], [], [], 0.1)[0] "
                      "else 'nothing came')"), os.environ)  # fmt: skip


@pytest.mark.parametrize(
    ("question", "end"),
    [
        (b"\x1b[6n", b"R"),
        (b"\x1b[c", b"c"),
        (b"\x1b]11;?\x07", b"\x07"),
        (b"\x1b[?u", b"u"),
        (b"\x1b[?2026$p", b"$y"),
        (b"\x1bP+q544e\x1b\\", b"0+r544e\x1b\\"),
    ],
)
def test_a_program_that_waits_for_an_answer_gets_it(question: bytes, end: bytes) -> None:
    # Asked in two pieces, as pipes cut them.
    text = f"""{RAW}
for at in {question[:2]!r}, {question[2:]!r}:
    os.write(1, at)
got = b""
while not got.endswith({end!r}):
    got += os.read(0, 100)
os.write(1, b"answered")
os.read(0, 100)
"""
    assert shown(program(text), os.environ, "answered") > 0

"""Whatever ends the screen, the terminal is as it was and the person knows how to go on."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.e2e.driving import Home, block
from tests.e2e.screen import Screen
from tests.servers import OpenAIServer, says

READY = "Ask for something"
CRASH = """\
import sys
from smolterm.tui.app import SmoltermApp
def fail(self):
    secret = "sk-" + "x" * 20
    raise RuntimeError("it broke")
SmoltermApp.action_theme = fail
from smolterm.cli import entry
entry()
"""
MODES = ("1049", "1000", "1003", "1006", "1004", "2004")
"""Alternate screen, mouse, focus and paste: each that is set must be reset."""


class Raw(Screen):
    """Keeps the bytes, and answers as a light terminal does where it is told to."""

    def __init__(self, *args: object, answer: bytes = b"", **options: object) -> None:
        self.bytes, self._answer = b"", answer
        super().__init__(*args, **options)  # type: ignore[arg-type]

    def feed(self, data: bytes) -> None:
        if b"\x1b]11;?" in data and self._answer:
            self.process.send(self._answer)
        self.bytes += data
        super().feed(data)

    def stty(self) -> str:
        """Return what `stty -a` says of this terminal."""
        done = subprocess.run(["stty", "-a"], stdin=self.process.child_fd, capture_output=True,
                              text=True, check=True)  # fmt: skip
        return done.stdout


def start(home: Home, server: OpenAIServer, *argv: str, **options: object) -> Raw:
    home.environ |= {"OPENAI_API_KEY": "sk-test-0123456789"}
    return Raw(home, "-m", "openai/m", "--api-base", server.url, *argv, **options)


def assert_restored(screen: Raw) -> None:
    """Check that every mode that was set is reset, and the rest of what a person sees."""
    for mode in MODES:
        last = re.findall(rb"\x1b\[\?" + mode.encode() + rb"([hl])", screen.bytes)
        assert last and last[-1] == b"l", f"mode {mode} is {last[-1:]}"
    assert re.findall(rb"\x1b\[\?25([hl])", screen.bytes)[-1] == b"h", "the cursor is hidden"
    assert screen.bytes.count(b"\x1b[22;2t") == screen.bytes.count(b"\x1b[23;2t") == 1


def modes(screen: Raw) -> list[object]:
    return termios.tcgetattr(screen.process.child_fd)[:4]


@pytest.mark.parametrize("how", ["ctrl+q", "SIGTERM", "SIGHUP", "SIGINT", "crash"])
def test_the_terminal_is_as_it_was(home: Home, how: str) -> None:
    with OpenAIServer([says(block("print('ran')")), says("Fine.")]) as server:
        if how == "crash":
            home.environ["OPENAI_API_KEY"] = "sk-test-0123456789"
            screen = Raw(home, "-c", CRASH, "-m", "openai/m", "--api-base", server.url,
                         command=sys.executable)  # fmt: skip
        else:
            screen = start(home, server)
        before, words = modes(screen), screen.stty()
        screen.wait_for(READY)
        assert modes(screen) != before
        screen.press("go\r")
        screen.answer("Run this code?", "a")
        screen.wait_for("Fine.", "idle")
        if how.startswith("SIG"):
            os.kill(screen.process.pid, getattr(signal, how))
        else:
            screen.press("\x11" if how == "ctrl+q" else "\x1bOQ")
        screen.read_to_end()
        assert modes(screen) == before
        assert screen.stty() == words
        code = screen.end()
    codes = {"ctrl+q": 0, "SIGTERM": 143, "SIGHUP": 129, "SIGINT": 130, "crash": 2}
    assert code == codes[how]
    assert_restored(screen)
    said = screen.bytes.rpartition(b"\x1b[?1049l")[2].decode()
    assert re.search(r"smolterm --resume \S+", said), said
    if how == "crash":
        assert "RuntimeError: it broke" in said
        path = re.search(r"(/\S+crash-\S+\.txt)", said)
        assert path is not None, said
        text = Path(path[1]).read_text()
        assert "it broke" in text and "sk-x" not in text and "sk-x" not in said
        assert "Traceback" not in said
    home.wait_until_gone()


def test_a_signal_before_the_screen_is_up_leaves_the_terminal_as_it_was(home: Home) -> None:
    with OpenAIServer([]) as server:
        screen = start(home, server)
        before = modes(screen)
        screen.until(lambda: b"\x1b]11;?" in screen.bytes)
        os.kill(screen.process.pid, signal.SIGTERM)
        screen.read_to_end()
        assert modes(screen) == before
        assert screen.end() == 143
    home.wait_until_gone()


@pytest.mark.parametrize(
    ("answer", "light"),
    [(b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\typed\x1b[?62c", True),
     (b"\x1b]11;rgb:1111/1111/1111\x07typed\x1b[?62c", False), (b"", False)],
    ids=["light", "dark", "silent"],
)  # fmt: skip
def test_the_screen_is_as_light_as_the_terminal(home: Home, answer: bytes, light: bool) -> None:
    with OpenAIServer([]) as server:
        screen = start(home, server, answer=answer)
        screen.wait_for("typed" if answer else READY)
        background = screen.display.buffer[0][0].bg
        assert (int(background[:2], 16) > 0x80) is light, background
        screen.press("\x03\x11")
        assert screen.end() == 0
    home.wait_until_gone()


def test_the_window_has_a_title(home: Home) -> None:
    with OpenAIServer([says(block("1"))]) as server:
        screen = start(home, server, "count the rows")
        screen.wait_for("Run this code?")
        wanted = "● needs you: count the rows · smolterm"
        screen.until(lambda: screen.display.title == wanted)
        assert b"\x07" in re.sub(rb"\x1b\][^\x07\x1b]*(\x07|\x1b\\)", b"", screen.bytes)
        screen.press("\x11")
        assert screen.end() == 0
    home.wait_until_gone()


def test_copying_hands_text_to_the_terminal(home: Home) -> None:
    with OpenAIServer([says(block("print('ran')")), says("Fine.")]) as server:
        screen = start(home, server, "go")
        screen.answer("Run this code?", "c")
        screen.wait_for("copied the code, 1 line")
        screen.press("\x11")
        screen.end()
    assert b"\x1b]52;c;" + base64.b64encode(b"print('ran')") + b"\x07" in screen.bytes
    home.wait_until_gone()

"""The terminal itself: how dark it is, what its title says, and how it is left.

The question about the background goes out before the heavy imports and is read after them, so that
it costs no time. A question that every terminal answers goes along: its answer ends the wait where
the other is not understood.
"""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Literal

Theme = Literal["auto", "dark", "light"]

SECONDS = 0.1
"""From the question on; over a slow line as long as the line takes, up to `SECONDS_AWAY`."""
SECONDS_AWAY = 1.0
QUESTIONS = b"\x1b]11;?\x1b\\\x1b[c"
MOST_TYPED = 4096
"""Bytes of what was typed meanwhile that are kept."""
LONGEST_TITLE = 80
PUSH_TITLE, POP_TITLE = "\x1b[22;2t", "\x1b[23;2t"

_ATTRIBUTES = re.compile(rb"\x1b\[\?[\d;]*c")
_COLOUR = re.compile(rb"\x1b\]1?1;(?:rgba?:)?([^\x07\x1b]*)(?:\x07|\x1b\\)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class _Asked:
    """A question on its way; until it is settled, the terminal neither echoes nor reads lines."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        import termios

        self.dark: bool | None = None
        self.typed = b""
        self._fd = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        self._before: list[Any] | None = None
        try:
            self._before = termios.tcgetattr(self._fd)
            quiet = termios.tcgetattr(self._fd)
            quiet[3] &= ~(termios.ECHO | termios.ICANON)
            for name in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(name, self._end)
            termios.tcsetattr(self._fd, termios.TCSANOW, quiet)
            os.write(self._fd, QUESTIONS)
        except (OSError, termios.error):
            self.settle(0.0)
            raise
        away = environ.get("SSH_CONNECTION") or environ.get("SSH_TTY")
        self._until = time.monotonic() + (SECONDS_AWAY if away else SECONDS)

    def settle(self, seconds: float | None = None) -> None:
        """Read the answer if it comes in time, and make the terminal as it was."""
        if self._fd < 0:
            return
        import termios

        until = self._until if seconds is None else time.monotonic() + seconds
        came = b""
        with suppress(OSError):
            while len(came) < MOST_TYPED and not _ATTRIBUTES.search(came):
                wait = max(until - time.monotonic(), 0.0)
                if not select.select([self._fd], [], [], wait)[0]:
                    break
                read = os.read(self._fd, 1024)
                if not read:
                    # It is gone, and would be ready to be read for ever.
                    break
                came += read
        self.dark, self.typed = read_answers(came)
        if self._before is not None:
            with suppress(termios.error):
                termios.tcsetattr(self._fd, termios.TCSANOW, self._before)
        for name in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_DFL)
        os.close(self._fd)
        self._fd = -1

    def _end(self, number: int, frame: FrameType | None) -> None:
        """End as the signal would have, with the terminal as it was."""
        self.settle(0.0)
        os.kill(os.getpid(), number)


_asked: _Asked | None = None


@contextmanager
def asked(theme: Theme, environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Ask the terminal for its background, for whoever calls `is_dark` inside."""
    global _asked
    if theme == "auto" and os.isatty(2) and "TEXTUAL_DRIVER" not in environ:
        with suppress(OSError, ValueError, ImportError):
            _asked = _Asked(environ)
    try:
        yield
    finally:
        if _asked is not None:
            _asked.settle(0.0)
            _asked = None


def is_dark(theme: Theme, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether the screen is to be dark: as set, as the terminal says, else as it hints."""
    if theme != "auto":
        return theme == "dark"
    if _asked is not None:
        _asked.settle()
        if _asked.dark is not None:
            return _asked.dark
    hint = environ.get("COLORFGBG", "").rpartition(";")[2]
    return hint not in ("7", "15") if hint.isdigit() else True


def typed_ahead() -> str:
    """Return, once, what was typed while the answer was awaited."""
    if _asked is None:
        return ""
    typed, _asked.typed = _asked.typed, b""
    return typed.decode("utf-8", "ignore")


def read_answers(came: bytes) -> tuple[bool | None, bytes]:
    """Take the terminal's answers out of what came: whether it is dark, and what was typed."""
    found = _COLOUR.search(came)
    typed = _ATTRIBUTES.sub(b"", _COLOUR.sub(b"", came))
    # Half an answer is none, and no key either.
    typed = re.sub(rb"\x1b\][^\x07]*\Z|\x1b\[\?[\d;]*\Z", b"", typed)
    return (None if found is None else _is_dark(found[1])), typed


def _is_dark(colour: bytes) -> bool | None:
    """Read `1111/1313/1c1c`; None when it is no colour."""
    try:
        shares = [int(part, 16) / (16 ** len(part) - 1) for part in colour.split(b"/")[:3]]
        red, green, blue = shares
    except (ValueError, ZeroDivisionError):
        return None
    return bool(0.299 * red + 0.587 * green + 0.114 * blue < 0.5)


def swallow_late_answers() -> None:
    """Keep answers that come after the wait from being taken for keys.

    Textual's parser hands on what it does not know as if it had been typed.
    """
    from textual.drivers import linux_driver

    known: Any = linux_driver.XTermParser  # type: ignore[attr-defined]

    class Parser(known):  # type: ignore[misc]
        def feed(self, data: str) -> Any:
            if "\x1b]1" in data or "\x1b[?" in data:
                data = _LATE.sub("", data)
            return super().feed(data) if data else ()

    setattr(linux_driver, "XTermParser", Parser)  # noqa: B010


_LATE = re.compile(r"\x1b\]11;[^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[\?[\d;]*c")


def title(words: str) -> str:
    """Return the sequence that names the terminal's window; hostile text stays text."""
    words = _CONTROL.sub("", words.replace("\n", " "))
    cut = words if len(words) <= LONGEST_TITLE else words[: LONGEST_TITLE - 1] + "…"
    return f"\x1b]2;{cut}\x07"


def is_unanswered() -> bool:
    """Say whether the terminal was asked and was silent for too long."""
    return _asked is not None and _asked.dark is None


def write_raw(data: str) -> None:
    """Write a sequence while no screen is up; a terminal that is gone takes none."""
    with suppress(OSError, ValueError):
        stream = sys.__stderr__
        if stream is not None and stream.isatty():
            stream.write(data)
            stream.flush()

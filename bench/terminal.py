"""A pseudo-terminal with a person at it who types until something shows."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Failed
from bench.processes import family, peak, shared_out

COLUMNS, LINES = 120, 40
PROBE = "¤"
"""A character that no screen shows by itself."""
EVERY = 0.016
"""Seconds between two key strokes: some programs take what comes faster for a paste."""
LOOK = 0.001
"""Seconds between two looks at whether the program has left the terminal's line mode."""
SETTLE = 1.0
"""Seconds from the echo to the look at the memory: what a start begins, it may also finish."""
LAST_SECONDS = 60.0

COLOUR = "rgb:1e1e/1e1e/1e1e"
ANSWERS = (
    {
        b"\x1b[5n": b"\x1b[0n",
        b"\x1b[6n": b"\x1b[1;1R",
        b"\x1b[c": b"\x1b[?62;22c",
        b"\x1b[0c": b"\x1b[?62;22c",
        b"\x1b[>c": b"\x1b[>41;388;0c",
        b"\x1b[>0c": b"\x1b[>41;388;0c",
        b"\x1b[>q": b"\x1bP>|XTerm(388)\x1b\\",
        b"\x1b[>0q": b"\x1bP>|XTerm(388)\x1b\\",
        b"\x1b[?u": b"\x1b[?0u",
        b"\x1b[14t": b"\x1b[4;800;1200t",
        b"\x1b[16t": b"\x1b[6;20;10t",
        b"\x1b[18t": b"\x1b[8;40;120t",
        b"\x1b[?996n": b"\x1b[?997;1n",
    }
    | {
        b"\x1b[?%d$p" % mode: b"\x1b[?%d;%d$y" % (mode, state)
        for mode, state in ((1016, 0), (2004, 2), (2026, 2), (2027, 0), (2031, 0), (2048, 0))
    }
    | {
        b"\x1b]%d;?%b" % (which, end): b"\x1b]%d;%b%b" % (which, COLOUR.encode(), end)
        for which in (10, 11, 12)
        for end in (b"\x07", b"\x1b\\")
    }
)
"""What a terminal says to the questions that programs ask it; some wait for it before they draw."""
QUESTION = re.compile(
    b"|".join(map(re.escape, ANSWERS)) + rb"|\x1bP\+q(?P<capability>[0-9a-fA-F;]*)\x1b\\"
)
LONGEST = 64
"""Bytes of a question at most."""


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A program that has come to where it is measured."""

    milliseconds: float
    """From its start."""
    own: float
    """MB that its process held at most until a moment later; 0 where nobody says."""
    all: float
    """MB that it and what it started hold then."""


def typed(
    argv: Sequence[str], environment: Mapping[str, str], *, folder: Path | None = None
) -> Reached:
    """Start a program in a terminal and type until it echoes a character.

    Nothing is typed as long as the terminal is in line mode: there it echoes by itself.

    Args:
        folder: where it starts; here by default.

    Raises:
        Failed: it ended before, or never echoed.
    """
    began = time.perf_counter()
    with _started(argv, environment, folder) as (pid, terminal):
        _await(terminal, PROBE.encode(), PROBE.encode())
        milliseconds = (time.perf_counter() - began) * 1000
        _watch(terminal, SETTLE)
        return Reached(milliseconds=milliseconds, own=peak(pid) / 1e6, all=shared_out(pid) / 1e6)


def shown(argv: Sequence[str], environment: Mapping[str, str], text: str) -> float:
    """Start a program in a terminal; return the milliseconds until a text is on the screen.

    Raises:
        Failed: it ended before, or never showed it.
    """
    began = time.perf_counter()
    with _started(argv, environment, None) as (_, terminal):
        _await(terminal, text.encode(), b"")
        return (time.perf_counter() - began) * 1000


@contextlib.contextmanager
def _started(
    argv: Sequence[str], environment: Mapping[str, str], folder: Path | None
) -> Iterator[tuple[int, int]]:
    """Run a program in a terminal of its own and end it at last; yield its pid and our end."""
    terminal, inside = _open(echoes=True)
    pid = os.fork()
    if pid == 0:
        os.close(terminal)
        _become(inside, argv, environment, folder)
    os.close(inside)
    try:
        yield pid, terminal
    finally:
        # Some programs leave servers in sessions of their own.
        left = family(pid) - {pid}
        _end(pid, terminal)
        for one in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(one, signal.SIGKILL)


def _open(*, echoes: bool = False) -> tuple[int, int]:
    """Return both ends of a terminal.

    Args:
        echoes: whether it echoes by itself in line mode, as terminals do.
    """
    terminal, inside = os.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    if not echoes:
        mode = termios.tcgetattr(inside)
        mode[3] &= ~termios.ECHO
        termios.tcsetattr(inside, termios.TCSANOW, mode)
    return terminal, inside


def _become(
    inside: int, argv: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
) -> None:
    """Turn the forked child into the program."""
    try:
        os.login_tty(inside)
        if folder:
            os.chdir(folder)
        os.execve(argv[0], list(argv), dict(environment))
    finally:
        os._exit(127)


def _await(terminal: int, text: bytes, keys: bytes) -> None:
    """Wait for a text; type meanwhile, but not into line mode, and take no echo from there."""
    until = time.perf_counter() + LAST_SECONDS
    next_key = 0.0
    seen = b""
    while (now := time.perf_counter()) < until:
        taken = bool(keys) and not _in_line_mode(terminal)
        if taken and now >= next_key:
            os.write(terminal, keys)
            next_key = now + EVERY
        came = _read(terminal, EVERY if taken or not keys else LOOK)
        if came is None:
            break
        if text in seen[-len(text) :] + came and not (keys and _in_line_mode(terminal)):
            return
        _answer(terminal, seen, came)
        seen = (seen + came)[-1000:]
    raise Failed(f"{text.decode()!r} never came; the screen got {seen[-200:]!r}")


def _in_line_mode(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & (termios.ICANON | termios.ECHO))


def _read(terminal: int, seconds: float) -> bytes | None:
    """Return what comes within some seconds, or None when the program has ended."""
    ready, _, _ = select.select([terminal], [], [], seconds)
    if not ready:
        return b""
    try:
        return os.read(terminal, 65536) or None
    except OSError:
        return None


def _answer(terminal: int, seen: bytes, came: bytes) -> None:
    """Answer the questions that end in what came; no capability of termcap is known."""
    before = seen[-(LONGEST - 1) :]
    for question in QUESTION.finditer(before + came):
        if question.end() <= len(before):
            continue
        if (capability := question["capability"]) is None:
            os.write(terminal, ANSWERS[question[0]])
        else:
            os.write(terminal, b"\x1bP0+r%b\x1b\\" % capability)


def _watch(terminal: int, seconds: float) -> None:
    """Read and answer for some time."""
    until = time.perf_counter() + seconds
    seen = b""
    while (left := until - time.perf_counter()) > 0:
        came = _read(terminal, left)
        if came is None:
            return
        _answer(terminal, seen, came)
        seen = (seen + came)[-LONGEST:]


def _end(pid: int, terminal: int) -> None:
    """End the program as a closing terminal would, politely first; what it started goes too."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    until = time.perf_counter() + 5
    while time.perf_counter() < until:
        done, _ = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        ready, _, _ = select.select([terminal], [], [], 0.02)
        if ready:
            with contextlib.suppress(OSError):
                os.read(terminal, 65536)
    else:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os.close(terminal)

"""A pseudo-terminal with a person at it who types until something shows."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence

from bench.measure import Failed

COLUMNS, LINES = 120, 40
PROBE = "¤"
"""A character that no screen shows by itself."""
EVERY = 0.004
"""Seconds between two key strokes."""
LAST_SECONDS = 30.0

ANSWERS = {
    b"\x1b[6n": b"\x1b[1;1R",
    b"\x1b[c": b"\x1b[?62;22c",
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",
    b"\x1b[?2048$p": b"\x1b[?2048;0$y",
}
"""What a terminal says to the questions that programs ask it."""


def typed(argv: Sequence[str], environment: Mapping[str, str]) -> float:
    """Start a program in a terminal; return the milliseconds until it echoes a typed character.

    Raises:
        Failed: it ended before, or never echoed.
    """
    return _until(argv, environment, PROBE, PROBE)


def shown(argv: Sequence[str], environment: Mapping[str, str], text: str) -> float:
    """Start a program in a terminal; return the milliseconds until a text is on the screen.

    Raises:
        Failed: it ended before, or never showed it.
    """
    return _until(argv, environment, text, "")


def _until(argv: Sequence[str], environment: Mapping[str, str], text: str, keys: str) -> float:
    """Return the milliseconds until a text came, while keys are typed."""
    terminal, inside = _open()
    began = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os.close(terminal)
        _become(inside, argv, environment)
    os.close(inside)
    try:
        _await(terminal, text.encode(), keys.encode())
        return (time.perf_counter() - began) * 1000
    finally:
        _end(pid, terminal)


def _open() -> tuple[int, int]:
    """Return both ends of a terminal that echoes nothing by itself: only the program does."""
    terminal, inside = os.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    mode = termios.tcgetattr(inside)
    mode[3] &= ~termios.ECHO
    termios.tcsetattr(inside, termios.TCSANOW, mode)
    return terminal, inside


def _become(inside: int, argv: Sequence[str], environment: Mapping[str, str]) -> None:
    """Turn the forked child into the program."""
    try:
        os.login_tty(inside)
        os.execve(argv[0], list(argv), dict(environment))
    finally:
        os._exit(127)


def _await(terminal: int, text: bytes, keys: bytes) -> None:
    until = time.perf_counter() + LAST_SECONDS
    next_key = 0.0
    seen = b""
    answered = dict.fromkeys(ANSWERS, 0)
    while (now := time.perf_counter()) < until:
        if keys and now >= next_key:
            os.write(terminal, keys)
            next_key = now + EVERY
        ready, _, _ = select.select([terminal], [], [], EVERY)
        if not ready:
            continue
        try:
            seen += os.read(terminal, 65536)
        except OSError:
            break
        if text in seen:
            return
        for question, answer in ANSWERS.items():
            for _ in range(seen.count(question) - answered[question]):
                os.write(terminal, answer)
            answered[question] = seen.count(question)
    raise Failed(f"{text.decode()!r} never came; the screen got {seen[-200:]!r}")


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

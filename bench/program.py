"""A program in a pseudo-terminal that is typed at and watched for as long as somebody likes."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Iterator, Mapping, Sequence

from bench import terminal
from bench.measure import Failed
from bench.terminal import ANSWERS, EVERY, LAST_SECONDS, PROBE


class Program:
    """A program, and what it wrote."""

    def __init__(self, pid: int, terminal: int) -> None:
        self.pid = pid
        self.written = 0
        """Bytes so far."""
        self._terminal = terminal
        self._tail = b""

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def echoed(self, character: str, *, every: float = LAST_SECONDS) -> float:
        """Type a character until the screen shows it; return the milliseconds.

        Args:
            every: seconds between two strokes, for a program that may not take any yet.

        Raises:
            Failed: it ended, or never echoed.
        """
        began = now = time.perf_counter()
        next_key, wanted, self._tail = now, character.encode(), b""
        while now < began + LAST_SECONDS:
            if now >= next_key:
                self.type(character)
                next_key = now + every
            if not self._read(min(every, 0.05)):
                break
            if wanted in self._tail:
                return (time.perf_counter() - began) * 1000
            now = time.perf_counter()
        raise Failed(f"nothing typed was echoed; the screen got {self._tail[-200:]!r}")

    def watch(self, seconds: float) -> None:
        """Read what it writes for a while."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0 and self._read(left):
            self._tail = self._tail[-16:]

    def _read(self, seconds: float) -> bool:
        """Read once and answer what the program asks; False when it has ended."""
        ready, _, _ = select.select([self._terminal], [], [], seconds)
        if not ready:
            return True
        try:
            came = os.read(self._terminal, 65536)
        except OSError:
            return False
        self.written += len(came)
        before = self._tail[-16:]
        for question, answer in ANSWERS.items():
            for _ in range((before + came).count(question) - before.count(question)):
                os.write(self._terminal, answer)
        self._tail += came
        return bool(came)


@contextlib.contextmanager
def started(argv: Sequence[str], environment: Mapping[str, str]) -> Iterator[Program]:
    """Run a program in a terminal of its own, from when it takes typing on; it is ended at last."""
    outside, inside = terminal._open()
    pid = os.fork()
    if pid == 0:
        os.close(outside)
        terminal._become(inside, argv, environment)
    os.close(inside)
    try:
        program = Program(pid, outside)
        program.echoed(PROBE, every=EVERY)
        yield program
    finally:
        terminal._end(pid, outside)

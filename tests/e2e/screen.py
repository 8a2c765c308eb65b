"""The screen as a person sees it: a real terminal's bytes, read by a terminal emulator."""

from __future__ import annotations

import time
from collections.abc import Callable

import pexpect
import pyte

from tests.e2e.driving import COMMAND, SECONDS, Home


class Screen:
    """The command on a pty of its own, and what stands on it."""

    def __init__(self, home: Home, *argv: str, columns: int = 140, rows: int = 40,
                 command: str = str(COMMAND)) -> None:  # fmt: skip
        self.display = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.display)
        self.process = pexpect.spawn(
            command, list(argv), env=home.environ, cwd=str(home.folder),
            dimensions=(rows, columns), timeout=SECONDS,
        )  # fmt: skip

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.display.display)

    def wait_for(self, *wanted: str) -> str:
        """Read until all of it stands on the screen at once; returns the screen's text."""
        deadline = time.monotonic() + SECONDS
        while not all(word in self.text for word in wanted):
            if not self._read(deadline):
                raise AssertionError(f"{wanted} never came; the screen says:\n{self.text}")
        return self.text

    def until(self, true: Callable[[], bool]) -> None:
        """Read on until something is true."""
        deadline = time.monotonic() + SECONDS
        while not true():
            assert time.monotonic() < deadline, f"never true; the screen says:\n{self.text}"
            self._read(time.monotonic() + 0.05)

    def answer(self, question: str, keys: str) -> None:
        """Press keys once a question stands there and listens to them."""
        self.wait_for(question)
        # It takes no key in its first half second, and shows that by how bright its choices are.
        while not self._bright("approve"):
            assert self._read(time.monotonic() + SECONDS), self.text
        self.press(keys)

    def press(self, keys: str) -> None:
        self.process.send(keys)

    def resize(self, columns: int, rows: int) -> None:
        self.display.resize(rows, columns)
        self.process.setwinsize(rows, columns)

    def read_to_end(self) -> None:
        while self._read(time.monotonic() + SECONDS):
            pass

    def end(self) -> int:
        """Read to the end and return the exit code as a shell gives it."""
        self.read_to_end()
        self.process.close()
        code = self.process.exitstatus
        return code if code is not None else 128 + self.process.signalstatus

    def _bright(self, word: str) -> bool:
        for number, line in enumerate(self.display.display):
            at = line.find(f"a {word}")
            if at >= 0:
                return self.display.buffer[number][at].bold
        return False

    def feed(self, data: bytes) -> None:
        """Take what the command wrote."""
        self._stream.feed(data)

    def _read(self, deadline: float) -> bool:
        try:
            data = self.process.read_nonblocking(65536, max(0.0, deadline - time.monotonic()))
        except (pexpect.EOF, pexpect.TIMEOUT):
            return False
        self.feed(data)
        return True

"""Reading a terminal in a thread so that the reading can be given up."""

from __future__ import annotations

import os
import select
import threading

TTY = "/dev/tty"


class Keyboard:
    """What is typed while it is open: a read that nobody waits for any more takes nothing.

    A thread that is left behind in a read would get the next line that is typed, whoever it was
    meant for.
    """

    def __init__(self, fd: int = 0) -> None:
        self._fd = fd
        self._wake, self._end = os.pipe()
        self._reading = threading.Lock()
        self._closed = False

    def __enter__(self) -> Keyboard:
        return self

    def __exit__(self, *exc: object) -> None:
        self._closed = True
        os.close(self._end)
        with self._reading:
            os.close(self._wake)

    def read(self, most: int) -> bytes:
        """Block for what comes next, b"" at its end and after the keyboard was closed."""
        with self._reading:
            if self._closed:
                return b""
            try:
                ready, _, _ = select.select([self._fd, self._wake], [], [])
                return b"" if self._wake in ready else os.read(self._fd, most)
            except OSError:
                return b""


async def confirm(lines: str, question: str) -> bool | None:
    """Ask on the terminal, whatever the standard streams are; None when there is none.

    Args:
        lines: what it is about, above the question.
    """
    from smolterm.threads import in_daemon_thread

    try:
        fd = os.open(TTY, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        import termios

        # What was typed before the question was there is no answer to it.
        termios.tcflush(fd, termios.TCIFLUSH)
        os.write(fd, f"{lines}\n{question} [y/N] ".encode())
        with Keyboard(fd) as keyboard:
            answer = await in_daemon_thread(keyboard.read, 1024)
        return answer.strip().lower() in (b"y", b"yes")
    except OSError:
        return None
    finally:
        os.close(fd)

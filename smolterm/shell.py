"""Commands that a person runs in their own shell, with what they print caught and bounded."""

from __future__ import annotations

import asyncio
import codecs
import os
import pwd
import re
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from smolterm.printable import printable
from smolterm.spawn import exited, kill_group

CHUNK = 64 * 1024
PACE = 1 / 60
"""Seconds between two chunks, so that a flood of output does not hold up the keys."""
LAST_WORDS = 0.2
"""Seconds to read on after the shell has ended: what it left running may keep the pipe open."""
PATIENCE = 2.0
"""Seconds between asking a command to end and ending it."""

# They draw a screen of their own or ask for a password, which cannot be caught.
_SCREENS = """
vi vim nvim view vimdiff nano pico emacs emacsclient hx helix kak micro joe ne ed mcedit
less more most man info top htop btop atop iotop nmon watch ncdu mc ranger nnn lf yazi tig lazygit
tmux screen ssh mosh telnet ftp sftp sudo su doas passwd login fzf dialog whiptail
"""
_PROMPTS = "bash zsh fish sh dash python python3 ipython node deno irb psql mysql sqlite3 gdb pdb"
"""They need it only where they are given nothing to do."""
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=\S*\s+")
_MISSED = re.compile(r"a (?:tty|terminal) is required|not a (?:tty|terminal)|no tty|/dev/tty"
                     r"|inappropriate ioctl|isn't a terminal", re.I)  # fmt: skip


def user_shell() -> str:
    """Return the person's own shell."""
    named = os.environ.get("SHELL", "")
    with suppress(KeyError):
        named = named or pwd.getpwuid(os.getuid()).pw_shell
    return shutil.which(named) or "/bin/sh"


def needs_terminal(command: str) -> bool:
    """Guess from its first word whether a command draws a screen of its own."""
    words = _without_assignments(command.strip()).split()
    if not words:
        return False
    name = os.path.basename(words[0])  # noqa: PTH119  a word, not a path
    return name in _SCREENS.split() or (name in _PROMPTS.split() and len(words) == 1)


def missed_terminal(output: str) -> bool:
    """Whether a command says that it had no terminal."""
    return _MISSED.search(output) is not None


def _without_assignments(command: str) -> str:
    while (match := _ASSIGNMENT.match(command)) is not None:
        command = command[match.end() :]
    return command


class Output:
    """The beginning and the end of what a command prints, the middle counted.

    Args:
        first, last: how many lines of each are kept.
    """

    LONGEST_LINE = 2_000

    def __init__(self, first: int, last: int) -> None:
        self._most = first
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=last)
        self._open = ""
        self._open_more = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.lines = 0

    def add(self, data: bytes, *, final: bool = False) -> None:
        text = self._decoder.decode(data, final)
        *whole, rest = text.split("\n")
        for line in whole:
            self._extend(line)
            self._close()
        self._extend(rest)
        if final and (self._open or self._open_more):
            self._close()

    def _extend(self, part: str) -> None:
        # A progress bar writes over itself; what it wrote over need not be kept.
        if "\r" in part[:-1]:
            start = part.rfind("\r", 0, len(part) - 1)
            self._open, self._open_more, part = "", 0, part[start:]
        room = max(self.LONGEST_LINE - len(self._open), 0)
        self._open += part[:room]
        self._open_more += len(part) - len(part[:room])

    def _close(self) -> None:
        line = self._line()
        (self._first if len(self._first) < self._most else self._last).append(line)
        self._open, self._open_more = "", 0
        self.lines += 1

    def _line(self) -> str:
        more = f" … {self._open_more:,} characters more" if self._open_more else ""
        return printable(self._open) + more

    @property
    def left_out(self) -> int:
        """Lines that are not kept."""
        return self.lines - len(self._first) - len(self._last)

    def __str__(self) -> str:
        hole = [f"… {self.left_out:,} lines left out …"] if self.left_out else []
        now = [self._line()] if self._open else []
        return "\n".join([*self._first, *hole, *self._last, *now])


class Running:
    """One command in a process group of its own, without a terminal."""

    def __init__(self, command: str) -> None:
        """Start it.

        Raises:
            OSError: the shell cannot be started.
        """
        self._process = subprocess.Popen(
            [user_shell(), "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    async def read(self, take: Callable[[bytes], None]) -> int:
        """Give what it prints to `take` until it ends; return its exit code as a shell does."""
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        ending = asyncio.ensure_future(exited(self._process))
        reading = asyncio.ensure_future(_read(self._process.stdout.fileno(), take))
        try:
            await asyncio.wait({ending})
            await asyncio.wait({reading}, timeout=LAST_WORDS)
        finally:
            for task in (ending, reading):
                task.cancel()
            await asyncio.gather(ending, reading, return_exceptions=True)
            self._process.stdout.close()
        code = self._process.returncode
        return code if code >= 0 else 128 - code

    @property
    def done(self) -> bool:
        """The shell itself has ended."""
        return self._process.poll() is not None

    @property
    def lingers(self) -> bool:
        """Something that it started is still there."""
        try:
            os.killpg(self._process.pid, 0)
        except PermissionError:
            return True
        except ProcessLookupError:
            return False
        return True

    def interrupt(self) -> None:
        """Do what ctrl+c does in a terminal; what does not mind is ended a moment later."""
        self._signal(signal.SIGINT)
        asyncio.get_running_loop().call_later(PATIENCE, self.end)

    def end(self) -> None:
        """End it and what it left running, at once; harmless when all has ended."""
        kill_group(self._process)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if self._process.poll() is None:
                os.killpg(self._process.pid, number)


async def _read(fd: int, take: Callable[[bytes], None]) -> None:
    """Read a pipe to its end."""
    loop = asyncio.get_running_loop()
    while True:
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(fd, _resolve, ready)
        try:
            await ready
        finally:
            loop.remove_reader(fd)
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            continue
        except OSError:
            return
        if not data:
            return
        take(data)
        if len(data) == CHUNK:
            await asyncio.sleep(PACE)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)

"""The person's own editor and pager, with the terminal to themselves.

They are the person's commands and run as such: in a process group of their own that holds the
terminal, as a shell runs them, so that ctrl+c in a pager does not reach smolterm. What they are
given stands in a folder that nobody else may read and that is gone afterwards.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

from smolterm.printable import printable

EDITORS = ("sensible-editor", "nano", "vim", "vi")
PAGERS = ("less", "more")
LONGEST = 32 << 20
"""Bytes taken back from an editor."""
MOST_STOPS = 50
"""How often a command may stop itself before it is taken for one that never goes on."""
_LEAVE = "\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b>\x1b[0m"
"""Out of the alternate screen, the cursor visible, no mouse, no bracketed paste, plain keys."""


class Edited(NamedTuple):
    """What came back from an editor."""

    text: str
    """As it was saved; the given text where nothing was."""
    problem: str = ""
    """Why it is not to be taken as what the person wants; empty when they saved and left."""


class Ended(NamedTuple):
    code: int
    """As a shell gives it: above 128 for a signal."""
    problem: str = ""


Run: TypeAlias = Callable[[list[str]], Awaitable[Ended]]
"""Runs a command with the terminal to itself, to its end."""


async def edit(text: str, suffix: str, run: Run) -> Edited:
    """Let the person change a text in $VISUAL or $EDITOR.

    Args:
        suffix: of the file's name, by which editors know the language.
    """
    argv = command("VISUAL", "EDITOR", among=EDITORS)
    if isinstance(argv, str):
        return Edited(text, argv)
    with tempfile.TemporaryDirectory(prefix="smolterm-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / f"smolterm{suffix}"
        _write(path, text)
        ended = await run([*argv, str(path)])
        try:
            saved = _read(path)
        except (OSError, ValueError) as error:
            return Edited(text, ended.problem or f"{argv[0]} left no text to read: {error}")
    return Edited(saved, ended.problem)


async def page(text: str, name: str, run: Run) -> str:
    """Show a text in $PAGER, without what a terminal would obey; say why it could not be shown.

    Args:
        name: what the file is called; its folders and odd characters are dropped.
    """
    argv = command("PAGER", among=PAGERS)
    if isinstance(argv, str):
        return argv
    kept = "".join(c for c in name if c.isascii() and (c.isalnum() or c in "._-")).lstrip(".-")
    with tempfile.TemporaryDirectory(prefix="smolterm-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / (kept[-60:] or "output.txt")
        _write(path, printable(text))
        return (await run([*argv, str(path)])).problem


async def edit_alone(text: str, suffix: str) -> Edited:
    """Edit while nothing else draws on the terminal."""
    return await edit(text, suffix, on_terminal)


async def page_alone(text: str, name: str = "output.txt") -> str:
    """Page while nothing else draws on the terminal."""
    return await page(text, name, on_terminal)


async def on_terminal(argv: list[str]) -> Ended:
    """Run a command on the terminal, and leave the terminal as it was."""
    with borrowed() as terminal:
        return await to_its_end(argv, terminal)


def command(*variables: str, among: tuple[str, ...]) -> list[str] | str:
    """Return the command that the environment names, or the first one there is, or what to do."""
    named = next((value for each in variables if (value := os.environ.get(each, "").strip())), "")
    try:
        argv = shlex.split(named)
    except ValueError:
        argv = []
    if named:
        found = argv and shutil.which(argv[0])
        return argv if found else f"cannot find {printable(named)[:60]!r}: set ${variables[-1]}"
    usual = next((each for each in among if shutil.which(each)), None)
    return [usual] if usual else f"no command for this is known: set ${variables[-1]}"


def _write(path: Path, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(text.encode("utf-8", "surrogatepass"))


def _read(path: Path) -> str:
    with path.open("rb") as stream:
        data = stream.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise ValueError(f"more than {LONGEST >> 20} MiB")
    return data.decode("utf-8", "surrogatepass")


async def to_its_end(argv: list[str], terminal: int | None) -> Ended:
    """Run a command; without a terminal, on nothing."""
    try:
        process = _start(argv, subprocess.DEVNULL if terminal is None else terminal)
    except OSError as error:
        return Ended(127, f"{argv[0]} cannot be started: {error.strerror or error}")
    waiting = asyncio.get_running_loop().run_in_executor(None, _wait, process, terminal)
    try:
        code = await asyncio.shield(waiting)
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await waiting
        raise
    name = Path(argv[0]).name
    if code > 128:
        with suppress(ValueError):
            return Ended(code, f"{name} was killed by {signal.Signals(code - 128).name}")
    return Ended(code, f"{name} ended with code {code}" if code else "")


def _start(argv: list[str], standard: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(argv, stdin=standard, stdout=standard, stderr=standard, process_group=0)


def _wait(process: subprocess.Popen[bytes], terminal: int | None) -> int:
    """Hold the terminal for a process until it has ended; one that stops itself is sent on."""
    _hand_over(terminal, process.pid)
    try:
        for _ in range(MOST_STOPS):
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                break
            _hand_over(terminal, process.pid)
        else:
            os.killpg(process.pid, signal.SIGKILL)
            _, status = os.waitpid(process.pid, 0)
    finally:
        _hand_over(terminal, os.getpgrp())
    code = os.waitstatus_to_exitcode(status)
    process.returncode = code
    return code if code >= 0 else 128 - code


def _hand_over(terminal: int | None, group: int) -> None:
    """Make a process group the one that the terminal's keys and signals go to."""
    if terminal is not None:
        # Whoever is not the terminal's group is stopped for asking, unless it blocks that.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            with suppress(OSError):
                os.tcsetpgrp(terminal, group)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if group != os.getpgrp():
        # It may have asked the terminal for something before it was given it.
        with suppress(OSError):
            os.killpg(group, signal.SIGCONT)


@contextmanager
def borrowed() -> Iterator[int]:
    """Open the terminal itself, wherever the standard streams go, and keep its modes."""
    try:
        file = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        file = os.dup(sys.__stdin__.fileno() if sys.__stdin__ is not None else 0)
    try:
        modes = None
        with suppress(termios.error):
            modes = termios.tcgetattr(file)
        try:
            yield file
        finally:
            with suppress(OSError):
                os.write(file, _LEAVE.encode())
            if modes is not None:
                with suppress(termios.error):
                    termios.tcsetattr(file, termios.TCSADRAIN, modes)
    finally:
        os.close(file)

"""The installed command as a person or a script drives it: real processes, pipes and terminals."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import sqlite3
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pexpect

from smolterm.events import Event, from_line
from smolterm.wholefile import write_whole

COMMAND = Path(sys.executable).parent / "smolterm"
SECONDS = 20
KEPT = ("HOME", "LANG", "PATH", "XDG_CACHE_HOME", "SMOLTERM_CACHE")


class Home:
    """A person's machine for one test: folders of its own, no keys, and a mark on all processes.

    The mark is TMPDIR: every child of smolterm has it in its environment or its command line.
    """

    def __init__(self, folder: Path, mark: str) -> None:
        self.folder = folder
        self.mark = mark
        self.environ = {name: os.environ[name] for name in KEPT if name in os.environ} | {
            "SMOLTERM_DATA": str(folder / "data"),
            "SMOLTERM_CONFIG": str(folder / "config.toml"),
            "TMPDIR": mark,
            "TERM": "xterm-256color",
        }

    def use_files(self) -> None:
        """Let the person have trusted the pack for files."""
        (self.folder / "data").mkdir(mode=0o700)
        for name, raw in using_files().items():
            write_whole(self.folder / "data" / name, raw)

    def start(self, *argv: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start the command with no terminal in reach, its streams on pipes."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                   "stderr": subprocess.PIPE, "start_new_session": True} | options  # fmt: skip
        more = options.pop("environ", {})
        return subprocess.Popen([COMMAND, *argv], env=self.environ | more, cwd=self.folder,
                                **options)  # fmt: skip

    def run(self, *argv: str, stdin: bytes = b"", **options: Any) -> tuple[int, bytes, str]:
        """Run the command; returns its exit code, stdout and stderr."""
        process = self.start(*argv, stdin=subprocess.PIPE, **options)
        out, err = process.communicate(stdin, timeout=SECONDS)
        return process.returncode, out, err.decode()

    def shell(self, script: str) -> tuple[int, bytes, str]:
        """Run a line of shell in which `smolterm` is the command."""
        done = subprocess.run(
            ["bash", "-c", script], capture_output=True, timeout=SECONDS, cwd=self.folder,
            env=self.environ | {"PATH": f"{COMMAND.parent}:{self.environ['PATH']}"},
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr.decode()

    def terminal(self, *argv: str, columns: int = 100, stdin: Path | None = None) -> Terminal:
        """Start the command on a terminal of its own; stdout goes to the file `out`."""
        source = f"<{stdin} " if stdin else ""
        script = f'exec "$0" "$@" {source}>{self.folder / "out"}'
        return Terminal(
            "/bin/sh", ["-c", script, str(COMMAND), *argv], env=self.environ, cwd=str(self.folder),
            dimensions=(40, columns), encoding="utf-8", timeout=SECONDS,
        )  # fmt: skip

    def out(self) -> str:
        return (self.folder / "out").read_text()

    def events(self) -> list[Event]:
        """Return what the store holds of its only session."""
        path = self.folder / "data" / "sessions.db"
        with contextlib.closing(sqlite3.connect(path)) as store:
            ((_,),) = store.execute("SELECT id FROM sessions")
            return [from_line(line) for (line,) in
                    store.execute("SELECT line FROM events ORDER BY number")]  # fmt: skip

    def processes(self) -> list[int]:
        """Return the ids of all processes of this home."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                pid = int(entry.name)
                known = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
                if self.mark.encode() in known and pid != os.getpid():
                    found.append(pid)
        return found

    def child(self, word: str) -> int | None:
        """Return the id of the child whose command line holds a word."""
        for pid in self.processes():
            with contextlib.suppress(OSError):
                if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
        return None

    def wait_until_gone(self, seconds: float = 2.0) -> None:
        """Return once no process of this home is left; fails after so many seconds."""
        deadline = time.monotonic() + seconds
        for pid in self.processes():
            wait_for_end(pid, deadline - time.monotonic())
        assert not self.processes()


class Terminal(pexpect.spawn):
    """A command on a pty that says where its cursor is, as terminals do when they are asked."""

    def read_nonblocking(self, *args: Any, **options: Any) -> str:
        text: str = super().read_nonblocking(*args, **options)
        for _ in range(text.count("\x1b[6n")):
            self.send("\x1b[40;1R")
        return text

    def answer(self, question: str, keys: str) -> None:
        """Wait for a question and press keys once it reads them one by one."""
        self.expect_exact(question)
        self.wait_for_mode(cooked=False)
        self.send(keys)

    def wait_for_mode(self, *, cooked: bool) -> None:
        """Return once the terminal's line editing is on, or off."""
        deadline = time.monotonic() + SECONDS
        while bool(self.modes()[3] & termios.ICANON) is not cooked:
            assert time.monotonic() < deadline
            select.select([], [], [], 0.005)  # a change of modes is no event that can be waited for

    def modes(self) -> list[Any]:
        return termios.tcgetattr(self.child_fd)

    def end(self) -> tuple[int, str]:
        """Wait for the end; returns the exit code as a shell gives it, and what was shown last."""
        self.expect(pexpect.EOF)
        self.close()
        code = self.exitstatus if self.exitstatus is not None else 128 + self.signalstatus
        return code, self.before


@cache
def using_files() -> dict[str, bytes]:
    """Return what smolterm keeps for a person who uses the pack for files, and knows of others."""
    with tempfile.TemporaryDirectory(prefix="smt-") as place:
        home = Home(Path(place), place)
        assert home.run("packs", "add", "files", "--yes")[0] == 0
        # Nobody answers there; what is installed was looked at by then.
        home.run("-p", "x", "-m", "openai/x", "--api-base", "http://127.0.0.1:9", "--no-save")
        return {path.name: path.read_bytes() for path in Path(place, "data").glob("packs*.json")}


@contextlib.contextmanager
def home_in(folder: Path) -> Iterator[Home]:
    """Make a home; nothing of it may run when the test is over."""
    # Short: paths of sockets have room for about a hundred bytes.
    with tempfile.TemporaryDirectory(prefix="smt-", dir="/tmp") as mark:
        home = Home(folder, mark)
        try:
            yield home
        finally:
            for pid in home.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def wait_for_end(pid: int, seconds: float) -> None:
    """Return when a process that need not be our child has ended, or after so many seconds."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([fd], [], [], max(0.0, seconds))
    finally:
        os.close(fd)


def block(code: str, before: str = "I will run this.") -> str:
    """Return a reply that holds one block of code."""
    return f"{before}\n```python\n{code}\n```"


def shows_our_traceback(text: str) -> bool:
    """Say whether a traceback of smolterm's own code is in it, not one of the agent's."""
    return bool(re.search(r'File "[^"]*/(smolterm|asyncio|prompt_toolkit)/', text))

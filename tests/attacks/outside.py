"""What an attack must not reach, seen from outside: files, ports, names, and the host's record."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import platform
import select
import socket
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from smolterm.errors import SandboxError
from smolterm.sandbox import CellDone, Limits, Printed
from smolterm.sandbox.deno import Sandbox

SECRET = "canary-7f3a-in-a-file"
IN_NAME = "canary-5d2c-in-a-name"
ENV_NAME = "SMOLTERM_CANARY_ENV"
ENV_VALUE = "canary-91bd-in-the-environment"
VICTIM = "as it was"


@dataclasses.dataclass
class Seen:
    """What the host recorded of one cell."""

    done: CellDone | None = None
    died: str = ""
    out: str = ""
    err: str = ""
    seconds: float = 0.0
    calls: list[tuple[str, list[Any], dict[str, Any]]] = dataclasses.field(default_factory=list)

    def everything(self) -> str:
        said = [self.out, self.err, self.died]
        if self.done is not None:
            said += [self.done.value or "", self.done.answer, _shown(self.done.value_data)]
            if self.done.error is not None:
                said += [self.done.error.message, self.done.error.traceback]
        return "\n".join(said)

    def clean(self, value: Any) -> bool:
        """The record is that of a cell that did nothing but end in this value."""
        done = self.done
        return (
            done is not None
            and not (self.out or self.err or self.calls or self.died)
            and done.error is None
            and not done.answered
            and done.status is None
            and done.value_data == value
            and done.value == (None if value is None else repr(value))
        )


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:
        return ""


async def watched(
    sandbox: Sandbox, code: str, *, seconds: float = 8.0, stdin: Any = None, **limits: Any
) -> Seen:
    """Run a cell as a host would, and write down all that comes of it."""
    seen = Seen()
    started = time.monotonic()
    out: dict[str, list[str]] = {"stdout": [], "stderr": []}
    try:
        await sandbox.start()
        parts = sandbox.cell(code, limits=Limits(seconds=seconds, **limits), read_stdin=stdin)
        async with contextlib.aclosing(parts):
            async for part in parts:
                if isinstance(part, Printed):
                    out[part.stream].append(part.text)
                elif isinstance(part, CellDone):
                    seen.done = part
                else:
                    seen.calls.append((part.tool, part.args, part.kwargs))
                    await sandbox._answer_call(part)
    except SandboxError as died:
        seen.died = str(died)
    seen.out, seen.err = "".join(out["stdout"]), "".join(out["stderr"])
    seen.seconds = time.monotonic() - started
    return seen


class Outside:
    """A piece of the host: everything in it must be the same after an attack."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "host"
        self.folder.mkdir()
        self.file = self.folder / "secret.txt"
        self.file.write_text(SECRET)
        (self.folder / IN_NAME).touch()
        (self.folder / "sized").write_text("1" * 31337)
        (self.folder / "secret.json").write_text(f'{{"k": "{SECRET}"}}')
        (self.folder / "secret.mjs").write_text(f'export const k = "{SECRET}";\n')
        with contextlib.closing(sqlite3.connect(self.folder / "db.sqlite")) as database:
            database.execute("create table t (k)")
            database.execute("insert into t values (?)", (SECRET,))
            database.commit()
        # What the process itself was started with; nothing set later shows there.
        self._first_variable = Path("/proc/self/environ").read_text().split("\0")[0] + "\0"
        self.victim = self.folder / "victim.txt"
        self.out = self.folder / "made-by-the-sandbox"
        tcp = socket.create_server(("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind(("127.0.0.1", 0))
        self.udp = datagrams.getsockname()[1]
        unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.unix = folder / "unix"
        unix.bind(str(self.unix))
        unix.listen(8)
        self._listeners = [tcp, datagrams, unix]
        self._connected = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.free_port = free.getsockname()[1]
        self.restore()
        self._before = self._listing()

    def restore(self) -> None:
        for path in self.folder.iterdir():
            if path not in getattr(self, "_kept", {path}):
                with contextlib.suppress(OSError):
                    path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        self.victim.unlink(missing_ok=True)
        self.victim.write_text(VICTIM)
        self.victim.chmod(0o640)
        os.utime(self.victim, (1, 1))
        self._kept = set(self.folder.iterdir())

    def _listing(self) -> Any:
        state = self.victim.stat()
        return (
            sorted(path.name for path in self.folder.iterdir()),
            self.victim.read_text(),
            (state.st_mode, state.st_mtime, state.st_nlink, state.st_uid),
        )

    def fill(self, code: str) -> str:
        for mark, value in {
            "__CANARY_FILE__": self.file,
            "__CANARY_DIR__": self.folder,
            "__CANARY_ENV__": ENV_NAME,
            "CANARY_ENV_NAME": ENV_NAME,
            "__CANARY_OUT__": self.out,
            "__CANARY_PORT__": self.port,
            "__VICTIM__": self.victim,
            "__UDP_PORT__": self.udp,
            "__UNIX__": self.unix,
            "__FREE_PORT__": self.free_port,
        }.items():
            code = code.replace(mark, str(value))
        return code

    def touched(self, seen: Seen, patience: float = 0.0) -> str:
        """Return how the host was reached, or ""; everything is then as it was."""
        try:
            return self._touched(seen, patience)
        finally:
            self.restore()

    def _touched(self, seen: Seen, patience: float) -> str:
        said = seen.everything()
        for secret in (SECRET, IN_NAME, ENV_VALUE, "size=31337", f"HOST={platform.node()}",
                       f"RELEASE={platform.release()}", f"UID={os.getuid()};", "broker.ts\0",
                       f"CWD={Path.cwd()}", "LOAD=[", self._first_variable):  # fmt: skip
            if secret in said:
                return f"learned {secret[:40]}"
        if self._connected.wait(patience):
            self._connected.clear()
            return "connected"
        if self.listening():
            return "listens"
        try:
            if self._listing() != self._before:
                return "changed a file"
        except OSError:
            return "removed a file"
        return ""

    def _listen(self) -> None:
        """Hang up on whoever comes; only that somebody came is of interest."""
        while True:
            try:
                for listener in select.select(self._listeners, [], [])[0]:
                    if listener.type == socket.SOCK_DGRAM:
                        listener.recv(4096)
                    else:
                        listener.accept()[0].close()
                    self._connected.set()
            except (OSError, ValueError):
                return

    def listening(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.free_port), timeout=1).close()
            return True
        return False

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()


def run(loop: asyncio.Runner, sandbox: Sandbox, code: str, **options: Any) -> Seen:
    seen: Seen = loop.run(watched(sandbox, code, **options))
    return seen

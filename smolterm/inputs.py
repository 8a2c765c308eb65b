"""What a task is given and where its answer goes: files, piped input, a file for the answer."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from smolterm.errors import UsageError
from smolterm.sandbox.entries import is_plain
from smolterm.session import Session

STDIN = "/in/stdin"
MOST_TASK = 4 * 1024 * 1024
"""Bytes of a task that is piped in."""


class Piped:
    """Standard input, as a file of any size; nothing when it is a terminal or closed.

    A file, so that the code reads as much of it as it likes, whatever its size.
    """

    def __init__(self) -> None:
        self.path: Path | None = None
        self._folder: str | None = None

    def read(self) -> None:
        """Read it to its end.

        Raises:
            UsageError: it does not fit on the disk.
        """
        if not _is_piped():
            return
        first = sys.stdin.buffer.read(1)
        if not first:
            return
        self._folder = tempfile.mkdtemp(prefix="smolterm-")
        path = Path(self._folder, "stdin")
        try:
            with path.open("wb") as file:
                file.write(first)
                shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
        except OSError as error:
            self.close()
            raise UsageError(
                f"What was piped in cannot be kept in {path.parent.parent}: {error.strerror}.",
                kept="Nothing ran.",
                next="Name another folder with TMPDIR, or give the file with --in FILE.",
            ) from None
        self.path = path

    def take_text(self) -> str:
        """Return it as text, and have nothing any more: it is the task itself.

        Raises:
            UsageError: it is too long for a task.
        """
        if self.path is None:
            return ""
        if self.path.stat().st_size > MOST_TASK:
            raise UsageError(
                f"More than {MOST_TASK >> 20} MB were piped in as a task.",
                next='Say what to do with it: smolterm -p "task" < file.',
            )
        text = self.path.read_bytes().decode(errors="replace").strip()
        self.close()
        return text

    def close(self) -> None:
        """Remove the file; safe to call twice."""
        self.path = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _is_piped() -> bool:
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return sys.stdin is not None and not os.isatty(0) and not stat.S_ISCHR(mode)


def mount_inputs(session: Session, paths: Iterable[Path], piped: Path | None = None) -> None:
    """Show files and folders to the code as `/in/<name>`, for reading.

    Raises:
        UsageError: one is not there.
    """
    taken = {"stdin"}
    for path in paths:
        name = path.expanduser().absolute().name
        name = name if is_plain(name) and name.isprintable() else "file"
        stem, dot, ending = name.partition(".") if not name.startswith(".") else (name, "", "")
        number = 1
        while name in taken:
            number += 1
            name = f"{stem}-{number}{dot}{ending}"
        taken.add(name)
        session.mount(path, f"/in/{name}")
    if piped is not None:
        session.mount(piped, STDIN)


def split_task(task: str | None, inputs: list[str]) -> tuple[str | None, list[str]]:
    """Tell the task from the files where `--in` took it for one: `--in a.csv b.csv "task"`."""
    if task is None and len(inputs) > 1 and not Path(inputs[-1]).expanduser().exists():
        return inputs[-1], inputs[:-1]
    return task, inputs


class Sink:
    """Where data goes: standard output, or a file that is there whole or not at all.

    Args:
        path: the file; standard output when None. What is no regular file is written to as it is.

    Raises:
        UsageError: it cannot be written.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._part: Path | None = None
        self._file: BinaryIO | None = None
        self._written = False
        if path is None:
            return
        try:
            path = path.expanduser()
            if path.exists() and not path.is_file():
                self._file = path.open("wb", buffering=0)
                return
            # Through links: the file that one leads to is replaced, not the link.
            self.path = path = path.resolve()
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666
            part = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}")
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._file = os.fdopen(os.open(part, flags, mode), "wb")
            self._part = part
        except (OSError, RuntimeError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"{path} cannot be written: {why}.", kept="Nothing ran.") from None

    @property
    def is_terminal(self) -> bool:
        return self._file is None and sys.stdout.isatty()

    def write(self, data: bytes) -> None:
        """Write, and let whoever reads standard output have it now."""
        self._written = True
        if self._file is not None:
            self._file.write(data)
        else:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    def keep(self) -> None:
        """Let the file take its place; one to which nothing was written is left out.

        Raises:
            OSError: the disk is full, for example; the file that was there is as it was.
        """
        if self._file is not None and self._written:
            self._file.flush()
            if self._part is not None:
                os.fsync(self._file.fileno())
                assert self.path is not None
                self._part.replace(self.path)
                self._part = None

    def close(self) -> None:
        """Remove what was not kept; safe to call twice."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        if self._part is not None:
            self._part.unlink(missing_ok=True)
            self._part = None

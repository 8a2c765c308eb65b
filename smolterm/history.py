"""What was typed, kept from one session to the next, in the form that prompt_toolkit reads too.

Several processes may append at once: each entry is one write under a lock, and whoever finds the
file too long puts the newer part of it in its place.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from smolterm.printable import printable
from smolterm.store import data_folder
from smolterm.wholefile import write_whole

MOST_BYTES = 1_000_000
"""Of the file, before its older half goes."""
MOST_ENTRIES = 5_000
"""That are looked through."""
LONGEST_ENTRY = 64 * 1024
"""Bytes; a longer one is kept for as long as the process lives."""


def history_path() -> Path:
    """Return the file that the screen and the inline prompt share."""
    return data_folder() / "history"


class History:
    """Entries from the oldest to the newest; read from the file when they are first looked at.

    Args:
        path: None keeps them in memory alone.
        most_bytes: of the file, before its older half goes.
    """

    def __init__(self, path: Path | None, *, most_bytes: int = MOST_BYTES) -> None:
        self._path, self._most = path, most_bytes
        self._entries: list[str] | None = None

    @property
    def entries(self) -> list[str]:
        if self._entries is None:
            self._entries = [] if self._path is None else _read(self._path, self._most)
        return self._entries

    def add(self, text: str, *, keep: bool = True) -> None:
        """Remember what was typed, unless it is what was typed last.

        A full disk or a folder that cannot be written is no reason not to do what was typed.

        Args:
            keep: beyond this process.
        """
        if not text.strip() or self.entries[-1:] == [text]:
            return
        self.entries.append(text)
        if keep and self._path is not None:
            with suppress(OSError):
                _append(self._path, text, self._most)

    def search(self, words: str, count: int = 200) -> list[str]:
        """Return the entries that hold all the words, newest first, none twice."""
        wanted = words.lower().split()
        found: dict[str, None] = {}
        for entry in reversed(self.entries):
            lowered = entry.lower()
            if all(word in lowered for word in wanted):
                found[entry] = None
                if len(found) == count:
                    break
        return list(found)


def _read(path: Path, most: int) -> list[str]:
    """Return a file's entries; of one that is far too long, the newer ones."""
    try:
        with path.open("rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - 2 * most, 0))
            data = file.read(2 * most)
    except OSError:
        return []
    return list(_parsed(data))[-MOST_ENTRIES:]


def _parsed(data: bytes) -> Iterator[str]:
    lines: list[str] = []
    for line in [*data.decode("utf-8", "replace").split("\n"), ""]:
        if line.startswith("+"):
            lines.append(line[1:])
        elif lines:
            yield printable("\n".join(lines))
            lines = []


def _entry(text: str) -> bytes:
    lines = "".join(f"+{line}\n" for line in text.split("\n"))
    return f"\n# {time.strftime('%Y-%m-%d %H:%M:%S')}\n{lines}".encode("utf-8", "replace")


def _append(path: Path, text: str, most: int) -> None:
    entry = _entry(text)
    if len(entry) > LONGEST_ENTRY:
        return
    with _locked(path) as fd:
        os.write(fd, entry)
        if os.fstat(fd).st_size > most:
            _shorten(path, most // 2)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open for appending and keep others out, however often the file is put in its own place."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(fd, fcntl.LOCK_EX)
            if _is_at(fd, path):
                os.fchmod(fd, 0o600)
                yield fd
                return
        finally:
            os.close(fd)


def _is_at(fd: int, path: Path) -> bool:
    """Whether the file is still the one of that name: somebody may have shortened it meanwhile."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _shorten(path: Path, keep: int) -> None:
    data = path.read_bytes()
    cut = data.find(b"\n# ", max(len(data) - keep, 0))
    target = path.resolve()
    write_whole(target, data[cut:] if cut >= 0 else b"")

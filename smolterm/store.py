"""Sessions on disk: one file of JSON lines each, appended to before anything is shown."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from smolterm.errors import StoreError
from smolterm.events import Event, from_line, to_line


def data_folder() -> Path:
    """Return where sessions live: `SMOLTERM_DATA` or the user's data folder."""
    if set_to := os.environ.get("SMOLTERM_DATA"):
        return Path(set_to).absolute()
    import platformdirs

    return platformdirs.user_data_path("smolterm")


def cache_folder() -> Path:
    """Return where smolterm keeps what it can make again: `SMOLTERM_CACHE` or the user's cache."""
    if set_to := os.environ.get("SMOLTERM_CACHE"):
        return Path(set_to).resolve()
    import platformdirs

    return platformdirs.user_cache_path("smolterm").resolve()


def new_session_id() -> str:
    """Return a name that sorts by time and does not repeat."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"


class SessionFile:
    """The file of one session; made at the first event.

    Each event is one write to a file opened for appending: whatever a person saw is in it, even
    when the process is killed a moment later.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    @classmethod
    def new(cls, session: str) -> SessionFile:
        return cls(data_folder() / "sessions" / f"{session}.jsonl")

    def append(self, event: Event) -> None:
        """Write one event.

        Raises:
            StoreError: it could not be written, or not whole.
        """
        line = to_line(event)
        try:
            if self._fd is None:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
                self._fd = os.open(self.path, flags, 0o600)
            written = os.write(self._fd, line)
        except OSError as error:
            raise StoreError(
                f"The session cannot be saved to {self.path}: {error.strerror}.",
                kept="What was saved before is still there.",
                next="Free space; the session goes on unsaved.",
            ) from None
        if written != len(line):
            raise StoreError(
                f"The disk is full: {self.path} ends in half a line.",
                kept="What was saved before is still there.",
                next="Free space; the session goes on unsaved.",
            )

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def read_session(path: Path) -> Iterator[Event]:
    """Yield a session's events; a last line that was cut by a crash is left out.

    Raises:
        StoreError: the file cannot be read, or a line before the last is no event.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from None
    for number, line in enumerate(lines[:-1], 1):
        try:
            yield from_line(line)
        except msgspec.DecodeError as error:
            raise StoreError(
                f"{path}, line {number}, is no event: {error}.", kept="The file was not changed."
            ) from None


class StoredSession(msgspec.Struct, frozen=True, kw_only=True):
    """What a list says of one session."""

    id: str
    title: str
    """Given by the person, else the start of its first task."""
    started: float
    """Seconds since the epoch."""
    changed: float
    model: str = ""
    folder: str = ""
    steps: int = 0
    tasks: int = 0
    branches: int = 0
    """Parts that were abandoned by a rewind."""
    excerpt: str = ""
    """Where the words that were looked for stand."""
    running: bool = False
    """Another process writes to it now."""

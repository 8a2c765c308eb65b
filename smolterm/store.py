"""Where things are kept, and what is told of a session that is."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from smolterm.errors import StoreError
from smolterm.events import Event, from_line


def data_folder() -> Path:
    """Return where sessions live: `SMOLTERM_DATA` or the user's data folder."""
    if set_to := os.environ.get("SMOLTERM_DATA"):
        return Path(set_to).absolute()
    import platformdirs

    return platformdirs.user_data_path("smolterm")


def database_path() -> Path:
    """Return the file with all sessions."""
    return data_folder() / "sessions.db"


def cache_folder() -> Path:
    """Return where smolterm keeps what it can make again: `SMOLTERM_CACHE` or the user's cache."""
    if set_to := os.environ.get("SMOLTERM_CACHE"):
        return Path(set_to).resolve()
    import platformdirs

    return platformdirs.user_cache_path("smolterm").resolve()


def new_session_id() -> str:
    """Return a name that sorts by time and does not repeat."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{os.urandom(3).hex()}"


def read_session(path: Path) -> Iterator[Event]:
    """Yield the events of a file of JSON lines; a last line that was cut by a crash is left out.

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


def make_private(folder: Path) -> None:
    """Make a folder of the data folder, both for their owner alone.

    Raises:
        OSError: it cannot be made.
    """
    for one in (folder.parent, folder):
        one.mkdir(parents=True, exist_ok=True, mode=0o700)


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

"""States of a sandbox as its process described them, so that another process can take them over.

The bytes are the sandbox's own: they are kept, bounded and handed on, never looked into.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from typing import Any

import msgspec

from smolterm.errors import ChildProtocolError

PAGE = 4096
MOST_BYTES = 1 << 30
"""On disk, of one sandbox's states; then only the newest is kept."""
MOST_STATE = 800 * 1024 * 1024
"""Of one state: memory and files."""


class Open(msgspec.Struct, frozen=True):
    """One file that the code held open."""

    fd: int
    path: str
    flags: int
    position: int


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What the process says of a state; see `About` in state.ts."""

    step: int
    why: str
    memory: int
    pages: int
    libraries: list[str]
    table: int
    addresses: str
    strings: list[str]
    references: int
    entries: list[dict[str, Any]] | None
    gone: list[str]
    blobs: list[tuple[int, int]]
    current: str
    """The current folder."""
    open: list[Open]
    mark: list[int] = []
    """Where a clock that counts and random numbers that repeat stand."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """One state, whole: what differs from the snapshot that a process begins with."""

    about: About
    raw: bytes


class _Record(msgspec.Struct, kw_only=True):
    about: About
    pages: dict[int, int]
    """Where each page lies in the file."""
    blobs: dict[int, tuple[int, int]]
    """Where each file's bytes lie, and how many there are."""


class Journal:
    """The states of one sandbox, oldest first, in a file without a name."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="smolterm-")  # noqa: SIM115  closed by close()
        self._end = 0
        self._records: list[_Record] = []

    def close(self) -> None:
        self._file.close()

    def keep(self, about_text: str, raw: bytes) -> About:
        """Append what changed since the last state.

        Raises:
            ChildProtocolError: the process contradicts itself.
        """
        try:
            about = msgspec.json.decode(about_text, type=About)
        except (msgspec.DecodeError, RecursionError):
            raise ChildProtocolError("The sandbox described its state wrongly.") from None
        sizes = [size for _, size in about.blobs]
        if (
            about.pages < 0
            or any(size < 0 for size in sizes)
            or len(raw) != about.pages * (4 + PAGE) + sum(sizes)
        ):
            raise ChildProtocolError("The sandbox sent another state than it described.")
        if about.why:
            return about
        head = 4 * about.pages
        numbers = memoryview(raw[:head]).cast("I") if head else ()
        if any(number >= about.memory // PAGE for number in numbers):
            raise ChildProtocolError("The sandbox kept memory that it does not have.")
        start = self._write(memoryview(raw)[head:])
        pages = {number: start + at * PAGE for at, number in enumerate(numbers)}
        at = start + about.pages * PAGE
        blobs = {}
        for blob, size in about.blobs:
            blobs[blob] = (at, size)
            at += size
        self._records.append(_Record(about=about, pages=pages, blobs=blobs))
        if self._end > MOST_BYTES:
            self._compact()
        return about

    def has(self, step: int) -> bool:
        return any(record.about.step == step for record in self._records)

    def nearest(self, step: int) -> int | None:
        """Return the newest step, not after this one, whose state is here."""
        return max((r.about.step for r in self._records if r.about.step <= step), default=None)

    def forget_after(self, step: int) -> None:
        while self._records and self._records[-1].about.step > step:
            self._records.pop()

    def clear(self) -> None:
        self._records.clear()
        self._file.truncate(0)
        self._end = 0

    def state(self, step: int) -> State:
        """Return the newest state before a step, whole.

        Raises:
            KeyError: it is not here.
        """
        upto = [number for number, r in enumerate(self._records) if r.about.step == step]
        if not upto:
            raise KeyError(step)
        records = self._records[: upto[-1] + 1]
        pages: dict[int, int] = {}
        blobs: dict[int, tuple[int, int]] = {}
        entries: list[dict[str, Any]] = []
        gone: list[str] = []
        for record in records:
            pages |= record.pages
            blobs |= record.blobs
            if record.about.entries is not None:
                entries, gone = record.about.entries, record.about.gone
        used = {entry["blob"] for entry in entries if isinstance(entry.get("blob"), int)}
        kept = [(blob, *blobs[blob]) for blob in sorted(used & blobs.keys())]
        numbers = sorted(pages)
        parts = [b"".join(number.to_bytes(4, "little") for number in numbers)]
        parts += [os.pread(self._file.fileno(), PAGE, pages[number]) for number in numbers]
        parts += [os.pread(self._file.fileno(), size, at) for _, at, size in kept]
        about = msgspec.structs.replace(
            records[-1].about,
            pages=len(numbers),
            entries=entries,
            gone=gone,
            blobs=[(blob, size) for blob, _, size in kept],
        )
        return State(about=about, raw=b"".join(parts))

    def adopt(self, state: State) -> None:
        """Begin anew with one state."""
        self.begin([(msgspec.json.encode(state.about).decode(), state.raw)])

    def begin(self, kept: Sequence[tuple[str, bytes]]) -> None:
        """Begin anew with what a process said before it was listened to; see `keep`."""
        self.clear()
        for about_text, raw in kept:
            self.keep(about_text, raw)

    def _write(self, data: memoryview) -> int:
        start = self._end
        done = 0
        while done < len(data):
            done += os.pwrite(self._file.fileno(), data[done:], start + done)
        self._end += len(data)
        return start

    def _compact(self) -> None:
        newest = self.state(self._records[-1].about.step)
        if len(newest.raw) > MOST_STATE:
            raise ChildProtocolError("The sandbox's state is too large.")
        self.adopt(newest)

"""The files that a grant's globs name, in the granted folder."""

from __future__ import annotations

import datetime
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from smolterm.errors import Denied, ToolError
from smolterm.packs.doors import folder
from smolterm.packs.doors.globs import Globs, glob
from smolterm.packs.doors.grant import Grant

MOST_FILES = 50_000
MOST_SEEN = 200_000
MOST_WRITTEN = 2_000_000_000
"""Bytes in one process: a pack that writes on and on does not fill the disk."""


class Files:
    """One pack's door to the folder.

    Args:
        grant: the folder and its globs.
    """

    def __init__(self, grant: Grant) -> None:
        self._pack = grant.pack
        self._folder = grant.folder
        self._read = Globs(grant.read)
        self._write = Globs(grant.write)
        self._written = 0

    def list(self, pattern: str) -> list[dict[str, object]]:
        """Return the files that match and may be read, sorted by path.

        Raises:
            ToolError: too many, or no pattern.
            Denied: no folder was granted.
        """
        folder.parts_of(pattern.removeprefix("./").replace("*", "x").replace("?", "x"))
        wanted = glob(pattern)
        found: list[dict[str, object]] = []
        for path, status in self._every():
            if not wanted.fullmatch(path):
                continue
            if len(found) == MOST_FILES:
                raise ToolError(
                    f"More than {MOST_FILES} files match {pattern!r}.",
                    next="Give a narrower pattern, such as 'src/*.py'.",
                )
            found.append(_told(path, status))
        return found

    def info(self, path: str) -> dict[str, object]:
        """Return what a path is: a file or a folder.

        Raises:
            Denied: it may not be read.
            ToolError: it is neither, or not there.
        """
        base = self._base()
        parts = self._readable(base, path)
        with folder.opened(base, parts, path) as (_, status):
            if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
                raise ToolError(f"{path!r} is neither a file nor a folder.")
            return _told(path, status)

    def read(self, path: str, limit: int | None = None) -> bytes:
        """Return a file's content, or its first `limit` bytes.

        Raises:
            Denied: it may not be read.
            ToolError: it is missing, too large or no file.
        """
        base = self._base()
        parts = self._readable(base, path)
        with folder.opened(base, parts, path) as (handle, status):
            return folder.content(handle, status, path, limit)

    def write(self, path: str, raw: bytes) -> int:
        """Write a file whole or not at all, and return its size.

        Raises:
            Denied: it may not be written.
            ToolError: it is a link or a folder, or too large.
        """
        base = self._base()
        parts = self._writable(path)
        self._written += len(raw)
        if self._written > MOST_WRITTEN:
            raise ToolError(
                f"{self._pack} has written more than {MOST_WRITTEN} bytes.",
                next="Start again to let it write more.",
            )
        return folder.write(base, parts, raw, path)

    def place(self, path: str, write: bool) -> Path:
        """Return a file's real path, for a native pack whose library takes nothing else.

        No part of it is a link now; a link that comes later is between the library and the system.

        Args:
            write: it is going to be changed, and may be missing in a folder that is there.

        Raises:
            Denied: it may not be read, or not be written.
            ToolError: it is missing, or no file.
        """
        base = self._base()
        if write:
            parts = self._writable(path)
            if not parts:
                raise ToolError(f"{path!r} names no file.")
            if not os.path.lexists(base.joinpath(*parts)):
                if folder.resolve(base, "/".join((".", *parts[:-1]))) != parts[:-1]:
                    raise ToolError(f"{path!r} is behind a link and is not written to.")
                with folder.opened(base, parts[:-1], path):
                    pass
                return base.joinpath(*parts)
        parts = self._readable(base, path)
        with folder.opened(base, parts, path) as (_, status):
            if not stat.S_ISREG(status.st_mode):
                raise ToolError(f"{path!r} is no file.")
        if write and parts != folder.parts_of(path):
            raise ToolError(f"{path!r} is a link and is not written to.")
        return base.joinpath(*parts)

    def _base(self) -> Path:
        if self._folder is None:
            raise Denied("No folder was granted.", next="Start with --folder DIR.")
        return Path(os.path.realpath(self._folder))

    def _writable(self, path: str) -> tuple[str, ...]:
        """Return a path's components, if it may be written."""
        parts = folder.parts_of(path)
        if not self._write.patterns:
            raise Denied(f"The folder was granted to {self._pack} for reading only.")
        if parts and not self._write.match("/".join(parts)):
            raise Denied(
                f"{self._pack} tried to write {path!r}, "
                f"which is not among what it may write ({self._write})."
            )
        return parts

    def _readable(self, base: Path, path: str) -> tuple[str, ...]:
        """Return the components of what a path leads to, if that may be read.

        Where it leads counts, not how it is called: a granted name may be a link.
        """
        with folder.told(path):
            parts = folder.resolve(base, path)
        if not self._read.match("/".join(parts) if parts else "x"):
            raise Denied(
                f"{self._pack} tried to read {path!r}, "
                f"which is not among what it may read ({self._read})."
            )
        return parts

    def _every(self) -> Iterator[tuple[str, os.stat_result]]:
        """Yield the regular files that may be read: no links, nothing hidden, a stable order."""
        base = self._base()
        seen = 0
        waiting = [""]
        while waiting:
            prefix = waiting.pop()
            below: list[str] = []
            for name, status in _entries(base / prefix):
                seen += 1
                if seen > MOST_SEEN:
                    raise ToolError(
                        f"The folder holds more than {MOST_SEEN} files; grant a smaller one."
                    )
                path = prefix + name
                if stat.S_ISDIR(status.st_mode):
                    below.append(path + "/")
                elif stat.S_ISREG(status.st_mode) and self._read.match(path):
                    yield path, status
            waiting += reversed(below)


def _told(path: str, status: os.stat_result) -> dict[str, object]:
    is_file = stat.S_ISREG(status.st_mode)
    moment = datetime.datetime.fromtimestamp(int(status.st_mtime))
    return {
        "path": path,
        "size": status.st_size if is_file else 0,
        "modified": moment.isoformat(),
        "kind": "file" if is_file else "folder",
    }


def _entries(path: Path) -> list[tuple[str, os.stat_result]]:
    found: list[tuple[str, os.stat_result]] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.name.isprintable():
                    continue
                try:
                    found.append((entry.name, entry.stat(follow_symlinks=False)))
                except OSError:
                    continue
    except OSError:
        # Gone or closed to the person too.
        return []
    return sorted(found)

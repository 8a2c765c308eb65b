"""The one door to the granted folder: every path is checked, and opened step by step below it.

Checking a name and then opening it by name leaves a gap in which a link can be swapped in. Here
each component is opened relative to the one before, without following links.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smolterm.errors import Denied, ToolError

LONGEST = 20_000_000
"""Bytes of one file, read or written."""
LONGEST_PATH = 4_096

_FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | os.O_RDONLY
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


def parts_of(path: str) -> tuple[str, ...]:
    """Return a path's components; empty for the folder itself.

    Raises:
        Denied: it is absolute, climbs, or names something hidden.
        ToolError: it is no path.
    """
    shown = repr(path[:200])
    if not path or len(path) > LONGEST_PATH or "\0" in path or not path.isprintable():
        raise ToolError(f"{shown} is no path.", next="Use a path that a listing gave.")
    if path.startswith(("/", "~")) or Path(path).is_absolute() or "\\" in path:
        raise Denied(f"{shown} is not relative.", next="Paths start in the granted folder.")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if ".." in parts:
        raise Denied(f"{shown} climbs out with '..'.", next="Paths start in the granted folder.")
    refuse_hidden(parts, shown)
    return parts


def resolve(base: Path, path: str) -> tuple[str, ...]:
    """Return the components of what a path leads to once links inside the folder are followed.

    Raises:
        Denied: it leads out of the folder or to something hidden.
    """
    real = Path(os.path.realpath(base.joinpath(*parts_of(path))))
    if not real.is_relative_to(base):
        raise Denied(f"{path!r} is a link that leads out of the granted folder.")
    parts = real.relative_to(base).parts
    refuse_hidden(parts, repr(path))
    return parts


@contextmanager
def opened(base: Path, parts: tuple[str, ...], path: str) -> Iterator[tuple[int, os.stat_result]]:
    """Open what resolved components name, for reading, and close it again."""
    with told(path):
        handle = _walk(base, parts[:-1])
        try:
            last = os.open(parts[-1], _FILE, dir_fd=handle) if parts else os.dup(handle)
        finally:
            os.close(handle)
    try:
        yield last, os.fstat(last)
    finally:
        os.close(last)


def content(handle: int, status: os.stat_result, path: str, limit: int | None = None) -> bytes:
    """Return a regular file's content, or its first `limit` bytes.

    Raises:
        ToolError: it is not a regular file, or too large.
    """
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise ToolError(f"{path!r} is {what}.")
    if limit is None and status.st_size > LONGEST:
        raise ToolError(f"{path!r} has {status.st_size} bytes; {LONGEST} can be read.")
    with told(path), os.fdopen(handle, "rb", closefd=False) as stream:
        if limit is not None:
            return stream.read(min(limit, LONGEST))
        raw = stream.read(LONGEST + 1)
    if len(raw) > LONGEST:
        raise ToolError(f"{path!r} grew past {LONGEST} bytes while it was read.")
    return raw


def write(base: Path, parts: tuple[str, ...], raw: bytes, path: str) -> int:
    """Write a file whole or not at all, and return its size; folders on the way are made.

    Raises:
        ToolError: it is a link, a folder, or too large.
    """
    if not parts:
        raise ToolError(f"{path!r} names no file.")
    if len(raw) > LONGEST:
        raise ToolError(f"The content has {len(raw)} bytes; {LONGEST} can be written.")
    with told(path):
        handle = _walk(base, parts[:-1], make=True)
        try:
            _replace(handle, parts[-1], raw, path)
        finally:
            os.close(handle)
    return len(raw)


def refuse_hidden(parts: tuple[str, ...], shown: str) -> None:
    """Raise Denied where one of the components is hidden."""
    if any(part.startswith(".") for part in parts):
        raise Denied(f"{shown} is hidden; hidden files and folders are not touched.")


@contextmanager
def told(path: str) -> Iterator[None]:
    """Say what went wrong without naming the host's own paths."""
    try:
        yield
    except FileNotFoundError:
        raise ToolError(f"There is no {path!r}.", next="A listing shows what is there.") from None
    except OSError as error:
        raise ToolError(f"{path!r}: {(error.strerror or 'failed').lower()}.") from None


def _replace(handle: int, name: str, raw: bytes, path: str) -> None:
    mode = 0o666
    with contextlib.suppress(FileNotFoundError):
        status = os.stat(name, dir_fd=handle, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            what = "a link" if stat.S_ISLNK(status.st_mode) else "no regular file"
            raise ToolError(f"{path!r} is {what} and is not written to.")
        mode = stat.S_IMODE(status.st_mode)
    temporary = f".smolterm-{secrets.token_hex(8)}"
    new = os.open(temporary, _NEW, mode & 0o777, dir_fd=handle)
    try:
        with os.fdopen(new, "wb") as stream:
            stream.write(raw)
        os.replace(temporary, name, src_dir_fd=handle, dst_dir_fd=handle)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=handle)
        raise


def _walk(base: Path, parts: tuple[str, ...], *, make: bool = False) -> int:
    """Open the folder that the parts lead to, without following a link below `base`."""
    handle = os.open(base, _FOLDER)
    try:
        for part in parts:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=handle)
            deeper = os.open(part, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = deeper
    except BaseException:
        os.close(handle)
        raise
    return handle

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

from smolterm.errors import ToolError
from smolterm.packs.context import granted_folder

LONGEST = 20_000_000
"""Bytes of one file, read or written."""

_FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | os.O_RDONLY
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


def root(*, write: bool = False) -> Path:
    """Return the granted folder's real path."""
    return Path(os.path.realpath(granted_folder(write=write)))


def parts_of(path: str) -> tuple[str, ...]:
    """Return a path's components; empty for the folder itself.

    Raises:
        ToolError: it is absolute, climbs, or names something hidden.
    """
    shown = repr(path[:200])
    if not path or "\0" in path or not path.isprintable():
        raise ToolError(f"{shown} is no path.", next="Use a path that list_files() gave.")
    if path.startswith(("/", "~")) or Path(path).is_absolute() or "\\" in path:
        raise ToolError(f"{shown} is not relative.", next="Paths start in the granted folder.")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ToolError(f"{shown} climbs out with '..'.", next="Paths start in the granted folder.")
    _refuse_hidden(parts, shown)
    return parts


def resolve(path: str) -> tuple[str, ...]:
    """Return the components of what a path leads to once links inside the folder are followed."""
    base = root()
    real = Path(os.path.realpath(base.joinpath(*parts_of(path))))
    if not real.is_relative_to(base):
        raise ToolError(f"{path!r} is a link that leads out of the granted folder.")
    parts = real.relative_to(base).parts
    _refuse_hidden(parts, repr(path))
    return parts


def read(path: str) -> bytes:
    """Return a regular file's content.

    Raises:
        ToolError: it is missing, not a regular file, too large, or out of bounds.
    """
    with opened(path) as (handle, status):
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise ToolError(f"{path!r} is {what}.")
        if status.st_size > LONGEST:
            raise ToolError(f"{path!r} has {status.st_size} bytes; {LONGEST} can be read.")
        with os.fdopen(handle, "rb", closefd=False) as stream:
            content = stream.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise ToolError(f"{path!r} grew past {LONGEST} bytes while it was read.")
    return content


@contextmanager
def opened(path: str) -> Iterator[tuple[int, os.stat_result]]:
    """Open what a path leads to, for reading, and close it again."""
    with _told(path):
        parts = resolve(path)
        handle = _walk(root(), parts[:-1])
        try:
            last = os.open(parts[-1], _FILE, dir_fd=handle) if parts else os.dup(handle)
        finally:
            os.close(handle)
    try:
        yield last, os.fstat(last)
    finally:
        os.close(last)


def write(path: str, content: bytes) -> int:
    """Write a file whole or not at all, and return its size.

    Raises:
        ToolError: writing was not granted, or the path is a link, a folder or out of bounds.
    """
    base, parts = root(write=True), parts_of(path)
    if not parts:
        raise ToolError(f"{path!r} names no file.")
    if len(content) > LONGEST:
        raise ToolError(f"The content has {len(content)} bytes; {LONGEST} can be written.")
    with _told(path):
        handle = _walk(base, parts[:-1], make=True)
        try:
            _replace(handle, parts[-1], content, path)
        finally:
            os.close(handle)
    return len(content)


def _replace(handle: int, name: str, content: bytes, path: str) -> None:
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
            stream.write(content)
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


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Say what went wrong without naming the host's own paths."""
    try:
        yield
    except FileNotFoundError:
        raise ToolError(
            f"There is no {path!r}.", next="list_files() shows what is there."
        ) from None
    except OSError as error:
        raise ToolError(f"{path!r}: {(error.strerror or 'failed').lower()}.") from None


def _refuse_hidden(parts: tuple[str, ...], shown: str) -> None:
    if any(part.startswith(".") for part in parts):
        raise ToolError(f"{shown} is hidden; hidden files and folders are not touched.")

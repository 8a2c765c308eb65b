"""Staged files, the host's side: what the sandbox may see of mounted files and folders.

Every question comes from a process that runs hostile code. A path is walked name by name from a
descriptor held since the mount, and no link is followed on the way: whatever is swapped meanwhile,
the walk ends inside the mount or with an error. Links are told as links; the sandbox follows them
in its own tree.
"""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from smolterm.errors import UsageError
from smolterm.sandbox.entries import Entry, Mount, entry_of, is_plain, version

BLOCK = 1 << 20
"""Bytes that one question may read."""
MOST_ENTRIES = 100_000
"""Of one folder; more is an error inside."""
MOST_REQUEST = 32_768
MOST_NAMES = 512
"""Of one path."""
TICK = 0.02
"""Seconds. A file changed a shorter time ago may change again without a new time of change."""
TRIES = 5

RESERVED = ("/dev", "/lib", "/out", "/proc")
"""Where nothing is mounted: the interpreter's own, and what is for results."""

_FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_STEP = _FOLDER | getattr(os, "O_PATH", 0)
_FILE = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
)  # fmt: skip

_TOLD = {"ENOENT", "EACCES", "ENOTDIR", "EISDIR", "ESTALE", "EINVAL", "ENAMETOOLONG", "EOVERFLOW"}
"""Errors that go inside by their name; any other is told as EIO."""


class _Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    op: Literal["list", "stat", "open", "read"]
    path: Annotated[str, msgspec.Meta(max_length=16_384)]
    offset: Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)] = 0
    length: Annotated[int, msgspec.Meta(ge=0, le=BLOCK)] = 0
    version: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Original(msgspec.Struct, frozen=True, kw_only=True):
    """A mounted file as it is now."""

    data: bytes | None
    """None where it is larger than was asked for."""
    status: os.stat_result
    version: str


class StagedFiles:
    """The files and folders that one sandbox sees under `/files`, read when they are opened.

    Mounting reads nothing but the one entry named, whatever lies below it.
    """

    def __init__(self) -> None:
        self.written: dict[str, str] = {}
        """The versions of files that `commit` and `undo` left, by their paths inside."""
        self.on_read: Callable[[str], None] | None = None
        """Hears the path inside of what is opened and holds something, once for each version; from
        a thread, before the code gets anything of it."""
        self._opened: set[tuple[str, str]] = set()
        self._mounts: list[Mount] = []
        self._lock = threading.Lock()

    def mount(self, source: Path, at: str | None = None, writable: bool = False) -> Mount:
        """Show a file or folder to the sandbox.

        Args:
            at: an absolute path inside; `/files/<name>` when None.
            writable: whether `commit` may write to it.

        Raises:
            UsageError: there is no such file or folder, or the place inside is taken.
        """
        try:
            # The person's own path may lead through links; from here on none is followed.
            real = source.expanduser().resolve(strict=True)
            status = real.stat()
            at = self._free_place(f"/files/{real.name or 'root'}" if at is None else at)
            if stat.S_ISDIR(status.st_mode):
                folder, name = os.open(real, os.O_RDONLY | _FOLDER), None
            elif stat.S_ISREG(status.st_mode):
                folder, name = os.open(real.parent, os.O_RDONLY | _FOLDER), real.name
            else:
                raise UsageError(f"{source} is neither a file nor a folder.")
        except (OSError, RuntimeError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"{source} cannot be mounted: {why}.") from error
        mount = Mount(at=at, source=real, writable=writable, folder=folder, name=name)
        self._mounts.append(mount)
        return mount

    @property
    def mounts(self) -> list[dict[str, object]]:
        """What the worker is told to mount."""
        told: list[dict[str, object]] = []
        for mount in self._mounts:
            with contextlib.suppress(OSError):
                entry = self._stat(mount, [])
                told.append(
                    {"at": mount.at, "writable": mount.writable} | msgspec.to_builtins(entry)
                )
        return told

    def answer(self, request: str) -> bytes:
        """Answer one question: a zero byte and what was asked for, or a one and an error's name."""
        try:
            if len(request) > MOST_REQUEST:
                raise OSError(errno.EINVAL, "too long")
            question = msgspec.json.decode(request, type=_Question)
            mount, names = self.find(question.path)
            if question.op == "list":
                found = self._list(mount, names)
                return b"\0" + msgspec.json.encode(found)
            if question.op == "stat":
                return b"\0" + msgspec.json.encode(self._stat(mount, names))
            if question.op == "open":
                opened = self._settled(mount, names)
                self._hear(question.path, opened)
                return b"\0" + msgspec.json.encode(opened)
            return b"\0" + self._read(mount, names, question)
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "EIO")
            name = {"EPERM": "EACCES", "ELOOP": "EACCES"}.get(name, name)
            return b"\1" + (name if name in _TOLD else "EIO").encode()
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return b"\1EINVAL"

    def hear_again(self) -> None:
        """Tell of files anew that were told of: the session is as it was before."""
        self._opened.clear()

    def _hear(self, path: str, opened: Entry) -> None:
        told = path, opened.version
        if self.on_read is None or opened.kind != "file" or not opened.size:
            return
        if told not in self._opened:
            if len(self._opened) >= MOST_ENTRIES:
                self._opened.clear()
            self._opened.add(told)
            self.on_read(path)

    def find(self, path: str) -> tuple[Mount, list[str]]:
        """Return the mount that a path inside belongs to, and the names below it.

        Raises:
            OSError: no mount holds it, or it is not a plain path.
        """
        for mount in self._mounts:
            if path == mount.at:
                return mount, []
            if path.startswith(mount.at + "/"):
                names = path[len(mount.at) + 1 :].split("/")
                if mount.name is not None:
                    raise OSError(errno.ENOTDIR, "a file is mounted here")
                if len(names) > MOST_NAMES:
                    raise OSError(errno.ENAMETOOLONG, "too deep")
                for name in names:
                    if name in ("", ".", "..") or "\0" in name:
                        raise OSError(errno.EINVAL, "not a plain path")
                return mount, names
        raise OSError(errno.ENOENT, "not mounted")

    @contextlib.contextmanager
    def parent(
        self, mount: Mount, names: Sequence[str], *, make: list[str] | None = None
    ) -> Iterator[tuple[int, str]]:
        """Walk to the folder that holds the last name; yields its descriptor and that name.

        Args:
            make: missing folders are made, and their paths inside appended here.

        Raises:
            OSError: a name on the way is missing, or a link.
        """
        names = [mount.name] if mount.name is not None else list(names)
        if not names:
            raise OSError(errno.EISDIR, "the mount itself")
        with self._hold(mount) as held:
            at, path = os.dup(held), mount.at
            try:
                for name in names[:-1]:
                    path += "/" + name
                    try:
                        below = os.open(name, _STEP, dir_fd=at)
                    except FileNotFoundError:
                        if make is None:
                            raise
                        os.mkdir(name, dir_fd=at)
                        make.append(path)
                        below = os.open(name, _STEP, dir_fd=at)
                    os.close(at)
                    at = below
                yield at, names[-1]
            finally:
                os.close(at)

    def entry(self, path: str) -> Entry:
        """Return what the sandbox is told of a path.

        Raises:
            OSError: there is nothing, or a link on the way.
        """
        return self._stat(*self.find(path))

    def original(self, path: str, most: int) -> Original | None:
        """Read a mounted file as it is now; None when there is none.

        Args:
            most: bytes; of a larger file only the status is returned.

        Raises:
            OSError: it is no regular file, cannot be read, or changes while it is read.
        """
        mount, names = self.find(path)
        try:
            with self._open(mount, names) as fd:
                status = os.fstat(fd)
                if status.st_size > most:
                    return Original(data=None, status=status, version=version(status))
                with open(fd, "rb", closefd=False) as file:
                    data = file.read(status.st_size + 1)
                if len(data) != status.st_size or version(os.fstat(fd)) != version(status):
                    raise OSError(errno.ESTALE, "it changes while it is read")
                return Original(data=data, status=status, version=version(status))
        except FileNotFoundError:
            return None

    def close(self) -> None:
        """Let go of all mounts; safe to call twice."""
        with self._lock:
            while self._mounts:
                os.close(self._mounts.pop().folder)

    def _free_place(self, at: str) -> str:
        if not at.startswith("/") or posixpath.normpath(at) != at or at[:2] == "//" or "\0" in at:
            raise UsageError(f"{at!r} is not an absolute path inside the sandbox.")
        if at == "/" or any(at == name or at.startswith(name + "/") for name in RESERVED):
            raise UsageError(f"Nothing can be mounted at {at}.")
        for mount in self._mounts:
            if at == mount.at:
                raise UsageError(f"Something else is mounted at {at}.", next="Name another place.")
            if at.startswith(mount.at + "/") or mount.at.startswith(at + "/"):
                raise UsageError(f"{at} and {mount.at} would lie in one another.")
        return at

    @contextlib.contextmanager
    def _hold(self, mount: Mount) -> Iterator[int]:
        """Yield a descriptor of the mounted folder that `close` in another thread leaves alone."""
        with self._lock:
            if mount not in self._mounts:
                raise OSError(errno.ENOENT, "not mounted")
            held = os.dup(mount.folder)
        try:
            yield held
        finally:
            os.close(held)

    @contextlib.contextmanager
    def _open(self, mount: Mount, names: Sequence[str]) -> Iterator[int]:
        """Open a regular file and nothing else; a device is not even opened."""
        with self.parent(mount, names) as (folder, name):
            _regular(os.stat(name, dir_fd=folder, follow_symlinks=False))
            fd = os.open(name, _FILE, dir_fd=folder)
            try:
                _regular(os.fstat(fd))
                yield fd
            finally:
                os.close(fd)

    def _list(self, mount: Mount, names: Sequence[str]) -> list[Entry]:
        if mount.name is not None:
            raise OSError(errno.ENOTDIR, "a file is mounted here")
        with self.parent(mount, [*names, "."]) as (at, _):
            fd = os.open(".", os.O_RDONLY | _FOLDER, dir_fd=at)
        found: list[Entry] = []
        try:
            with os.scandir(fd) as entries:
                for entry in entries:
                    if len(found) >= MOST_ENTRIES:
                        raise OSError(errno.EOVERFLOW, "too many entries")
                    if not is_plain(entry.name):
                        continue
                    # What is deleted meanwhile is not there.
                    with contextlib.suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        found.append(entry_of(entry.name, status, mount, names, fd))
        finally:
            os.close(fd)
        return found

    def _stat(self, mount: Mount, names: Sequence[str]) -> Entry:
        if not names and mount.name is None:
            with self._hold(mount) as fd:
                return entry_of("", os.fstat(fd), mount, names, fd)
        with self.parent(mount, names) as (folder, name):
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            return entry_of(name, status, mount, names[:-1], folder)

    def _settled(self, mount: Mount, names: Sequence[str]) -> Entry:
        """Wait until a file's version can be relied on: a file system's clock moves in ticks."""
        for _ in range(TRIES):
            entry = self._stat(mount, names)
            age = time.time() - entry.mtime / 1000
            # One from the future is a wrong clock's, and waiting would not help.
            if entry.kind != "file" or not -0.002 < age < TICK:
                return entry
            time.sleep(TICK)
        if entry.size > BLOCK:
            # It is written to all the time, and would be read in several pieces.
            raise OSError(errno.ESTALE, "it changes all the time")
        return entry

    def _read(self, mount: Mount, names: Sequence[str], question: _Question) -> bytes:
        with self._open(mount, names) as fd:
            status = os.fstat(fd)
            if version(status) != question.version:
                raise OSError(errno.ESTALE, "it changed")
            data = os.pread(fd, question.length, question.offset)
            expected = max(0, min(question.length, status.st_size - question.offset))
            if len(data) != expected or version(os.fstat(fd)) != question.version:
                raise OSError(errno.ESTALE, "it changed")
            return data


def _regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EISDIR, "a folder")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EACCES, "not a regular file")

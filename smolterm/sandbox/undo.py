"""The folder for undo: what a commit will do, what it overwrites, and the way back.

A plan lies there before the first original is touched, so that whatever cuts a commit off, the
next one takes it back.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from smolterm.errors import CommitRefused
from smolterm.sandbox.changes import forbidden
from smolterm.sandbox.entries import version
from smolterm.sandbox.files import StagedFiles

PLAN = "plan.json"
READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


class Item(msgspec.Struct, kw_only=True):
    """One file of a plan."""

    path: str
    source: str
    """The mounted file or folder on the host: elsewhere the same path names another file."""
    before: str | None
    """SHA-256; None where there was no file."""
    after: str | None
    mode: int
    temp: str
    kept: str
    """The name in the undo folder of what was overwritten."""
    version: str = ""
    """Of the original when it was checked."""


class Plan(msgspec.Struct, kw_only=True):
    state: str
    """writing: it may be half done; done; undone."""
    items: list[Item] = []
    made: list[str] = []
    """Folders that were made for new files."""
    removed: list[str] = []


def undo(files: StagedFiles, folder: Path) -> tuple[str, ...]:
    """Bring back what a commit overwrote; returns the paths.

    Args:
        folder: `Committed.folder`.

    Raises:
        CommitRefused: a file changed since, or is mounted elsewhere; nothing was brought back.
    """
    if not folder.is_dir():
        raise CommitRefused(f"{folder} holds no commit.")
    with locked(folder.parent):
        if (plan := _read_plan(folder)) is None:
            raise CommitRefused(f"{folder} holds no commit.")
        if plan.state == "undone":
            raise CommitRefused("That commit was undone already.")
        try:
            for item in plan.items:
                _check_mount(files, item)
                if _now(files, item.path) not in (item.before, item.after):
                    raise refuse(item.path, "it changed since it was committed")
            take_back(files, folder, plan, plan.items)
        except OSError as error:
            raise CommitRefused(f"It cannot be undone: {error.strerror or error}.") from error
    return tuple(item.path for item in plan.items)


def recover(files: StagedFiles, undo_folder: Path) -> None:
    """Take back commits that were cut off, by a crash or a kill, in what is mounted now."""
    if undo_folder.is_dir():
        with contextlib.suppress(BlockingIOError), locked(undo_folder, wait=False):
            recover_locked(files, undo_folder)


def recover_locked(files: StagedFiles, undo_folder: Path) -> None:
    """As `recover`; the caller holds the lock."""
    for folder in sorted(undo_folder.iterdir()):
        if not folder.name.isdecimal():
            continue
        plan = _read_plan(folder)
        if plan is not None and plan.state != "writing":
            continue
        with contextlib.suppress(OSError, CommitRefused):
            for item in plan.items if plan is not None else ():
                _check_mount(files, item)
            if plan is None or take_back(files, folder, plan, plan.items):
                shutil.rmtree(folder)


def refuse(path: str, why: str) -> CommitRefused:
    return CommitRefused(f"{path} was not written: {why}.", kept="Nothing was written.")


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def source_of(files: StagedFiles, path: str) -> str:
    return str(files.find(path)[0].source)


def _check_mount(files: StagedFiles, item: Item) -> None:
    try:
        source = source_of(files, item.path)
    except OSError:
        source = ""
    if source != item.source:
        raise refuse(item.path, f"{item.source} is not mounted there")
    if refused := forbidden(files, item.path):
        raise refuse(item.path, refused)


@contextlib.contextmanager
def parent(
    files: StagedFiles, path: str, made: list[str] | None = None
) -> Iterator[tuple[int, str]]:
    mount, names = files.find(path)
    with files.parent(mount, names, make=made) as (folder, name):
        yield folder, name


@contextlib.contextmanager
def opened(files: StagedFiles, path: str) -> Iterator[tuple[int, os.stat_result] | None]:
    """Open a regular file; None where there is none."""
    with contextlib.ExitStack() as stack:
        try:
            folder, name = stack.enter_context(parent(files, path))
            _check_regular(os.stat(name, dir_fd=folder, follow_symlinks=False))
            fd = os.open(name, READ, dir_fd=folder)
        except FileNotFoundError:
            yield None
            return
        stack.callback(os.close, fd)
        status = os.fstat(fd)
        _check_regular(status)
        yield fd, status


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")


def _now(files: StagedFiles, path: str) -> str | None:
    with opened(files, path) as found:
        if found is None:
            return None
        with open(found[0], "rb", closefd=False) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def settle(files: StagedFiles, path: str, at: int, name: str) -> None:
    """Note what we left there, so that it does not count as somebody else's change."""
    files.written.pop(path, None)
    with contextlib.suppress(FileNotFoundError):
        files.written[path] = version(os.stat(name, dir_fd=at, follow_symlinks=False))
    with contextlib.suppress(OSError):
        fd = os.open(".", os.O_RDONLY, dir_fd=at)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def take_back(files: StagedFiles, folder: Path, plan: Plan, items: list[Item]) -> bool:
    """Put what was overwritten back, and remove what a commit began to write.

    What somebody else wrote since stays; then False is returned, and what was there before is
    still in the folder.
    """
    whole = True
    made: list[str] = []
    for item in items:
        now = _now(files, item.path)
        if now == item.before or now != item.after:
            whole = whole and now == item.before
            continue
        with parent(files, item.path, made) as (at, name):
            if item.before is None:
                os.unlink(name, dir_fd=at)
            else:
                temp = item.temp + ".undo"
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temp, dir_fd=at)
                fd = os.open(temp, NEW, item.mode & 0o777, dir_fd=at)
                with os.fdopen(fd, "wb") as file, (folder / item.kept).open("rb") as kept:
                    while piece := kept.read(1 << 20):
                        file.write(piece)
                    os.fchmod(fd, item.mode)
                    file.flush()
                    os.fsync(fd)
                os.rename(temp, name, src_dir_fd=at, dst_dir_fd=at)
            settle(files, item.path, at, name)
    for item in plan.items:
        for temp in (item.temp, item.temp + ".undo"):
            with contextlib.suppress(OSError), parent(files, item.path) as (at, _):
                os.unlink(temp, dir_fd=at)
    remove_folders(files, sorted(plan.made, key=len, reverse=True), [])
    for path in reversed(plan.removed):
        with contextlib.suppress(OSError), parent(files, path, made) as (at, name):
            os.mkdir(name, dir_fd=at)
    plan.state = "undone"
    write_plan(folder, plan)
    return whole


def remove_folders(files: StagedFiles, folders: Sequence[str], gone: list[str]) -> None:
    """Remove folders that are empty; what else is in them keeps them."""
    for path in folders:
        with contextlib.suppress(OSError):
            if not forbidden(files, path):
                with parent(files, path) as (at, name):
                    os.rmdir(name, dir_fd=at)
                    gone.append(path)


def new_folder(undo_folder: Path) -> Path:
    """Make the next folder for undo; the caller holds the lock."""
    last = max((int(p.name) for p in undo_folder.iterdir() if p.name.isdecimal()), default=0)
    folder = undo_folder / f"{last + 1:06}"
    folder.mkdir(mode=0o700)
    return folder


@contextlib.contextmanager
def locked(undo_folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the undo folder: a commit on its way must not be taken for one that was cut off.

    Raises:
        BlockingIOError: another process holds it, and we do not wait.
    """
    import fcntl  # not on Windows, where no sandbox runs

    undo_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(undo_folder, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(fd)


def write_plan(folder: Path, plan: Plan) -> None:
    temp = folder / (PLAN + ".tmp")
    with temp.open("wb") as file:
        file.write(msgspec.json.encode(plan))
        file.flush()
        os.fsync(file.fileno())
    temp.replace(folder / PLAN)


def _read_plan(folder: Path) -> Plan | None:
    try:
        return msgspec.json.decode((folder / PLAN).read_bytes(), type=Plan)
    except (OSError, msgspec.DecodeError):
        return None

"""Who writes to a session: one process at a time, and nobody once that process has died."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

from smolterm.errors import StoreError
from smolterm.store import make_private

TRIES, PAUSE = 4, 0.02
"""A look at whether a lease is held takes it for an instant."""


class Lease:
    """A lock on a file that the system lets go when the process ends, however it ends."""

    def __init__(self, path: Path, fd: int) -> None:
        self._path = path
        self._fd: int | None = fd

    @classmethod
    def take(cls, folder: Path, session: str) -> Lease:
        """Take the lease of a session.

        Raises:
            StoreError: another process has it, or the same one for another session object.
        """
        path = folder / f"{session}.lock"
        try:
            make_private(folder)
            for attempt in range(TRIES):
                if attempt:
                    time.sleep(PAUSE)
                if (fd := _locked(path)) is not None:
                    os.ftruncate(fd, 0)
                    os.pwrite(fd, str(os.getpid()).encode(), 0)
                    return cls(path, fd)
        except OSError as error:
            raise StoreError(
                f"The session cannot be saved to {folder.parent}: {error.strerror}.",
                kept="What was saved before is still there.",
                next="Free space, or set SMOLTERM_DATA to a folder that can be written.",
            ) from None
        raise StoreError(
            f"Session {session} is open in {_holder(path)}.",
            kept="Nothing was changed.",
            next=f"Leave it there, or go on from a copy: smolterm --fork {session}",
        )

    def close(self) -> None:
        """Give it back; safe to call twice."""
        if self._fd is not None:
            # Before the lock goes: whoever opened the file meanwhile sees that it is another one.
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(self._fd)
            self._fd = None


def held(folder: Path) -> set[str]:
    """Return the sessions that a process writes to now; tidy up after those that died."""
    found = set()
    with contextlib.suppress(OSError):
        for path in folder.glob("*.lock"):
            with contextlib.suppress(OSError):
                fd = _locked(path)
                if fd is None:
                    found.add(path.stem)
                else:
                    Lease(path, fd).close()
    return found


def _locked(path: Path) -> int | None:
    """Return an open file that holds the lock, or None when somebody else does."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if _lock(fd) and _same(fd, path):
            return fd
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None


def _lock(fd: int) -> bool:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _same(fd: int, path: Path) -> bool:
    """Say whether the locked file is the one that still has the name."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(fd)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def _holder(path: Path) -> str:
    try:
        pid = int(path.read_bytes()[:20])
    except (OSError, ValueError):
        return "another process"
    return "this process already" if pid == os.getpid() else f"another process, {pid}"

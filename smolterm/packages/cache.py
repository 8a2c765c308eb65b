"""The cache of packages. Every file in it is complete or not there, whenever a process dies.

`wheels/<sha256>/<filename>` are originals as they were downloaded, `prepared/<recipe>/<sha256>-<own
sha256>` has compiled modules and is handed over, `plans/<key>.json` is what was chosen for a set of
requirements, and in `new/` lies what is being written, locked by whoever writes it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from smolterm.errors import PackageError
from smolterm.packages import Item
from smolterm.store import cache_folder

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def built_folder() -> Path:
    """Return where wheels lie that were compiled on this machine."""
    return cache_folder() / "built"


class Cache:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def wheel(self, item: Item) -> Path:
        """Return where an original lies, or would."""
        return self.folder / "wheels" / item.sha256 / item.filename

    def holds(self, item: Item) -> bool:
        """Whether the original is here and undamaged; reads it whole."""
        try:
            return sha256(self.wheel(item)) == item.sha256
        except OSError:
            return False

    def originals(self) -> Iterator[tuple[str, Path]]:
        """Yield (sha256, path) of every original."""
        for path in sorted((self.folder / "wheels").glob("*/*")):
            yield path.parent.name, path

    def all_prepared(self) -> Iterator[tuple[str, Path]]:
        """Yield (own sha256, path) of everything that was prepared."""
        for path in sorted((self.folder / "prepared").glob("*/*")):
            yield path.name.partition("-")[2], path

    def prepared(self, item: Item, recipe: str) -> tuple[Path, str] | None:
        """Return (path, sha256) of what was prepared and is undamaged; damaged ones are removed."""
        for path in (self.folder / "prepared" / recipe).glob(f"{item.sha256}-*"):
            own = path.name.partition("-")[2]
            with contextlib.suppress(OSError):
                if sha256(path) == own:
                    return path, own
                path.unlink()
        return None

    def keep_prepared(self, item: Item, recipe: str, data: bytes) -> tuple[Path, str]:
        own = hashlib.sha256(data).hexdigest()
        target = self.folder / "prepared" / recipe / f"{item.sha256}-{own}"
        with self.writing() as (file, path):
            file.write(data)
            settle(file, path, target)
        return target, own

    def recall(self, key: str) -> list[Item] | None:
        try:
            return msgspec.json.decode((self.folder / "plans" / key).read_bytes(), type=list[Item])
        except (OSError, msgspec.DecodeError):
            return None

    def remember(self, key: str, items: Iterable[Item]) -> None:
        with self.writing() as (file, path):
            file.write(msgspec.json.encode(list(items)))
            settle(file, path, self.folder / "plans" / key)

    @contextlib.contextmanager
    def writing(self) -> Iterator[tuple[IO[bytes], Path]]:
        """Open a new file that nobody takes for a finished one; gone afterwards unless moved.

        Raises:
            PackageError: the disk is full, or the folder cannot be written.
        """
        new = self.folder / "new"
        try:
            new.mkdir(parents=True, exist_ok=True)
            file, path = _locked_file(new)
            try:
                with file:
                    yield file, path
            finally:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from None

    def sweep(self) -> None:
        """Remove what processes that died were writing."""
        for path in (self.folder / "new").glob("*"):
            with contextlib.suppress(OSError), path.open("rb") as file:
                if _lock(file):
                    path.unlink()

    def all_in_one(self, folder: Path) -> None:
        """Link every wheel into one folder, where pip can look among them."""
        for _, path in self.originals():
            if path.suffix == ".whl":
                with contextlib.suppress(FileExistsError):
                    (folder / path.name).symlink_to(path.absolute())


def unwritable(folder: Path, error: OSError) -> PackageError:
    """Turn what the file system said into what a person can do about it."""
    if error.errno in _FULL:
        what = f"There is no room left for packages in {folder}"
    else:
        what = f"Packages cannot be kept in {folder}: {error.strerror or error}"
    return PackageError(
        f"{what.rstrip('.')}.",
        kept="What was there before is unchanged.",
        next="Free space there, or set SMOLTERM_CACHE to another folder.",
    )


def settle(file: IO[bytes], path: Path, target: Path) -> None:
    """Move a file that was written into its place, at once and for good."""
    file.flush()
    os.fsync(file.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)
    if os.name == "posix":
        # Without it, a power cut may leave the folder without its new entry.
        number = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy(source: Path, target: Path) -> None:
    """Copy a file so that the target is whole or not there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as file:
        path = Path(file.name)
        try:
            with source.open("rb") as original:
                shutil.copyfileobj(original, file, 1 << 20)
            path.chmod(0o644)
            settle(file, path, target)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _locked_file(folder: Path) -> tuple[IO[bytes], Path]:
    while True:
        number, name = tempfile.mkstemp(dir=folder)
        file = os.fdopen(number, "w+b")
        _lock(file)
        # Somebody may have swept it away before it was locked.
        with contextlib.suppress(FileNotFoundError):
            if Path(name).stat().st_ino == os.fstat(number).st_ino:
                return file, Path(name)
        file.close()


def _lock(file: IO[bytes]) -> bool:
    """Lock a file for as long as it is open; False when somebody else does."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

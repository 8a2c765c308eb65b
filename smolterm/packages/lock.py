"""smolterm's own lock: the packages that a person added, with the hash of every file.

What it names is used as it is, without a question and without the network once it is here. It names
no host: the same lock serves a machine that has a mirror.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from smolterm.errors import PackageError, UsageError
from smolterm.packages import Item
from smolterm.packages.cache import settle, unwritable
from smolterm.packages.collection import normal

if TYPE_CHECKING:
    from packaging.requirements import Requirement


class Lock(msgspec.Struct, kw_only=True):
    version: int = 1
    pyodide: str = ""
    """What the files were chosen for; others will not load there."""
    roots: dict[str, str] = {}
    """What was added: requirement by name."""
    packages: list[Item] = []

    def covering(self, requirements: Iterable[Requirement]) -> list[Item] | None:
        """Return the locked files that meet requirements; None where they do not."""
        by_name = {item.name: item for item in self.packages}
        names = []
        for requirement in requirements:
            name = normal(requirement.name)
            item = by_name.get(name)
            if item is None or not requirement.specifier.contains(item.version, prereleases=True):
                return None
            if requirement.extras and self.roots.get(name) != str(requirement):
                return None
            names.append(name)
        return self.closure(names)

    def providing(self, module: str) -> list[Item] | None:
        """Return the locked files that an import needs."""
        for item in self.packages:
            if module in item.imports:
                return self.closure([item.name])
        return None

    def closure(self, names: Iterable[str]) -> list[Item]:
        """Return these and everything they need, in the order of the lock."""
        by_name = {item.name: item for item in self.packages}
        found: set[str] = set()
        left = list(names)
        while left:
            name = left.pop()
            if name not in found and name in by_name:
                found.add(name)
                left += by_name[name].needs
        return [item for item in self.packages if item.name in found]

    def remove(self, names: Iterable[str]) -> list[str]:
        """Remove what was added, and what nothing else needs; returns the names that are gone.

        Raises:
            UsageError: one was never added.
        """
        for name in names:
            if self.roots.pop(normal(name), None) is None:
                raise UsageError(
                    f"{name} was not added.", next="See `smolterm packages list` for what was."
                )
        kept = self.closure(self.roots)
        gone = [item.name for item in self.packages if item not in kept]
        self.packages = kept
        return gone


def lock_path() -> Path:
    """Return the person's lock file: `SMOLTERM_PACKAGES_LOCK` or one in the user's folder."""
    if set_to := os.environ.get("SMOLTERM_PACKAGES_LOCK"):
        return Path(set_to)
    import platformdirs

    return platformdirs.user_config_path("smolterm") / "packages.lock.json"


def read_lock(path: Path) -> Lock:
    """Read a lock file; an empty lock where there is none.

    Raises:
        PackageError: it is damaged.
    """
    try:
        lock = msgspec.json.decode(path.read_bytes(), type=Lock)
        if lock.version != 1:
            raise ValueError(f"it has version {lock.version}")
        return lock
    except FileNotFoundError:
        return Lock()
    except (OSError, ValueError) as error:
        raise PackageError(
            f"The lock file {path} cannot be read: {error}.", next="Mend or remove it."
        ) from None


@contextlib.contextmanager
def editing(path: Path) -> Iterator[Lock]:
    """Change the lock file: nobody else does meanwhile, and it is replaced whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(path.name + ".busy").open("ab") as guard:
            with contextlib.suppress(ImportError):
                import fcntl

                fcntl.flock(guard, fcntl.LOCK_EX)
            lock = read_lock(path)
            before = msgspec.json.encode(lock)
            yield lock
            data = msgspec.json.encode(lock)
            if data != before:
                _write(path, msgspec.json.format(data, indent=2) + b"\n")
    except OSError as error:
        raise unwritable(path.parent, error) from None


def _write(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
        new = Path(file.name)
        try:
            file.write(data)
            settle(file, new, path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise

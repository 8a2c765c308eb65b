"""Which files a few letters could mean. Bounded in names and time, and run in a thread."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

MOST_NAMES = 20_000
MOST_SECONDS = 1.5
FRESH_SECONDS = 5.0
"""For how long a folder is not walked again."""
LEFT_OUT = frozenset({
    ".git", ".hg", ".svn", ".jj", "node_modules", ".venv", "venv", "__pycache__", ".mypy_cache",
    ".pytest_cache", ".ruff_cache", ".tox", ".nox", ".cache", ".idea", ".eggs", "site-packages",
})  # fmt: skip
"""Folders that hold what nobody wrote by hand."""


class Files:
    """The files below a folder, by what somebody typed of their paths.

    One call at a time; it blocks, for a bounded time.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: list[str] = []
        self._walked_at = float("-inf")

    def find(self, wanted: str, count: int = 50) -> list[str]:
        """Return paths, the likeliest first; folders end in a slash.

        What begins with `/`, `~` or `..` is completed folder by folder, the rest is looked for
        in the whole tree.
        """
        if wanted.startswith(("/", "~", "..")):
            return _in_folder(wanted, self.folder)[:count]
        if time.monotonic() > self._walked_at + FRESH_SECONDS:
            self._names = list(_walk(self.folder, time.monotonic() + MOST_SECONDS))
            self._walked_at = time.monotonic()
        return best(self._names, wanted, count)


def best(names: Iterable[str], wanted: str, count: int) -> list[str]:
    """Return the names that hold the wanted letters in that order, the likeliest first."""
    letters = wanted.lower()
    ranked = []
    for place, name in enumerate(names):
        rank = _rank(name.lower(), letters)
        if rank is not None:
            ranked.append((rank, len(name) if letters else 0, place, name))
    return [name for *_, name in sorted(ranked)[:count]]


def _rank(name: str, letters: str) -> int | None:
    """Return how far a name is from what was typed; None when it cannot be meant."""
    last = name[name.rfind("/", 0, -1) + 1 :]
    if name.startswith(letters) or last.startswith(letters):
        return 0
    if letters in last:
        return 1
    if letters in name:
        return 2
    at = 0
    for letter in letters:
        at = name.find(letter, at) + 1
        if not at:
            return None
    return 3


def _walk(folder: Path, until: float) -> Iterator[str]:
    """Yield relative paths, those near the top first; links to folders are not followed."""
    waiting, seen = deque([""]), 0
    while waiting and seen < MOST_NAMES and time.monotonic() < until:
        below = waiting.popleft()
        for name, is_folder in _entries(folder / below):
            if is_folder and name in LEFT_OUT:
                continue
            seen += 1
            if seen > MOST_NAMES:
                return
            path = f"{below}{name}"
            if is_folder:
                waiting.append(f"{path}/")
            else:
                yield path


def _entries(folder: Path) -> list[tuple[str, bool]]:
    """Return (name, is a folder), sorted; nothing where it cannot be read."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                # A name that cannot be shown as it is cannot be typed either.
                if entry.name.isprintable() and '"' not in entry.name:
                    found.append((entry.name, entry.is_dir(follow_symlinks=False)))
                if len(found) == MOST_NAMES:
                    break
    except OSError:
        return []
    return sorted(found)


def _in_folder(wanted: str, folder: Path) -> list[str]:
    above, slash, start = wanted.rpartition("/")
    if not slash:
        return [f"{wanted}/"] if wanted in ("~", "..") else []
    place = folder / Path(above + slash).expanduser()
    found = []
    for name, is_folder in _entries(place):
        if name.lower().startswith(start.lower()) and (start or not name.startswith(".")):
            is_folder = is_folder or (place / name).is_dir()
            found.append(f"{above}{slash}{name}{'/' * is_folder}")
    return found

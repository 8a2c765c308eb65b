"""`smolterm packs dev`: the same look and tests at each save, until Ctrl-C.

It trusts nothing: a session uses what was added, and that alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, TypeAlias

from smolterm.errors import PackError, UsageError
from smolterm.packs.adding import trusted_as
from smolterm.packs.grants import asked
from smolterm.packs.trust import Trusted
from smolterm.packs.writing.test import changed_words, say, test

SECONDS = 0.5
"""Between two looks. A look at a pack's files costs less than a millisecond; a library that is told
by the system would be one more to install."""
SETTLED = 0.1
"""Seconds without a change after which a save is whole."""
MOST_FILES = 2_000
SKIPPED = {"__pycache__", "build", "dist", "node_modules", "venv"}

Stamps: TypeAlias = dict[str, tuple[int, int, int]]


def run_dev(what: str) -> NoReturn:
    """Test a pack at each save; ends by Ctrl-C alone.

    Args:
        what: a project's folder, or a file of functions.

    Raises:
        UsageError: there is none.
        KeyboardInterrupt: it was ended.
    """
    place = Path(what)
    if not place.exists():
        raise UsageError(f"There is no {what}.", next="Make a pack: smolterm packs new NAME.")
    before: dict[str, Trusted] = {}
    while True:
        # Before the round: what is saved while it goes on makes another one.
        seen = stamps(place)
        before |= _round(what, before)
        say(f"Watching {what}; nothing of it is trusted by that. Ctrl-C ends it.")
        changed = _changed(place, seen)
        say(f"\n-- {time.strftime('%H:%M:%S')} {', '.join(changed[:5])}")


def stamps(place: Path) -> Stamps:
    """Return each file below a folder, or the one, with what tells a save."""
    found: Stamps = {}
    for path in _files(place) if place.is_dir() else (str(place),):
        try:
            status = os.stat(path)  # noqa: PTH116 - thousands of them, twice a second
        except OSError:
            continue
        found[path] = (status.st_mtime_ns, status.st_size, status.st_ino)
    return found


def _files(folder: Path) -> Iterator[str]:
    count = 0
    for root, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if each not in SKIPPED and _is_source(each)]
        for name in names:
            if _is_source(name) and count < MOST_FILES:
                count += 1
                yield os.path.join(root, name)  # noqa: PTH118 - as above


def _is_source(name: str) -> bool:
    return not name.startswith(".") and not name.endswith((".pyc", ".egg-info", "~", ".swp"))


def _changed(place: Path, seen: Stamps) -> list[str]:
    """Wait for a save, and return the files that it changed, made or removed."""
    while (now := stamps(place)) == seen:
        time.sleep(SECONDS)
    # An editor may write several files, or one in several steps.
    while True:
        time.sleep(SETTLED)
        if (later := stamps(place)) == now:
            break
        now = later
    changed = {path for path, _ in set(seen.items()) ^ set(now.items())}
    return [os.path.relpath(path, place if place.is_dir() else place.parent)
            for path in sorted(changed)]  # fmt: skip


def _round(what: str, before: dict[str, Trusted]) -> dict[str, Trusted]:
    try:
        tested = test(what, aside=True)
    except (UsageError, PackError) as error:
        # Such as a pyproject.toml in the middle of being written.
        say(f"Wrong: {error}")
        return {}
    for name, examined in tested.packs.items():
        for each in changed_words(before[name], examined) if name in before else ():
            say(f"Changed: {each}.")
    say("All is well." if tested.ok else "Something is wrong; see above.")
    return {
        name: trusted_as(examined, asked(examined.manifest))
        for name, examined in tested.packs.items()
    }

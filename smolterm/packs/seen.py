"""What was seen of the installed packs, so that a start need not read and hash them again.

Each pack's files are compared by size, times and place; only what differs is hashed. The file lies
beside the trusted packs and is as guarded: who can write to it could have a changed pack pass.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from smolterm.errors import ConfigError
from smolterm.packs.reading import files_in
from smolterm.packs.trust import Trusted, read_own, trust_path
from smolterm.wholefile import write_whole


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an installed pack lies."""

    name: str
    module: str
    folder: str


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """A hash, and what the files looked like to the system when it was made."""

    hash: str
    stamp: str
    records: tuple[str, ...] = ()
    """The lists of files of the packages that belong to the pack."""


class Seen(msgspec.Struct, kw_only=True):
    """What the file says; it may be lost without harm."""

    paths: list[tuple[str, int]] = []
    """Where packages are looked for, and when something was last put there."""
    packs: list[Place] = []
    stamps: dict[str, Stamp] = {}
    told: list[str] = []
    """Packs that the person knows to be installed and not trusted."""


class Looking:
    """One look at what is installed; `keep` remembers it."""

    def __init__(self) -> None:
        self._path = trust_path().with_name("packs-seen.json")
        self._seen = _read(self._path)
        self._before = msgspec.json.encode(self._seen)

    def installed(self) -> dict[str, Place]:
        """Return the packs that are installed, by name; broken ones are left out."""
        paths = _search_paths()
        seen = self._seen
        if paths != seen.paths or not all(Path(place.folder).is_dir() for place in seen.packs):
            from smolterm.packs.find import find_packs

            seen.packs = [
                Place(name=pack.name, module=pack.module, folder=str(pack.folder))
                for pack in find_packs()
                if pack.error is None
            ]
            seen.paths = paths
        return {place.name: place for place in seen.packs}

    def is_same(self, place: Place, trusted: Trusted) -> bool:
        """Say whether an installed pack is the one that was trusted.

        Raises:
            PackError: it cannot be read.
        """
        if place.module != trusted.module:
            return False
        folder = Path(place.folder)
        known = self._seen.stamps.get(place.name)
        if known is not None and known.stamp:
            is_known = known.stamp == _stamp(folder, known.records, self._seen.paths)
            if is_known:
                return known.hash == trusted.hash
        return self._hash(place, folder, trusted) == trusted.hash

    def not_told(self, names: Iterable[str]) -> list[str]:
        """Return those that the person was not told of before; now they are."""
        new = sorted(set(names) - set(self._seen.told))
        self._seen.told = sorted({*self._seen.told, *new})
        return new

    def keep(self) -> None:
        """Write the file, if it says something new; where that fails it is made again later."""
        raw = msgspec.json.encode(self._seen)
        if raw != self._before:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                write_whole(self._path, raw)
            except OSError:
                return
            self._before = raw

    def _hash(self, place: Place, folder: Path, trusted: Trusted) -> str:
        from smolterm.packs.examine import content_hash, packages_of

        packages = packages_of(trusted.manifest)
        records = tuple(str(each.record) for each in packages)
        # The stamp first: what changes between the two is found the next time.
        stamp = _stamp(folder, records, self._seen.paths)
        found = content_hash(place.name, place.module, folder, packages)
        self._seen.stamps[place.name] = Stamp(hash=found, stamp=stamp, records=records)
        return found


def _read(path: Path) -> Seen:
    try:
        raw = read_own(path)
        return Seen() if raw is None else msgspec.json.decode(raw, type=Seen)
    except (ConfigError, ValueError, RecursionError):
        return Seen()


def _search_paths() -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for path in dict.fromkeys((*sys.path, str(trust_path().with_name("made-packs")))):
        try:
            found.append((path, Path(path or ".").stat().st_mtime_ns))
        except OSError:
            continue
    return found


def _stamp(folder: Path, records: Iterable[str], paths: list[tuple[str, int]]) -> str:
    listed = [(f"{folder}/{path}", status) for path, status in files_in(folder)]
    for record in records:
        try:
            listed.append((record, Path(record).stat()))
        except OSError:
            # No stamp that was ever kept.
            return ""
    facts = [
        (path, s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for path, s in listed
    ]
    # Which of two copies of a package is found depends on where packages are looked for.
    text = repr((facts, paths if records else ()))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()

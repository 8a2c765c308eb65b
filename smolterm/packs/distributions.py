"""The pure-Python packages that a pack declares, and what those need: found, not imported."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from smolterm.errors import PackError

MOST = 100
"""Packages of one pack, with all that they need."""
MOST_FILES = 20_000
COMPILED = (".so", ".pyd", ".dylib", ".dll")
_LEFT_OUT = (".pyc", "__pycache__")


class Pure(msgspec.Struct, frozen=True, kw_only=True):
    """One installed distribution of Python files alone."""

    name: str
    version: str
    record: Path
    """Its list of files with their hashes."""
    files: tuple[tuple[str, Path, str], ...] = ()
    """The path as an import sees it, `pkg/module.py`, where it lies, and the SHA-256 that the list
    has for it: base64 for URLs, without padding; empty for none."""

    def read(self) -> Iterator[tuple[str, bytes]]:
        """Yield each file's path and content.

        Raises:
            PackError: one is not what the list says.
        """
        for path, place, wanted in self.files:
            try:
                raw = place.read_bytes()
            except OSError as error:
                raise PackError(f"{place} cannot be read: {error.strerror}.") from None
            found = base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).rstrip(b"=").decode()
            if wanted and found != wanted:
                raise PackError(
                    f"{place} is not the file that was installed with {self.name}.",
                    next=f"Install it again: pip install --force-reinstall {self.name}.",
                )
            yield path, raw

    def digest(self) -> str:
        """Return the hash of its list of files."""
        return hashlib.sha256(self.record.read_bytes()).hexdigest()


def closure(names: Iterable[str]) -> list[Pure]:
    """Return the named distributions and all that they need, sorted by name.

    Raises:
        PackError: one is missing, is not pure Python, or they are too many.
    """
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, Pure] = {}
    waiting = [(name, frozenset[str]()) for name in names]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        key = (canonicalize_name(name), extras)
        if key in seen:
            continue
        seen.add(key)
        if len(seen) > MOST:
            raise PackError(f"Its packages need more than {MOST} others.")
        try:
            distribution = importlib.metadata.distribution(name)
        except (importlib.metadata.PackageNotFoundError, ValueError):
            raise PackError(
                f"The package {name}, which it imports, is not installed.",
                next=f"Install it beside smolterm: pip install {name}.",
            ) from None
        found[key[0]] = _pure(distribution, key[0])
        for text in distribution.requires or ():
            try:
                wanted = Requirement(text)
            except InvalidRequirement:
                raise PackError(f"{name} needs {text[:100]!a}, which is no requirement.") from None
            marker = wanted.marker
            if marker is None or any(marker.evaluate({"extra": e}) for e in extras or {""}):
                waiting.append((wanted.name, frozenset(wanted.extras)))
    return [found[name] for name in sorted(found)]


def _pure(distribution: importlib.metadata.Distribution, name: str) -> Pure:
    listed = distribution.files or []
    record = next((file for file in listed if file.name == "RECORD"), None)
    if record is None or len(listed) > MOST_FILES:
        raise PackError(
            f"The package {name} has no list of its files, or one that is too long.",
            next="Install it from a wheel.",
        )
    files = tuple(sorted(_files(distribution, listed, name)))
    if not files:
        # An editable one lists nothing but a pointer to its folder.
        raise PackError(
            f"The package {name} holds no files of Python.", next="Install it from a wheel."
        )
    return Pure(
        name=name,
        version=distribution.version,
        record=Path(str(distribution.locate_file(record))),
        files=files,
    )


def _files(
    distribution: importlib.metadata.Distribution,
    listed: Iterable[importlib.metadata.PackagePath],
    name: str,
) -> Iterator[tuple[str, Path, str]]:
    for file in listed:
        if file.suffix in COMPILED:
            raise PackError(
                f"The package {name} holds compiled code, {file}, which cannot run in WebAssembly.",
                next="A native pack can use it.",
            )
        if ".." in file.parts or file.is_absolute():
            continue
        if any(part.endswith(_LEFT_OUT) for part in file.parts) or file.suffix == ".pth":
            continue
        known = file.hash.value if file.hash is not None and file.hash.mode == "sha256" else ""
        yield str(file), Path(str(distribution.locate_file(file))), known

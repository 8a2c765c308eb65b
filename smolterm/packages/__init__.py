"""Packages for the sandbox: what is asked for, what a person is asked, what is handed over."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from smolterm.errors import PackageDamaged

Kind: TypeAlias = Literal["package", "shared_library"]
Origin: TypeAlias = Literal["pyodide", "index"]


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file that was chosen, identified by its hash; where it came from is only how to get it.

    This is also a line of the lock file, which therefore names no host.
    """

    name: str
    """Normalised: `scikit-learn`, never `Scikit_Learn`."""
    version: str
    filename: str
    sha256: str
    kind: Kind = "package"
    origin: Origin = "index"
    needs: tuple[str, ...] = ()
    """Names of the other items that it cannot do without."""
    imports: tuple[str, ...] = ()
    """Top-level names; for those of the index known once the wheel is here."""


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A file that would be downloaded."""

    name: str
    version: str
    filename: str
    size: int | None
    """Bytes; None where the server does not say."""
    source: str
    """Where from, without path and credentials: `https://host`, or a folder."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is asked about before anything leaves or enters the machine."""

    wanted: tuple[str, ...]
    """What was asked for, as it was written."""
    downloads: tuple[Planned, ...] = ()
    look_up: str = ""
    """A name that code in the sandbox chose and that the package index would get to see. Such a
    plan has no downloads; they are another question, once they are known."""

    @property
    def size(self) -> int:
        """Bytes to download, as far as they are known."""
        return sum(one.size or 0 for one in self.downloads)

    def lines(self) -> list[str]:
        """Return the plan as text for a person."""
        if self.look_up:
            return [f"Look for a package {self.look_up!r} in the package index"]
        width = max((len(f"{p.name} {p.version}") for p in self.downloads), default=0)
        lines = [
            f"{f'{p.name} {p.version}':<{width}}  {megabytes(p.size):>9}  from {p.source}"
            for p in self.downloads
        ]
        count = len(self.downloads)
        unknown = " or more" if any(p.size is None for p in self.downloads) else ""
        files = "1 file" if count == 1 else f"{count} files"
        return [f"Download {files}, {megabytes(self.size)}{unknown}:", *lines]


Consent: TypeAlias = Callable[[Plan], Awaitable[bool]]


class Wheel(msgspec.Struct, frozen=True, kw_only=True):
    """A verified file, prepared for the sandbox."""

    name: str
    version: str
    filename: str
    sha256: str
    """Of the original, as the lock or the index names it."""
    path: Path
    """What is handed over: the original with compiled modules added."""
    path_sha256: str
    imports: tuple[str, ...]
    kind: Kind

    def read(self) -> bytes:
        """Return the bytes to hand over; they are verified now, not when they were stored.

        Raises:
            PackageDamaged: the file changed on disk.
        """
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise _changed(self, error.strerror or "it cannot be read") from None
        if hashlib.sha256(data).hexdigest() != self.path_sha256:
            raise _changed(self, "its checksum differs")
        return data


def _changed(wheel: Wheel, why: str) -> PackageDamaged:
    return PackageDamaged(
        f"{wheel.name} {wheel.version} in the cache is damaged: {why}.",
        kept="It was not used.",
        next=f"Run `smolterm packages add {wheel.name}`.",
    )


def megabytes(size: int | None) -> str:
    """Return a size for a person to read."""
    if size is None:
        return "? MB"
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"

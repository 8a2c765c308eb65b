"""The models on this machine: files of one folder, found by name.

Light, for every start with a local model uses it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec

from smolterm.errors import ConfigError, LibraryError
from smolterm.models.catalogue import catalogue
from smolterm.store import data_folder

SUFFIX = ".gguf"
PIECE = 1 << 20

Tell: TypeAlias = Callable[[int, int], None]
"""Told how many bytes are done, and of how many."""


class Speed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `smolterm models bench` measured here."""

    reading: float
    """Tokens of the prompt a second."""
    writing: float
    """Tokens of the reply a second."""
    cold: float
    """Seconds from a start of the process to the first token."""
    warm: float
    """Seconds to the first token of a second task in the same process."""
    memory: int
    """Bytes that the process took at most."""
    context: int
    """Tokens it was measured with."""
    at: float = 0.0
    """Seconds since the epoch."""


class About(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of an installed file. Lies beside it, as NAME.json."""

    repository: str = ""
    revision: str = ""
    sha256: str = ""
    """Empty: nobody said what it should be, so nothing was compared."""
    speed: Speed | None = None


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """A model's file in the folder."""

    name: str
    path: Path
    bytes: int
    about: About = About()


def models_folder() -> Path:
    """Return where models lie: `models` in the data folder; it may not exist yet."""
    return data_folder() / "models"


def make_folder(folder: Path) -> None:
    """Make the folder for models' files, where it is missing.

    Raises:
        LibraryError: it cannot be made, or nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK | os.X_OK)
        why = "nothing may be written there"
    except OSError as error:
        writable, why = False, error.strerror or str(error)
    if not writable:
        raise LibraryError(
            f"{folder} cannot hold models: {why}.",
            kept="Nothing was changed.",
            next="Let SMOLTERM_DATA name a folder that can be written.",
        )


def installed() -> list[Installed]:
    """Return the models of the folder by name; what cannot be read is left out."""
    found: list[Installed] = []
    for path in _files():
        with contextlib.suppress(OSError):
            size = path.stat().st_size
            found.append(Installed(name=path.stem, path=path, bytes=size, about=about(path)))
    return found


def find(name: str) -> Path:
    """Return the file of an installed model.

    Args:
        name: the file's name without `.gguf`, in any case, or a name of the catalogue.

    Raises:
        ConfigError: it is not installed.
    """
    wanted = name.casefold().removesuffix(SUFFIX)
    files = _files()
    for path in files:
        if path.stem.casefold() == wanted:
            return path
    entry = catalogue().get(wanted)
    if entry is not None:
        for path in files:
            if path.name.casefold() == entry.file.casefold():
                return path
        raise ConfigError(
            f"The model {name} is not installed.", next=f"Run `smolterm models get {wanted}`."
        )
    raise ConfigError(
        f"No model is installed under the name {name}.",
        next="Run `smolterm models` for those that are, and those to get.",
    )


def about(path: Path) -> About:
    """Return what is remembered of a file; nothing where that cannot be read."""
    try:
        return msgspec.json.decode(_beside(path).read_bytes(), type=About)
    except (OSError, msgspec.DecodeError):
        return About()


def remember(path: Path, told: About) -> None:
    """Write what is known of a file beside it, whole or not at all."""
    target = _beside(path)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        part.write_bytes(msgspec.json.encode(told))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def forget(path: Path) -> None:
    """Remove a model's file and what is remembered of it."""
    path.unlink()
    _beside(path).unlink(missing_ok=True)


def sha256_of(path: Path, tell: Tell | None = None) -> str:
    """Return a file's SHA-256 in hexadecimal digits."""
    digest, done, whole = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
            done += len(piece)
            if tell is not None:
                tell(done, whole)
    return digest.hexdigest()


def size(number: int) -> str:
    """Return bytes as a person reads them: `2.1 GB`."""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= bytes_:
            return f"{number / bytes_:.1f} {unit}"
    return f"{number} bytes"


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _files() -> list[Path]:
    try:
        found = [path for path in models_folder().iterdir() if path.suffix.lower() == SUFFIX]
    except OSError:
        return []
    return sorted((path for path in found if path.is_file()), key=lambda path: path.name.casefold())

"""Taking in a model's file that lies on this machine already, copied by hand for instance."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from smolterm.errors import FileDamaged, LibraryError, NoSpace, UsageError
from smolterm.models.catalogue import catalogue, entry_of
from smolterm.models.library import (
    SUFFIX,
    About,
    Tell,
    make_folder,
    remember,
    sha256_of,
    size,
)
from smolterm.models.machine import free_disk

MAGIC = b"GGUF"


def adopt(source: Path, folder: Path, tell: Tell, sha256: str = "") -> Path:
    """Link or copy a file into the folder and return its path there.

    The same file is linked where that works, so that it takes no room twice.

    Args:
        sha256: what it should be; the catalogue's where it knows the file's name.

    Raises:
        UsageError: it is no GGUF file, or another has its name.
        FileDamaged: its SHA-256 is not the one given, or not the catalogue's.
        NoSpace: the disk cannot hold a copy.
        LibraryError: the folder cannot be written.
    """
    source = source.expanduser().resolve()
    _check_kind(source)
    target = folder / source.name
    make_folder(folder)
    if target.exists() and not target.samefile(source):
        raise UsageError(
            f"{target} is there already.",
            next=f"Remove it first: smolterm models remove {target.stem}",
        )
    found = sha256_of(source, tell)
    _compare(source, found, sha256)
    entry = entry_of(found)
    if not target.exists():
        _bring(source, target)
    remember(
        target,
        About(
            repository=entry.repository if entry else "",
            revision=entry.revision if entry else "",
            sha256=found,
        ),
    )
    return target


def _check_kind(source: Path) -> None:
    if source.suffix.lower() != SUFFIX:
        raise UsageError(f"{source} is no GGUF file.", next="Name a file in .gguf.")
    if not source.name.isprintable():
        raise UsageError(
            f"The name {source.name!a} has characters that cannot be typed or shown.",
            next="Rename the file.",
        )
    if source.exists() and not source.is_file():
        # A pipe would be waited for.
        raise UsageError(f"{source} is no file.", next="Check the path.")
    try:
        with source.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}.") from None
    if magic != MAGIC:
        raise UsageError(f"{source} is no GGUF file: it does not begin like one.")


def _compare(source: Path, found: str, sha256: str) -> None:
    named = {entry.file: entry for entry in catalogue().values()}
    if sha256 and found != sha256.lower():
        raise FileDamaged(
            f"{source} is not the file of that SHA-256; it has {found}.",
            kept="Nothing was changed.",
        )
    entry = named.get(source.name)
    if not sha256 and entry is not None and found != entry.sha256:
        raise FileDamaged(
            f"{source} has the name of {entry.title} and is another file: {size(entry.bytes)} of "
            f"SHA-256 {entry.sha256} were expected, and it has {size(source.stat().st_size)} of "
            f"{found}.",
            kept="Nothing was changed.",
            next="Copy it again; or, if you trust it, give it another name.",
        )


def _bring(source: Path, target: Path) -> None:
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        try:
            os.link(source, part)
        except OSError:
            _copy(source, part)
        part.replace(target)
    except OSError as error:
        raise LibraryError(
            f"{target} cannot be written: {error.strerror}.", kept="Nothing was changed."
        ) from None
    finally:
        part.unlink(missing_ok=True)


def _copy(source: Path, part: Path) -> None:
    import shutil

    needed, free = source.stat().st_size, free_disk(part.parent)
    if needed > free:
        raise NoSpace(
            f"{part.parent} cannot hold {source.name}: {size(needed)} are needed and "
            f"{size(free)} are free.",
            kept="Nothing was changed.",
        )
    shutil.copyfile(source, part)

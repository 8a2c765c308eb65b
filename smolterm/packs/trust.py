"""The file of trusted packs: what each one is, what was granted to it, and its tools.

A session reads this and no manifest, so what a person saw when they said yes is what is used. What
cannot be read trusts nothing.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from smolterm.errors import ConfigError
from smolterm.packs.bridges.server import Server
from smolterm.packs.grants import Granted
from smolterm.packs.manifest import Manifest
from smolterm.store import data_folder
from smolterm.tools import ToolSpec
from smolterm.wholefile import write_whole

VERSION = 1
LARGEST_FILE = 20_000_000
SHARED = stat.S_IWOTH | stat.S_IWGRP

Kept = TypeVar("Kept")


class SecretSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a secret is; never the secret."""

    variable: str = ""
    """An environment variable that the person named; empty: the system's keyring."""


class Trusted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pack as it was when the person trusted it."""

    module: str
    hash: str
    """Of the manifest, every file, and the packages it imports; see `examine.py`."""
    since: str
    """The day, as ISO 8601 writes it."""
    granted: Granted
    settings: dict[str, str] = {}
    """What the person set; the manifest's defaults are not here."""
    secrets: dict[str, SecretSource] = {}
    manifest: Manifest
    tools: tuple[ToolSpec, ...]
    mcp: Server | None = None
    """How it is reached, for an MCP server; then there is no module."""


class TrustFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the file says."""

    version: int = VERSION
    packs: dict[str, Trusted] = {}
    files: dict[str, Trusted] = {}
    """Single files of functions, by their path."""
    skills: dict[str, str] = {}
    """The hash of all skills of a project, by the folder that they lie in."""


def trust_path() -> Path:
    """Return where the file is: `packs.json` beside the sessions."""
    return data_folder() / "packs.json"


def read_trust(path: Path | None = None) -> TrustFile:
    """Return what is trusted; nothing where there is no file.

    Raises:
        ConfigError: the file is damaged, of a newer smolterm, or others may write to it.
    """
    path = path or trust_path()
    raw = read_own(path)
    if raw is None:
        return TrustFile()
    try:
        version = msgspec.json.decode(raw, type=_Version).version
        if version != VERSION:
            raise damaged(path, f"it is of version {version}, which this smolterm does not know")
        return msgspec.json.decode(raw, type=TrustFile)
    except (ValueError, RecursionError) as error:
        raise damaged(path, str(error)[:300]) from None


@contextlib.contextmanager
def changing(path: Path | None = None) -> Iterator[TrustFile]:
    """Change the file: nobody else does meanwhile, and it is replaced whole or not at all.

    Raises:
        ConfigError: it is damaged, or cannot be written; it stays as it was.
    """
    path = path or trust_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.with_name(path.name + ".busy").open("ab") as guard:
            with contextlib.suppress(ImportError):
                import fcntl

                fcntl.flock(guard, fcntl.LOCK_EX)
            trust = read_trust(path)
            yield trust
            trust.packs = dict(sorted(trust.packs.items()))
            raw = msgspec.json.format(msgspec.json.encode(trust), indent=2) + b"\n"
            write_whole(path, raw, lasting=True)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror or error}.", kept="It is as it was."
        ) from None


def read_own(path: Path) -> bytes | None:
    """Return the content of a file that this user alone can write; None where there is none.

    Raises:
        ConfigError: others can write to it, it is too large, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if hasattr(os, "getuid"):
                if status.st_mode & SHARED:
                    raise damaged(path, "others than you may write to it")
                if status.st_uid not in (os.getuid(), 0):
                    raise damaged(path, "it belongs to somebody else")
            raw = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise damaged(path, error.strerror or str(error)) from None
    if len(raw) > LARGEST_FILE:
        raise damaged(path, f"it is larger than {LARGEST_FILE // 10**6} MB")
    return raw


class _Version(msgspec.Struct):
    version: int


def damaged(path: Path, why: str) -> ConfigError:
    """Return the error for a file that says nothing any more."""
    return ConfigError(
        f"{path} cannot be used: {why}.",
        kept="No tool pack is trusted by it.",
        next="Mend or remove it, then trust the packs again: smolterm packs trust NAME.",
    )

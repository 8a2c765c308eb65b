"""A pack's `pack.toml`: what it offers and what it asks for, readable without importing it."""

from __future__ import annotations

import keyword
import re
import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from smolterm.errors import PackError
from smolterm.policy import Effect

FILE = "pack.toml"
LONGEST = 65_536


class Capabilities(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the pack may be handed; it gets nothing that the person did not grant."""

    folder: Literal["read", "write"] | None = None
    """The granted folder, to read or to write too."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of `pack.toml`."""

    name: str
    """The same as the entry point's."""
    version: str
    description: str
    tools: dict[str, Effect]
    """The functions that the module offers, each with its effect."""
    capabilities: Capabilities = Capabilities()


def read_manifest(path: Path) -> Manifest:
    """Read and check one manifest.

    Raises:
        PackError: it names the file and the key that is wrong.
    """
    try:
        raw = path.read_bytes()
        if len(raw) > LONGEST:
            raise PackError(f"{path} is longer than {LONGEST} bytes.")
        manifest = msgspec.convert(tomllib.loads(raw.decode()), Manifest)
    except OSError as error:
        raise PackError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PackError(f"{path} is not TOML: {error}.") from None
    except msgspec.ValidationError as error:
        raise PackError(f"{path}: {_readable(str(error))}.") from None
    if not manifest.tools:
        raise PackError(f"{path}: `tools` names no tool.")
    for name in manifest.tools:
        if not _is_public(name):
            raise PackError(f"{path}: `tools.{name}` cannot be called by that name.")
    return manifest


def _is_public(name: str) -> bool:
    return (
        name.isidentifier()
        and not name.startswith("_")
        and not keyword.iskeyword(name)
        and name != "final_answer"
    )


def _readable(message: str) -> str:
    """Turn msgspec's path into the key as it stands in the file."""
    what, _, where = message.partition(" - at `$")
    key = where.strip("`.")
    if match := re.search(r"field `(\w+)`", what):
        missing = "missing" in what
        whole = f"{key}.{match[1]}" if key else match[1]
        return f"`{whole}` is missing" if missing else f"`{whole}` is not known"
    return f"`{key}`: {what[:1].lower()}{what[1:]}" if key else what

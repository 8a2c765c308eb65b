"""A pack's `pack.toml`: what it offers and what it asks for, readable without importing it.

It is read before anybody trusts the pack, so all of it is hostile: every text is bounded and holds
nothing that cannot be seen, for a person decides by what they read there.
"""

from __future__ import annotations

import builtins
import keyword
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from smolterm.errors import PackError
from smolterm.policy import Effect
from smolterm.printable import reveal

FILE = "pack.toml"
LONGEST = 65_536
LONGEST_TEXT = 1_000
"""Characters of one text in it."""
MOST = 200
"""Entries of one table or list in it."""
RESERVED = frozenset({*dir(builtins), "final_answer", "run_python"})
"""What an action already calls by these names."""

Kind: TypeAlias = Literal["wasm", "native"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_PACKAGE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_HOST = re.compile(
    rf"\*|\$[a-z][a-z0-9_]*|(?:\*\.)?{_DOMAIN}|https?://(?:{_DOMAIN}|\[[0-9a-f:.]+\])(?::[0-9]{{1,5}})?"
)


class ToolEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What the manifest says of one tool."""

    effect: Effect
    outside: bool
    """Its result may hold text that neither the person nor the model wrote."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What the pack may be handed; it gets nothing that the person did not grant."""

    hosts: tuple[str, ...] = ()
    """`api.x.org` (https), `*.x.org`, `*` (any public one), `http://127.0.0.1:8080`, or `$name`:
    the address in a setting."""
    read: tuple[str, ...] = ()
    """Globs below the granted folder."""
    write: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    """Environment variables that it is told."""
    packages: tuple[str, ...] = ()
    """Pure-Python distributions that it imports."""
    programs: tuple[str, ...] = ()
    """What a native pack starts: told, not enforced."""
    sockets: tuple[str, ...] = ()
    """Where a native pack connects to, in words: told, not enforced."""


class Setting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person may set for the pack."""

    description: str = ""
    default: str = ""


class Secret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A secret that the pack needs, and where it may be sent."""

    description: str = ""
    hosts: tuple[str, ...] = ()
    """As in `Capabilities.hosts`, and among them."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `pack.toml`, checked, with every short form written out."""

    name: str
    """The same as the entry point's."""
    version: str
    description: str
    kind: Kind = "wasm"
    """`wasm`: what it asks for is enforced. `native`: a process of its own, trusted."""
    tools: dict[str, ToolEntry]
    """The functions that the module offers."""
    capabilities: Capabilities = Capabilities()
    settings: dict[str, Setting] = {}
    secrets: dict[str, Secret] = {}
    tested: str = ""
    """What its tests talked to, in words."""


class _ToolTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    effect: Effect
    outside: bool | None = None


class _Capabilities(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    folder: Literal["read", "write"] | None = None
    hosts: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands in the file."""

    name: str
    version: str
    description: str
    kind: Kind = "wasm"
    tools: dict[str, Effect | _ToolTable]
    capabilities: _Capabilities = _Capabilities()
    settings: dict[str, Setting] = {}
    secrets: dict[str, Secret] = {}
    tested: str = ""


def read_manifest(path: Path) -> Manifest:
    """Read and check one manifest.

    Raises:
        PackError: it names the file and the key that is wrong.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST + 1)
    except OSError as error:
        raise PackError(f"{path} cannot be read: {error.strerror}.") from None
    return parse_manifest(raw, str(path))


def parse_manifest(raw: bytes, named: str) -> Manifest:
    """Return what a manifest's bytes say.

    Raises:
        PackError: see `read_manifest`.
    """
    if len(raw) > LONGEST:
        raise PackError(f"{named} is longer than {LONGEST} bytes.")
    try:
        table = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PackError(f"{named} is not TOML: {error}.") from None
    except RecursionError:
        raise PackError(f"{named} is not TOML: it is nested too deeply.") from None
    return checked(table, named)


def checked(table: dict[str, Any], named: str) -> Manifest:
    """Return what a manifest's table says.

    Raises:
        PackError: see `read_manifest`.
    """
    try:
        file = msgspec.convert(table, _File)
    except msgspec.ValidationError as error:
        raise PackError(f"{named}: {_readable(str(error))}.") from None
    for wrong in _wrong_with(file):
        raise PackError(f"{named}: {wrong}.")
    return _written_out(file)


def is_public(name: str) -> bool:
    """Say whether a tool may have this name: an action must be able to call it, and only it."""
    return (
        name.isascii()
        and name.isidentifier()
        and len(name) <= 64
        and not name.startswith("_")
        and not keyword.iskeyword(name)
        and not keyword.issoftkeyword(name)
        and name not in RESERVED
    )


def is_host(entry: str) -> bool:
    """Say whether a text can stand among a pack's hosts."""
    return len(entry) <= 300 and _HOST.fullmatch(entry) is not None


def is_glob(pattern: str) -> bool:
    """Say whether a text is a pattern of paths below the granted folder."""
    parts = pattern.split("/")
    return bool(pattern) and "\\" not in pattern and not {"", ".", ".."} & set(parts)


def _written_out(file: _File) -> Manifest:
    tools = {}
    for name, entry in file.tools.items():
        table = entry if isinstance(entry, _ToolTable) else _ToolTable(effect=entry)
        outside = table.effect != "pure" if table.outside is None else table.outside
        tools[name] = ToolEntry(effect=table.effect, outside=outside)
    asked = {name: getattr(file.capabilities, name) for name in Capabilities.__struct_fields__}
    if file.capabilities.folder is not None:
        asked["read"] = ("**",)
        asked["write"] = ("**",) if file.capabilities.folder == "write" else asked["write"]
    return Manifest(
        name=file.name,
        version=file.version,
        description=file.description,
        kind=file.kind,
        tools=tools,
        capabilities=Capabilities(**asked),
        settings=file.settings,
        secrets=file.secrets,
        tested=file.tested,
    )


def _wrong_with(file: _File) -> Iterator[str]:
    """Yield what is wrong, as `key` and why."""
    yield from _wrong_texts("", msgspec.to_builtins(file))
    if not _NAME.fullmatch(file.name):
        yield f"`name`: {file.name!r} is no name for a pack"
    if not file.tools:
        yield "`tools` names no tool"
    for name in file.tools:
        if not is_public(name):
            yield f"`tools.{name}` cannot be called by that name"
    yield from _wrong_capabilities(file)
    for name in file.settings:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,49}", name):
            yield f"`settings.{name}` is no name for a setting: lower-case letters, digits and _"
    for name, secret in file.secrets.items():
        if not _VARIABLE.fullmatch(name):
            yield f"`secrets.{name}` is no name for a secret"
        if file.kind == "wasm" and not secret.hosts:
            yield f"`secrets.{name}.hosts` names no host, so the secret could never be used"
        for host in secret.hosts:
            if host not in file.capabilities.hosts:
                yield f"`secrets.{name}.hosts`: {host!r} is not among `capabilities.hosts`"


def _wrong_capabilities(file: _File) -> Iterator[str]:
    asked = file.capabilities
    for host in asked.hosts:
        if not is_host(host):
            yield f"`capabilities.hosts`: {host!r} is no host"
        if host.startswith("$") and host[1:] not in file.settings:
            yield f"`capabilities.hosts`: {host!r} is none of its `settings`"
    for key in ("read", "write"):
        for pattern in getattr(asked, key):
            if not is_glob(pattern):
                yield f"`capabilities.{key}`: {pattern!r} is no pattern of paths below a folder"
    for name in asked.env:
        if not _VARIABLE.fullmatch(name):
            yield f"`capabilities.env`: {name!r} is no name of a variable"
    for name in asked.packages:
        if not _PACKAGE.fullmatch(name):
            yield f"`capabilities.packages`: {name!r} is no name of a package"
    for key in ("programs", "sockets") if file.kind == "wasm" else ():
        if getattr(asked, key):
            yield f"`capabilities.{key}` is for packs of the kind native"


def _wrong_texts(key: str, value: object) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            yield f"`{key}` is longer than {LONGEST_TEXT} characters"
        if "\n" in value or reveal(value)[1]:
            yield f"`{key}` holds characters that cannot be seen"
    elif isinstance(value, dict | list | tuple):
        if len(value) > MOST:
            yield f"`{key}` has more than {MOST} entries"
        items = value.items() if isinstance(value, dict) else ((None, each) for each in value)
        for name, inner in items:
            if name is not None and (len(name) > 100 or reveal(name)[1] or "\n" in name):
                yield f"`{key}` has a key that is too long or cannot be seen"
            yield from _wrong_texts(f"{key}.{name}".strip(".") if name else key, inner)


def _readable(message: str) -> str:
    """Turn msgspec's path into the key as it stands in the file."""
    what, _, where = message.partition(" - at `$")
    key = where.strip("`.")
    if match := re.search(r"field `(\w+)`", what):
        missing = "missing" in what
        whole = f"{key}.{match[1]}" if key else match[1]
        return f"`{whole}` is missing" if missing else f"`{whole}` is not known"
    return f"`{key}`: {what[:1].lower()}{what[1:]}" if key else what

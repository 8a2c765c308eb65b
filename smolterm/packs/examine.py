"""Looking at an installed pack: what it is, and how it differs from what was trusted."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec

from smolterm.errors import PackError
from smolterm.packs.distributions import Pure, closure
from smolterm.packs.find import Found
from smolterm.packs.grants import added, asked
from smolterm.packs.manifest import FILE, Manifest, parse_manifest
from smolterm.packs.reading import files_in, read_tools
from smolterm.packs.trust import Trusted
from smolterm.tools import ToolSpec

Contents: TypeAlias = dict[str, bytes]
"""Files by their path below the pack's folder."""


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """An installed pack without an error, with everything that a person decides by."""

    found: Found
    folder: Path
    manifest: Manifest
    tools: tuple[ToolSpec, ...]
    hash: str
    packages: tuple[str, ...] = ()
    """Name and version of what it imports besides the standard library."""


def examine(found: Found) -> Examined:
    """Read all that a pack is, without running a line of it.

    Raises:
        PackError: it cannot be used; says why.
    """
    if found.folder is None or found.manifest is None:
        raise found.error or PackError(f"The pack {found.name} has no manifest.")
    try:
        manifest = found.manifest
        packages = packages_of(manifest)
        hashed = content_hash(found.name, found.module, found.folder, packages)
        tools = read_tools(found.folder, found.module, manifest)
        # What was hashed is what was read.
        again = content_hash(found.name, found.module, found.folder, packages)
        if hashed != again or parse_manifest(_manifest_bytes(found.folder), FILE) != manifest:
            raise PackError("its files change at this moment.", next="Try again.")
    except PackError as error:
        raise PackError(
            f"The pack {found.name} is left out: {error.what}", next=error.next
        ) from None
    return Examined(
        found=found,
        folder=found.folder,
        manifest=manifest,
        tools=tuple(tools),
        hash=hashed,
        packages=tuple(f"{each.name} {each.version}" for each in packages),
    )


def content_hash(name: str, module: str, folder: Path, packages: list[Pure]) -> str:
    """Return the hash over a pack's manifest, files, and packages.

    Raises:
        PackError: its files are too many, too large, or hold a link.
    """
    files = {path: _file_hash(folder / path) for path, _ in files_in(folder)}
    return hash_of(name, module, files, packages)


def contents(name: str, module: str, folder: Path, packages: list[Pure]) -> tuple[str, Contents]:
    """Return the hash as `content_hash` does, and the very bytes that were hashed.

    Raises:
        PackError: see `content_hash`.
    """
    found: Contents = {}
    for path, _ in files_in(folder):
        try:
            found[path] = (folder / path).read_bytes()
        except OSError as error:
            raise PackError(f"{folder / path} cannot be read: {error.strerror}.") from None
    files = {path: hashlib.sha256(raw).hexdigest() for path, raw in found.items()}
    return hash_of(name, module, files, packages), found


def hash_of(name: str, module: str, files: Mapping[str, str], packages: list[Pure]) -> str:
    """Return the hash over a pack whose files' hashes are known, by path."""
    whole = hashlib.sha256()
    for part in _parts(name, module, files, packages):
        raw = part.encode("utf-8", "surrogateescape")
        # Lengths first: two lists of parts never look alike when they are joined.
        whole.update(f"{len(raw)}:".encode() + raw)
    return f"sha256:{whole.hexdigest()}"


def packages_of(manifest: Manifest) -> list[Pure]:
    """Return the packages that belong to a pack.

    Raises:
        PackError: one is not there, or cannot be used by a pack of this kind.
    """
    named = manifest.capabilities.packages
    if not named:
        return []
    return closure(named) if manifest.kind == "wasm" else [_installed(name) for name in named]


def changes(before: Trusted, now: Examined) -> list[str]:
    """Say what is different from what was trusted; empty when nothing is."""
    if before.hash == now.hash:
        return []
    old, new = before.manifest, now.manifest
    said: list[str] = []
    if old.kind != new.kind:
        said.append(f"its kind was {old.kind} and is {new.kind}")
    if old.version != new.version:
        said.append(f"its version was {old.version} and is {new.version}")
    said += [f"it asks for more: {part} {entry}" for part, entry in added(asked(old), asked(new))]
    for name, secret in new.secrets.items():
        known = old.secrets[name].hosts if name in old.secrets else secret.hosts
        said += [f"the secret {name} may go to {host} too" for host in secret.hosts
                 if host not in known]  # fmt: skip
    said += _tool_changes({tool.name: tool for tool in before.tools}, now.tools)
    return said or ["its files or its packages are not the same"]


def _tool_changes(old: dict[str, ToolSpec], new: tuple[ToolSpec, ...]) -> Iterator[str]:
    for tool in new:
        known = old.pop(tool.name, None)
        if known is None:
            yield f"the tool {tool.name} ({tool.effect}) is new"
        elif known.effect != tool.effect:
            yield f"the effect of {tool.name} was {known.effect} and is {tool.effect}"
        elif known.outside != tool.outside:
            yield f"{tool.name} no longer says the same of text from outside"
        elif known.signature != tool.signature:
            yield f"{tool.name} was called by {known.signature} and is by {tool.signature}"
        elif known.doc != tool.doc:
            yield f"the description of {tool.name} is another one"
    for name in old:
        yield f"the tool {name} is gone"


def _parts(name: str, module: str, files: Mapping[str, str], packages: list[Pure]) -> Iterator[str]:
    yield from ("smolterm pack 1", name, module)
    for path, found in sorted(files.items()):
        yield from ("file", path, found)
    for each in packages:
        yield from ("package", each.name, each.version, each.digest())


def _file_hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PackError(f"{path} cannot be read: {error.strerror}.") from None


def _manifest_bytes(folder: Path) -> bytes:
    try:
        return (folder / FILE).read_bytes()
    except OSError as error:
        raise PackError(f"{folder / FILE} cannot be read: {error.strerror}.") from None


def _installed(name: str) -> Pure:
    """Return what tells one version of a package from another; it may hold compiled code."""
    try:
        distribution = importlib.metadata.distribution(name)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        raise PackError(
            f"The package {name}, which it imports, is not installed.",
            next=f"Install it beside smolterm: pip install {name}.",
        ) from None
    listed = {file.name: file for file in distribution.files or ()}
    for kind in ("RECORD", "METADATA", "PKG-INFO"):
        if kind in listed:
            record = Path(str(distribution.locate_file(listed[kind])))
            return Pure(name=name.lower(), version=distribution.version, record=record)
    raise PackError(f"The package {name} has no list of its files.")

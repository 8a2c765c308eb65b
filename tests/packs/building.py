"""Real packs on disk: a package, its manifest and the metadata that an installer would write."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import msgspec

from smolterm.packs.adding import Narrowing, trust_pack, trusted_as
from smolterm.packs.doors.grant import Grant
from smolterm.packs.examine import examine
from smolterm.packs.find import Found
from smolterm.packs.grants import asked
from smolterm.packs.hosted import HostedPack
from smolterm.packs.manifest import read_manifest
from smolterm.packs.trust import Trusted
from smolterm.packs.using import Leave, Start

MANIFEST = """
name = "{name}"
version = "1.0"
description = "A pack for a test."
kind = "native"

[tools]
{tools}
"""


def build_pack(
    root: Path,
    name: str,
    source: str = "",
    *,
    tools: dict[str, str] | None = None,
    manifest: str | None = None,
    entry: str | None = None,
    extra: str = "",
) -> Path:
    """Install a pack under `root` and return its folder."""
    folder = root / f"{name}_pack"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(textwrap.dedent(source))
    if manifest is None:
        lines = [f'{tool} = "{effect}"' for tool, effect in (tools or {"noop": "pure"}).items()]
        manifest = MANIFEST.format(name=name, tools="\n".join(lines)) + extra
    (folder / "pack.toml").write_text(manifest)
    metadata = root / f"{name}_pack-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-pack\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        f"[smolterm.packs]\n{name} = {entry or f'{name}_pack'}\n"
    )
    return folder


def hosted(
    what: Found | Path,
    *,
    folder: Path | str | None = None,
    write: bool = False,
    secrets: dict[str, str] | None = None,
    **options: Any,
) -> HostedPack:
    """Return a native pack as a session would use it, trusted with all that it asks for."""
    examined = examine(found(what) if isinstance(what, Path) else what)
    trusted = trusted_as(examined, asked(examined.manifest))
    leave = Leave(folder=None if folder is None else Path(folder), write=write)
    start = Start(examined.found, trusted, leave)

    def grant() -> Grant:
        return msgspec.structs.replace(start.checked_grant(), secret_values=secrets or {})

    return HostedPack(examined.found, grant, examined.tools, **options)


def trusted_pack(folder: Path) -> Trusted:
    """Return what is kept of a pack that was granted all that it asks for."""
    examined = examine(found(folder))
    return trusted_as(examined, asked(examined.manifest))


def trust(name: str, **narrowing: Any) -> None:
    """Trust an installed pack, as `smolterm packs add NAME --yes` does."""
    assert trust_pack(name, Narrowing(**narrowing), yes=True) == 0


def found(folder: Path) -> Found:
    """Return what `find_packs` would for a pack that lies outside of this process's path."""
    manifest = read_manifest(folder / "pack.toml")
    return Found(name=manifest.name, module=folder.name, folder=folder, manifest=manifest)

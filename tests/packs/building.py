"""Real packs on disk: a package, its manifest and the metadata that an installer would write."""

from __future__ import annotations

import textwrap
from pathlib import Path

from smolterm.packs.find import Found
from smolterm.packs.manifest import read_manifest

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


def found(folder: Path) -> Found:
    """Return what `find_packs` would for a pack that lies outside of this process's path."""
    manifest = read_manifest(folder / "pack.toml")
    return Found(name=manifest.name, module=folder.name, folder=folder, manifest=manifest)

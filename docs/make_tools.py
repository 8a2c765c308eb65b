"""Writes every tool of the packs that ship into a page: `make_tools.py PAGE`.

All of it is read from the packs' manifests and sources; nothing of theirs runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from smolterm.packs.grants import asked
from smolterm.packs.manifest import FILE, Manifest, read_manifest
from smolterm.packs.reading import read_tools
from smolterm.packs.words import kind_in_words, may_do
from smolterm.tools import ToolSpec

PLUGINS = Path(__file__).parents[1] / "plugins"
HEAD = """\
# Tools

The packs in `plugins/` and what they may do once they are trusted; made by `make pages`.
`smolterm packs` shows what is installed and in use, and `smolterm packs table` its tools.

"""


def packs() -> Iterator[tuple[Manifest, list[ToolSpec]]]:
    """Yield each pack that ships, with its tools."""
    for path in sorted(PLUGINS.glob(f"smolterm-*/smolterm_*/{FILE}")):
        manifest = read_manifest(path)
        yield manifest, read_tools(path.parent, path.parent.name, manifest)


def page() -> str:
    """Return the whole page."""
    every = list(packs())
    kinds = [manifest.kind for manifest, _ in every]
    count = sum(len(tools) for _, tools in every)
    parts = [HEAD, f"{count} tools in {len(every)} packs: {kinds.count('wasm')} in WebAssembly, "
             f"{kinds.count('native')} native.\n"]  # fmt: skip
    for manifest, tools in every:
        parts += described(manifest, tools)
    return "".join(parts)


def described(manifest: Manifest, tools: list[ToolSpec]) -> Iterator[str]:
    yield f"\n## {manifest.name}\n\n{manifest.description} {kind_in_words(manifest)}\n\n"
    defaults = {name: each.default for name, each in manifest.settings.items()}
    for line in may_do(manifest, asked(manifest), defaults, ()):
        yield f"- may {line.replace('*', chr(92) + '*')}\n"
    yield f"- tested with: {manifest.tested}\n\n"
    yield "| tool | effect | |\n|---|---|---|\n"
    for spec in tools:
        said = spec.doc.split("\n\n")[0].replace("|", "\\|")
        yield f"| `{spec.name}` | {spec.effect} | {' '.join(said.split())} |\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page())

"""`smolterm packs`: what is installed, read from manifests alone."""

from __future__ import annotations

import sys

from smolterm.errors import ExitCode
from smolterm.packs.find import find_packs
from smolterm.packs.manifest import Manifest
from smolterm.printable import printable


def print_packs() -> int:
    """Print each pack with its tools; a broken one is a line on stderr."""
    found = find_packs()
    for pack in found:
        if pack.manifest is not None:
            sys.stdout.write(printable(described(pack.manifest)) + "\n")
        else:
            sys.stderr.write(printable(str(pack.error)) + "\n")
    if not found:
        sys.stderr.write("No tool packs are installed.\n")
    broken = any(pack.error for pack in found)
    return ExitCode.FAILED if broken else ExitCode.OK


def described(manifest: Manifest) -> str:
    """Return a pack as a few lines of text."""
    asks = manifest.capabilities
    lines = [f"{manifest.name} {manifest.version}: {manifest.description}"]
    if asks.read or asks.write:
        lines.append("  may read and write the granted folder" if asks.write else
                     "  may read the granted folder")  # fmt: skip
    lines += [f"  {name} ({entry.effect})" for name, entry in manifest.tools.items()]
    return "\n".join(lines)

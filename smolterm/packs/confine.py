"""What the system takes from a native pack's process, where it can: Landlock on Linux.

It is no wall around the pack, whose permissions are trusted: it may open sockets, and start
programs where it says so. It does keep the rest of the person's files from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from smolterm import landlock
from smolterm.loader import python_rules
from smolterm.packs.manifest import Manifest
from smolterm.store import cache_folder

if TYPE_CHECKING:
    from smolterm.packs.doors.grant import Grant

NETWORK = ("/etc", "/run")
"""What looks up hosts and certificates, and where servers of this machine listen."""


def compiled_folder() -> Path:
    """Return where a native pack's compiled modules lie: not beside the sources."""
    return cache_folder() / "packs" / "compiled"


def confinement(
    manifest: Manifest, grant: Grant, module_folder: Path, temporary: Path
) -> Callable[[], None] | None:
    """Return what takes rights from the thread that calls it; None where nothing can be taken.

    A pack that starts programs is left as it is: what they need is theirs.

    Args:
        temporary: its own folder for temporary files.
    """
    if landlock.abi() < 1 or manifest.capabilities.programs:
        return None
    rules = list(_rules(grant, module_folder, temporary))
    wants = manifest.capabilities
    network = bool(wants.hosts or wants.sockets)
    return lambda: landlock.restrict_thread(rules, network=network)


def confined_in_words(manifest: Manifest) -> str:
    """Say what the system keeps from a native pack on this machine; empty for nothing."""
    if landlock.abi() < 1 or manifest.capabilities.programs:
        return ""
    wants = manifest.capabilities
    kept = "files outside of the granted folder"
    if not wants.hosts and not wants.sockets and landlock.abi() >= 4:
        kept += ", TCP"
    return f"Landlock keeps from it: {kept}, programs"


def _rules(grant: Grant, module_folder: Path, temporary: Path) -> Iterator[tuple[str | Path, int]]:
    yield from python_rules()
    # An editable one lies outside of where packages are.
    yield module_folder, landlock.READ
    for path in NETWORK:
        yield path, landlock.READ
    for own in (cache_folder() / "packs", temporary):
        yield own, landlock.ALL & ~landlock.EXECUTE
    if grant.folder is not None:
        rights = landlock.ALL & ~landlock.EXECUTE if grant.write else landlock.READ
        yield grant.folder, rights

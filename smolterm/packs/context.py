"""What the person granted to a pack, told to the pack's own process at load."""

from __future__ import annotations

from pathlib import Path

import msgspec

from smolterm.errors import ToolError


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What one pack may use."""

    folder: str | None = None
    """An absolute path; None when the person granted none."""
    write: bool = False
    """The folder may be written to."""


_grant = Grant()


def granted_folder(*, write: bool = False) -> Path:
    """Return the folder that the person granted; for use inside a pack.

    Args:
        write: the tool is going to change the folder.

    Raises:
        ToolError: no folder was granted, or none to write to.
    """
    if _grant.folder is None:
        raise ToolError("No folder was granted.", next="Start with --folder DIR.")
    if write and not _grant.write:
        raise ToolError("The folder was granted for reading only.")
    return Path(_grant.folder)


def receive(grant: Grant) -> None:
    """Set this process's grant; called by the host once, before the pack is imported."""
    global _grant
    _grant = grant

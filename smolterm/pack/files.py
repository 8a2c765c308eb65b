"""Files in the folder that the person granted, among those that the manifest names."""

from __future__ import annotations

import base64
import builtins
from dataclasses import dataclass

from smolterm.errors import ToolError
from smolterm.pack.bridge import _call


@dataclass(frozen=True, slots=True)
class File:
    """One file, or a folder from `info`."""

    path: str
    """Relative to the granted folder, with slashes."""
    size: int
    """Bytes; 0 for a folder."""
    modified: str
    """Local time of the host, `2026-01-31T12:00:00`."""
    kind: str = "file"
    """"file" or "folder"."""


def list(pattern: str = "**/*") -> builtins.list[File]:
    """Return the files that match a glob, sorted by path; no folders, links or hidden files.

    Args:
        pattern: `*.csv` finds by name in every folder, `data/*.csv` in one folder,
            `src/**/*.py` in one folder and those below it.
    """
    return [File(**each) for each in _call("files.list", {"pattern": pattern})["files"]]


def info(path: str) -> File:
    """Return what a path is."""
    return File(**_call("files.info", {"path": path})["file"])


def read(path: str, limit: int | None = None) -> bytes:
    """Return a file's content, at most 20 MB.

    Args:
        limit: only so many bytes from its start; then the file may be larger.
    """
    return base64.b64decode(_call("files.read", {"path": path, "limit": limit})["content"])


def read_text(path: str, encoding: str = "utf-8") -> str:
    """Return a text file's content."""
    try:
        return read(path).decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise ToolError(f"{path!r} is not {encoding} text.") from None


def write(path: str, content: bytes | str) -> int:
    """Write a file whole or not at all, and return its size; folders on the way are made."""
    raw = content.encode() if isinstance(content, str) else bytes(content)
    answer = _call("files.write", {"path": path, "content": base64.b64encode(raw).decode()})
    return int(answer["size"])


def place(path: str, *, write: bool = False) -> str:
    """Return a file's real path; for native packs alone, whose library opens files by itself.

    Args:
        write: it is going to be changed, and may be missing in a folder that is there.

    Raises:
        Denied: it may not be read, not be written, or the pack is no native one.
    """
    return str(_call("files.place", {"path": path, "write": write})["place"])

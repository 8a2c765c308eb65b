"""What the sandbox is told of a file or folder of the host: names, kinds, sizes, versions."""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import stat
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One name in a mounted folder, as the sandbox is told of it."""

    name: str
    kind: Literal["file", "dir", "link", "other"]
    """Devices, sockets and links that lead out of the mount are "other": seen, never opened."""
    size: int
    mtime: float
    """Milliseconds since 1970."""
    mode: int
    version: str
    """Another one after any change to the file."""
    target: str = ""
    """Where a link leads, in the sandbox's paths."""


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """One file or folder of the host, and where the sandbox sees it."""

    at: str
    source: Path
    writable: bool
    """Whether changes may be committed; writes inside always stay inside."""
    folder: int
    """Descriptor of the folder, or of the folder that holds the file."""
    name: str | None
    """The file's name; None when a folder is mounted."""


def version(status: os.stat_result) -> str:
    """Return what differs after any change to a file; says nothing else about the host."""
    facts = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return hashlib.blake2b(struct.pack("=QQqq", *facts), digest_size=12).hexdigest()


def is_plain(name: str) -> bool:
    """Names that are not UTF-8 cannot be told; the sandbox does not see such files."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def entry_of(
    name: str, status: os.stat_result, mount: Mount, folder: Sequence[str], fd: int
) -> Entry:
    kind: Literal["file", "dir", "link", "other"] = "other"
    target = ""
    if stat.S_ISREG(status.st_mode):
        kind = "file"
    elif stat.S_ISDIR(status.st_mode):
        kind = "dir"
    elif stat.S_ISLNK(status.st_mode):
        with contextlib.suppress(OSError):
            target = _target(os.readlink(name, dir_fd=fd), mount, folder)
        kind = "link" if target else "other"
    return Entry(
        name=name,
        kind=kind,
        size=status.st_size if kind == "file" else 0,
        # Rounded up, so that it is never told as older than it is.
        mtime=-(-max(status.st_mtime_ns, 0) // 1_000_000),
        mode=stat.S_IMODE(status.st_mode) & 0o777 if kind != "other" else 0,
        version=version(status),
        target=target,
    )


def _target(link: str, mount: Mount, folder: Sequence[str]) -> str:
    """Translate where a link leads to the sandbox's paths; empty when that is outside."""
    if not is_plain(link) or mount.name is not None:
        return ""
    if posixpath.isabs(link):
        source = str(mount.source)
        path = posixpath.normpath(link)
        if path != source and not path.startswith(source.rstrip("/") + "/"):
            return ""
        return mount.at + path[len(source.rstrip("/")) :]
    depth = len(folder)
    for name in link.split("/"):
        if name == "..":
            depth -= 1
        elif name not in ("", "."):
            depth += 1
        if depth < 0:
            return ""
    return link

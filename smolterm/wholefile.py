"""Writing a file whole or not at all: beside it first, then in its place by one rename."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, data: bytes, *, mode: int = 0o600, lasting: bool = False) -> None:
    """Write a file so that it is never seen half written; its folder must be there.

    Args:
        mode: rights of the new file, before the umask.
        lasting: on the disk when this returns, should the power fail.

    Raises:
        OSError: it cannot be written; what was there is untouched, and nothing is left beside it.
    """
    part = path.with_name(f".{path.name[:40]}-{os.urandom(6).hex()}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)

"""A folder to stage, and what lies beside it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

SECRET = b"outside the mount"


def one_of_everything(tmp_path: Path) -> Path:
    """Make a folder with a file, links of each kind, a pipe, a socket; a secret lies beside it."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_bytes(SECRET)
    data = tmp_path / "data"
    (data / "sub" / "deep").mkdir(parents=True)
    (data / "a.txt").write_text("hello\n")
    (data / "sub" / "b.txt").write_text("b\n" * 1000)
    (data / "inner").symlink_to("sub/b.txt")
    (data / "folder").symlink_to(data / "sub")
    (data / "outer").symlink_to(tmp_path / "secret" / "key")
    (data / "up").symlink_to("../secret")
    (data / "sub" / "up").symlink_to("../../secret")
    os.mkfifo(data / "pipe")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(data / "s"))
    return data

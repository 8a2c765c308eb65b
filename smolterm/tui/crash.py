"""What is left when the screen itself fails: a file that says how, and lines that say where.

Textual would print the traceback with the values of all variables, keys among them.
"""

from __future__ import annotations

import os
import platform
import secrets
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path

from smolterm import __version__
from smolterm.store import data_folder

MOST = 200_000
"""Characters of a traceback that are kept."""


def write_crash(error: BaseException, size: tuple[int, int]) -> Path | None:
    """Write what happened, without the values of variables; None when nothing can be written."""
    lines = traceback.format_exception(error)
    text = "".join(lines)[-MOST:]
    head = (
        f"smolterm {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        f"TERM={os.environ.get('TERM', '')} {size[0]}x{size[1]}\n\n"
    )
    name = f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}.txt"
    for folder in (data_folder() / "crashes", Path(tempfile.gettempdir())):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "w", encoding="utf-8", errors="replace") as file:
                file.write(head + text)
            return folder / name
    return None


def crash_lines(error: BaseException, path: Path | None) -> list[str]:
    """Return what a person reads on the terminal."""
    words = " ".join(str(error).split())[:200]
    lines = [f"smolterm: the screen failed: {type(error).__name__}: {words}"]
    if path is not None:
        lines.append(f"How it came to that is in {path}; it holds no values of variables.")
    return lines

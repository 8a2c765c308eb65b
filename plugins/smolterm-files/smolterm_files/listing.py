"""Walking the granted folder: no links, nothing hidden, in a stable order."""

from __future__ import annotations

import datetime
import fnmatch
import os
import re
import stat
from collections.abc import Iterator

from smolterm.errors import ToolError

from smolterm_files import folder, text

MOST_SEEN = 200_000


def walk(pattern: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the regular files whose path matches, sorted by path."""
    wanted = glob(pattern)
    base = str(folder.root())
    seen = 0
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        below: list[str] = []
        for name, status in _entries(os.path.join(base, prefix)):  # noqa: PTH118 - hot
            seen += 1
            if seen > MOST_SEEN:
                raise ToolError(
                    f"The folder holds more than {MOST_SEEN} files; grant a smaller one."
                )
            path = prefix + name
            if stat.S_ISDIR(status.st_mode):
                below.append(path + "/")
            elif stat.S_ISREG(status.st_mode) and wanted.fullmatch(path):
                yield path, status
        waiting += reversed(below)


def info(path: str) -> dict[str, object]:
    """Return what `file_info` returns."""
    with folder.opened(path) as (handle, status):
        is_file = stat.S_ISREG(status.st_mode)
        if not is_file and not stat.S_ISDIR(status.st_mode):
            raise ToolError(f"{path!r} is neither a file nor a folder.")
        is_text = is_file and text.decoded_or_none(os.read(handle, 8192), whole=False) is not None
    return {
        "path": path,
        "kind": "file" if is_file else "folder",
        "size": status.st_size if is_file else 0,
        "modified": moment(status.st_mtime),
        "is_text": is_text,
    }


def moment(seconds: float) -> str:
    """Return local time as ISO 8601 writes it, in whole seconds."""
    return datetime.datetime.fromtimestamp(int(seconds)).isoformat()


def glob(pattern: str) -> re.Pattern[str]:
    """Return a glob as a regular expression over whole paths; without a slash it matches names."""
    folder_pattern = pattern.removeprefix("./")
    folder.parts_of(folder_pattern.replace("*", "x"))
    if "/" not in folder_pattern:
        folder_pattern = f"**/{folder_pattern}"
    written = ""
    for part in folder_pattern.split("/"):
        if part == "**":
            # Two in a row say no more than one, and cost a lot more.
            written += "" if written.endswith(_ANY) else _ANY
        else:
            # fnmatch lets a star cross slashes; a path's part has none.
            written += _part(part) + "/"
    return re.compile(
        written.removesuffix("/") if not written.endswith(_ANY) else written + "[^/]+"
    )


_ANY = "(?:[^/]+/)*"


def _part(part: str) -> str:
    shortened = re.sub(r"\*+", "*", part)
    return "".join(
        "[^/]*" if piece == "*" else "[^/]" if piece == "?" else _literal(piece)
        for piece in re.split(r"(\*|\?|\[[^\]]+\])", shortened)
    )


def _literal(piece: str) -> str:
    if piece.startswith("[") and piece.endswith("]"):
        return fnmatch.translate(piece)[len("(?s:") : -len(r")\Z")]
    return re.escape(piece)


def _entries(path: str) -> list[tuple[str, os.stat_result]]:
    found: list[tuple[str, os.stat_result]] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.name.isprintable():
                    continue
                try:
                    found.append((entry.name, entry.stat(follow_symlinks=False)))
                except OSError:
                    continue
    except OSError:
        # Gone or closed to the person too.
        return []
    return sorted(found)

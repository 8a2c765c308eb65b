"""Files that a task names with `@path`: found in the text, completed, and read to go with it.

A file is attached, never pasted: in the text stands where it lies in the sandbox.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from smolterm.errors import UsageError

MOST_BYTES = 64 * 1024 * 1024
"""Of one file."""
MOST_FILES = 50
IN = "/in/"

_MENTION = re.compile(r'(?<![^\s(\[{,;:])@(?:"([^"\n]+)"|([^\s"@]+))')
_BEGUN = re.compile(r'(?<![^\s(\[{,;:])@("[^"\n]*|[^\s"@]*)\Z')
_TRAILING = ".,;:!?)]}'"
_UNSAFE = re.compile(r"[^\w.+=~-]+")


class Mention(NamedTuple):
    """`@path` in a text."""

    start: int
    end: int
    path: str
    sure: bool
    """It can hardly be anything but a file's name."""


class Attached(NamedTuple):
    """A text as the model reads it, and the files that come with it by their path there."""

    text: str
    files: dict[str, bytes]


def mentions(text: str) -> list[Mention]:
    """Return what the text names with an @, a full stop behind it not counted."""
    found = []
    for match in _MENTION.finditer(text):
        path = match[1] or match[2].rstrip(_TRAILING)
        end = match.end() if match[1] else match.start() + 1 + len(path)
        sure = bool(match[1]) or "/" in path or "." in path
        if path:
            found.append(Mention(match.start(), end, path, sure))
    return found


def begun(before: str) -> tuple[int, str] | None:
    """Return where a mention that is being typed starts, and what there is of its path."""
    match = _BEGUN.search(before)
    return None if match is None else (match.start(), match[1].removeprefix('"'))


def written(path: str) -> str:
    """Return a path as it is mentioned, in quotes where it must be."""
    plain = re.fullmatch(r'[^\s"@]+', path) and path[-1] not in _TRAILING
    return f"@{path}" if plain else f'@"{path}"'


def attach(
    text: str, folder: Path, taken: Iterable[str] = (), *, lenient: bool = False
) -> Attached:
    """Read every file that a text mentions; blocks while it reads.

    Args:
        folder: what relative paths begin at.
        taken: paths in the sandbox that are somebody else's.
        lenient: what names no file is text.

    Raises:
        UsageError: one is missing, too large, or no file; nothing is attached then.
    """
    files: dict[str, bytes] = {}
    places: dict[str, str] = {}
    parts, at = [], 0
    for mention in mentions(text):
        path = folder / Path(mention.path).expanduser()
        if not _is_there(path):
            if mention.sure and not lenient:
                raise UsageError(f"There is no file {mention.path}.")
            continue
        key = str(path)
        if key not in places:
            if len(files) == MOST_FILES:
                raise UsageError(f"More than {MOST_FILES} files cannot come with one task.")
            data = read(path, mention.path)
            places[key] = place_for(path.name, {*taken, *files})
            files[places[key]] = data
        parts += [text[at : mention.start], places[key]]
        at = mention.end
    return Attached("".join([*parts, text[at:]]), files)


def read(path: Path, name: str) -> bytes:
    """Return a file's bytes.

    Raises:
        UsageError: it is no plain file, too large, or cannot be read.
    """
    try:
        if path.is_dir():
            raise UsageError(f"{name} is a folder.", next="Name files, or start with --folder.")
        # A pipe would wait for ever for somebody to write.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as file:  # noqa: PTH123  a descriptor
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise UsageError(f"{name} is no plain file.")
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}.") from None
    if len(data) > MOST_BYTES:
        limit = MOST_BYTES // (1024 * 1024)
        raise UsageError(f"{name} is larger than {limit} MB.", next="Start with --folder.")
    return data


def place_for(name: str, taken: Iterable[str]) -> str:
    """Return a path below `/in/` for a file of that name, unlike those that are taken."""
    plain = PurePosixPath(_UNSAFE.sub("_", name) or "file")
    names = (plain.name, *(f"{plain.stem}-{n}{plain.suffix}" for n in range(2, MOST_FILES + 100)))
    return next(IN + each for each in names if IN + each not in taken)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False

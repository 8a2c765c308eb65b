"""Globs over paths below the granted folder. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

from smolterm.errors import ToolError

LONGEST = 1_000
_ANY = "(?:[^/]+/)*"


def glob(pattern: str) -> re.Pattern[str]:
    """Return a glob as a regular expression over whole paths; without a slash it matches names.

    Raises:
        ToolError: it is no glob.
    """
    if len(pattern) > LONGEST:
        raise ToolError(f"The pattern is longer than {LONGEST} characters.")
    below = pattern.removeprefix("./")
    if "/" not in below:
        below = f"**/{below}"
    written = ""
    for part in below.split("/"):
        if part == "**":
            # Two in a row say no more than one, and cost a lot more.
            written += "" if written.endswith(_ANY) else _ANY
        else:
            # fnmatch lets a star cross slashes; a path's part has none.
            written += _part(part) + "/"
    try:
        return re.compile(written + "[^/]+" if written.endswith(_ANY) else written[:-1])
    except (re.error, RecursionError):
        raise ToolError(f"{pattern!r} is no pattern.", next="Use one such as '*.csv'.") from None


class Globs:
    """Some globs; matches what one of them does."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(patterns)
        self._compiled: list[re.Pattern[str]] = []
        for pattern in self.patterns:
            try:
                self._compiled.append(glob(pattern))
            except ToolError:
                # Grants nothing.
                continue

    def match(self, path: str) -> bool:
        return any(each.fullmatch(path) for each in self._compiled)

    def __str__(self) -> str:
        return ", ".join(self.patterns) or "none"


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

"""JSON from a process that may send anything, read only when it is known to stay small."""

from __future__ import annotations

import json
import re
from typing import Any

from smolterm.sandbox.values import MAX_ITEMS

MOST_TEXT = 32 * 1024 * 1024
"""Characters."""
MOST_ENTRIES = MAX_ITEMS + 10_000
"""Entries of all lists and objects: a value's, and what goes with it."""
PIECE = 1 << 20
_BACKSLASHES = re.compile(r"\\*")


def loads(text: str) -> Any:
    """Return what the text says.

    A megabyte of `[],` is 20 MB of lists: entries are counted in the text, before any is made.

    Raises:
        ValueError: it is no JSON, too long, nested too deep, or has too many entries.
    """
    if len(text) > MOST_TEXT:
        raise ValueError("The text is too long.")
    # What stands in strings is counted with it, and only where that is too much told apart.
    if _marks(text) > MOST_ENTRIES and not _few_entries(text):
        raise ValueError("The text has too many entries.")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("The text is nested too deep.") from None


def _few_entries(text: str) -> bool:
    found, at, inside = 0, 0, 0
    while at < len(text):
        end = at + PIECE
        if text[end - 1 : end] == "\\":
            # No piece ends within an escape: behind all backslashes stands what the last is for.
            match = _BACKSLASHES.match(text, end)
            end = 1 + (match.end() if match is not None else end)
        piece = text[at:end].replace("\\\\", "").replace('\\"', "")
        parts = piece.split('"')
        found += _marks("".join(parts[inside::2]))
        if found > MOST_ENTRIES:
            return False
        inside ^= (len(parts) - 1) & 1
        at = end
    return True


def _marks(text: str) -> int:
    """Count what begins an entry: each but the first of a list or object follows a comma."""
    return text.count(",") + text.count("[") + text.count("{")

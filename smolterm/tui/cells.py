"""How wide text is on any terminal, and what of it is written there. Pure.

Terminals disagree about characters that join or change their neighbours: one draws a family of
four as one picture of two cells, the next as four pictures. A row whose width is guessed wrong
breaks every pane to its right, so such characters are measured as nothing and never written: the
picture falls apart in the same way everywhere, and copying still takes the text as it was.
"""

from __future__ import annotations

from rich.cells import cell_len, get_character_cell_size

_JOINING = (
    0x00AD,  # soft hyphen
    *range(0x200B, 0x2010),  # zero width space, joiners, direction marks
    *range(0x2028, 0x202F),  # line separators, embeddings
    *range(0x2060, 0x2070),
    0xFEFF,
    *range(0xFE00, 0xFE10),  # variation selectors
    *range(0x1F3FB, 0x1F400),  # skin tones
    *range(0xE0000, 0xE01F0),  # tags, more variation selectors
)
_DROPPED: dict[int, None] = dict.fromkeys(_JOINING)


def drawable(text: str) -> str:
    """Return what of a line is written to the terminal; every character left has its own width."""
    return text if text.isascii() else text.translate(_DROPPED)


def cells(text: str) -> int:
    """Return how many cells a line takes; the parts of a line add up to the whole."""
    return len(text) if text.isascii() else cell_len(text.translate(_DROPPED))


def fitting(text: str, start: int, room: int) -> int:
    """Return where in `text` what fits into `room` cells ends: one character at least."""
    end = min(start + room, len(text))
    if text[start:end].isascii():
        return end
    left, at = room, start
    for at in range(start, min(start + 4 * room, len(text))):
        if ord(text[at]) not in _DROPPED:
            left -= get_character_cell_size(text[at])
        if left < 0:
            return max(at, start + 1)
    return at + 1


def clipped(text: str, room: int) -> str:
    """Return the start of a line that fits, with an ellipsis where something is missing."""
    if cells(text) <= room:
        return text
    start = text[: fitting(text, 0, room - 1)] if room > 1 else ""
    return (start if cells(start) < room else "") + "…"[:room]

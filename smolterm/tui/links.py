"""Which line of code caused which line of output, and the way back. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from smolterm.tui.lines import Line

_FRAME = re.compile(r"\s*File \"([^\"]*)\", line (\d{1,9})")


def frames(text: str, causes: Sequence[int]) -> list[int]:
    """Return for every line of a traceback the line of code it speaks of, 0 where none is.

    Args:
        causes: lines of the code that the traceback passes through, the last where it happened.
    """
    if not causes:
        return [0] * (text.count("\n") + 1)
    found: list[int] = []
    here, name = causes[0], ""
    for line in text.split("\n"):
        frame = _FRAME.match(line)
        # The first frame is the step's own; code of an earlier step has lines of the same numbers.
        name = name or (frame[1] if frame else "")
        if frame and frame[1] == name:
            here = int(frame[2]) if int(frame[2]) in causes else 0
        elif frame:
            here = 0
        found.append(here if line.startswith(" ") else causes[-1])
    return found


def caused(output: Sequence[Line]) -> dict[int, int]:
    """Return the first line of output that each line of code caused, by their places."""
    found: dict[int, int] = {}
    for place, line in enumerate(output):
        if line.code:
            found.setdefault(line.code, place)
    return found


def next_place(
    pane: int, at: tuple[int, int] | None, output: Sequence[Line], by: int
) -> tuple[int, int] | None:
    """Return the pane and line that a step's next linked place is, or None where it has none.

    Args:
        pane: the pane to move in; the reasoning is linked to nothing, so the output is taken.
        at: the pane and line that are chosen now.
        by: 1 to go on, -1 to go back; past the last comes the first.
    """
    pane = 1 if pane == 1 else 2
    links = caused(output)
    places = sorted(code - 1 for code in links) if pane == 1 else sorted(links.values())
    if not places:
        return None
    if at is None or at[0] != pane:
        return pane, places[0 if by > 0 else -1]
    later = [place for place in places if (place > at[1] if by > 0 else place < at[1])]
    if not later:
        return pane, places[0 if by > 0 else -1]
    return pane, later[0 if by > 0 else -1]

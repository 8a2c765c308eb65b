"""Text that the mouse selected, from one pane only. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from textual.selection import Selection

from smolterm.tui.block import LINES, Block


def selected(blocks: Mapping[int, Block], selection: Selection) -> tuple[str, str] | None:
    """Return the selected text of the pane that the selection began in, and how it ends."""
    start, end = selection
    if start is None or end is None:
        return None
    pane, item, line = _place(start.y)
    last_pane, last_item, last_line = _place(end.y)
    if last_pane != pane:
        last_line = LINES - 1
    found: list[str] = []
    for index in range(item, last_item + 1):
        lines = [line.text for line in blocks[index].lines_of(pane)] if index in blocks else []
        first = line if index == item else 0
        last = min(last_line, len(lines) - 1) if index == last_item else len(lines) - 1
        for number in range(first, last + 1):
            text = lines[number]
            stop = end.x if (index, number) == (last_item, last_line) else len(text)
            found.append(text[start.x if (index, number) == (item, line) else 0 : stop])
    return "\n".join(found), "\n"


def _place(row: int) -> tuple[int, int, int]:
    """Take a selection's row apart: pane, item, line."""
    rest, line = divmod(row, LINES)
    return (*divmod(rest, LINES), line)

"""Rows and columns drawn as a table that fits a pane. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from smolterm.events import Table
from smolterm.printable import printable
from smolterm.tui.cells import cells, clipped
from smolterm.tui.lines import Line, Span

LEAST = 4
"""Cells that a column keeps when there are too many."""
WIDEST = 40
GAP = "  "
_NUMBER = re.compile(
    r"[-+−]?(?:[\d,_ ]{0,40}\d(?:\.\d{0,40})?(?:e[-+]?\d{1,4})?%?|\.\d{1,40}|inf)"
    r"|nan|<NA>|NaT|None|",
    re.IGNORECASE,
)


def table_lines(table: Table, name: str, width: int) -> list[Line]:
    """Return the lines of a table, at most `width` cells wide where that is possible.

    Numbers stand to the right, the index apart in the colour of line numbers; columns that do not
    fit are left out from the middle on and counted.
    """
    columns = [_clean(text) for text in table.columns]
    rows = [[_clean(text) for text in row[: len(columns)]] for row in table.rows]
    rows = [row + [""] * (len(columns) - len(row)) for row in rows]
    indexed = bool(columns) and columns[0] == ""
    shown, rooms = _fit([columns, *rows], width)
    right = [all(_NUMBER.fullmatch(row[place]) for row in rows) for place in shown]
    lines = [_caption(table, name, len(columns) - indexed)]
    if shown:
        head = _row([columns[place] for place in shown], rooms, right, "table_head", "table_head")
        rule = "─" * cells(head.text)
        lines += [head, Line(rule, (Span(0, len(rule), "rule"),))]
    first = "gutter" if indexed else ""
    for row in rows:
        lines.append(_row([row[place] for place in shown], rooms, right, first, ""))
    return lines + _rest(table, len(columns) - len(shown))


def _clean(text: str) -> str:
    return " ".join(printable(text[:1_000]).split())


def _fit(rows: Sequence[Sequence[str]], width: int) -> tuple[list[int], list[int]]:
    """Return which columns are shown and how wide they are."""
    rooms = [
        min(max(cells(row[place]) for row in rows), WIDEST) or 1 for place in range(len(rows[0]))
    ]
    shown = list(range(len(rooms)))
    gap = len(GAP)
    while len(shown) > 2 and sum(min(rooms[p], LEAST) + gap for p in shown) - gap > width:
        shown.pop((len(shown) + 1) // 2)
    while (over := sum(rooms[p] + gap for p in shown) - gap - width) > 0:
        widest = max(shown, key=lambda place: rooms[place])
        if rooms[widest] <= LEAST:
            break
        others = max((rooms[p] for p in shown if rooms[p] < rooms[widest]), default=LEAST)
        rooms[widest] = max(rooms[widest] - over, others, LEAST)
        if rooms[widest] == others and over > 0:
            rooms[widest] = max(others - 1, LEAST)
    return shown, [rooms[place] for place in shown]


def _row(
    texts: Sequence[str], rooms: Sequence[int], right: Sequence[bool], first: str, style: str
) -> Line:
    parts: list[str] = []
    spans: list[Span] = []
    length = 0
    for place, (text, room) in enumerate(zip(texts, rooms, strict=True)):
        shown = clipped(text, room)
        pad = " " * (room - cells(shown))
        part = (pad + shown if right[place] else shown + pad) + GAP * (place < len(texts) - 1)
        look = first if place == 0 else style
        if look:
            spans.append(Span(length, length + len(part), look))
        parts.append(part)
        length += len(part)
    return Line("".join(parts), tuple(spans))


def _caption(table: Table, name: str, columns: int) -> Line:
    title = clipped(_clean(name), WIDEST)
    size = f"{table.total:,} × {columns + table.left_out}"
    text = f"{title}  {size}" if title else size
    spans = (Span(0, len(title), "tool"), Span(len(title), len(text), "quiet"))
    return Line(text, spans, "▦ ", "  ")


def _rest(table: Table, hidden: int) -> list[Line]:
    missing = max(table.total - len(table.rows), 0)
    parts = [f"{missing:,} row{'s' * (missing != 1)}"] if missing else []
    columns = hidden + table.left_out
    parts += [f"{columns:,} column{'s' * (columns != 1)}"] if columns else []
    if not parts:
        return []
    text = f"… {' and '.join(parts)} more, i shows them"
    return [Line(text, (Span(0, len(text), "fold"),))]

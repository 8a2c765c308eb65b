"""Lines of styled text, wrapped and folded to a width. Pure.

A pane is a list of these. Styles are names that the palette turns into colours at the last moment,
so that nothing here knows a theme, and nothing a model wrote can become markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from smolterm.tui.cells import cells, fitting

TAB = 4
AROUND = 2
"""Lines kept on each side of one that must be seen though its pane is folded."""


class Span(NamedTuple):
    start: int
    end: int
    style: str


class Line(msgspec.Struct, frozen=True):
    """One line as it was written, before wrapping."""

    text: str
    spans: tuple[Span, ...] = ()
    lead: str = ""
    """Drawn before the first row, not part of the text: a line number, a bullet."""
    rest: str = ""
    """Drawn before the rows that follow when the line wraps; as wide as `lead`."""
    lead_style: str = ""
    stands_for: int = 1
    """How many lines of the text this is; more than 1 for one that says how many were left out."""
    gap: bool = False
    """It stands for what is not here, and unfolding shows that."""
    code: int = 0
    """The line of the step's code that caused it, from 1; 0 where none is known."""


class Row(msgspec.Struct, frozen=True):
    """One row on the screen: a part of a line."""

    line: Line
    index: int
    """The line's place in its pane."""
    start: int
    end: int


class Fold(NamedTuple):
    """How many rows of a long pane stay."""

    head: int
    tail: int


def styled(
    text: str, style: str = "", *, lead: str = "", lead_style: str = "", code: int = 0
) -> list[Line]:
    """Return the lines of `text`, all in one style."""
    rest = " " * cells(lead)
    parts = text.expandtabs(TAB).split("\n")
    return [
        Line(
            part,
            (Span(0, len(part), style),) if style and part else (),
            lead,
            rest,
            lead_style,
            code=code,
        )
        for part in parts
    ]


def wrap(lines: Iterable[Line], width: int) -> Iterator[Row]:
    """Break every line into rows of at most `width` cells, at spaces where there are any."""
    for index, line in enumerate(lines):
        yield from wrap_line(line, index, width)


def wrap_line(line: Line, index: int, width: int, start: int = 0) -> Iterator[Row]:
    room = max(width - cells(line.lead), 2)
    text = line.text
    if len(text) <= room and (text.isascii() or cells(text) <= room):
        yield Row(line, index, 0, len(text))
        return
    while start < len(text):
        end = _break_after(text, start, room)
        # A space that the break falls on is not drawn.
        yield Row(line, index, start, min(end, fitting(text, start, room)))
        start = end


def _break_after(text: str, start: int, room: int) -> int:
    end = fitting(text, start, room)
    if end >= len(text):
        return len(text)
    if text[end] == " ":
        return end + 1
    space = text.rfind(" ", start, end)
    indented = not text[start:space].strip() if space > start else True
    return end if indented else space + 1


def folded(lines: list[Line], width: int, fold: Fold | None, keep: int = -1) -> list[Row]:
    """Return the rows of a pane; with a fold, the middle of a long one becomes one row.

    Args:
        keep: the place of a line that is seen all the same, with some around it.
    """
    if fold is None:
        return list(wrap(lines, width))
    limit = fold.head + fold.tail + 2
    if len(lines) <= limit:
        rows = list(islice(wrap(lines, width), limit + 1))
        if len(rows) <= limit:
            return rows
    head = _first_rows(lines, width, fold.head)
    tail = _last_rows(lines, width, fold.tail)
    if not head[-1].index < keep < tail[0].index:
        return [*head, _gap(lines, head[-1], tail[0], width), *tail]
    first = max(keep - AROUND, head[-1].index + 1)
    last = min(keep + AROUND, tail[0].index - 1)
    rows = list(head)
    for index in range(first, last + 1):
        seen = islice(wrap_line(lines[index], index, width), fold.tail)
        rows += _between(lines, rows[-1], seen, width)
    return rows + _between(lines, rows[-1], tail, width)


def _between(lines: list[Line], before: Row, rows: Iterable[Row], width: int) -> list[Row]:
    """Return rows with, before them, the row that stands for what is left out above, if any is."""
    shown = list(rows)
    if shown[0].index == before.index + 1:
        return shown
    return [_gap(lines, before, shown[0], width), *shown]


def left_out(lines: int, characters: int, how: str) -> Line:
    """Return the line that stands for many, or for one that is long; `how` says what shows them."""
    size = f"{lines:,} lines" if lines > 1 else f"{characters:,} characters"
    text = f"… {size} more, {how}"
    return Line(text, (Span(0, len(text), "fold"),), stands_for=lines, gap=True)


def _first_rows(lines: list[Line], width: int, count: int) -> list[Row]:
    rows: list[Row] = []
    for index, line in enumerate(lines[:count]):
        rows.extend(islice(wrap_line(line, index, width), count))
        if len(rows) >= count:
            break
    return rows[:count]


def _last_rows(lines: list[Line], width: int, count: int) -> list[Row]:
    rows: list[Row] = []
    for index in range(len(lines) - 1, max(len(lines) - count, 0) - 1, -1):
        line = lines[index]
        # Of an endless line only the end is wrapped.
        start = max(len(line.text) - (count + 1) * width, 0)
        rows[:0] = wrap_line(line, index, width, start)
        if len(rows) >= count:
            break
    return rows[-count:]


def _gap(lines: list[Line], first: Row, last: Row, width: int) -> Row:
    missing = sum(line.stands_for for line in lines[first.index + 1 : last.index])
    if missing:
        size = f"{missing:,} line{'s' if missing > 1 else ''} more"
    elif first.index == last.index:
        size = f"{max(last.start - first.end, 0):,} characters more"
    else:
        size = "more"
    text = f"… {size}, Enter shows all"
    if cells(text) > width:
        text = f"… {size}"
    text = text[:width]
    return Row(Line(text, (Span(0, len(text), "fold"),)), -1, 0, len(text))

"""One item of the view laid out at a width: which row of which pane stands where. Pure."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from textual.strip import Strip

from smolterm.printable import printable
from smolterm.tui.items import Ending, Item, Note, Step, Task
from smolterm.tui.layout import USUAL, Panes
from smolterm.tui.lines import Fold, Line, Row, folded, styled
from smolterm.tui.links import caused
from smolterm.tui.markdown import markdown_lines
from smolterm.tui.panes import NAMES, Room, pane_lines

WIDE_FOLD, STACKED_FOLD = Fold(14, 6), Fold(8, 4)
WHOLE_PICTURE = 40
"""Rows of a picture in an unfolded pane."""
BESIDE_PICTURE = 5
"""Rows left for other output, so that a picture is not cut by the fold."""
RAIL = 2
"""Cells of the rail before every row of a pane."""
FULL_WIDTH = 3
"""The pane number of what spans the whole width."""
LINES = 10_000_000
"""More than an item has lines; a selection's row is `(pane, item, line)` in one number."""


class Shape(NamedTuple):
    """How items are laid out, besides their width."""

    panes: Panes = USUAL
    unfolded: bool = False
    colour: bool = True
    """The terminal shows colours, so a picture can be drawn."""
    code: int = 0
    """A line of the code, from 1, that is seen with what it caused though panes are folded."""


class Marks(NamedTuple):
    """What is marked in one item; a row is drawn again when it differs."""

    pane: int = -1
    """The pane that the reader is in, where the item is the chosen one."""
    place: tuple[int, int] = (-1, -1)
    """The pane and line that the reader chose."""
    code: int = 0
    """The line of code, from 1, that the chosen one is linked with."""
    running: int = 0
    """The line of code, from 1, that runs now."""


UNMARKED = Marks()


class Area(msgspec.Struct):
    """A rectangle of rows behind a rail."""

    pane: int
    x: int
    y: int
    width: int
    """Cells, the two of the rail included."""
    rows: list[Row]
    lines: list[Line]
    rail: str = "│ "
    rail_style: str = "rule"
    height: int = 0


class Block(msgspec.Struct):
    """The layout of one item."""

    height: int
    areas: list[Area]
    titles: list[tuple[int, str, str]] = msgspec.field(default_factory=list)
    """What the rule on top says: column, text, style."""
    joints: tuple[int, ...] = ()
    """Columns where the rule crosses the panes' rails."""
    has_fold: bool = False
    drawn: dict[tuple[int, bool, Marks], Strip] = msgspec.field(default_factory=dict)
    """Rows drawn before, by row, theme and what is marked."""

    def top_of(self, pane: int) -> int:
        """Return the row to scroll to for reading a pane; the rule above it comes along."""
        return next((area.y - 1 for area in self.areas if area.pane == pane), 0)

    def row_of(self, pane: int, line: int) -> int | None:
        """Return the row of a pane's line, None where it is folded away."""
        for area in self.areas:
            if area.pane == pane:
                found = (area.y + n for n, row in enumerate(area.rows) if row.index == line)
                return next(found, None)
        return None

    def lines_of(self, pane: int) -> list[Line]:
        return next((area.lines for area in self.areas if area.pane == pane), [])

    def at(self, x: int, y: int) -> tuple[int, int] | None:
        """Return the pane and line at a cell; the line is -1 where it stands for folded ones."""
        for area in self.areas:
            if area.x <= x < area.x + area.width and 0 <= y - area.y < len(area.rows):
                row = area.rows[y - area.y]
                return area.pane, -1 if row.line.gap else row.index
        return None

    def pane_at(self, x: int, y: int, default: int) -> int:
        """Return the pane at a cell, below its last line too."""
        for area in self.areas:
            if area.x <= x < area.x + area.width and 0 <= y - area.y < area.height:
                return area.pane
        return default


def layout(item: Item, width: int, shape: Shape = Shape()) -> Block:  # noqa: B008  frozen
    """Lay one item out."""
    match item:
        case Step():
            return _step(item, width, shape)
        case Task():
            mark = "+ " if item.added else "❯ "
            lines = styled(printable(item.text), "task", lead=mark, lead_style="prompt")
            if item.files:
                lines += styled("with " + ", ".join(map(printable, item.files)), "quiet", lead="  ")
            return _spanning(lines, width, "  ", "", above=1, below=0)
        case Ending():
            return _ending(item, width)
        case Note():
            return _spanning(styled(printable(item.text), item.level), width, "┃ ", item.level)


def _spanning(
    lines: list[Line], width: int, rail: str, rail_style: str, *, above: int = 1, below: int = 0
) -> Block:
    rows = folded(lines, width - 3, None)
    area = Area(FULL_WIDTH, 0, above, width, rows, lines, rail, rail_style, len(rows))
    return Block(len(rows) + above + below, [area])


def _ending(item: Ending, width: int) -> Block:
    finished = item.finished
    lines: list[Line] = []
    look = "answer" if finished.reason == "answer" else "warning"
    if finished.reason == "failed":
        look = "error"
    if finished.reason != "answer":
        lines += styled(printable(finished.message) or _ENDINGS[finished.reason], look)
    if finished.answer is not None:
        short = len(finished.answer) < 200 and "\n" not in finished.answer
        lines += markdown_lines(finished.answer, style="bold" if short else "")
    elif finished.reason == "answer":
        lines += styled(printable(finished.message) or "Done.", "answer")
    return _spanning(lines, width, "┃ ", look, below=1)


_ENDINGS = {
    "answer": "Done.",
    "stopped": "Stopped.",
    "interrupted": "Interrupted.",
    "steps": "The limit of steps is reached.",
    "seconds": "The limit of time is reached.",
    "repairs": "The model did not answer in the form that can run.",
    "failed": "The task failed.",
}


def _step(step: Step, width: int, shape: Shape) -> Block:
    # Code that waits for a decision is seen, whatever was hidden.
    panes = shape.panes.with_pane(1) if step.phase == "asking" else shape.panes
    stacked = panes.is_stacked(width)
    rooms = dict.fromkeys(panes.shown, width) if stacked else panes.columns(width)
    areas = [_area(step, pane, room, stacked, shape) for pane, room in rooms.items()]
    return (_one_below_another if stacked else _side_by_side)(step, areas, panes)


def _area(step: Step, pane: int, width: int, stacked: bool, shape: Shape) -> Area:
    room = max(width - RAIL - 1, 1)
    fold = None if shape.unfolded else STACKED_FOLD if stacked else WIDE_FOLD
    tallest = WHOLE_PICTURE if fold is None else fold.head + fold.tail - BESIDE_PICTURE
    room_for = Room(room, tallest if shape.colour else 0)
    lines = pane_lines(step, pane, room_for, full=shape.unfolded)
    keep = -1
    if pane == 1:
        # Code that waits for a decision is shown whole.
        fold = None if step.phase == "asking" else fold
        keep = (shape.code or step.line) - 1
    elif pane == 2 and shape.code:
        keep = caused(lines).get(shape.code, -1)
    return Area(pane, 0, 1, width, folded(lines, room, fold, keep), lines)


def _side_by_side(step: Step, areas: list[Area], panes: Panes) -> Block:
    x, height = 0, max(1, *(len(area.rows) for area in areas))
    for area in areas:
        area.x, area.height = x, height
        area.rail = "│ " if x else "  "
        x += area.width
    words = {0: f"{step.number}", 1: _code_title(step), 2: _output_title(step)}
    first = areas[0].pane
    words[first] = " · ".join(filter(None, (f"{step.number}", words[first] if first else "")))
    look = "asking" if step.phase == "asking" else "label"
    titles = [
        (area.x + RAIL, words[area.pane], look if area.pane == 1 else "label")
        for area in areas
        if words[area.pane]
    ]
    joints = tuple(area.x for area in areas[1:])
    return Block(height + 1, areas, titles, joints, _has_fold(areas))


def _one_below_another(step: Step, areas: list[Area], panes: Panes) -> Block:
    y, shown = 1, [area for area in areas if area.lines]
    for area in shown:
        area.y, area.height = y, len(area.rows)
        area.rail, area.rail_style = "▎ ", NAMES[area.pane]
        y += area.height
    words = " · ".join(filter(None, (str(step.number), _code_title(step), _output_title(step))))
    titles = [(RAIL, words, "asking" if step.phase == "asking" else "label")]
    return Block(max(y, 2), shown, titles, (), _has_fold(shown))


def _has_fold(areas: list[Area]) -> bool:
    return any(row.index < 0 or row.line.gap for area in areas for row in area.rows)


def _code_title(step: Step) -> str:
    return "needs you" if step.phase == "asking" else step.decision


def _output_title(step: Step) -> str:
    if step.phase == "running":
        return f"running line {step.line}" if step.line else "running"
    if step.seconds is None:
        return ""
    return f"{step.seconds * 1000:.0f} ms" if step.seconds < 1 else f"{step.seconds:.1f} s"

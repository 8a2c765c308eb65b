"""One item of the view laid out at a width: which row of which pane stands where. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.selection import Selection
from textual.strip import Strip

from smolterm.printable import printable
from smolterm.tui.fold import Ending, Item, Note, Step, Task
from smolterm.tui.lines import Fold, Line, Row, folded, styled
from smolterm.tui.markdown import markdown_lines
from smolterm.tui.palette import style
from smolterm.tui.panes import NAMES, pane_lines

STACKED_BELOW = 100
"""Columns; a narrower screen stacks the panes."""
SCROLL_BAR = 2
"""Columns that the panes never have."""
WIDE_FOLD, STACKED_FOLD = Fold(14, 6), Fold(8, 4)
FULL_WIDTH = 3
"""The pane number of what spans the whole width."""
LINES = 10_000_000
"""More than an item has lines; a selection's row is `(pane, item, line)` in one number."""


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
    drawn: dict[tuple[int, bool, bool], Strip] = msgspec.field(default_factory=dict)
    """Rows drawn before, by row, theme and whether the step is chosen."""

    def top_of(self, pane: int) -> int:
        """Return the row to scroll to for reading a pane; the rule above it comes along."""
        return next((area.y - 1 for area in self.areas if area.pane == pane), 0)

    def fold_at(self, x: int, y: int) -> bool:
        """Say whether that cell is the row that stands for folded ones."""
        for area in self.areas:
            if area.x <= x < area.x + area.width and 0 <= y - area.y < len(area.rows):
                return area.rows[y - area.y].index < 0
        return False


def columns(width: int) -> tuple[int, int, int]:
    """Return the widths of the three panes side by side."""
    reasoning, output = width * 30 // 100, width * 32 // 100
    return reasoning, width - reasoning - output, output


def layout(item: Item, width: int, *, unfolded: bool = False) -> Block:
    """Lay one item out."""
    match item:
        case Step():
            stacked = width < STACKED_BELOW - SCROLL_BAR
            return (_stacked if stacked else _wide)(item, width, unfolded)
        case Task():
            lines = styled(printable(item.text), "task", lead="❯ ", lead_style="prompt")
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


def _wide(step: Step, width: int, unfolded: bool) -> Block:
    areas: list[Area] = []
    x = 0
    for pane, room in enumerate(columns(width)):
        lines = pane_lines(step, pane, full=unfolded)
        rows = folded(lines, room - 3, _fold(step, pane, WIDE_FOLD, unfolded))
        rail = "  " if pane == 0 else "│ "
        areas.append(Area(pane, x, 1, room, rows, lines, rail))
        x += room
    height = max(1, *(len(area.rows) for area in areas))
    for area in areas:
        area.height = height
    words = (f"{step.number}", _code_title(step), _output_title(step))
    looks = ("label", "asking" if step.phase == "asking" else "label", "label")
    titles = [(a.x + 2, t, s) for a, t, s in zip(areas, words, looks, strict=True) if t]
    has_fold = any(row.index < 0 for area in areas for row in area.rows)
    return Block(height + 1, areas, titles, tuple(area.x for area in areas[1:]), has_fold)


def _stacked(step: Step, width: int, unfolded: bool) -> Block:
    areas: list[Area] = []
    y = 1
    for pane, name in enumerate(NAMES):
        lines = pane_lines(step, pane, full=unfolded)
        if not lines:
            continue
        rows = folded(lines, width - 3, _fold(step, pane, STACKED_FOLD, unfolded))
        areas.append(Area(pane, 0, y, width, rows, lines, "▎ ", name, len(rows)))
        y += len(rows)
    words = " · ".join(filter(None, (str(step.number), _code_title(step), _output_title(step))))
    titles = [(2, words, "asking" if step.phase == "asking" else "label")]
    has_fold = any(row.index < 0 for area in areas for row in area.rows)
    return Block(max(y, 2), areas, titles, (), has_fold)


def _fold(step: Step, pane: int, fold: Fold, unfolded: bool) -> Fold | None:
    """Code that waits for a decision is shown whole."""
    return None if unfolded or (pane == 1 and step.phase == "asking") else fold


def _code_title(step: Step) -> str:
    return "needs you" if step.phase == "asking" else step.decision


def _output_title(step: Step) -> str:
    if step.phase == "running":
        return "running"
    if step.seconds is None:
        return ""
    return f"{step.seconds * 1000:.0f} ms" if step.seconds < 1 else f"{step.seconds:.1f} s"


def strip(
    block: Block,
    y: int,
    width: int,
    *,
    item: int,
    dark: bool,
    chosen: bool = False,
    selection: Selection | None = None,
) -> Strip:
    """Draw one row of a block."""
    if selection is not None:
        return _draw(block, y, width, item, dark, chosen, selection)
    key = (y, dark, chosen)
    if key not in block.drawn:
        block.drawn[key] = _draw(block, y, width, item, dark, chosen, None)
    return block.drawn[key]


def _draw(
    block: Block,
    y: int,
    width: int,
    item: int,
    dark: bool,
    chosen: bool,
    selection: Selection | None,
) -> Strip:
    below = style("base", dark) + style("chosen" if chosen else "below", dark)
    if y == 0 and block.titles:
        return Strip([*_rule(block, width, below, dark, chosen)], width)
    segments: list[Segment] = []
    at = 0
    for area in block.areas:
        if not 0 <= y - area.y < area.height:
            continue
        rail, look = area.rail, area.rail_style
        if chosen and area.x == 0:
            rail, look = "▌ ", "code" if area.rail == "  " else area.rail_style
        segments.append(Segment(rail, below + style(look, dark)))
        key = (area.pane * LINES + item) * LINES
        rows = area.rows
        row = rows[y - area.y] if y - area.y < len(rows) else None
        segments += _row(row, area.width - len(rail), key, below, dark, selection)
        at = area.x + area.width
    if at < width:
        segments.append(Segment(" " * (width - at), below))
    return Strip(segments, width)


def _rule(block: Block, width: int, below: Style, dark: bool, chosen: bool) -> Iterator[Segment]:
    marks = [(x, "┼", "rule") for x in block.joints]
    marks += [(x, f" {printable(text)} ", look) for x, text, look in block.titles]
    line, at = below + style("rule", dark), 0
    for x, text, look in sorted(marks):
        text = text[: max(width - x, 0)]
        if x > at:
            yield Segment("─" * (x - at), line)
        yield Segment(text, below + style("code" if chosen and look == "label" else look, dark))
        at = x + cell_len(text)
    if at < width:
        yield Segment("─" * (width - at), line)


def _row(
    row: Row | None, room: int, key: int, below: Style, dark: bool, selection: Selection | None
) -> Iterator[Segment]:
    if row is None:
        yield Segment(" " * room, below)
        return
    line, looks = row.line, [""] * (row.end - row.start)
    for start, end, name in line.spans:
        for at in range(max(start, row.start), min(end, row.end)):
            looks[at - row.start] = name
    lead = line.lead if row.start == 0 else line.rest
    if lead:
        yield Segment(lead, below + style(line.lead_style, dark))
    used = cell_len(lead)
    chosen = selection.get_span(key + row.index) if selection and row.index >= 0 else None
    first, last = chosen or (0, 0)
    last = len(line.text) if last == -1 else last
    at = 0
    while at < len(looks):
        end = at + 1
        picked = first <= row.start + at < last
        while (
            end < len(looks)
            and looks[end] == looks[at]
            and (first <= row.start + end < last) == picked
        ):
            end += 1
        look = below + style(looks[at], dark)
        look = look + style("selected", dark) if picked else look
        text = line.text[row.start + at : row.start + end]
        used += cell_len(text)
        yield Segment(text, look + _offset(row, at, key))
        at = end
    if used > room:
        return
    yield Segment(" " * (room - used), below + _offset(row, len(looks), key))


def _offset(row: Row, at: int, key: int) -> Style:
    """Say where in the text a cell is, for selecting with the mouse."""
    if row.index < 0:
        return Style.null()
    return Style.from_meta({"offset": (row.start + at, key + row.index)})

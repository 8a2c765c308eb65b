"""Rows of a block as the screen takes them: exactly as wide, whatever the text holds. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

from rich.segment import Segment
from rich.style import Style
from textual.selection import Selection
from textual.strip import Strip

from smolterm.printable import printable
from smolterm.tui.block import LINES, UNMARKED, Area, Block, Marks
from smolterm.tui.cells import cells, clipped, drawable
from smolterm.tui.halves import half_style
from smolterm.tui.lines import Row
from smolterm.tui.palette import style
from smolterm.tui.panes import NAMES

KEPT = 4
"""Times the rows of a block that are kept drawn; more are drawings of marks that moved on."""


def strip(
    block: Block,
    y: int,
    width: int,
    *,
    item: int,
    dark: bool,
    marks: Marks = UNMARKED,
    selection: Selection | None = None,
) -> Strip:
    """Draw one row of a block."""
    if selection is not None:
        return _draw(block, y, width, item, dark, marks, selection)
    key = (y, dark, marks)
    found = block.drawn.get(key)
    if found is None:
        if len(block.drawn) > KEPT * block.height:
            block.drawn.clear()
        found = block.drawn[key] = _draw(block, y, width, item, dark, marks, None)
    return found


def carry(old: Block, new: Block) -> None:
    """Take rows that look as before from the block that another takes the place of."""
    places = [(area.pane, area.x, area.y, area.width, area.rail) for area in old.areas]
    if places != [(area.pane, area.x, area.y, area.width, area.rail) for area in new.areas]:
        return
    height = min(old.height, new.height)
    same = [old.titles == new.titles and old.joints == new.joints]
    same += [all(map(_same, old.areas, new.areas, repeat(y))) for y in range(1, height)]
    new.drawn = {key: row for key, row in old.drawn.items() if key[0] < height and same[key[0]]}


def _same(old: Area, new: Area, y: int) -> bool:
    inside = 0 <= y - old.y < old.height
    if not inside or not 0 <= y - new.y < new.height:
        return inside == (0 <= y - new.y < new.height)
    before = old.rows[y - old.y] if y - old.y < len(old.rows) else None
    after = new.rows[y - new.y] if y - new.y < len(new.rows) else None
    return before == after


def difference(old: Strip | None, new: Strip) -> list[tuple[int, int]]:
    """Return the cells, from one to another, in which a row looks different: none or one range."""
    if old is new:
        return []
    width = new.cell_length
    before, after = list(old or ()), list(new)
    if old is None or old.cell_length != width:
        return [(0, width)]
    alike = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        alike += 1
    if alike == len(before) == len(after):
        return []
    first = sum(segment.cell_length for segment in after[:alike])
    behind = 0
    for one, other in zip(reversed(before[alike:]), reversed(after[alike:]), strict=False):
        if one != other:
            break
        behind += one.cell_length
    return [(first, max(width - behind, first + 1))]


def _draw(
    block: Block,
    y: int,
    width: int,
    item: int,
    dark: bool,
    marks: Marks,
    selection: Selection | None,
) -> Strip:
    chosen = marks.pane >= 0
    below = style("base", dark) + style("chosen" if chosen else "below", dark)
    if y == 0 and block.titles:
        return _exactly([*_rule(block, width, below, dark, chosen)], width, below)
    segments: list[Segment] = []
    at = 0
    for area in block.areas:
        if not 0 <= y - area.y < area.height:
            continue
        row = area.rows[y - area.y] if y - area.y < len(area.rows) else None
        rail, look = area.rail, area.rail_style
        if chosen and area.pane == marks.pane:
            rail, look = "▌ ", NAMES[area.pane]
        mark, ground = _marked(area, row, marks)
        if mark:
            rail, look = mark, "pointer"
        around = below + style(ground, dark) if ground else below
        segments.append(Segment(rail, around + style(look, dark)))
        key = (area.pane * LINES + item) * LINES
        # What is behind a line's end belongs to that end for the mouse.
        behind = around if row is None else around + _offset(row, row.end - row.start, key)
        room = area.width - len(rail)
        segments += _exactly([*_row(row, key, around, dark, selection)], room, behind)
        at = area.x + area.width
    if at < width:
        segments.append(Segment(" " * (width - at), below))
    return _exactly(segments, width, below)


def _marked(area: Area, row: Row | None, marks: Marks) -> tuple[str, str]:
    """Return the rail and the ground of a row that is marked, empty strings for any other."""
    if row is None or row.index < 0 or marks == UNMARKED:
        return "", ""
    place = (area.pane, row.index)
    code = row.index + 1 if area.pane == 1 else row.line.code if area.pane == 2 else 0
    if place == marks.place or (code and code == marks.code):
        return "▸ ", "marked"
    if area.pane == 1 and code == marks.running:
        return "▶ ", "running"
    return "", ""


def _exactly(segments: list[Segment], width: int, below: Style) -> Strip:
    """Return the segments as wide as they must be."""
    length = sum(cells(segment.text) for segment in segments)
    if length < width:
        segments.append(Segment(" " * (width - length), below))
    elif length > width:
        return Strip(segments).crop(0, width).adjust_cell_length(width, below)
    return Strip(segments, width)


def _rule(block: Block, width: int, below: Style, dark: bool, chosen: bool) -> Iterator[Segment]:
    marks = [(x, "┼", "rule") for x in block.joints]
    marks += [
        (x, f" {drawable(' '.join(printable(text).split()))} ", look)
        for x, text, look in block.titles
    ]
    line, at = below + style("rule", dark), 0
    for x, text, look in sorted(marks):
        text = clipped(text, max(width - x, 0))
        if x > at:
            yield Segment("─" * (x - at), line)
        yield Segment(text, below + style("code" if chosen and look == "label" else look, dark))
        at = x + cells(text)
    if at < width:
        yield Segment("─" * (width - at), line)


def _row(
    row: Row | None, key: int, below: Style, dark: bool, selection: Selection | None
) -> Iterator[Segment]:
    if row is None:
        return
    line, size = row.line, row.end - row.start
    lead = line.lead if row.start == 0 else line.rest
    if lead:
        yield Segment(drawable(lead), below + style(line.lead_style, dark))
    chosen = selection.get_span(key + row.index) if selection and row.index >= 0 else None
    first, last = chosen or (0, 0)
    last = len(line.text) if last == -1 else last
    first, last = first - row.start, last - row.start
    names = [""] * size
    for start, end, name in line.spans:
        start, end = max(start - row.start, 0), min(end - row.start, size)
        if start < end:
            names[start:end] = [name] * (end - start)
    at = 0
    while at < size:
        picked, end = first <= at < last, at + 1
        while end < size and names[end] == names[at] and (first <= end < last) == picked:
            end += 1
        name = names[at]
        look = below + (half_style(name) if name[:1] == "#" else style(name, dark))
        if picked:
            look = look + style("selected", dark)
        text = drawable(line.text[row.start + at : row.start + end])
        yield Segment(text, look + _offset(row, at, key))
        at = end


def _offset(row: Row, at: int, key: int) -> Style:
    """Say where in the text a cell is, for selecting with the mouse."""
    if row.index < 0:
        return Style.null()
    return Style.from_meta({"offset": (row.start + at, key + row.index)})

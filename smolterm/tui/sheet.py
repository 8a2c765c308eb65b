"""Styled lines that scroll: a diff, a list. Rows are drawn as they come on the screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from smolterm.tui.cells import drawable
from smolterm.tui.lines import Line, Row, wrap
from smolterm.tui.palette import style


# Without the bindings of what scrolls: the arrows belong to the screen, for its files and hunks.
class Sheet(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows what a function returns for a width."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "scroll_home", "To the top", show=False, id="sheet.home"),
        Binding("end", "scroll_end", "To the end", show=False, id="sheet.end"),
    ]

    DEFAULT_CSS = """
    Sheet { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """

    class Clicked(Message):
        """A line was clicked, by its place."""

        def __init__(self, sheet: Sheet, index: int, x: int) -> None:
            super().__init__()
            self.sheet = sheet
            self.index = index
            self.x = x

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._make: Callable[[int], list[Line]] | None = None
        self._rows: list[Row] = []
        self._width = 0
        self.marked: range = range(0)
        """Lines that stand out."""

    def show(self, make: Callable[[int], list[Line]]) -> None:
        """Show lines; the function is called again when the width changes."""
        self._make = make
        self._lay_out()

    def mark(self, lines: range, *, reveal: bool = True) -> None:
        """Have lines stand out, and come on the screen."""
        self.marked = lines
        if reveal and lines:
            first, last = self._row_of(lines.start), self._row_of(lines.stop) - 1
            top, height = self.scroll_offset.y, self.size.height
            if first < top or last - first >= height:
                self.scroll_to(y=first, animate=False)
            elif last >= top + height:
                self.scroll_to(y=last - height + 1, animate=False)
        self.refresh()

    def is_all_shown(self, lines: range) -> bool:
        """Say whether the last of some lines is on the screen or above it."""
        return self._row_of(lines.stop) <= self.scroll_offset.y + self.size.height

    def _row_of(self, index: int) -> int:
        return next((n for n, row in enumerate(self._rows) if row.index >= index), len(self._rows))

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        if self._make is None or not width:
            return
        self._width = width
        self._rows = list(wrap(self._make(width), width))
        self.virtual_size = Size(width, len(self._rows))
        self.refresh()

    def on_resize(self) -> None:
        if self.scrollable_content_region.width != self._width:
            self._lay_out()

    def render_line(self, y: int) -> Strip:
        width, dark = self.scrollable_content_region.width, self.app.current_theme.dark
        at = y + self.scroll_offset.y
        if at >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows[at]
        below = self.rich_style
        if row.index in self.marked:
            below = below + style("selected" if self.has_focus else "chosen", dark)
        line = row.line
        segments = []
        lead = line.lead if row.start == 0 else line.rest
        if lead:
            segments.append(Segment(drawable(lead), below + style(line.lead_style, dark)))
        names = [""] * (row.end - row.start)
        for start, end, name in line.spans:
            for place in range(max(start, row.start), min(end, row.end)):
                names[place - row.start] = name
        first = 0
        while first < len(names):
            last = first
            while last < len(names) and names[last] == names[first]:
                last += 1
            text = drawable(line.text[row.start + first : row.start + last])
            segments.append(Segment(text, below + style(names[first] or "base", dark)))
            first = last
        return Strip(segments).adjust_cell_length(width, below)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        at = -1 if offset is None else offset.y + self.scroll_offset.y
        if offset is not None and 0 <= at < len(self._rows):
            self.post_message(self.Clicked(self, self._rows[at].index, offset.x))

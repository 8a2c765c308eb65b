"""The rows of something that has rows, fetched page by page as they are scrolled to."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from itertools import accumulate
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from smolterm.errors import SmoltermError
from smolterm.events import Table
from smolterm.printable import printable
from smolterm.tui.page import Page
from smolterm.tui.palette import style

PAGE = 100
"""Rows that are asked for at once."""
MOST_PAGES = 40
WIDEST = 40
"""Cells of one column; a longer value is cut, and shown whole below when it is chosen."""
GAP = 2
LONGEST = 2_000
"""Characters of the chosen value that stand below the table."""

Fetch = Callable[[int, int], Awaitable[Table]]


class Rows(ScrollView, can_focus=True):
    """A table of any length: the header stays, rows come when they are seen."""

    DEFAULT_CSS = """
    Rows { height: 1fr; background: $background; scrollbar-size-vertical: 1;
           scrollbar-size-horizontal: 1; scrollbar-background: $background;
           scrollbar-color: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1, 0)", "Up", show=False, id="rows.up"),
        Binding("down,j", "move(1, 0)", "Down", show=False, id="rows.down"),
        Binding("left,h", "move(0, -1)", "Column left", show=False, id="rows.left"),
        Binding("right,l", "move(0, 1)", "Column right", show=False, id="rows.right"),
        Binding("pageup", "leaf(-1)", "Page up", show=False, id="rows.page_up"),
        Binding("pagedown", "leaf(1)", "Page down", show=False, id="rows.page_down"),
        Binding("c", "copy_cell", "Copy the value", id="rows.copy_cell"),
        Binding("r", "copy_row", "Copy the row", id="rows.copy_row"),
        Binding("home,g", "edge(0)", "First row", show=False, id="rows.first"),
        Binding("end,G", "edge(1)", "Last row", id="rows.last"),
    ]

    row: reactive[int] = reactive(0)
    column: reactive[int] = reactive(0)

    class Changed(Message):
        """Another value is chosen, or what is known of the table changed."""

    class CopyAsked(Message):
        def __init__(self, text: str, what: str) -> None:
            super().__init__()
            self.text = text
            self.what = what

    def __init__(self, fetch: Fetch) -> None:
        super().__init__()
        self._fetch = fetch
        self._pages: OrderedDict[int, tuple[tuple[str, ...], ...]] = OrderedDict()
        self._wanted: set[int] = set()
        self._waiting = asyncio.Event()
        self.columns: tuple[str, ...] = ()
        self.total, self.left_out = 0, 0
        self.failure = ""
        self._widths: list[int] = []
        self._lefts: list[int] = [0]

    def on_mount(self) -> None:
        self._want(0)
        self.run_worker(self._bring(), group="rows")

    # Rows in

    def _want(self, page: int) -> None:
        if page not in self._pages and page not in self._wanted and not self.failure:
            self._wanted.add(page)
            self._waiting.set()

    async def _bring(self) -> None:
        """Fetch what is wanted, what was asked for last first: it is what is looked at."""
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            while self._wanted:
                page = min(self._wanted, key=lambda page: abs(page * PAGE - self._top))
                try:
                    table = await self._fetch(page * PAGE, PAGE)
                except SmoltermError as error:
                    self.failure = str(error)
                    self._wanted.clear()
                else:
                    self._take(page, table)
                self._wanted.discard(page)
                self.post_message(self.Changed())
                self.refresh()

    def _take(self, page: int, table: Table) -> None:
        if not self.columns:
            self.columns = tuple(_cell(name) for name in table.columns)
            self._widths = [cell_len(name) for name in self.columns]
        self.total, self.left_out = table.total, table.left_out
        rows = tuple(
            tuple(_cell(value) for value in row[: len(self.columns)]) for row in table.rows[:PAGE]
        )
        self._pages[page] = rows
        while len(self._pages) > MOST_PAGES:
            self._pages.popitem(last=False)
        for row in rows:
            for at, value in enumerate(row):
                if self._widths[at] < WIDEST:
                    self._widths[at] = min(max(self._widths[at], cell_len(value)), WIDEST)
        self._lefts = [0, *accumulate(width + GAP for width in self._widths)]
        self.virtual_size = Size(self._lefts[-1], self.total + 1)

    def values(self, row: int) -> tuple[str, ...] | None:
        """Return a row's values; None while they are on their way."""
        page, at = divmod(row, PAGE)
        rows = self._pages.get(page)
        if rows is None:
            self._want(page)
            return None
        self._pages.move_to_end(page)
        return rows[at] if at < len(rows) else ()

    @property
    def _top(self) -> int:
        return int(self.scroll_offset.y)

    # Drawing

    def render_line(self, y: int) -> Strip:
        width, dark = self.scrollable_content_region.width, self.app.current_theme.dark
        base = self.rich_style
        if not self.columns:
            said = printable(self.failure) or "reading …"
            return self._strip(Text(f"  {said}" if y == 0 else "", style("quiet", dark)), width)
        if y == 0:
            # The header covers the first line of what is scrolled.
            line = self._line(self.columns, -1, dark)
            line.stylize(style("heading", dark) + style("rule", dark).background_style)
        else:
            row = y + self._top - 1
            if row >= self.total:
                return Strip.blank(width, base)
            values = self.values(row)
            line = Text("…", style("quiet", dark)) if values is None else self._row(row, values)
        left = int(self.scroll_offset.x)
        return self._strip(line, self._lefts[-1] + width).crop(left, left + width)

    def _row(self, row: int, values: tuple[str, ...]) -> Text:
        dark = self.app.current_theme.dark
        line = self._line(values, row, dark)
        if row == self.row:
            line.stylize(style("chosen", dark))
            if self.column < len(self.columns):
                start = sum(
                    len(_fit(value, width)) + GAP
                    for value, width in zip(
                        values[: self.column], self._widths[: self.column], strict=False
                    )
                )
                size = len(_fit(values[self.column], self._widths[self.column])) if values else 0
                mark = style("selected", dark) + style("bold", dark) + style("link", dark)
                line.stylize(mark, start, start + size)
        return line

    def _line(self, values: Iterable[str], row: int, dark: bool) -> Text:
        parts = [_fit(value, width) for value, width in zip(values, self._widths, strict=False)]
        return Text((" " * GAP).join(parts), style("base", dark), no_wrap=True, end="")

    def _strip(self, text: Text, width: int) -> Strip:
        base = self.rich_style
        segments = Segment.apply_style(text.render(self.app.console), base)
        return Strip(part for part in segments if part.text != "\n").adjust_cell_length(width, base)

    # Moving

    def watch_row(self) -> None:
        self._reveal()

    def watch_column(self) -> None:
        self._reveal()

    def _reveal(self) -> None:
        height = max(self.scrollable_content_region.height - 1, 1)
        if self.row < self._top:
            self.scroll_to(y=self.row, animate=False)
        elif self.row >= self._top + height:
            self.scroll_to(y=self.row - height + 1, animate=False)
        if self.column < len(self._widths):
            place = Region(self._lefts[self.column], 0, self._widths[self.column], 1)
            left, room = int(self.scroll_offset.x), self.scrollable_content_region.width
            if place.x < left or place.width >= room:
                self.scroll_to(x=place.x, animate=False)
            elif place.right > left + room:
                self.scroll_to(x=place.right - room, animate=False)
        self.refresh()
        self.post_message(self.Changed())

    def action_move(self, down: int, right: int) -> None:
        self.row = min(max(self.row + down, 0), max(self.total - 1, 0))
        self.column = min(max(self.column + right, 0), max(len(self.columns) - 1, 0))

    def action_leaf(self, by: int) -> None:
        self.action_move(by * max(self.scrollable_content_region.height - 2, 1), 0)

    def action_edge(self, end: int) -> None:
        self.row = max(self.total - 1, 0) if end else 0

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is not None and 0 < at.y <= self.total and self.columns:
            self.row = min(at.y - 1 + self._top, self.total - 1)
            x = at.x + int(self.scroll_offset.x)
            self.column = next(
                (n for n, left in enumerate(self._lefts[1:]) if x < left), len(self.columns) - 1
            )

    # Copying

    def action_copy_cell(self) -> None:
        values = self.values(self.row) or ()
        if self.column < len(values):
            self.post_message(self.CopyAsked(values[self.column], self.columns[self.column]))

    def action_copy_row(self) -> None:
        values = self.values(self.row) or ()
        self.post_message(self.CopyAsked("\t".join(values), f"row {self.row}"))


def _cell(value: str) -> str:
    """Return a value as one line that a terminal takes."""
    return " ".join(printable(value).split("\n")).replace("\t", " ")


def _fit(value: str, width: int) -> str:
    return set_cell_size(value, width) if cell_len(value) <= width else (
        set_cell_size(value, width - 1) + "…"
    )  # fmt: skip


class RowsPage(Page):
    """A variable's rows on a screen of their own."""

    NAME = "Rows"
    DEFAULT_CSS = """
    RowsPage > #value { height: 2; background: $surface; padding: 0 1; }
    """

    def __init__(self, name: str, what: str) -> None:
        super().__init__()
        self._variable, self._what = name, what

    def body(self) -> Iterable[Widget]:
        yield Rows(self._fetch)
        yield Static(id="value", markup=False)

    async def _fetch(self, first: int, count: int) -> Table:
        return await self.base.session.rows(self._variable, first, count)

    def on_mount(self) -> None:
        self._said_of_it()
        self.query_one(Rows).focus()

    def on_rows_changed(self) -> None:
        self._said_of_it()

    def on_rows_copy_asked(self, event: Rows.CopyAsked) -> None:
        self.base.copy(event.text, event.what)

    def _said_of_it(self) -> None:
        rows = self.query_one(Rows)
        where = f"row {rows.row:,} of {rows.total:,}" if rows.total else ""
        more = f"{rows.left_out:,} columns left out" if rows.left_out else ""
        values = rows.values(rows.row) if rows.total else None
        whole = Text()
        if values and rows.column < len(values):
            whole.append(rows.columns[rows.column] or "index", style("quiet", self.dark))
            whole.append(f"  {values[rows.column][:LONGEST]}")
        self.query_one("#value", Static).update(whole, layout=False)
        parts = [where, more, rows.failure, self._variable, self._what]
        self.head(" · ".join(part.strip() for part in parts if part.strip()))

"""A list that a person walks through: thousands of rows, of which only the visible are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from smolterm.tui.palette import style

Make = Callable[[int, int], Sequence[Text]]
"""Returns the lines of a row for a width in cells; its text is fit for a terminal already."""
MARK = "▌"
"""Stands before the chosen row, so that it is seen without colours."""


class Listing(ScrollView, can_focus=True):
    """Draws rows of the same height and says which one is chosen, and which one is taken."""

    DEFAULT_CSS = """
    Listing { height: 1fr; background: $background; scrollbar-size-vertical: 1;
              scrollbar-background: $background; scrollbar-color: $panel; overflow-x: hidden; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="list.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="list.down"),
        Binding("pageup", "leaf(-1)", "Page up", show=False, id="list.page_up"),
        Binding("pagedown", "leaf(1)", "Page down", show=False, id="list.page_down"),
        Binding("home,g", "first", "First", show=False, id="list.first"),
        Binding("end,G", "last", "Last", show=False, id="list.last"),
        Binding("enter", "take", "Take", show=False, id="list.take"),
    ]

    at: reactive[int] = reactive(0, always_update=True)
    """The chosen row."""

    class Moved(Message):
        def __init__(self, listing: Listing, at: int) -> None:
            super().__init__()
            self.listing = listing
            self.at = at

    class Taken(Message):
        def __init__(self, listing: Listing, at: int) -> None:
            super().__init__()
            self.listing = listing
            self.at = at

    def __init__(self, *, empty: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self._empty = empty
        self._count, self._height = 0, 1
        self._make: Make = lambda at, width: ()
        self._made: dict[int, Sequence[Text]] = {}
        # Asking Textual for a size before it laid out would keep others from hearing of theirs.
        self._room, self._rows = 0, 1

    # Values in

    def show(self, count: int, make: Make, *, height: int = 1, at: int | None = None) -> None:
        """Show so many rows, each of so many lines; the chosen one stays where it was."""
        self._count, self._make, self._height = count, make, height
        self._made.clear()
        self.virtual_size = Size(self._room, max(count * height, 1))
        self.set_reactive(Listing.at, min(max(self.at if at is None else at, 0), max(count - 1, 0)))
        self._reveal()
        self.refresh()

    def empty_text(self, text: str) -> None:
        """Say this where there are no rows."""
        self._empty = text
        self.refresh()

    @property
    def count(self) -> int:
        return self._count

    # Drawing

    def render_line(self, y: int) -> Strip:
        width, dark = self._room, self.app.current_theme.dark
        index, line = divmod(y + self.scroll_offset.y, self._height)
        if index >= self._count:
            text = Text(f"  {self._empty}", style("quiet", dark)) if y == line == 0 else Text()
            return (
                self._strip(text, width) if not self._count else Strip.blank(width, self.rich_style)
            )
        chosen = index == self.at
        lines = self._row(index, width - 2)
        text = Text(no_wrap=True, end="").append(f"{MARK} " if chosen else "  ",
                                                 style("prompt", dark))  # fmt: skip
        if line < len(lines):
            text.append_text(lines[line])
        text.truncate(width, overflow="ellipsis", pad=True)
        if chosen:
            text.stylize(style("row" if self.has_focus else "chosen", dark))
        return self._strip(text, width)

    def _row(self, index: int, width: int) -> Sequence[Text]:
        if index not in self._made:
            if len(self._made) > 500:
                self._made.clear()
            self._made[index] = self._make(index, width)
        return self._made[index]

    def _strip(self, text: Text, width: int) -> Strip:
        segments = [part for part in text.render(self.app.console) if part.text != "\n"]
        base = self.rich_style
        return Strip(Segment.apply_style(segments, base)).adjust_cell_length(width, base)

    # Moving

    def watch_at(self, before: int, at: int) -> None:
        self._reveal()
        self.refresh()
        if before != at:
            self.post_message(self.Moved(self, at))

    def watch_has_focus(self, focused: bool) -> None:
        super().watch_has_focus(focused)
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self._made.clear()
        inside = self.scrollable_content_region
        self._room, self._rows = inside.width, inside.height
        self.virtual_size = Size(self._room, max(self._count * self._height, 1))
        self._reveal()

    def _reveal(self) -> None:
        top, bottom = self.at * self._height, (self.at + 1) * self._height
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False)
        elif self._room and bottom > self.scroll_offset.y + self._rows:
            self.scroll_to(y=bottom - self._rows, animate=False)

    def action_move(self, by: int) -> None:
        self.at = min(max(self.at + by, 0), max(self._count - 1, 0))

    def action_leaf(self, by: int) -> None:
        self.action_move(by * max(self._rows // self._height - 1, 1))

    def action_first(self) -> None:
        self.at = 0

    def action_last(self) -> None:
        self.at = max(self._count - 1, 0)

    def action_take(self) -> None:
        if self._count:
            self.post_message(self.Taken(self, self.at))

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        index = -1 if at is None else (at.y + self.scroll_offset.y) // self._height
        if 0 <= index < self._count:
            again = index == self.at
            self.at = index
            if again and event.chain > 1:
                self.action_take()

"""The line on top: what each column is, and a banner that stays."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from smolterm.tui.block import RAIL
from smolterm.tui.layout import SCROLL_BAR, USUAL, Panes
from smolterm.tui.palette import style
from smolterm.tui.panes import NAMES


class Titles(Widget):
    """Column titles above the steps; a legend where the panes are stacked."""

    def __init__(self, banner: str | None) -> None:
        super().__init__()
        self._banner = banner
        self._panes, self._pane = USUAL, -1
        self.styles.height = 2 if banner else 1

    def show(self, panes: Panes, pane: int) -> None:
        """Follow how the panes stand, and which one the reader is in."""
        if (panes, pane) != (self._panes, self._pane):
            self._panes, self._pane = panes, pane
            self.refresh()

    def render(self) -> Text:
        dark, width = self.app.current_theme.dark, self.size.width
        text = Text(no_wrap=True, overflow="ellipsis", end="")
        if self._banner:
            text.append(f"  {self._banner}\n", style("asking", dark))
        room = width - SCROLL_BAR
        stacked = self._panes.is_stacked(room)
        return text.append_text(self._legend(dark) if stacked else self._columns(room, dark))

    def _legend(self, dark: bool) -> Text:
        text = Text()
        for pane, name in enumerate(NAMES):
            look = "bold" if pane == self._pane else "quiet"
            rail, said = ("▎ ", name) if pane in self._panes.shown else ("  ", f"({name})")
            text.append(rail, style(name, dark)).append(f"{said}   ", style(look, dark))
        return text

    def _columns(self, width: int, dark: bool) -> Text:
        text = Text()
        rooms = self._panes.columns(width)
        hidden = [pane for pane in range(len(NAMES)) if pane not in rooms]
        more = "  ".join(f"({NAMES[pane]})" for pane in hidden)
        last = list(rooms)[-1]
        for pane, room in rooms.items():
            look = style(NAMES[pane], dark)
            if pane == self._pane:
                look = look + style("bold", dark).without_color
            said = NAMES[pane].capitalize()
            space = room - RAIL - (len(more) + 1 if pane == last and more else 0)
            text.append(" " * RAIL + said[: max(space, 0)].ljust(space), look)
        for pane in hidden:
            look = style("bold" if pane == self._pane else "quiet", dark)
            text.append(f"({NAMES[pane]}) ", look)
        return text

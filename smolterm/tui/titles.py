"""The line on top: what each column is, and a banner that stays."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from smolterm.tui.block import SCROLL_BAR, STACKED_BELOW, columns
from smolterm.tui.palette import style
from smolterm.tui.panes import NAMES


class Titles(Widget):
    """Column titles above the steps; a legend where the panes are stacked."""

    def __init__(self, banner: str | None) -> None:
        super().__init__()
        self._banner = banner
        self.styles.height = 2 if banner else 1

    def render(self) -> Text:
        dark, width = self.app.current_theme.dark, self.size.width
        text = Text(no_wrap=True, overflow="ellipsis", end="")
        if self._banner:
            text.append(f"  {self._banner}\n", style("asking", dark))
        if width < STACKED_BELOW:
            for name in NAMES:
                text.append("▎ ", style(name, dark)).append(f"{name}   ", style("quiet", dark))
            return text
        for name, room in zip(NAMES, columns(width - SCROLL_BAR), strict=True):
            text.append(
                "  " + name.capitalize().ljust(room - 2), style(name, dark) + style("", dark)
            )
        return text

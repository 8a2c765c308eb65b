"""A list of models to choose from, under headings."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget

from smolterm.models.offers import Offer
from smolterm.printable import printable
from smolterm.tui.palette import style

WIDE = 76
"""Cells from which title and detail stand side by side."""


class Choices(Widget, can_focus=True):
    """Shows offers and says which one was taken."""

    class Taken(Message):
        def __init__(self, offer: Offer) -> None:
            super().__init__()
            self.offer = offer

    def __init__(self) -> None:
        super().__init__()
        self._offers: tuple[Offer, ...] = ()
        self._rows: list[int] = []
        self.at = 0

    def show(self, offers: Sequence[Offer]) -> None:
        """Show other offers; the cursor stays where it was, or goes to what came in its place."""
        before = self._offers[self.at] if self._offers else None
        self._offers = tuple(offers)
        self.at = min(self.at, max(len(offers) - 1, 0))
        if before in self._offers:
            self.at = self._offers.index(before)
        self.refresh(layout=True)

    def render(self) -> Text:
        text, self._rows = Text(end="", no_wrap=True, overflow="ellipsis"), []
        for line, number in self._lines(self.size.width):
            text.append_text(line).append("\n")
            self._rows.append(number)
        return text

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(self._lines(width))

    def _lines(self, width: int) -> list[tuple[Text, int]]:
        """Return each line and the number of its offer; -1 for a heading."""
        lines: list[tuple[Text, int]] = []
        dark, heading = self.app.current_theme.dark, ""
        room = max((len(printable(offer.title)) for offer in self._offers), default=0)
        for number, offer in enumerate(self._offers):
            if offer.heading != heading:
                heading = offer.heading
                if lines:
                    lines.append((Text(""), -1))
                lines.append((Text(f"  {heading}", style("label", dark)), -1))
            chosen = number == self.at
            look = "quiet" if offer.blocked else "bold" if chosen else "base"
            title, detail = printable(offer.title), printable(offer.blocked or offer.detail)
            line = Text("❯ " if chosen else "  ", style("prompt", dark))
            if width < WIDE:
                lines.append((line.append(title, style(look, dark)), number))
                lines.append((Text(f"    {detail}", style("quiet", dark)), number))
            else:
                line.append(f"{title:<{min(room, 44)}}  ", style(look, dark))
                warn = "warning" if offer.blocked else "quiet"
                lines.append((line.append(detail, style(warn, dark)), number))
        return lines

    def on_key(self, event: events.Key) -> None:
        if event.key in ("up", "k", "down", "j", "home", "end"):
            last = len(self._offers) - 1
            steps = {"up": self.at - 1, "k": self.at - 1, "home": 0, "end": last}
            self.at = min(max(steps.get(event.key, self.at + 1), 0), max(last, 0))
            self.refresh()
            self._follow()
        elif event.key == "enter":
            self._take()
        else:
            return
        event.prevent_default().stop()

    def on_click(self, event: events.Click) -> None:
        number = self._rows[event.y] if 0 <= event.y < len(self._rows) else -1
        if number >= 0:
            again, self.at = number == self.at, number
            self.refresh()
            if again:
                self._take()

    def _follow(self) -> None:
        """Keep the chosen offer in sight, with its heading where that fits."""
        rows = [row for row, (_, number) in enumerate(self._lines(self.size.width))
                if number == self.at]  # fmt: skip
        if rows and isinstance(self.parent, Widget):
            top = max(rows[0] - 1, 0)
            region = Region(0, top, self.size.width, rows[-1] + 1 - top)
            self.parent.scroll_to_region(region, animate=False)

    def _take(self) -> None:
        if self._offers:
            self.post_message(self.Taken(self._offers[self.at]))

"""How far a download has come."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from smolterm.models.library import size
from smolterm.tui.palette import style


class Gauge(Widget):
    """One line: a bar, bytes, and the time that is left."""

    def __init__(self) -> None:
        super().__init__()
        self._done, self._whole, self._speed = 0, 0, 0.0

    def show(self, done: int, whole: int, speed: float) -> None:
        """Draw so many bytes of a whole, arriving at so many a second."""
        self._done, self._whole, self._speed = done, whole, speed
        self.refresh()

    def render(self) -> Text:
        dark, width = self.app.current_theme.dark, max(self.size.width // 3, 8)
        share = min(self._done / self._whole, 1.0) if self._whole else 0.0
        full = round(share * width)
        text = Text("  ", no_wrap=True, overflow="ellipsis", end="")
        text.append("━" * full, style("output", dark))
        text.append("━" * (width - full), style("rule", dark))
        text.append(f" {share:.0%}", style("bold", dark))
        said = f"  {size(self._done)} of {size(self._whole)}"
        if self._speed > 0 and self._done < self._whole:
            left = int((self._whole - self._done) / self._speed)
            said += f", {size(int(self._speed))}/s, {left // 60}:{left % 60:02} left"
        return text.append(said, style("quiet", dark))

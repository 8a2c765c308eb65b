"""One image on a screen of its own, as well as the terminal can draw it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual.widget import Widget
from textual.widgets import Static

from smolterm.tui.graphics import Way, drawn
from smolterm.tui.halves import half_lines, half_style
from smolterm.tui.page import Page
from smolterm.tui.palette import style
from smolterm.tui.pictures import Picture


class ImagePage(Page):
    """Shows a picture as large as fits; escape goes back."""

    DEFAULT_CSS = """
    ImagePage #picture { height: 1fr; width: 1fr; align: center middle; background: $background; }
    ImagePage .drawn { width: auto; height: auto; }
    """
    NAME = "Image"

    def __init__(self, picture: Picture, words: str, way: Way) -> None:
        super().__init__()
        self._picture, self._words, self._way = picture, words, way

    def body(self) -> Iterable[Widget]:
        """Yield what the terminal draws, or half-blocks."""
        colour, picture = not self.app.no_color, self._picture
        widget = drawn(picture, self._way) if colour and not picture.failure else None
        if widget is None:
            yield Halves(picture)
            return
        from textual.containers import Container

        widget.add_class("drawn")
        yield Container(widget, id="picture")

    def on_mount(self) -> None:
        picture = self._picture
        size = f"{picture.kind} {picture.width} × {picture.height}"
        self.head(f"{self._words}  {picture.failure or size}")


class Halves(Static):
    """The picture as half-blocks, scaled to the room there is."""

    DEFAULT_CSS = "Halves { height: 1fr; width: 1fr; content-align: center middle; }"

    def __init__(self, picture: Picture) -> None:
        super().__init__(markup=False)
        self._picture = picture

    def render(self) -> Text:
        dark, (width, height) = self.app.current_theme.dark, self.size
        if self._picture.failure:
            return Text(f"Not shown: {self._picture.failure}", style("warning", dark))
        if self.app.no_color:
            return Text("There are no colours here to draw it with.", style("quiet", dark))
        text = Text(no_wrap=True, end="")
        for line in half_lines(self._picture, width, height):
            for start, end, name in line.spans:
                text.append(line.text[start:end], half_style(name))
            text.append("\n")
        text.right_crop(1)
        return text

"""Messages that wait for the running task to end, and the list of them above the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.widget import Widget

from smolterm.printable import printable
from smolterm.tui.palette import style

MOST_ROWS = 3


class Message(NamedTuple):
    """Something to be sent."""

    typed: str
    """As it stood in the prompt, what was pasted included."""
    text: str
    """As the model reads it."""
    files: dict[str, bytes]
    """What comes with it, by its path in the sandbox."""


class Waiting(Widget):
    """Shows what waits, the next one first; hidden when nothing does."""

    DEFAULT_CSS: ClassVar[str] = """
    Waiting { width: 100%; height: auto; background: $surface; display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[str, ...] = ()
        self._held = False

    def show(self, texts: Sequence[str], *, held: bool) -> None:
        """Say what waits.

        Args:
            held: nothing runs, so they wait for the person.
        """
        self._shown, self._held = tuple(texts), held
        self.display = bool(texts)
        self.refresh(layout=True)

    def render(self) -> Text:
        dark, width = self.app.current_theme.dark, self.size.width
        short = self.screen.size.height < 16
        rows = 1 if short else MOST_ROWS
        text = Text(no_wrap=True, overflow="crop", end="")
        what = "⏎ sends the next one" if self._held else "queued"
        for number, said in enumerate(self._shown[:rows], 1):
            line = printable(" ⏎ ".join(said.split("\n"))).replace("\t", " ")
            more = len(self._shown) - rows
            note = what if number == 1 else ""
            if number == rows and more > 0:
                note = f"{note} · {more} more".removeprefix(" · ")
            room = max(width - 4 - cell_len(note) - 3, 4)
            line = set_cell_size(line, room - 1) + "…" if cell_len(line) > room else line
            text.append("\n" if number > 1 else "")
            text.append(f" {number} ▏", style("label", dark))
            text.append(set_cell_size(line, room), style("info", dark))
            text.append(f"  {note}", style("quiet", dark))
        return text

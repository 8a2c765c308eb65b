"""The box of a question asked aside: shown for a while, kept nowhere."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from smolterm.printable import printable
from smolterm.tui.markdown import markdown_lines
from smolterm.tui.palette import style

MOST_CHARACTERS = 200_000


class Besides(VerticalScroll, can_focus=False):
    """A question and its answer, while it comes and until it is closed."""

    DEFAULT_CSS: ClassVar[str] = """
    Besides { width: 100%; height: auto; max-height: 40%; background: $panel; display: none;
              border-left: outer $secondary; padding: 0 1; scrollbar-size-vertical: 1; }
    Besides Static { height: auto; width: 100%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._question = ""
        self._answer: list[str] = []
        self._length = 0
        self._state = ""

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def ask(self, question: str) -> None:
        """Open for a question."""
        self._question, self._answer, self._state, self._length = question, [], "thinking", 0
        self.display = True
        self.draw()
        self.scroll_home(animate=False)

    def add(self, piece: str) -> None:
        """Take a piece of the answer; `draw` shows it."""
        if self._length < MOST_CHARACTERS:
            self._answer.append(piece)
            self._length += len(piece)

    def end(self, problem: str = "") -> None:
        """Say that it is whole, or why it is not."""
        self._state = problem or "done"
        self.draw()

    def close(self) -> None:
        self.display = False
        self._question, self._answer, self._length = "", [], 0

    def draw(self) -> None:
        """Show what there is."""
        dark = self.app.current_theme.dark
        text = Text("aside  ", style("reasoning", dark), overflow="fold", end="")
        text.append(printable(self._question), style("task", dark))
        problem = self._state not in ("thinking", "done")
        for line in markdown_lines("".join(self._answer)) if self._answer else ():
            text.append(f"\n{line.lead}", style(line.lead_style, dark))
            start = len(text)
            text.append(line.text, style("base", dark))
            for span in line.spans:
                first, last, name = span
                text.stylize(style(name, dark), start + first, start + last)
        if problem:
            text.append(f"\n{printable(self._state)}", style("warning", dark))
        kept = "esc closes it; nothing of it is kept"
        text.append("\n" + (f"… {kept}" if self._state == "thinking" else kept),
                    style("quiet", dark))  # fmt: skip
        self.query_one(Static).update(text)

"""What the reader does with the panes of all steps: choosing one, its width, hidden, stacked."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from smolterm.tui.block import Shape
from smolterm.tui.fold import View
from smolterm.tui.layout import BY, USUAL, Panes
from smolterm.tui.panes import NAMES
from smolterm.tui.scroller import Scroller


class Arranging(Scroller):
    """Holds how the panes stand, which one the reader is in, and the line that is marked there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "pane(-1)", "Pane to the left", id="steps.left"),
        Binding("right,l", "pane(1)", "Pane to the right", id="steps.right"),
        Binding("w", "widen(1)", "Wider pane", id="steps.wider"),
        Binding("W", "widen(-1)", "Narrower pane", id="steps.narrower"),
        Binding("x", "hide", "Hide or show the pane", id="steps.hide"),
        Binding("t", "turn", "Stack, or side by side", id="steps.turn"),
        Binding("equals_sign", "usual", "Panes as usual", id="steps.usual"),
    ]

    pane: reactive[int] = reactive(1, repaint=False)
    """The pane that the reader is in: it is widened, hidden, read."""
    panes: reactive[Panes] = reactive(USUAL, repaint=False)

    class PanesChanged(Message):
        """How the panes stand, or which one the reader is in; the text says it."""

        def __init__(self, panes: Panes, pane: int, text: str = "") -> None:
            super().__init__()
            self.panes = panes
            self.pane = pane
            self.text = text

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._unfolded: set[int] = set()
        self._marked: int | None = None
        self._place: tuple[int, int] | None = None
        self._code = 0

    def shape(self, index: int) -> Shape:
        code = self._code if index == self._marked else 0
        return Shape(self.panes, index in self._unfolded, not self.app.no_color, code)

    def mark(self, index: int, place: tuple[int, int], code: int) -> None:
        """Mark a pane's line, and the line of code it is linked with."""
        before, self._marked = self._marked, index
        self._place, self._code = place, code
        for one in {before, index} - {None}:
            self.lay_out_again(one)
        self.refresh_rows()

    def unmark(self, index: int | None) -> None:
        if self._place is not None:
            self._marked, self._place, self._code = None, None, 0
            if index in self._blocks:
                self.lay_out_again(index)

    # Intents

    def action_pane(self, by: int) -> None:
        """Go to the pane beside; one that is hidden is named in the title, and x shows it."""
        self.pane = min(max(self.pane + by, 0), len(NAMES) - 1)

    def action_widen(self, by: int) -> None:
        panes = self.panes
        if panes.is_stacked(self.scrollable_content_region.width):
            self._say("the panes are stacked: t puts them side by side")
        elif panes.widened(self.pane, by * BY) == panes:
            self._say(f"{NAMES[self.pane]} cannot be {'wider' if by > 0 else 'narrower'}")
        else:
            self.panes = panes.widened(self.pane, by * BY)

    def action_hide(self) -> None:
        if self.panes.toggled(self.pane) == self.panes:
            self._say("the last pane stays")
            return
        self.panes = self.panes.toggled(self.pane)
        hidden = self.pane in self.panes.hidden
        self._say(f"{NAMES[self.pane]} is hidden, x shows it" if hidden else "")

    def action_turn(self) -> None:
        self.panes = self.panes.turned(self.scrollable_content_region.width)

    def action_usual(self) -> None:
        self.panes = USUAL

    def watch_panes(self) -> None:
        self.lay_out_again()
        self._say()

    def watch_pane(self) -> None:
        self.refresh_rows()
        self._say()

    def _say(self, text: str = "") -> None:
        self.post_message(self.PanesChanged(self.panes, self.pane, text))

"""One step on a screen of its own: its panes, or one of them, whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.widget import Widget

from smolterm.tui.block import Marks, Shape
from smolterm.tui.fold import View
from smolterm.tui.items import Step
from smolterm.tui.layout import Panes, only
from smolterm.tui.page import Page
from smolterm.tui.panes import NAMES, pane_text
from smolterm.tui.scroller import Scroller


class Whole(Scroller):
    """Draws one step unfolded, and stays where the reader is while it grows."""

    DEFAULT_CSS = "Whole { height: 1fr; background: $background; overflow-x: hidden; }"

    panes: reactive[Panes] = reactive(only(None), repaint=False)

    def __init__(self, step: Step) -> None:
        super().__init__(View())
        self._view.add(step)
        self._seen = -1
        self._following = False

    def shape(self, index: int) -> Shape:
        return Shape(self.panes, unfolded=True, colour=not self.app.no_color)

    def marks(self, index: int) -> Marks:
        item = self._view.items[index]
        return Marks(running=item.line if isinstance(item, Step) else 0)

    def renew(self) -> None:
        """Draw the step again where it changed."""
        version = self._view.items[0].version
        if version != self._seen:
            self._seen = version
            self._view.dirty.add(0)
            self.show_changes()

    def watch_panes(self) -> None:
        self.lay_out_again()


class Reading(Page):
    """Shows a step; left and right go from all panes to one of them, escape goes back."""

    NAME = "Step"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "pane(-1)", "Before", show=False, id="reading.left"),
        Binding("right,l", "pane(1)", "One pane", id="reading.right"),
        Binding("t", "turn", "Stack, or side by side", id="reading.turn"),
        Binding("up,k", "scroll(-1)", "Up", show=False, id="reading.up"),
        Binding("down,j", "scroll(1)", "Down", show=False, id="reading.down"),
        Binding("c", "copy(1)", "Copy code", id="reading.copy_code"),
        Binding("o", "copy(2)", "Copy output", show=False, id="reading.copy_output"),
        Binding("r", "copy(0)", "Copy reasoning", show=False, id="reading.copy_reasoning"),
        Binding("z,f", "leave", "Back", show=False, id="reading.back"),
    ]

    def __init__(self, step: Step, pane: int | None = None) -> None:
        super().__init__()
        self._step, self._pane = step, pane

    def body(self) -> Iterable[Widget]:
        """Yield the step."""
        yield Whole(self._step)

    def on_mount(self) -> None:
        whole = self.query_one(Whole)
        whole.panes = only(self._pane)
        whole.focus()
        self._entitle()

    def renew(self) -> None:
        """Follow the step while it runs."""
        self.query_one(Whole).renew()

    def _entitle(self) -> None:
        self.head(f"{self._step.number}  {'' if self._pane is None else NAMES[self._pane]}")

    def action_pane(self, by: int) -> None:
        """Go on: all panes, then each alone, then all again."""
        at = 0 if self._pane is None else self._pane + 1
        at = (at + by) % (len(NAMES) + 1)
        self._pane = None if at == 0 else at - 1
        self.query_one(Whole).panes = only(self._pane)
        self._entitle()

    def action_turn(self) -> None:
        whole = self.query_one(Whole)
        whole.panes = whole.panes.turned(whole.scrollable_content_region.width)

    def action_scroll(self, by: int) -> None:
        self.query_one(Whole).scroll_relative(y=by, animate=False)

    def action_copy(self, pane: int) -> None:
        self.base.copy(pane_text(self._step, pane), NAMES[pane])

"""What the screens beside the conversation share: a title, a body, and a line of live keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from smolterm.printable import printable
from smolterm.tui.palette import style
from smolterm.tui.status import key_line

if TYPE_CHECKING:
    from smolterm.tui.base import Base

SAID_SECONDS = 4.0
"""How long what was said stands in place of the keys."""


class Page(Screen[None]):
    """A screen of its own; escape goes back to the conversation, where work goes on meanwhile."""

    DEFAULT_CSS = """
    Page { layout: vertical; }
    Page > .title { height: 1; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
    Page > .hint { height: 1; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
    Page Input { border: none; height: 1; padding: 0 1; background: $panel; margin: 0; }
    Page Input:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="page.back"),
    ]
    NAME: ClassVar[str] = ""
    """What stands in the title, and by which a second press of its key takes it away."""

    def __init__(self) -> None:
        super().__init__()
        self._said = ""

    @property
    def base(self) -> Base:
        """The app, with what it offers to its parts."""
        return cast("Base", self.app)

    @property
    def dark(self) -> bool:
        return self.app.current_theme.dark

    def compose(self) -> ComposeResult:
        yield Static(classes="title", markup=False)
        yield from self.body()
        yield Static(classes="hint", markup=False)

    def body(self) -> Iterable[Widget]:
        """Yield what stands between the title and the keys."""
        raise NotImplementedError

    def renew(self) -> None:
        """Show what events changed meanwhile."""

    def head(self, more: str = "") -> None:
        """Write the title and something behind it."""
        text = Text(no_wrap=True, end="").append(f" {self.NAME}", style("task", self.dark))
        if more:
            text.append(f"  {printable(more)}", style("quiet", self.dark))
        self.query_one(".title", Static).update(text)

    def say(self, text: str, look: str = "warning") -> None:
        """Show a line in place of the keys for a while."""
        hints = self.query(".hint")
        if not hints:  # it is coming up, or going away
            return
        self._said = text
        hints.first(Static).update(
            Text(f" {printable(text)}", style(look, self.dark), no_wrap=True, end="")
        )
        self.set_timer(SAID_SECONDS, lambda: self._unsay(text))

    def _unsay(self, text: str) -> None:
        if self._said == text:
            self._said = ""
            self.show_keys()

    def show_keys(self) -> None:
        """Write the keys that work here now, as they are set."""
        if not self._said and (hints := self.query(".hint")):
            width = self.size.width or self.app.size.width
            keys = key_line(self._live(), self.dark, width - 1)
            hints.first(Static).update(Text(" ", end="").append_text(keys))

    def _live(self) -> Iterable[tuple[str, str]]:
        for active in self.active_bindings.values():
            binding = active.binding
            if binding.show and active.node is not self.app:
                yield self.app.get_key_display(binding), binding.description

    def on_descendant_focus(self) -> None:
        self.call_after_refresh(self.show_keys)

    def on_screen_resume(self) -> None:
        self.call_after_refresh(self.show_keys)

    def on_resize(self) -> None:
        self.call_after_refresh(self.show_keys)

    def leave(self) -> None:
        """Go back, unless another screen came over this one meanwhile."""
        if self.is_current:
            self.dismiss()

    def action_leave(self) -> None:
        self.leave()

"""The sandbox's variables after the newest step, beside the steps or on a screen of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, cast

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from smolterm.events import Variable
from smolterm.printable import printable
from smolterm.tui.base import Base
from smolterm.tui.listing import Listing
from smolterm.tui.page import Page
from smolterm.tui.palette import style

ONE_LINE = 64
"""Cells from which a variable needs one line instead of two."""
MARKS = {"new": ("+", "output"), "changed": ("~", "warning"), "": (" ", "quiet")}
EMPTY = "none yet: they show after a step ran"


class Variables(Listing):
    """One row each: name, type, size, a glance at the value, and what the newest step changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Look at its rows", id="variables.rows"),
        Binding("c", "copy", "Copy the glance", id="variables.copy"),
    ]

    def __init__(self) -> None:
        super().__init__(empty=EMPTY)
        self.variables: tuple[Variable, ...] = ()

    @property
    def base(self) -> Base:
        return cast(Base, self.app)

    def renew(self) -> None:
        """Show the view's variables, with the same one chosen as before."""
        found = self.base.view.variables
        if found is self.variables and self.count == len(found):
            return
        name = self.variables[self.at].name if self.at < len(self.variables) else ""
        self.variables = found
        at = next((n for n, each in enumerate(found) if each.name == name), self.at)
        self._fill(at)

    def _fill(self, at: int | None = None) -> None:
        height = 1 if self._room >= ONE_LINE else 2
        self.show(len(self.variables), self._lines, height=height, at=at)

    def on_resize(self, event: events.Resize) -> None:
        self._fill()

    def _lines(self, at: int, width: int) -> Sequence[Text]:
        return variable_lines(self.variables[at], width, self.app.current_theme.dark)

    def action_copy(self) -> None:
        if self.variables:
            self.base.copy(self.variables[self.at].glance, self.variables[self.at].name)

    def on_listing_taken(self, event: Listing.Taken) -> None:
        event.stop()
        one = self.variables[event.at]
        if not one.rows:
            self.base.say(f"{printable(one.name)} has no rows: {printable(one.glance)}")
            return
        from smolterm.tui.rowsview import RowsPage

        self.app.push_screen(RowsPage(one.name, f"{one.type} {one.size}"))


def variable_lines(one: Variable, width: int, dark: bool) -> list[Text]:
    """Return one variable in a width: a line, or two where a line is too short. Pure."""
    mark, look = MARKS[one.change]
    kind = " ".join(part for part in (_plain(one.type), _plain(one.size)) if part)
    glance = Text(_plain(one.glance), style("value", dark), no_wrap=True)
    head = Text(no_wrap=True).append(f"{mark} ", style(look, dark))
    name = Text(_plain(one.name), style("bold" if one.change else "base", dark))
    if width + 2 < ONE_LINE:
        # The type is needed more than the end of a long name.
        room = max(width - 4 - min(len(kind), width // 2), 6)
        name.truncate(room, overflow="ellipsis")
        head.append_text(name).append(f"  {kind}", style("quiet", dark))
        return [head, Text("  ").append_text(glance)]
    name.truncate(width // 4, overflow="ellipsis", pad=True)
    what = Text(kind, style("quiet", dark))
    what.truncate(width // 4, overflow="ellipsis", pad=True)
    rows = Text(" ▦ " if one.rows else "   ", style("link", dark))
    return [head.append_text(name).append(" ").append_text(what).append_text(rows) + glance]


def _plain(text: str) -> str:
    return " ".join(printable(text).split())


class VariablesPane(Vertical):
    """The list beside the steps."""

    DEFAULT_CSS = """
    VariablesPane { width: 36; height: 1fr; border-left: tall $panel; background: $background; }
    VariablesPane > .title { height: 1; background: $surface; }
    Screen.-narrow VariablesPane { display: none; }
    """

    def compose(self) -> ComposeResult:
        yield Static(classes="title", markup=False)
        yield Variables()

    def focus(self, scroll_visible: bool = True) -> VariablesPane:
        self.call_after_refresh(lambda: self.query_one(Variables).focus())
        return self

    def renew(self) -> None:
        for variables in self.query(Variables):
            variables.renew()
            dark = self.app.current_theme.dark
            title = Text(no_wrap=True, end="").append(" Variables", style("value", dark))
            title.append("  + new  ~ changed", style("quiet", dark))
            self.query_one(".title", Static).update(title)

    def on_mount(self) -> None:
        self.renew()


class VariablesPage(Page):
    """The list on a screen of its own."""

    NAME = "Variables"

    def body(self) -> Iterable[Widget]:
        yield Variables()

    def on_mount(self) -> None:
        self.renew()
        self.query_one(Variables).focus()

    def renew(self) -> None:
        self.query_one(Variables).renew()
        count = len(self.base.view.variables)
        self.head(f"{count} · + new  ~ changed by the newest step" if count else "")

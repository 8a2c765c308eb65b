"""Every key as it is set now, made from the bindings themselves, and the commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.text import Text
from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

from smolterm.commands import COMMANDS
from smolterm.tui.keys import all_classes, keys_of, shown_key
from smolterm.tui.listing import Listing
from smolterm.tui.page import Page
from smolterm.tui.palette import style

WHERE = {
    "SmoltermApp": "Anywhere",
    "Answering": "Anywhere",
    "Prompt": "In the prompt",
    "Steps": "In the steps",
    "Arranging": "In the steps",
    "Reading": "In a step, full screen",
    "ApprovalBar": "At a question",
    "Editor": "In the editor of code",
    "Review": "Among the staged files",
    "Sheet": "In a diff",
    "Variables": "In the variables",
    "Rows": "In a table of rows",
    "Listing": "In every list",
    "Page": "On every screen of its own",
    "SessionList": "Among the sessions",
    "PickerPage": "Among the sessions",
    "Finder": "Looking for a session",
    "StepList": "Going back to a step",
    "LogPage": "In the log",
    "EventList": "In the log",
    "SettingsPage": "In the settings",
    "SettingList": "In the settings",
    "ChooseApp": "Choosing a model",
}
"""Where a class's keys work; one that is not here goes by its own name."""
KEY_CELLS = 20
WIDE = 60


class Entry(NamedTuple):
    """A heading, or a key and what it does."""

    heading: str = ""
    keys: str = ""
    words: str = ""
    name: str = ""
    """By which the key can be set in the settings' `[keys]`."""


class HelpPage(Page):
    """What works where the person came from stands first."""

    NAME = "Help"

    def body(self) -> Iterable[Widget]:
        yield Listing(empty="nothing")

    def on_mount(self) -> None:
        self.head("keys as they are set now · [keys] in the settings' file sets others by name")
        below = self.app.screen_stack[-2] if len(self.app.screen_stack) > 1 else self
        self._entries = list(entries(self.app, below))
        listing = self.query_one(Listing)
        listing.show(len(self._entries), self._lines)
        listing.focus()

    def _lines(self, at: int, width: int) -> Sequence[Text]:
        entry, dark = self._entries[at], self.dark
        if entry.heading:
            return [Text(entry.heading, style("heading", dark), no_wrap=True)]
        text = Text(no_wrap=True)
        text.append(entry.keys, style("name", dark))
        room = KEY_CELLS if width >= WIDE else KEY_CELLS // 2
        text.append(" " * max(room - cell_len(entry.keys), 2))
        text.append(entry.words, style("base", dark))
        if entry.name and width - text.cell_len > len(entry.name) + 2:
            text.append(" " * (width - text.cell_len - len(entry.name) - 1))
            text.append(entry.name, style("quiet", dark))
        return [text]


def entries(app: App[int], below: Screen[Any]) -> Iterator[Entry]:
    """Yield headings and keys: of what had the focus first, then of everything else."""
    here = [type(node) for node in _chain(below)]
    now = {_where(cls) for cls in here}
    for where, lines in keys_by_place(app, here).items():
        yield Entry(f"{where}  · works now" if where in now else where)
        yield from lines
    yield Entry("Commands, in the prompt")
    for command in COMMANDS:
        yield Entry("", command.usage, command.help)


def keys_by_place(app: App[int], first: Iterable[type[DOMNode]] = ()) -> dict[str, list[Entry]]:
    """Return the keys by where they work, those of some classes before the others."""
    others = sorted(set(all_classes()) - set(first), key=lambda cls: (_where(cls), cls.__name__))
    found: dict[str, list[Entry]] = {}
    for cls in (*first, *others):
        if lines := list(_lines_of(app, cls)):
            found.setdefault(_where(cls), []).extend(lines)
    return found


def _chain(screen: Screen[Any]) -> Iterator[DOMNode]:
    """Yield the focused widget and what it stands in, up to the app."""
    node: DOMNode | None = screen.focused or screen
    while node is not None:
        yield node
        node = node.parent


def _lines_of(app: App[int], cls: type[DOMNode]) -> Iterator[Entry]:
    keymap = getattr(app, "keymap", {})
    for binding in _declared(cls):
        keys = " ".join(shown_key(app, binding, key) for key in keys_of(binding, keymap))
        yield Entry("", keys, binding.description, binding.id or "")


def _declared(cls: type[DOMNode]) -> list[Binding]:
    """Return what a class itself binds: what it inherits is listed where it was declared."""
    declared = cls.__dict__.get("BINDINGS", ())
    made = [each if isinstance(each, Binding) else Binding(*each) for each in declared]
    return [each for each in made if each.description]


def _where(cls: type[DOMNode]) -> str:
    return WHERE.get(cls.__name__, cls.__name__)

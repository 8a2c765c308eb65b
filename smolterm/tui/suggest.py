"""The list above the prompt: what could be meant by what stands there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from smolterm.commands import COMMANDS, command_named
from smolterm.findfiles import best
from smolterm.mentions import begun, written
from smolterm.tui.palette import style

MOST_ROWS = 8
ROOM_ELSEWHERE = 5
"""Rows of the screen that it leaves free."""


class Choice(NamedTuple):
    text: str
    """What is put in the place of what was typed."""
    note: str = ""
    label: str = ""
    """What the list says, where that is not the text."""


class Asked(NamedTuple):
    """What is being typed, and where in the text before the cursor it starts."""

    start: int
    kind: str
    """`command`, `file`, or the source of a command's arguments."""
    typed: str


def asked(before: str) -> Asked | None:
    """Return what the text before the cursor asks for. Pure."""
    if before.startswith("/") and "\n" not in before:
        name, space, rest = before[1:].partition(" ")
        if not space and "/" not in name:
            return Asked(0, "command", name)
        if space and command_named(name) is not None and " " not in rest:
            return Asked(len(before) - len(rest), f"of {name}", rest)
    found = begun(before)
    return None if found is None else Asked(found[0], "file", found[1])


def commands(typed: str, *, running: bool) -> list[Choice]:
    """Return the commands that begin so, else those that hold the letters."""
    offered = [each for each in COMMANDS if each.possible(running=running)]
    names = [each.name for each in offered]
    found = [name for name in names if name.startswith(typed)] or best(names, typed, 20)
    chosen = [next(each for each in offered if each.name == name) for name in found]
    return [Choice(f"/{c.name}{' ' * bool(c.arguments)}", c.help, c.usage) for c in chosen]


def arguments(asked: Asked, look_up: Callable[[str], Sequence[str]]) -> list[Choice]:
    """Return what a command's argument could be."""
    command = command_named(asked.kind.removeprefix("of "))
    if command is None:
        return []
    names = [*command.choices, *(look_up(command.source) if command.source else ())]
    return [Choice(name) for name in best(names, asked.typed, 50) if name != asked.typed]


def files(paths: Sequence[str]) -> list[Choice]:
    """Return files as they are mentioned; behind a folder the name goes on."""
    found = []
    for path in paths:
        mention = written(path)
        if not path.endswith("/"):
            found.append(Choice(f"{mention} ", "", path))
        else:
            found.append(Choice(mention.removesuffix('"'), "", path))
    return found


def model_names() -> list[str]:
    """Return the models that are on this machine."""
    from smolterm.models.library import installed

    return [f"local/{each.name}" for each in installed()]


class Menu(Widget):
    """Shows choices over the steps, just above the prompt; takes no focus and no room."""

    DEFAULT_CSS: ClassVar[str] = """
    Menu { overlay: screen; width: 100%; height: auto; background: $panel; display: none; }
    """

    class Clicked(Message):
        """A choice was taken with the mouse."""

    def __init__(self) -> None:
        super().__init__()
        self._choices: list[Choice] = []
        self._title = ""
        self._empty = ""
        self._at = 0
        self.moved = False
        """The person chose one, so Enter takes it."""

    @property
    def is_open(self) -> bool:
        return bool(self.display)

    @property
    def chosen(self) -> Choice | None:
        return self._choices[self._at] if self._choices else None

    def show(
        self, choices: Sequence[Choice], *, title: str = "", moved: bool = False, empty: str = ""
    ) -> None:
        """Offer these, the first one chosen; hide where there are none and nothing to say."""
        self._choices, self._title, self._empty = list(choices), title, empty
        self._at, self.moved = 0, moved
        self.display = bool(choices or empty)
        self._place()

    def close(self) -> None:
        self.show([])

    def move(self, by: int) -> None:
        """Choose another one; the ends are joined."""
        if self._choices:
            # The first key down takes the first one, which is marked but not yet meant.
            if self.moved or by < 0:
                self._at = (self._at + by) % len(self._choices)
            self.moved = True
            self.refresh()

    def _place(self) -> None:
        rows = self._rows + (1 if self._title or len(self._choices) > self._rows else 0)
        self.styles.height = rows
        self.styles.offset = (0, -rows)
        self.refresh()

    @property
    def _rows(self) -> int:
        room = max(self.screen.size.height - ROOM_ELSEWHERE - 1, 2)
        return max(min(len(self._choices), MOST_ROWS, room), 1)

    def render(self) -> Text:
        dark, width, rows = self.app.current_theme.dark, self.size.width, self._rows
        text = Text(no_wrap=True, overflow="crop", end="")
        first = min(max(self._at - rows + 1, 0), max(len(self._choices) - rows, 0))
        shown = self._choices[first : first + rows]
        names = [choice.label or choice.text for choice in shown]
        column = min(max(map(cell_len, names), default=0), max(width // 2, width - 40))
        for place, (choice, name) in enumerate(zip(shown, names, strict=True), first):
            row = _row(choice.note, name, column, width, at=place == self._at, dark=dark)
            row.apply_meta({"choice": place})
            text.append_text(row).append("\n")
        if not shown:
            text.append(f"   {self._empty}\n", style("quiet", dark))
        if self.size.height > max(len(shown), 1):
            text.append_text(self._hint(width, dark))
        return text

    def _hint(self, width: int, dark: bool) -> Text:
        said = self._title or "↑↓ choose · tab takes · esc closes"
        count = f"{self._at + 1} of {len(self._choices):,}" if self._choices else ""
        room = max(width - cell_len(count) - 5, 0)
        said = set_cell_size(said, room) if cell_len(said) > room else said.ljust(room)
        return Text(f"   {said} {count} ", style("quiet", dark))

    def on_click(self, event: events.Click) -> None:
        place = event.style.meta.get("choice")
        if isinstance(place, int) and place < len(self._choices):
            self._at, self.moved = place, True
            self.post_message(self.Clicked())

    def on_resize(self) -> None:
        if self.is_open:
            self.call_after_refresh(self._place)


def _row(note: str, name: str, column: int, width: int, *, at: bool, dark: bool) -> Text:
    name = " ⏎ ".join(name.split("\n")).replace("\t", " ")
    if cell_len(name) > column:
        name = set_cell_size(name, column - 1) + "…"
    row = Text().append(" ▸ " if at else "   ", style("prompt", dark))
    row.append(set_cell_size(name, column), style("bold" if at else "base", dark))
    room = width - column - 6
    if note and room > 8:
        row.append("  " + (note if cell_len(note) <= room else set_cell_size(note, room - 1) + "…"),
                   style("quiet", dark))  # fmt: skip
    row.append(" " * max(width - row.cell_len, 0))
    if at:
        row.stylize(style("selected", dark))
    return row

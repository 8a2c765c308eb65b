"""Steps of this session to go back to, and the branches that going back left behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget

from smolterm.printable import printable
from smolterm.tui.items import Step, Task
from smolterm.tui.listing import Listing
from smolterm.tui.page import Page
from smolterm.tui.palette import style

MOST_NAMES = 6
"""Variables that are named for one step."""
EMPTY = "no step to go back to yet"


class Place(NamedTuple):
    """What can be gone to: before a step, or the end of a branch."""

    step: int
    branch: int | None
    head: str
    below: str
    task: bool = False
    """The step is the first of its task, so the task goes with it."""


class StepList(Listing):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Go back to before it", id="rewind.take"),
    ]


class RewindPage(Page):
    """Enter goes back to before a step; variables and staged files go back with it."""

    NAME = "Rewind"

    def body(self) -> Iterable[Widget]:
        yield StepList(empty=EMPTY)

    def on_mount(self) -> None:
        self.renew()
        listing = self.query_one(Listing)
        listing.at = max(sum(each.branch is None for each in self._places) - 1, 0)
        listing.focus()

    def renew(self) -> None:
        app = self.base
        self._places = places(app.view.items, app.changed)
        self._places += [
            Place(each.step, each.branch, f"branch {each.branch}, from step {each.step} on",
                  each.task or "what was abandoned there")
            for each in app.branches
        ]  # fmt: skip
        self.query_one(Listing).show(len(self._places), self._lines, height=2)
        running = "a task is running: interrupt it first, with ctrl+c"
        self.head(running if app.view.running else "Enter goes back to before a step")

    def _lines(self, at: int, width: int) -> Sequence[Text]:
        place, dark = self._places[at], self.dark
        look = "asking" if place.branch is not None else "task" if place.task else "name"
        head = Text(no_wrap=True).append(place.head, style(look, dark))
        return [head, Text(f"  {place.below}", style("quiet", dark), no_wrap=True)]

    async def on_listing_taken(self, event: Listing.Taken) -> None:
        place, app = self._places[event.at], self.base
        if place.branch is None:
            if await app.rewind(place.step):
                self.leave()
            return
        sessions, session, branch = app.sessions, app.session.id, place.branch
        if sessions is None:
            self.say("sessions are not kept here, so a branch cannot be opened")
        elif await app.go_to(lambda: sessions.fork(session, None, branch)):
            self.leave()


def places(items: Sequence[object], changed: Mapping[int, Sequence[str]]) -> list[Place]:
    """Return the steps among a view's items, each with what it was about and what it changed."""
    found: list[Place] = []
    task = ""
    for item in items:
        if isinstance(item, Task):
            task = "" if item.added else _first_line(item.text)
        elif isinstance(item, Step):
            reasoning, code = item.shown_reply()
            line = _first_line(code) or _first_line(reasoning) or "no code"
            output = next(
                (_first_line(str(p.text)) for p in item.pieces if str(p.text).strip()), ""
            )
            head = f"step {item.number}  {line}"
            below = f"→ {output}" if output else "no output"
            if names := changed.get(item.number):
                below += f"  ± {printable(', '.join(names[:MOST_NAMES]))}"
                below += f" and {len(names) - MOST_NAMES} more" * (len(names) > MOST_NAMES)
            if task:
                below = f"❯ {task}  {below}"
            found.append(Place(item.number, None, head, below, bool(task)))
            task = ""
    return found


def _first_line(text: str) -> str:
    lines = printable(text[:2000]).strip().splitlines()
    return lines[0].strip()[:200] if lines else ""

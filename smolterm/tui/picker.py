"""The sessions that are kept: find one, look at it, go on with it, fork, rename or delete it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from smolterm.errors import SmoltermError
from smolterm.events import Event
from smolterm.printable import printable
from smolterm.store import StoredSession
from smolterm.threads import in_daemon_thread
from smolterm.tui.listing import Listing
from smolterm.tui.page import Page
from smolterm.tui.palette import style
from smolterm.tui.protocol import SessionsLike
from smolterm.tui.summary import summary

WAIT = 0.12
"""Seconds after the last key before words are looked for."""
PREVIEW_WAIT = 0.15
LIMIT = 200


class Finder(Input):
    """What to look for; down goes to the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "screen.to_list", "To the list", id="sessions.to_list"),
        Binding("enter", "screen.resume", "Resume", id="sessions.resume_found"),
    ]


class SessionList(Listing):
    """The sessions found; letters that mean nothing here go on looking."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Resume", id="sessions.resume"),
        Binding("f", "screen.fork", "Fork", id="sessions.fork"),
        Binding("r", "screen.rename", "Rename", id="sessions.rename"),
        Binding("d,delete", "screen.delete", "Delete", id="sessions.delete"),
        Binding("slash", "screen.look_for", "Search", id="sessions.search"),
    ]

    class Typed(Message):
        def __init__(self, character: str) -> None:
            super().__init__()
            self.character = character

    def action_move(self, by: int) -> None:
        if by < 0 and self.at == 0:
            self.post_message(self.Typed(""))
        else:
            super().action_move(by)

    def on_key(self, event: events.Key) -> None:
        bound = self._bindings.key_to_bindings
        if event.is_printable and event.character and event.key not in bound:
            event.stop()
            self.post_message(self.Typed(event.character))


class Question(Static, can_focus=True):
    """A question that the next key answers, whichever it is."""

    class Answered(Message):
        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def on_key(self, event: events.Key) -> None:
        event.prevent_default().stop()
        self.post_message(self.Answered(event.key))


class PickerPage(Page):
    """All sessions, the newest first."""

    NAME = "Sessions"
    DEFAULT_CSS = """
    PickerPage #found { height: 1fr; }
    PickerPage SessionList { width: 1fr; }
    PickerPage #preview { width: 1fr; height: 1fr; padding: 0 1; border-left: tall $panel;
                          overflow-y: auto; }
    PickerPage.-narrow #preview { display: none; }
    PickerPage Question { height: auto; display: none; background: $surface; padding: 0 1; }
    PickerPage Question.-shown { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="sessions.back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._found: list[StoredSession] = []
        self._timer: Timer | None = None
        self._preview_timer: Timer | None = None
        self._asking: StoredSession | None = None

    @property
    def kept(self) -> SessionsLike:
        sessions = self.base.sessions
        assert sessions is not None, "the page is shown only where sessions are kept"
        return sessions

    def body(self) -> Iterable[Widget]:
        yield Finder(placeholder="type to search in all sessions", id="find", select_on_focus=False)
        yield _Found(id="found")
        yield Question(markup=False)
        yield Input(id="title", placeholder="a title")

    def on_mount(self) -> None:
        self.query_one("#title").display = False
        self.query_one("#find").focus()
        self._look("")

    # Looking

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "find":
            if self._timer is not None:
                self._timer.stop()
            self._timer = self.set_timer(WAIT, lambda: self._look(event.value))

    def _look(self, words: str) -> None:
        self.run_worker(self._search(words), group="search", exclusive=True)

    async def _search(self, words: str) -> None:
        try:
            self._found = await in_daemon_thread(self.kept.find, words.strip(), LIMIT)
        except SmoltermError as error:
            self.say(str(error), "error")
            return
        listing = self.query_one(SessionList)
        listing.empty_text("nothing holds these words" if words.strip() else "no sessions yet")
        listing.show(len(self._found), self._lines, height=2, at=0)
        count = len(self._found)
        self.head(f"{count}{' or more' * (count == LIMIT)}")
        self._preview_soon()

    def _lines(self, at: int, width: int) -> Sequence[Text]:
        here = self.base.session.id
        return session_lines(self._found[at], here, time.time(), width, self.dark)

    def _preview_soon(self) -> None:
        if self._preview_timer is not None:
            self._preview_timer.stop()
        self._preview_timer = self.set_timer(PREVIEW_WAIT, self._preview)

    def _preview(self) -> None:
        chosen = self.chosen
        preview = self.query_one("#preview", Static)
        if chosen is None or not preview.display:
            preview.update("")
            return
        self.run_worker(self._read(chosen), group="preview", exclusive=True)

    async def _read(self, chosen: StoredSession) -> None:
        try:
            past: list[Event] = await in_daemon_thread(self.kept.events, chosen.id)
        except SmoltermError as error:
            self.query_one("#preview", Static).update(Text(printable(str(error))))
            return
        self.query_one("#preview", Static).update(summary(past, self.dark))

    @property
    def chosen(self) -> StoredSession | None:
        at = self.query_one(SessionList).at
        return self._found[at] if at < len(self._found) else None

    # Moving between the field and the list

    def action_to_list(self) -> None:
        self.query_one(SessionList).focus()

    def action_look_for(self) -> None:
        self.query_one("#find").focus()

    def on_session_list_typed(self, event: SessionList.Typed) -> None:
        find = self.query_one("#find", Input)
        find.focus()
        find.value += event.character
        find.cursor_position = len(find.value)

    def on_listing_moved(self) -> None:
        self._preview_soon()

    # What is done with one

    async def on_listing_taken(self, event: Listing.Taken) -> None:
        await self.action_resume()

    async def action_resume(self) -> None:
        chosen, kept, app = self.chosen, self.kept, self.base
        if chosen is None:
            return
        if chosen.id == app.session.id:
            self.leave()
        elif chosen.running:
            self.say("it runs in another process: end it there first, or fork it with f")
        elif await app.go_to(lambda: kept.open(chosen.id)):
            self.leave()

    async def action_fork(self) -> None:
        chosen, kept = self.chosen, self.kept
        if chosen is not None and await self.base.go_to(lambda: kept.fork(chosen.id, None)):
            self.leave()

    def action_rename(self) -> None:
        if (chosen := self.chosen) is not None:
            self._asking = chosen
            field = self.query_one("#title", Input)
            field.value, field.display = chosen.title, True
            field.focus()

    def action_delete(self) -> None:
        chosen = self.chosen
        if chosen is None:
            return
        if chosen.running or chosen.id == self.base.session.id:
            self.say("a session that is open cannot be deleted")
            return
        self._asking = chosen
        asked = self.query_one(Question)
        text = Text().append("Delete ", style("error_last", self.dark))
        text.append(printable(chosen.title)[:60], style("bold", self.dark))
        asked.update(text.append(" for good?  y deletes it, any other key keeps it"))
        asked.add_class("-shown")
        asked.focus()

    async def on_question_answered(self, event: Question.Answered) -> None:
        asking, self._asking = self._asking, None
        self.query_one(Question).remove_class("-shown")
        self.query_one(SessionList).focus()
        if asking is not None and event.key == "y":
            await self._change(self.kept.delete, asking.id)

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "title" and self._asking is not None:
            chosen = self._asking
            self._end_renaming()
            if event.value.strip():
                await self._change(self.kept.rename, chosen.id, event.value.strip())

    def _end_renaming(self) -> None:
        self._asking = None
        self.query_one("#title").display = False
        self.query_one(SessionList).focus()

    def action_back(self) -> None:
        if self._asking is not None:
            self._end_renaming()
        else:
            self.leave()

    async def _change(self, change: object, *args: str) -> None:
        assert callable(change)
        at = self.query_one(SessionList).at
        try:
            await in_daemon_thread(change, *args)
        except SmoltermError as error:
            self.say(str(error), "error")
            return
        await self._search(self.query_one("#find", Input).value)
        self.query_one(SessionList).at = min(at, max(len(self._found) - 1, 0))


class _Found(Horizontal):
    def compose(self) -> ComposeResult:
        yield SessionList()
        yield Static(id="preview", markup=False)


def session_lines(
    one: StoredSession, here: str, now: float, width: int, dark: bool
) -> list[Text]:  # fmt: skip
    """Return what the list says of a session: its title, then when, how long and by whom. Pure."""
    title = " ".join(printable(one.title).split()) or "untitled"
    head = Text(no_wrap=True).append(title, style("task", dark))
    mark = ""
    if one.id == here:
        mark = "◆ here"
    elif one.running:
        mark = "● runs elsewhere"
    if mark:
        head.truncate(max(width - len(mark) - 2, 4), overflow="ellipsis")
        head.append(f"  {mark}", style("asking", dark))
    parts = [ago(now - one.changed), f"{one.steps} step{'s' * (one.steps != 1)}"]
    parts += [f"{one.branches} branches"] * (one.branches > 0)
    parts += [printable(one.model)] * bool(one.model)
    said = "  " + " · ".join(parts)
    below = Text(said, style("quiet", dark), no_wrap=True)
    if one.excerpt:
        below = Text("  " + " ".join(printable(one.excerpt).split()), style("value", dark))
    return [head, below]


def ago(seconds: float) -> str:
    """Return how long ago something was, in the unit that fits."""
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {word}{'s' * (count != 1)} ago"
    return "just now"

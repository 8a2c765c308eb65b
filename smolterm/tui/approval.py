"""The question before something runs, and the only place where it is answered.

Keys that were meant for something else must not answer it: for half a second after it appears
nothing does, every key in that time makes it wait again, and pasted text and Enter never count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.css.query import NoMatches
from textual.message import Message
from textual.widgets import Input, Static

from smolterm.events import ApprovalRequested
from smolterm.policy import Approve, Decision, Reject, Stop
from smolterm.printable import revealed
from smolterm.tui.palette import style

HOLD = 0.5
"""Seconds in which nothing answers."""
CHOICES = ("approve", "edit", "reject", "stop", "copy")


class ApprovalBar(Vertical, can_focus=True):
    """Shows one request; hidden while nothing waits."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve", "Approve", id="approval.approve"),
        Binding("e", "edit", "Edit", id="approval.edit"),
        Binding("r", "reject", "Reject", id="approval.reject"),
        Binding("s", "stop", "Stop the task", id="approval.stop"),
        Binding("c", "copy", "Copy the code", id="approval.copy"),
        Binding("escape", "back", "Back", show=False),
    ]

    class Answered(Message):
        def __init__(self, request: ApprovalRequested, decision: Decision) -> None:
            super().__init__()
            self.request = request
            self.decision = decision

    class EditAsked(Message):
        def __init__(self, request: ApprovalRequested) -> None:
            super().__init__()
            self.request = request

    class CopyAsked(Message):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Pasted(Message):
        """Text was pasted at the question; it belongs elsewhere."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Paged(Message):
        """The person reads on before answering."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._held_until = 0.0
        self.request: ApprovalRequested | None = None
        self._answered = False
        self.display = False

    def compose(self) -> ComposeResult:
        yield Static(id="question")
        yield Static(id="choices")

    # Values in

    def ask(self, request: ApprovalRequested | None) -> None:
        """Show a request, or hide with None."""
        if request is self.request:
            return
        self.request, self._answered = request, False
        self.display = request is not None
        self.query(Input).remove()
        if request is not None:
            question = _question(request, self.app.current_theme.dark)
            self.query_one("#question", Static).update(question)
            self.hold()

    def hold(self) -> None:
        """Take no answer for a while."""
        self._held_until = self._clock() + HOLD
        self._show_choices()
        self.set_timer(HOLD + 0.05, self._show_choices)

    # Intents out

    def action_approve(self) -> None:
        self._answer(Approve())

    def action_stop(self) -> None:
        self._answer(Stop())

    def action_edit(self) -> None:
        if self.request is not None and self.request.call is None and self._ready():
            self.post_message(self.EditAsked(self.request))

    def action_copy(self) -> None:
        if self.request is not None and self._ready():
            self.post_message(self.CopyAsked(self.request.code))

    async def action_reject(self) -> None:
        if self._ready() and not self._answered and not self.query(Input):
            reason = Input(placeholder="why? the model reads it; may stay empty")
            await self.mount(reason, before="#choices")
            reason.focus()
            self._show_choices()

    async def action_back(self) -> None:
        """Take back that it will be rejected."""
        await self.query(Input).remove()
        self.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._answer(Reject(event.value.strip()), asked=True)

    def _answer(self, decision: Decision, *, asked: bool = False) -> None:
        if self.request is not None and not self._answered and (asked or self._ready()):
            self._answered = True
            self.post_message(self.Answered(self.request, decision))
            self._show_choices()

    def _ready(self) -> bool:
        return self._clock() >= self._held_until

    def on_key(self, event: events.Key) -> None:
        if not self.has_focus:
            return
        if event.is_printable and not self._ready():
            self.hold()
            event.prevent_default().stop()
        elif event.key in ("up", "down", "j", "k", "pageup", "pagedown", "home", "end", "enter"):
            self.post_message(self.Paged(event.key))
            event.prevent_default().stop()

    async def on_click(self, event: events.Click) -> None:
        choice = event.style.meta.get("choice")
        if choice in CHOICES:
            event.stop()
            if not self._ready():
                self.hold()
            await self.run_action(choice)

    def on_paste(self, event: events.Paste) -> None:
        if self.has_focus:
            event.stop()
            self.post_message(self.Pasted(event.text))

    def watch_has_focus(self, focused: bool) -> None:
        super().watch_has_focus(focused)
        self._show_choices()

    def _show_choices(self) -> None:
        try:
            line = self.query_one("#choices", Static)
        except NoMatches:
            return
        if self.request is None:
            return
        dark = self.app.current_theme.dark
        if self.query(Input):
            line.update(Text("Enter rejects it · esc goes back", style("quiet", dark)))
        else:
            ready = self._ready() and not self._answered and self.has_focus
            text = _choices(self.request, self.size.width, ready=ready, dark=dark)
            line.update(text if self.has_focus else Text("Tab answers", style("quiet", dark)))


def _question(request: ApprovalRequested, dark: bool) -> Text:
    what = "Run this code?" if request.tool is None else "Allow this call?"
    text = Text().append(what, style("asking", dark))
    text.append(f"  step {request.step}", style("quiet", dark))
    if request.tool is not None:
        text.append(f"  {revealed(request.effect)}", style("warning", dark))
        text.append(f"\n{revealed(request.tool)}", style("tool", dark))
        text.append(f"({revealed(request.arguments)})", style("base", dark))
    if request.why:
        text.append(f"\n{revealed(request.why)}", style("quiet", dark))
    return text


def _choices(request: ApprovalRequested, width: int, *, ready: bool, dark: bool) -> Text:
    text = Text()
    for name in CHOICES:
        if (name == "edit" and request.call is not None) or (name == "copy" and 0 < width < 50):
            continue
        mark = Style(meta={"choice": name})
        text.append("" if not text else "  " if 0 < width < 50 else "   ")
        text.append(name[0], style("asking" if ready else "quiet", dark) + mark)
        text.append(f" {name}", style("base" if ready else "quiet", dark) + mark)
    return text

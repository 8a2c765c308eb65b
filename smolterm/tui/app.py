"""The app: events go into the view, what people do goes to the session."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from copy import copy
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import Worker

from smolterm.errors import ExitCode, SmoltermError
from smolterm.events import ApprovalRequested, Event, Finished, Notice
from smolterm.models.library import installed
from smolterm.policy import Decision, Edit
from smolterm.tui.approval import ApprovalBar
from smolterm.tui.fold import View
from smolterm.tui.help import HELP
from smolterm.tui.palette import DARK, LIGHT
from smolterm.tui.prompt import Prompt
from smolterm.tui.protocol import SessionLike
from smolterm.tui.status import Facts, Status
from smolterm.tui.steps import Steps
from smolterm.tui.titles import Titles
from smolterm.tui.welcome import Welcome

if TYPE_CHECKING:
    from smolterm.tui.editor import Editor

FRAME = 1 / 30
"""Seconds between two looks at the view while events pour in."""
TWICE = 2.0
"""Seconds in which a second ctrl+c means quit, and in which a hint stays."""


class SmoltermApp(App[int]):
    """Three linked panes, a question when one waits, a prompt and a footer."""

    CSS_PATH = "smolterm.tcss"
    TITLE = "smolterm"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", "Interrupt", id="app.interrupt"),
        Binding("ctrl+q", "leave(0)", "Quit", priority=True, id="app.quit"),
        Binding("f1", "help", "Help", id="app.help"),
        Binding("f2", "theme", "Dark or light", id="app.theme"),
        Binding("end", "end", "To the end", show=False, id="app.end"),
    ]

    def __init__(
        self,
        session: SessionLike,
        *,
        first_task: str | None = None,
        banner: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name
        self.view = View(steps_limited=session.budget.max_steps > 0)
        self.view.totals.model = session.model_name
        self.view.totals.steps_left = session.budget.max_steps or None
        self._session, self._first_task, self._banner = session, first_task, banner
        self._clock = clock
        self._armed_until = float("-inf")
        self._hint = ""
        self._hint_timer: Timer | None = None
        self._ticker: Timer | None = None
        self._switching: Worker[None] | None = None
        self._flush_timer: Timer | None = None
        self._flushed_at = 0.0

    def compose(self) -> ComposeResult:
        yield Titles(self._banner)
        yield Welcome()
        yield Steps(self.view)
        yield ApprovalBar(self._clock)
        with Horizontal(id="line"):
            yield Static("❯", id="mark", markup=False)
            yield Prompt("Ask for something")
        yield Status()

    def on_mount(self) -> None:
        self.query_one(Steps).display = False
        self.query_one(Prompt).focus()
        self._ticker = self.set_interval(1.0, self._tick, pause=True)
        self._tick()
        self._session.listen(self.take)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Start what is heavy, now that the screen is up and takes keys."""
        gc.freeze()  # what start-up made stays; a caller may have held collections until here
        gc.enable()
        self.run_worker(self._prepare(), exit_on_error=True)
        if self._first_task:
            self._start(self._first_task)

    async def _prepare(self) -> None:
        try:
            await self._session.prepare()
        except SmoltermError as error:
            self.take(Notice(text=str(error), level="error"))

    @property
    def settled(self) -> bool:
        """Everything that was taken is drawn."""
        return self._flush_timer is None and not self.view.dirty

    # Events in

    def take(self, event: Event) -> None:
        """Fold one event and have it drawn within a frame."""
        self.view.apply(event, self._clock())
        if self._flush_timer is None:
            wait = max(self._flushed_at + FRAME - time.monotonic(), 0.001)
            self._flush_timer = self.set_timer(wait, self._draw)

    def _draw(self) -> None:
        self._flush_timer, self._flushed_at = None, time.monotonic()
        if not self.query(Steps):
            # The screen is being taken down; events may come until the session is closed.
            return
        steps, bar = self.query_one(Steps), self.query_one(ApprovalBar)
        if self.view.items and not steps.display:
            self.query_one(Welcome).display, steps.display = False, True
        steps.show_changes()
        request = next(iter(self.view.pending.values()), None)
        if request is not bar.request:
            asked_before = bar.has_focus_within
            bar.ask(request)
            if request is None and asked_before:
                self.query_one(Prompt).focus()
            self.query("Editor").remove()
            self.call_after_refresh(steps.attend, self._asked_step(request))
            if request is not None:
                self._offer_focus(bar)
        self._tick()

    @staticmethod
    def _asked_step(request: ApprovalRequested | None) -> int | None:
        """Return the step to read before answering; a tool's call is in the question itself."""
        return None if request is None or request.call is not None else request.step

    def _offer_focus(self, bar: ApprovalBar) -> None:
        """Give the question the keys, unless the person is in the middle of writing."""
        if not self.query_one(Prompt).text:
            bar.focus()

    def _tick(self) -> None:
        if not self.query(Steps):
            return
        view = self.view
        below = self.query_one(Steps).below
        # A copy: the footer draws itself anew when they differ from what it drew last.
        facts = Facts(copy(view.totals), view.state, self._clock(), below, self._hint)
        self.query_one(Status).show(facts)
        if self._ticker is not None:
            (self._ticker.resume if view.running else self._ticker.pause)()

    async def _run(self, task: str) -> None:
        breath = time.monotonic()
        try:
            async with aclosing(self._session.run(task)) as events:
                async for event in events:
                    self.take(event)
                    if time.monotonic() > breath + FRAME:
                        await asyncio.sleep(0)
                        breath = time.monotonic()
        except SmoltermError as error:
            name = type(error).__name__
            self.take(Finished(reason="failed", message=str(error), error=name))

    def _start(self, task: str) -> None:
        self.view.totals.started = self._clock()
        self.run_worker(self._run(task), group="task")
        self._tick()

    # Intents out

    def on_prompt_submitted(self, event: Prompt.Submitted) -> None:
        prompt, text = self.query_one(Prompt), event.text
        if text.startswith("/") and self._command(text[1:]):
            prompt.accept()
        elif not text:
            return
        elif self.view.running:
            self.say("a task is running: your text is kept here")
        elif self._switching is not None:
            self.say("another model is being loaded: your text is kept here")
        else:
            prompt.accept()
            self._start(text)

    def _command(self, text: str) -> bool:
        name, _, rest = text.partition(" ")
        match name:
            case "help":
                self.action_help()
            case "quit" | "exit":
                self.action_leave(0)
            case "copy" if rest in ("", "code", "output", "reasoning"):
                self.query_one(Steps).action_copy(rest or "output")
            case "theme":
                self.action_theme()
            case "model":
                self._switch(rest.strip())
            case "undo-context":
                if not self._session.undo_shortening():
                    self.say("nothing of this session is sent shortened")
            case _ if "/" in name:
                return False  # a path, not a command
            case _:
                self.say(f"no command /{name}; /help lists them")
        return True

    def _switch(self, name: str) -> None:
        """Have another model go on, or say which ones there are."""
        if not name:
            here = "".join(f" local/{each.name}" for each in installed())
            said = f"This session's model is {self.view.totals.model}. /model NAME takes another:"
            self.take(Notice(text=f"{said} any name that --model takes.{here and ' Here:'}{here}"))
        elif self.view.running:
            self.say("a task is running: switch when it has ended")
        elif self._switching is not None:
            self.say("another model is being loaded; ctrl+c stops that")
        else:
            self.say(f"asking for {name}")
            self._switching = self.run_worker(self._switch_to(name), group="switch")

    async def _switch_to(self, name: str) -> None:
        before = self.view.totals.model
        try:
            await self._session.switch_model(name)
        except SmoltermError as error:
            self.take(Notice(text=f"{error} {before} goes on.", level="error"))
        except asyncio.CancelledError:
            self.take(Notice(text=f"Interrupted. {before} goes on.", level="warning"))
            raise
        finally:
            self._switching, self.view.totals.loading = None, None

    def on_prompt_typed(self) -> None:
        bar = self.query_one(ApprovalBar)
        if bar.request is not None:
            bar.hold()

    def on_prompt_left(self) -> None:
        bar, steps = self.query_one(ApprovalBar), self.query_one(Steps)
        (bar if bar.display else steps).focus()

    def on_prompt_paged(self, event: Prompt.Paged) -> None:
        self.query_one(Steps).action_page(event.by)

    def on_approval_bar_answered(self, event: ApprovalBar.Answered) -> None:
        self._decide(event.request.step, event.decision, event.request.call)

    def _decide(self, step: int, decision: Decision, call: int | None) -> None:
        if not self._session.decide(step, decision, call=call):
            self.view.pending.pop((step, call), None)
            self._draw()

    async def on_approval_bar_edit_asked(self, event: ApprovalBar.EditAsked) -> None:
        from smolterm.tui.editor import Editor

        request, dark = event.request, self.current_theme.dark
        editor = Editor(request.step, request.code, dark=dark)
        await self.mount(editor, after=self.query_one(ApprovalBar))
        self.query_one(ApprovalBar).display = False
        editor.focus()

    async def on_editor_run_asked(self, event: Editor.RunAsked) -> None:
        await self.query("Editor").remove()
        self._decide(event.step, Edit(event.code), None)

    async def on_editor_cancelled(self) -> None:
        await self.query("Editor").remove()
        bar = self.query_one(ApprovalBar)
        bar.display = bar.request is not None
        (bar if bar.display else self.query_one(Prompt)).focus()

    def on_approval_bar_paged(self, event: ApprovalBar.Paged) -> None:
        self.query_one(Steps).press(event.key)

    def on_approval_bar_pasted(self, event: ApprovalBar.Pasted) -> None:
        prompt = self.query_one(Prompt)
        prompt.insert(event.text)
        prompt.focus()

    def on_approval_bar_copy_asked(self, event: ApprovalBar.CopyAsked) -> None:
        self._copy(event.text, "code")

    def on_steps_copy_asked(self, event: Steps.CopyAsked) -> None:
        self._copy(event.text, event.what)

    def on_steps_below_changed(self) -> None:
        self._tick()

    def _copy(self, text: str, what: str) -> None:
        self.copy_to_clipboard(text.encode("utf-8", "replace").decode())
        lines = text.count("\n") + 1
        self.say(
            f"copied the {what}, {lines} line{'s' * (lines != 1)}" if text else "nothing to copy"
        )

    def say(self, hint: str) -> None:
        """Show a line in the footer for a while."""
        if self._hint_timer is not None:
            self._hint_timer.stop()
        self._hint = hint
        self._hint_timer = self.set_timer(TWICE, self._unsay)
        self._tick()

    def _unsay(self) -> None:
        self._hint = ""
        self._tick()

    def action_help(self) -> None:
        self.take(Notice(text=HELP))

    def action_theme(self) -> None:
        self.theme = LIGHT.name if self.current_theme.dark else DARK.name
        self.query_one(Steps).refresh()

    def action_end(self) -> None:
        self.query_one(Steps).action_last()

    def action_interrupt(self) -> None:
        """End the running task; within two seconds of the last time, leave."""
        now = self._clock()
        if now < self._armed_until:
            self.action_leave(ExitCode.OK)
            return
        self._armed_until = now + TWICE
        if self.view.running:
            self.run_worker(self._session.interrupt(), group="interrupt")
        elif self._switching is not None:
            self._switching.cancel()
        busy = self.view.running or self._switching is not None
        self.say(("interrupting, " if busy else "") + "ctrl+c again quits")

    def action_leave(self, code: int) -> None:
        self.exit(code)


def run_app(
    session: SessionLike, *, first_task: str | None = None, banner: str | None = None
) -> int:
    """Show the app until the person leaves; return the exit code.

    The session is closed on every way out, a signal included, so that no child outlives the app.
    """
    return asyncio.run(_run_app(session, first_task, banner))


async def _run_app(session: SessionLike, first_task: str | None, banner: str | None) -> int:
    app = SmoltermApp(session, first_task=first_task, banner=banner)
    loop = asyncio.get_running_loop()
    codes = {
        "SIGTERM": ExitCode.TERMINATED,
        "SIGHUP": ExitCode.HANGUP,
        "SIGINT": ExitCode.INTERRUPTED,
    }
    for name, code in codes.items():
        with suppress(NotImplementedError, AttributeError):
            loop.add_signal_handler(getattr(signal, name), app.action_leave, code)
    try:
        result = await app.run_async()
    finally:
        await session.close()
    if session.transcript_path:
        with suppress(OSError):
            sys.stdout.write(f"{session.transcript_path}\n")
            sys.stdout.flush()
    return ExitCode.FAILED if result is None else result

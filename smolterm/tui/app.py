"""The app: events go into the view, what people do goes to the session."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from copy import copy
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widgets import Static

from smolterm.errors import ExitCode, SmoltermError
from smolterm.events import Event, Finished, Notice
from smolterm.tui.answering import Answering
from smolterm.tui.approval import ApprovalBar
from smolterm.tui.fold import View
from smolterm.tui.looking import Looking
from smolterm.tui.palette import DARK, LIGHT
from smolterm.tui.prompt import Prompt
from smolterm.tui.protocol import SessionLike
from smolterm.tui.status import Facts, Status
from smolterm.tui.steps import Steps
from smolterm.tui.titles import Titles
from smolterm.tui.visiting import Visiting
from smolterm.tui.welcome import Welcome
from smolterm.tui.writing import Writing

FRAME = 1 / 30
"""Seconds between two looks at the view while events pour in."""
TWICE = 2.0
"""Seconds in which a second ctrl+c means quit, and in which a hint stays."""


class SmoltermApp(Answering, Writing, Looking, Visiting):
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
        self.session = session
        self._first_task, self._banner = first_task, banner
        self.clock = clock
        self._armed_until = float("-inf")
        self._hint = ""
        self._hint_timer: Timer | None = None
        self._ticker: Timer | None = None
        self._flush_timer: Timer | None = None
        self._flushed_at = 0.0

    def compose(self) -> ComposeResult:
        yield Titles(self._banner)
        yield Welcome()
        yield Steps(self.view)
        yield ApprovalBar(self.clock)
        with Horizontal(id="line"):
            yield Static("❯", id="mark", markup=False)
            yield Prompt("Ask for something")
        yield Status()

    def on_mount(self) -> None:
        self.query_one(Steps).display = False
        self.query_one(Prompt).focus()
        self._ticker = self.set_interval(1.0, self._tick, pause=True)
        self._tick()
        self.session.listen(self.take)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Start what is heavy, now that the screen is up and takes keys."""
        gc.freeze()  # what start-up made stays; a caller may have held collections until here
        gc.enable()
        self.run_worker(self._prepare(), exit_on_error=True)
        if self._first_task:
            self.start(self._first_task)

    async def _prepare(self) -> None:
        try:
            await self.session.prepare()
        except SmoltermError as error:
            self.take(Notice(text=str(error), level="error"))

    @property
    def settled(self) -> bool:
        """Everything that was taken is drawn."""
        return self._flush_timer is None and not self.view.dirty

    # Events in

    def take(self, event: Event) -> None:
        """Fold one event and have it drawn within a frame."""
        self.view.apply(event, self.clock())
        if self._flush_timer is None:
            wait = max(self._flushed_at + FRAME - time.monotonic(), 0.001)
            self._flush_timer = self.set_timer(wait, self._draw)

    def _draw(self) -> None:
        self._flush_timer, self._flushed_at = None, time.monotonic()
        if not self.query(Steps):
            # The screen is being taken down; events may come until the session is closed.
            return
        steps = self.query_one(Steps)
        if self.view.items and not steps.display:
            self.query_one(Welcome).display, steps.display = False, True
        steps.show_changes()
        self.show_question()
        self._tick()

    def redraw(self) -> None:
        self._draw()

    def _tick(self) -> None:
        if not self.query(Steps):
            return
        view = self.view
        below = self.query_one(Steps).below
        # A copy: the footer draws itself anew when they differ from what it drew last.
        facts = Facts(copy(view.totals), view.state, self.clock(), below, self._hint)
        self.query_one(Status).show(facts)
        if self._ticker is not None:
            (self._ticker.resume if view.running else self._ticker.pause)()

    async def _run(self, task: str, files: Mapping[str, bytes] | None = None) -> None:
        breath = time.monotonic()
        try:
            async with aclosing(self.session.run(task, files=files)) as events:
                async for event in events:
                    self.take(event)
                    if time.monotonic() > breath + FRAME:
                        await asyncio.sleep(0)
                        breath = time.monotonic()
        except SmoltermError as error:
            name = type(error).__name__
            self.take(Finished(reason="failed", message=str(error), error=name))

    def start(self, task: str, files: Mapping[str, bytes] | None = None) -> None:
        self.view.totals.started = self.clock()
        self.run_worker(self._run(task, files), group="task")
        self._tick()

    # Intents out

    def copy(self, text: str, what: str) -> None:
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

    def action_interrupt(self) -> None:
        """End the running task; within two seconds of the last time, leave."""
        now = self.clock()
        if now < self._armed_until:
            self.action_leave(ExitCode.OK)
            return
        self._armed_until = now + TWICE
        if self.view.running:
            self.run_worker(self.session.interrupt(), group="interrupt")
        elif self.switching is not None:
            self.switching.cancel()
        busy = self.view.running or self.switching is not None
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

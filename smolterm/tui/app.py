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
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual import screen as textual_screen
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer

from smolterm.errors import ExitCode, SmoltermError
from smolterm.events import CellFinished, Event, Finished, Rewound, TaskStarted
from smolterm.tui.answering import Answering
from smolterm.tui.approval import ApprovalBar
from smolterm.tui.copying import Copying
from smolterm.tui.eventlog import EventLog
from smolterm.tui.looking import Looking
from smolterm.tui.noticing import Noticing
from smolterm.tui.palette import DARK, LIGHT
from smolterm.tui.past import changed_by
from smolterm.tui.prompt import Prompt
from smolterm.tui.protocol import SessionLike, SessionsLike
from smolterm.tui.resuming import Resuming
from smolterm.tui.status import Facts, Status
from smolterm.tui.steps import Steps
from smolterm.tui.terminal import is_dark, is_unanswered, swallow_late_answers, typed_ahead
from smolterm.tui.titles import Titles
from smolterm.tui.visiting import Visiting
from smolterm.tui.welcome import Welcome
from smolterm.tui.writing import Writing

if TYPE_CHECKING:
    from smolterm.config import Config

FRAME = 1 / 30
"""Seconds between two looks at the view while events pour in."""
UPDATE = 1 / 120
"""Seconds between two looks of the screen at its widgets: what a key waits for at most, twice."""
SLOWEST = 0.2
"""The same where drawing itself takes long."""
ECHO = 0.02
"""Seconds in which a key's echo is written before anything else is drawn."""
TWICE = 2.0
"""Seconds in which a second ctrl+c means quit, and in which a hint stays."""


class SmoltermApp(Visiting, Answering, Writing, Looking, Resuming, Copying, Noticing):
    """Three linked panes, a question when one waits, a prompt and a footer."""

    CSS_PATH = "smolterm.tcss"
    TITLE = "smolterm"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]  # noqa: RUF012
    # Those that a text field would take for itself, or that must work everywhere, come first.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", "Interrupt", priority=True, id="app.interrupt"),
        Binding("ctrl+q", "leave(0)", "Quit", priority=True, id="app.quit"),
        Binding("f1", "help", "Help", priority=True, id="app.help"),
        Binding("f2", "theme", "Dark or light", priority=True, id="app.theme"),
        Binding("f3", "variables", "Variables", priority=True, id="app.variables"),
        Binding("f4", "mode", "Mode", priority=True, id="app.mode"),
        Binding("f7", "sessions", "Sessions", priority=True, id="app.sessions"),
        Binding("f8", "rewind", "Rewind", priority=True, id="app.rewind"),
        Binding("f9", "log", "Log", priority=True, id="app.log"),
        Binding("f10", "settings", "Settings", priority=True, id="app.settings"),
        Binding("ctrl+p", "palette", "Commands", priority=True, id="app.palette"),
        Binding("ctrl+shift+c,y", "copy_selection", "Copy what is selected", show=False,
                id="app.copy_selection"),
        Binding("end", "end", "To the end", show=False, id="app.end"),
    ]  # fmt: skip

    def __init__(
        self,
        session: SessionLike,
        *,
        first_task: str | None = None,
        banner: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        sessions: SessionsLike | None = None,
        config: Config | None = None,
        dark: bool = True,
        typed: str = "",
    ) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name if dark else LIGHT.name
        self.clock = clock
        self.sessions, self.config = sessions, config
        self.keymap = {} if config is None else config.settings.keys
        self.bell_rings = config is None or config.settings.bell
        self.set_keymap(dict(self.keymap))
        self.events = EventLog(clock)
        self._left, self._hints = set(), {}
        self.adopt(session)
        self._first_task, self._banner, self._typed = first_task, banner, typed
        self._armed_until = float("-inf")
        self._hint = ""
        self._hint_timer: Timer | None = None
        self._ticker: Timer | None = None
        self._flush_timer: Timer | None = None
        self._flushed_at = self._pressed_at = 0.0
        self._pace = FRAME
        self.failure: Exception | None = None
        """What made the screen itself fail."""

    def compose(self) -> ComposeResult:
        with Horizontal(id="work"), Vertical(id="talk"):
            yield Titles(self._banner)
            yield Welcome()
            yield Steps(self.view)
        yield ApprovalBar(self.clock)
        yield from self.compose_prompt()
        yield Status()

    def on_mount(self) -> None:
        begun = bool(self.view.items)
        self.query_one(Steps).display, self.query_one(Welcome).display = begun, not begun
        self.query_one(Prompt).focus()
        self._ticker = self.set_interval(1.0, self._tick, pause=True)
        self._tick()
        self.hear()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Start what is heavy, now that the screen is up and takes keys."""
        gc.freeze()  # what start-up made stays; a caller may have held collections until here
        gc.set_threshold(5_000, 20, 100)  # a whole collection takes longer than a frame may
        gc.enable()
        if self.view.items:
            self.redraw()
        self.run_worker(self.prepare(), group="prepare", exit_on_error=True)
        if self._typed:
            self._type(self._typed)
        if self._first_task:
            self.start(self._first_task)
        if self.keymap:
            self.check_keys()

    def _type(self, text: str) -> None:
        """Take what was typed before the screen was there as if it were typed now."""
        from textual._xterm_parser import XTermParser

        for event in XTermParser().feed(text):
            self.post_message(event)

    @property
    def settled(self) -> bool:
        """Everything that was taken is drawn."""
        return self._flush_timer is None and not self.view.dirty

    # Events in

    def take(self, event: Event) -> None:
        """Fold one event and have it drawn within a frame."""
        self.view.apply(event, self.clock())
        self.events.add(event)
        if isinstance(event, TaskStarted):
            self.task_text = event.task
        elif isinstance(event, CellFinished):
            self.changed[event.step] = changed_by(event)
        elif isinstance(event, Rewound):
            self.branches.append(event)
            self.redraw()  # at once: nobody shall choose a step that is gone
        if self._flush_timer is None:
            wait = max(self._flushed_at + self._pace - time.monotonic(), 0.001)
            self._flush_timer = self.set_timer(wait, self._draw_in_turn)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key):
            self._pressed_at = time.monotonic()
        await super().on_event(event)

    def _draw_in_turn(self) -> None:
        """Draw, after the echo of a key that was just pressed, and on a slow machine less often."""
        began = time.monotonic()
        if began < self._pressed_at + ECHO and began < self._flushed_at + 2 * self._pace:
            self._flush_timer = self.set_timer(ECHO, self._draw_in_turn)
            return
        self._draw()
        self._pace = min(max(FRAME, 4 * (time.monotonic() - began)), SLOWEST)

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
        if len(self.screen_stack) > 1 or self.query("VariablesPane"):
            self._renew()

    def _renew(self) -> None:
        """Have what else is on the screen show what changed."""
        for shown in (self.screen, *self.query("VariablesPane")):
            if renew := getattr(shown, "renew", None):
                renew()

    def redraw(self) -> None:
        self._draw()

    def _tick(self) -> None:
        if not self.query(Steps):
            return
        view = self.view
        below = self.query_one(Steps).below
        # A copy: the footer draws itself anew when they differ from what it drew last.
        facts = Facts(
            copy(view.totals), view.state, self.clock(), below, self._hint, self.session.mode,
            len(view.files), self.queue_length, self.hints(),
        )  # fmt: skip
        self.query_one(Status).show(facts)
        self.notice()
        if self._ticker is not None:
            (self._ticker.resume if view.running else self._ticker.pause)()

    async def _run(self, task: str, files: Mapping[str, bytes] | None = None) -> None:
        breath, reason = time.monotonic(), ""
        try:
            async with aclosing(self.session.run(task, files=files)) as events:
                async for event in events:
                    self.take(event)
                    reason = event.reason if isinstance(event, Finished) else reason
                    if time.monotonic() > breath + FRAME:
                        await asyncio.sleep(0)
                        breath = time.monotonic()
        except SmoltermError as error:
            name = type(error).__name__
            self.take(Finished(reason="failed", message=str(error), error=name))
        self.task_ended(reason)

    def start(self, task: str, files: Mapping[str, bytes] | None = None) -> None:
        self.view.totals.started = self.clock()
        self.run_worker(self._run(task, files), group="task")
        self._tick()

    # Intents out

    def say(self, hint: str) -> None:
        """Show a line in the footer for a while."""
        if self._hint_timer is not None:
            self._hint_timer.stop()
        self._hint = hint
        self._hint_timer = self.set_timer(TWICE, self._unsay)
        self._tick()
        if len(self.screen_stack) > 1 and (shows := getattr(self.screen, "say", None)):
            shows(hint)

    def _unsay(self) -> None:
        self._hint = ""
        self._tick()

    def action_interrupt(self) -> None:
        """End the running task; within two seconds of the last time, leave.

        Where nothing runs and something is selected, it is copied, as people are used to.
        """
        now = self.clock()
        if not self.view.running and self.switching is None and self.copy_selected():
            return
        if now < self._armed_until:
            self.action_leave(ExitCode.OK)
            return
        own = self.interrupt_own()
        busy = own or self.view.running or self.switching is not None
        if not busy and self.clear_prompt():
            return
        self._armed_until = now + TWICE
        if self.view.running:
            self.run_worker(self.session.interrupt(), group="interrupt")
        elif self.switching is not None:
            self.switching.cancel()
        self.say(("interrupting, " if busy else "") + "ctrl+c again quits")

    def action_leave(self, code: int) -> None:
        self.exit(code)

    def _fatal_error(self) -> None:
        # Textual would print the values of variables, keys among them.
        self.failure = self._exception
        self._close_messages_no_wait()


def run_app(
    session: SessionLike,
    *,
    first_task: str | None = None,
    banner: str | None = None,
    sessions: SessionsLike | None = None,
    config: Config | None = None,
) -> int:
    """Show the app until the person leaves; return the exit code.

    The session is closed on every way out, a signal included, so that no child outlives the app.
    """
    setattr(textual_screen, "UPDATE_PERIOD", UPDATE)  # noqa: B010  a constant to mypy
    dark = is_dark("auto" if config is None else config.settings.theme)
    if is_unanswered():
        swallow_late_answers()
    app = SmoltermApp(
        session, first_task=first_task, banner=banner, sessions=sessions, config=config,
        dark=dark, typed=typed_ahead(),
    )  # fmt: skip
    return asyncio.run(_run_app(app))


async def _run_app(app: SmoltermApp) -> int:
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
        app.unname_window()
        app.end_commands()
        await app.close_all()
    for line in last_words(app):
        with suppress(OSError):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    return ExitCode.FAILED if result is None else result


def last_words(app: SmoltermApp) -> list[str]:
    """Return what stands on the terminal when the screen is gone."""
    lines: list[str] = []
    if app.failure is not None:
        from smolterm.tui.crash import crash_lines, write_crash

        lines += crash_lines(app.failure, write_crash(app.failure, app.size))
    from smolterm.sessions import goodbye

    return lines + goodbye(app.session)

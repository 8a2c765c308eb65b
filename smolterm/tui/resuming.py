"""The part of the app that goes from one session to another, and back within one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from smolterm.errors import SmoltermError
from smolterm.events import CellFinished, Event, Notice, Rewound
from smolterm.tui.approval import ApprovalBar
from smolterm.tui.base import Base
from smolterm.tui.fold import View
from smolterm.tui.past import changed_by, fold_past, last_task
from smolterm.tui.prompt import Prompt
from smolterm.tui.protocol import SessionLike
from smolterm.tui.steps import Steps
from smolterm.tui.welcome import Welcome


class Resuming(Base):
    """Brings what happened before to the screen, and closes what is left behind."""

    _left: set[asyncio.Task[None]]
    """Sessions that are being closed."""

    def adopt(self, session: SessionLike) -> None:
        """Make a session the one on the screen; what happened in it before is in the view."""
        self.session = session
        self.view = View(steps_limited=session.budget.max_steps > 0)
        totals = self.view.totals
        totals.model, totals.mode = session.model_name, session.mode
        totals.steps_left = session.budget.max_steps or None
        past = session.past
        self.branches = [event for event in past if isinstance(event, Rewound)]
        self.changed = {
            event.step: changed_by(event) for event in past if isinstance(event, CellFinished)
        }
        fold_past(self.view, past, self.clock())
        self.task_text = last_task(past)

    def hear(self) -> None:
        """Listen to the session, for as long as it is the one on the screen."""
        session = self.session

        def heard(event: Event) -> None:
            if session is self.session:
                self.take(event)

        session.listen(heard)

    async def prepare(self) -> None:
        """Start what a task will need."""
        try:
            await self.session.prepare()
        except SmoltermError as error:
            self.take(Notice(text=str(error), level="error"))

    async def go_to(self, make: Callable[[], SessionLike]) -> bool:
        """Leave this session for another; False when that cannot be, and then this one stays."""
        if self.view.running:
            self.say("a task is running: interrupt it first, with ctrl+c")
            return False
        if any(worker.group == "switch" and worker.is_running for worker in self.workers):
            self.say("another model is being loaded: ctrl+c stops that")
            return False
        try:
            session = make()
        except SmoltermError as error:
            self.say(str(error))
            return False
        left = self.session
        self.workers.cancel_group(self, "prepare")
        self.adopt(session)
        await self._rebuild()
        self.hear()
        self.close_later(left)
        self.run_worker(self.prepare(), group="prepare")
        return True

    async def _rebuild(self) -> None:
        """Draw the new view in the place of the old one."""
        self.query_one(ApprovalBar).ask(None)
        await self.query("EditorBox").remove()
        await self.query_one(Steps).remove()
        steps = Steps(self.view)
        await self.query_one("#talk").mount(steps)
        steps.display = bool(self.view.items)
        self.query_one(Welcome).display = not steps.display
        self.query_one(Prompt).focus()
        self.call_after_refresh(self.redraw)

    def close_later(self, session: SessionLike) -> None:
        """Close a session while the screen goes on; the app's end waits for it."""
        task = asyncio.create_task(session.close())
        self._left.add(task)
        task.add_done_callback(self._left.discard)

    async def close_all(self) -> None:
        """Close the session on the screen and those that were left."""
        closing: Iterable[asyncio.Task[None]] = [*self._left]
        await asyncio.gather(self.session.close(), *closing, return_exceptions=True)

    async def rewind(self, step: int) -> bool:
        """Go back to before a step of this session; its task's text goes back into the prompt."""
        if self.view.running:
            self.say("a task is running: interrupt it first, with ctrl+c")
            return False
        before = len(self.branches)
        try:
            await self.session.rewind(step)
        except SmoltermError as error:
            self.say(str(error))
            return False
        task = self.branches[-1].task if len(self.branches) > before else ""
        prompt = self.query_one(Prompt)
        if task and not prompt.text:
            prompt.text = task
            prompt.move_cursor(prompt.document.end)
        prompt.focus()
        return True

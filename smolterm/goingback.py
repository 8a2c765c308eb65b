"""The part of a session that was there before: going on, and going back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from smolterm import __version__
from smolterm.errors import SmoltermError
from smolterm.events import Event, ModeChanged, SessionResumed
from smolterm.policy import MODES
from smolterm.sessionbase import SessionBase
from smolterm.sessions.past import Past, mode_of
from smolterm.sessions.rewinding import go_back
from smolterm.sessions.states import bring_back


class GoingBack(SessionBase):
    """What happened before, and how it comes back."""

    @property
    def past(self) -> Sequence[Event]:
        """What happened before this process took the session over."""
        return self._resume.events if self._resume is not None else ()

    async def rewind(self, step: int) -> None:
        """Go back to before a step, with variables and files; what came after stays as a branch.

        Raises:
            UsageError: a task is running, or there is no such step.
            SandboxError: that state cannot be brought back.
        """
        self._refuse_while_busy()
        self._going_back = True
        try:
            if self._resume is not None:
                await self.prepare()
            mode = self.mode
            self._emit(await go_back(self.sandbox, self._record, self._keeper, step))
            if mode_of(self._record.events) != mode:
                self._emit(ModeChanged(mode=mode))
            if self._keeper is not None:
                self._keeper.start()
        finally:
            self._going_back = False

    def _take_over(self, past: Past, *, own_mode: bool) -> None:
        if not own_mode and (mode := mode_of(past.events)) in MODES:
            self.gate.policy = msgspec.structs.replace(self.policy, mode=mode)
        self.gate.recall(past.events)

    async def _go_on(self, past: Past) -> None:
        """Bring the variables back, and say so."""
        with suppress(SmoltermError):
            # Cells that run again call tools by their names.
            tools, _ = await self._collect_tools()
            await self.sandbox.offer(tools=[tool.spec for tool in tools.values()])
        back = await bring_back(self.sandbox, past)
        self._emit(
            SessionResumed(
                session=self.id,
                version=__version__,
                model=self.model_name,
                lost=back.lost,
                names=back.names,
                detail=back.detail,
                cell=back.cell,
            )
        )

    def _fold_again(self) -> None:
        self.transcript.begin_again(self._record.events, self._record.spent)
        if self.staging is not None:
            # What is opened again comes in again.
            self.staging.files.hear_again()
        self.gate.granted.clear()
        self.gate.recall(self._record.events)
        if self._agent is not None:
            self._agent.thinker.prompt = self._prompt()
            self._agent.thinker.suit(self.model, self._manner(self._specs))

"""The part of a session by which a person steers it while it works."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from smolterm.errors import UsageError
from smolterm.events import MessageAdded, ModeChanged
from smolterm.policy import MODES, Mode
from smolterm.sessionbase import SessionBase

if TYPE_CHECKING:
    from smolterm.aside import Asides


class Steering(SessionBase):
    """Modes, messages, questions aside."""

    _asides: Asides | None = None

    def set_mode(self, mode: Mode) -> None:
        """Ask about other things from now on, in a running task too; `ModeChanged` follows.

        Raises:
            UsageError: there is no such mode.
        """
        if mode not in MODES:
            raise UsageError(f"{mode} is no mode.", next=f"Choose one of {', '.join(MODES)}.")
        self.gate.policy = msgspec.structs.replace(self.policy, mode=mode)
        self._emit(ModeChanged(mode=mode))

    def add_message(self, text: str) -> bool:
        """Say something to the model while a task runs; False when none does.

        It reads that with its next prompt, and answers no task before it has.
        """
        runs = self.busy and self.transcript.tasks and self.transcript.finished is None
        if not runs or not text.strip():
            return False
        self._emit(MessageAdded(text=text.encode("utf-8", "replace").decode()))
        return True

    async def aside(self, question: str) -> AsyncGenerator[str, None]:
        """Answer a question from what the model knows so far; nothing of it is kept.

        Closing the iterator early ends it.

        Raises:
            UsageError: the model is busy and can do one thing at a time, or is a recording.
            ModelError: the provider failed.
        """
        from smolterm.aside import Asides
        from smolterm.prompt import Prompt

        self._seat.refuse_while_switching()
        self._asides = self._asides or Asides()
        thinker = self._agent.thinker if self._agent is not None else None
        prompt = thinker.prompt if thinker is not None else Prompt(self._specs)
        async with aclosing(
            self._asides.ask(
                self.model,
                prompt.messages,
                question,
                manner=thinker.manner if thinker is not None else self._manner(self._specs),
                busy=thinker is not None and thinker.busy,
            )
        ) as texts:
            async for text in texts:
                yield text

    def undo_shortening(self) -> bool:
        """Send again in full what was shortened last; False when nothing is."""
        if self._agent is None:
            return False
        from smolterm.context import undone

        event = undone(self._agent.thinker.prompt, self._agent.thinker.meter)
        if event is None:
            return False
        self._emit(event)
        return True

"""What the parts of a session share.

A session is made of parts by what a person does with it: steering it, going back, looking after
files, looking at variables. Each is a class of its own over this one, so that none of them swells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from smolterm.errors import UsageError
from smolterm.events import Event
from smolterm.gate import Gate
from smolterm.models import Model
from smolterm.policy import Mode, Policy
from smolterm.sandbox import CellRunner
from smolterm.seat import Seat
from smolterm.sessions.past import Past
from smolterm.sessions.record import Record
from smolterm.sessions.states import Keeper
from smolterm.tools import ToolSpec
from smolterm.transcript import Transcript

if TYPE_CHECKING:
    import asyncio

    from smolterm.agent import Agent
    from smolterm.calls import AnyTool
    from smolterm.manner import Manner
    from smolterm.prompt import Prompt
    from smolterm.staging import Staging


class SessionBase:
    """Declares what `Session` provides to its parts."""

    id: str
    sandbox: CellRunner
    gate: Gate
    staging: Staging | None = None
    """The staged files, where the sandbox is our own."""

    _seat: Seat
    _record: Record
    _keeper: Keeper | None
    _resume: Past | None
    _agent: Agent | None
    _specs: list[ToolSpec]
    _queue: asyncio.Queue[Event | None] | None
    _emit: Callable[[Event], None]
    _going_back = False

    @property
    def model(self) -> Model:
        return self._seat.model

    @property
    def model_name(self) -> str:
        return self.model.name

    @property
    def busy(self) -> bool:
        """A task runs."""
        return self._queue is not None

    @property
    def policy(self) -> Policy:
        """What happens without asking, as it is now."""
        return self.gate.policy

    @property
    def mode(self) -> Mode:
        return self.policy.mode

    @property
    def tools(self) -> Sequence[ToolSpec]:
        return tuple(self._specs)

    @property
    def transcript(self) -> Transcript:
        raise NotImplementedError

    async def prepare(self) -> None:
        raise NotImplementedError

    async def _collect_tools(self) -> tuple[dict[str, AnyTool], list[str]]:
        raise NotImplementedError

    def _manner(self, specs: Sequence[ToolSpec]) -> Manner:
        raise NotImplementedError

    def _prompt(self) -> Prompt:
        raise NotImplementedError

    def _refuse_while_busy(self) -> None:
        if self._queue is not None:
            raise UsageError("A task is running.", next="Interrupt it, or wait for its end.")
        if self._going_back:
            raise UsageError("The session is being rewound.", next="Wait until it is.")

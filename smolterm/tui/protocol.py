"""What the screen needs of a session; a fake fits in 30 lines."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from smolterm.events import Event
from smolterm.policy import Decision


class Budget(Protocol):
    @property
    def max_steps(self) -> int: ...


class SessionLike(Protocol):
    """What the app needs of a session."""

    @property
    def model_name(self) -> str: ...
    @property
    def is_demo(self) -> bool: ...
    @property
    def budget(self) -> Budget: ...
    @property
    def transcript_path(self) -> str | None: ...

    def run(self, task: str) -> AsyncGenerator[Event, None]:
        """Yield the task's events; `Finished` is the last."""
        ...

    def decide(self, step: int, decision: Decision, *, call: int | None = None) -> bool:
        """Answer a request; False when nothing waits for it any more."""
        ...

    async def switch_model(self, model: str) -> None:
        """Let another model go on; raises a SmoltermError when it cannot."""
        ...

    def undo_shortening(self) -> bool:
        """Send again in full what was shortened last; False when nothing is."""
        ...

    async def interrupt(self) -> None: ...
    async def prepare(self) -> None: ...
    def listen(self, handler: Callable[[Event], None]) -> None: ...
    async def close(self) -> None: ...

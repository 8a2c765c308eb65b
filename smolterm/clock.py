"""The seconds a task may use, and what ends it early."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator

import msgspec

from smolterm.events import Finished

STOPPED = "The task was stopped."


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What one task may use; waiting for a person is free."""

    max_steps: int = 20
    """Steps. 0 means no limit."""
    max_seconds: float = 900.0
    """Seconds of the model, the code and its tools together. 0 means no limit."""
    max_repairs: int = 4
    """Replies in a row that fail: no code where some was meant, or an exception."""


class TaskOver(Exception):
    """Ends the loop from wherever it is; carries the last event."""

    def __init__(self, finished: Finished) -> None:
        self.finished = finished


class Interrupted(Exception):
    """A person wants the task to end."""


class Clock:
    """The seconds a task has used, and the switch that stops what it waits for."""

    def __init__(self, budget: Budget) -> None:
        self._limit = budget.max_seconds or None
        self._used = 0.0
        self._scope: asyncio.Timeout | None = None
        self.interrupted = False

    @property
    def left(self) -> float | None:
        """Seconds; None without a limit."""
        return None if self._limit is None else max(0.0, self._limit - self._used)

    def interrupt(self) -> bool:
        """Stop the wait that is going on; False when there is none."""
        self.interrupted = True
        if self._scope is None:
            return False
        self._scope.reschedule(asyncio.get_running_loop().time())
        return True

    @contextlib.asynccontextmanager
    async def waiting(self, *, counts: bool = True) -> AsyncGenerator[None, None]:
        """Wait for something inside; ends early with `Interrupted` or a `TaskOver`.

        Args:
            counts: the time is the task's, not a person's.
        """
        if self.interrupted:
            raise Interrupted
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.left if counts else None) as scope:
                self._scope = scope
                yield
        except TimeoutError:
            if self.interrupted:
                raise Interrupted from None
            if not scope.expired():
                raise
            raise TaskOver(out_of_time(self._limit)) from None
        finally:
            self._scope = None
            if counts:
                self.spend(time.monotonic() - started)

    def spend(self, seconds: float) -> None:
        self._used += seconds


def out_of_time(limit: float | None) -> Finished:
    return Finished(reason="seconds", message=f"The task used its {limit or 0:g} s.")

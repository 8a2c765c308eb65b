"""What a task may use in seconds, tokens and dollars, and what ends it early."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator

import msgspec

from smolterm.events import Finished, Usage

STOPPED = "The task was stopped."


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What one task may use; waiting for a person is free."""

    max_steps: int = 20
    """Steps. 0 means no limit."""
    max_seconds: float = 900.0
    """Seconds of the model, the code and its tools together. 0 means no limit."""
    max_tokens: int = 0
    """Tokens of prompts and replies together. 0 means no limit. Looked at before the model is
    asked, so the last reply may go past it."""
    max_cost: float = 0.0
    """US dollars, where a price is known. 0 means no limit; see `max_tokens`."""
    max_repairs: int = 4
    """Replies in a row that fail: no code where some was meant, or an exception."""


class TaskOver(Exception):
    """Ends the loop from wherever it is; carries the last event."""

    def __init__(self, finished: Finished) -> None:
        self.finished = finished


class Interrupted(Exception):
    """A person wants the task to end."""


class Clock:
    """What a task has used, and the switch that stops what it waits for."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._limit = budget.max_seconds or None
        self._used = 0.0
        self._tokens = 0
        self._cost = 0.0
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

    def charge(self, usage: Usage) -> bool:
        """Count a reply; False when its price is not known and there is a limit of money."""
        self._tokens += usage.prompt_tokens + usage.completion_tokens
        self._cost += usage.cost or 0.0
        return usage.cost is not None or not self._budget.max_cost

    def check(self) -> None:
        """End the task where it has used its tokens or its money.

        Raises:
            TaskOver: it has.
        """
        budget = self._budget
        if budget.max_tokens and self._tokens >= budget.max_tokens:
            said = f"The task used its {budget.max_tokens:,} tokens: {self._tokens:,}."
            raise TaskOver(Finished(reason="tokens", message=said))
        if budget.max_cost and self._cost >= budget.max_cost:
            said = f"The task used its ${budget.max_cost:g}: ${self._cost:.4g}."
            raise TaskOver(Finished(reason="cost", message=said))


def out_of_time(limit: float | None) -> Finished:
    return Finished(reason="seconds", message=f"The task used its {limit or 0:g} s.")

"""Questions that wait for a person, and the decisions that answer them."""

from __future__ import annotations

import asyncio
from typing import Literal, TypeAlias, cast

from smolterm.policy import Decision

Question: TypeAlias = tuple[int, int | None]
"""A step, and the tool call in it when the question is about one."""


class Approvals:
    """The open questions. The first decision wins; a question nobody answers is not answered."""

    def __init__(self) -> None:
        self._open: dict[Question, asyncio.Future[Decision]] = {}

    def ask(self, step: int, call: int | None = None) -> asyncio.Future[Decision]:
        """Open a question; do so before anybody can hear of it."""
        future: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._open[(step, call)] = future
        return future

    def decide(self, step: int, decision: Decision, call: int | None = None) -> bool:
        """Answer a question; False when it is not open, or answered already."""
        future = self._open.get((step, call))
        if future is None or future.done():
            return False
        future.set_result(decision)
        return True

    async def answer(self, step: int, call: int | None = None) -> Decision:
        """Wait for the decision and close the question, also when the wait is cancelled."""
        try:
            # Taken out of the table only afterwards: a late decider must find it here.
            return await self._open[(step, call)]
        finally:
            self._open.pop((step, call), None)


def word(decision: Decision) -> Literal["approve", "edit", "reject", "stop"]:
    """Return the decision as events name it."""
    return cast(Literal["approve", "edit", "reject", "stop"], type(decision).__name__.lower())

"""The part of a session that shows the sandbox's variables."""

from __future__ import annotations

from contextlib import suppress

from smolterm.errors import SandboxError, UsageError
from smolterm.events import Table
from smolterm.sandbox import Inspectable
from smolterm.sessionbase import SessionBase


class Variables(SessionBase):
    """Names, and rows of what has some."""

    async def complete(self, text: str) -> list[str]:
        """What a name or attribute could be, from the sandbox's variables."""
        if not isinstance(self.sandbox, Inspectable):
            return []
        # A person types on, whatever became of the sandbox.
        with suppress(SandboxError):
            return await self.sandbox.complete(text)
        return []

    async def rows(self, name: str, first: int, count: int) -> Table:
        """Return rows of a variable, from 0.

        Raises:
            UsageError: there is no such variable, or it has no rows.
            SandboxError: code runs, or the sandbox died.
        """
        if not isinstance(self.sandbox, Inspectable):
            raise UsageError("This sandbox does not show its variables.")
        return await self.sandbox.rows(name, first, count)

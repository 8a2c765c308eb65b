"""A terminal as prompts need it, and questions put on it."""

from __future__ import annotations

import sys
from typing import Protocol


class Terminal(Protocol):
    """How a prompt reads and writes."""

    styled: bool

    def say(self, text: str, style: str = "") -> None: ...
    async def task(self, prompt: str) -> str: ...
    async def read(self, question: str) -> str: ...
    async def edit(self, code: str) -> str | None: ...
    async def page(self, text: str) -> None: ...
    def close(self) -> None: ...


class WithTools:
    """What the person's own editor and pager do for a question."""

    def say(self, text: str, style: str = "") -> None:
        raise NotImplementedError

    async def edit_outside(self, code: str) -> str | None:
        """Let code be changed in $EDITOR; None when that was given up or failed."""
        from smolterm.external import edit_alone

        edited = await edit_alone(code, ".py")
        if edited.problem:
            self.say(edited.problem, "yellow")
            return None
        return edited.text

    async def page(self, text: str) -> None:
        """Show a long text in $PAGER."""
        from smolterm.external import page_alone

        problem = await page_alone(text)
        if problem:
            self.say(problem, "yellow")


class OnTerminal(WithTools):
    """A terminal that questions can be put on."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def say(self, text: str, style: str = "") -> None:
        self._terminal.say(text, style)

    async def read(self, question: str) -> str:
        return await self._terminal.read(question)

    async def edit(self, code: str) -> str | None:
        return await self._terminal.edit(code)

    async def copy(self, text: str) -> None:
        from smolterm.clipboard import copy_out

        self.say(await copy_out(text, sys.stdout))

    async def page(self, text: str) -> None:
        await self._terminal.page(text)

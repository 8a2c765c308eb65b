"""A terminal as prompts need it, and questions put on it."""

from __future__ import annotations

import sys
from typing import Protocol

from smolterm.clipboard import copy_out
from smolterm.external import edit_alone, page_alone


class Terminal(Protocol):
    """How a prompt reads and writes."""

    styled: bool

    def say(self, text: str, style: str = "") -> None: ...
    async def task(self, prompt: str) -> str: ...
    async def read(self, question: str) -> str: ...
    async def edit(self, code: str) -> str | None: ...
    def page(self, text: str) -> None: ...
    def close(self) -> None: ...


class OnTerminal:
    """A terminal that questions can be put on."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def say(self, text: str, style: str = "") -> None:
        self._terminal.say(text, style)

    async def read(self, question: str) -> str:
        return await self._terminal.read(question)

    async def edit(self, code: str) -> str | None:
        return await self._terminal.edit(code)

    async def edit_outside(self, code: str) -> str | None:
        edited = await edit_alone(code, ".py")
        if edited.problem:
            self.say(edited.problem, "yellow")
            return None
        return edited.text

    async def copy(self, text: str) -> None:
        self.say(await copy_out(text, sys.stdout))

    async def page(self, text: str) -> None:
        problem = await page_alone(text)
        if problem:
            self.say(problem, "yellow")

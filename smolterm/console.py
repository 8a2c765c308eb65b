"""Asking a person on the terminal from a command whose stdin and stdout may be pipes."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable
from typing import Any, TextIO, TypeVar

from smolterm.asking import ask, ask_files
from smolterm.events import ApprovalRequested, FilesRequested
from smolterm.onterminal import WithTools
from smolterm.policy import Decision, FilesDecision, RefuseFiles, Stop

TTY = "/dev/tty"

T = TypeVar("T")


class Console(WithTools):
    """The controlling terminal, whatever the standard streams are; an `asking.Asker`.

    Args:
        coloured: what is said may be coloured.
    """

    def __init__(self, terminal: TextIO, *, coloured: bool = False) -> None:
        self._terminal = terminal
        self._coloured = coloured

    @classmethod
    def open(cls, *, coloured: bool = False) -> Console | None:
        """Return the terminal, or None where there is none to ask on."""
        try:
            terminal = os.fdopen(os.open(TTY, os.O_RDWR | os.O_NOCTTY), "r+b", buffering=0)
        except OSError:
            return None
        import io

        text = io.TextIOWrapper(terminal, encoding="utf-8", write_through=True)
        return cls(text, coloured=coloured)

    async def ask(self, event: ApprovalRequested) -> Decision | None:
        """Put one question; None at Ctrl-C. Ctrl-D or a closed terminal mean Stop."""
        return await self._answer(ask(event, self), Stop())

    async def ask_files(self, event: FilesRequested) -> FilesDecision | None:
        """Ask about staged changes; None at Ctrl-C. Ctrl-D or a closed terminal refuse all."""
        return await self._answer(ask_files(event, self), RefuseFiles())

    async def _answer(self, asking: Awaitable[T], at_end: T) -> T | None:
        self._forget_typed_ahead()
        try:
            return await asking
        except KeyboardInterrupt:
            return None
        except (EOFError, OSError):
            return at_end

    def say(self, text: str, style: str = "") -> None:
        """Write lines beside everything else that is told."""
        from smolterm.telling import Look

        print(Look(self._coloured)(text, style) if style else text, file=sys.stderr)

    async def read(self, question: str) -> str:
        """Read a line; EOFError when there are no more, KeyboardInterrupt at Ctrl-C."""
        return await self._prompt(question)

    async def edit(self, code: str) -> str | None:
        """Edit in place, with highlighting; None when the edit was given up."""
        from prompt_toolkit.lexers import PygmentsLexer
        from pygments.lexers.python import PythonLexer

        try:
            return await self._prompt(
                "", default=code, multiline=True, lexer=PygmentsLexer(PythonLexer),
                bottom_toolbar="Alt+Enter (or Esc, Enter) runs it. Ctrl+C goes back.",
            )  # fmt: skip
        except (KeyboardInterrupt, EOFError):
            return None

    async def copy(self, text: str) -> None:
        """Put a text on the clipboard of the terminal and say so."""
        from smolterm.clipboard import copy_out

        self.say(await copy_out(text, self._terminal))

    def _forget_typed_ahead(self) -> None:
        """What was typed before the question was there is no answer to it."""
        import termios

        termios.tcflush(self._terminal.fileno(), termios.TCIFLUSH)

    async def _prompt(self, question: str, **options: Any) -> str:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.input import create_input
        from prompt_toolkit.output import create_output

        session: PromptSession[str] = PromptSession(
            input=create_input(self._terminal), output=create_output(self._terminal)
        )
        default = options.pop("default", "")
        return await session.prompt_async(question, default=default, handle_sigint=False, **options)

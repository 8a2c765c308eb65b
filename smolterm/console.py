"""Asking a person on the terminal from a command whose stdin and stdout may be pipes."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from smolterm.events import ApprovalRequested
from smolterm.policy import Approve, Decision, Edit, Reject, Stop
from smolterm.printable import printable

TTY = "/dev/tty"
CHOICES = "[a]pprove  [e]dit  [r]eject  [s]top"


class Console:
    """The controlling terminal, whatever the standard streams are."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal

    @classmethod
    def open(cls) -> Console | None:
        """Return the terminal, or None where there is none to ask on."""
        try:
            terminal = os.fdopen(os.open(TTY, os.O_RDWR | os.O_NOCTTY), "r+b", buffering=0)
        except OSError:
            return None
        import io

        return cls(io.TextIOWrapper(terminal, encoding="utf-8", write_through=True))

    async def ask(self, event: ApprovalRequested) -> Decision | None:
        """Put one question; None at Ctrl-C. Ctrl-D or a closed terminal mean Stop."""
        try:
            return await self._ask(event)
        except KeyboardInterrupt:
            return None
        except (EOFError, OSError):
            return Stop()

    async def _ask(self, event: ApprovalRequested) -> Decision:
        choices = CHOICES
        if event.tool is not None:
            choices = CHOICES.replace("[e]dit  ", "")
            self._say(f"{event.tool}({printable(event.arguments)})  effect: {event.effect}")
        if event.why:
            self._say(event.why)
        self._forget_typed_ahead()
        while True:
            key = (await self._read(f"Step {event.step}: {choices} > ")).strip().lower()[:1]
            if key == "a":
                return Approve()
            if key == "r":
                return Reject((await self._read("Why (may be empty) > ")).strip())
            if key == "s":
                return Stop()
            if key == "e" and event.tool is None:
                edited = await self._edit(event.code)
                if edited is not None:
                    return Edit(edited)
            # Anything else, an empty line too, is no answer: nothing runs by accident.

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr)

    def _forget_typed_ahead(self) -> None:
        """What was typed before the question was there is no answer to it."""
        import termios

        termios.tcflush(self._terminal.fileno(), termios.TCIFLUSH)

    async def _read(self, question: str) -> str:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.input import create_input
        from prompt_toolkit.output import create_output

        session: PromptSession[str] = PromptSession(
            input=create_input(self._terminal), output=create_output(self._terminal)
        )
        return await session.prompt_async(question, handle_sigint=False)

    async def _edit(self, code: str) -> str | None:
        """Edit in place, with highlighting; None when the edit was given up."""
        from prompt_toolkit import PromptSession
        from prompt_toolkit.input import create_input
        from prompt_toolkit.lexers import PygmentsLexer
        from prompt_toolkit.output import create_output
        from pygments.lexers.python import PythonLexer

        session: PromptSession[str] = PromptSession(
            input=create_input(self._terminal),
            output=create_output(self._terminal),
            multiline=True,
            lexer=PygmentsLexer(PythonLexer),
            bottom_toolbar="Alt+Enter (or Esc, Enter) runs it. Ctrl+C goes back.",
        )
        try:
            return await session.prompt_async("", default=code, handle_sigint=False)
        except (KeyboardInterrupt, EOFError):
            return None

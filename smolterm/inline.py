"""A terminal's own scrollback with a line editor at its end, made of prompt_toolkit."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from smolterm.commands import COMMANDS, command_named, split_command
from smolterm.findfiles import Files
from smolterm.history import History
from smolterm.mentions import begun, written
from smolterm.onterminal import WithTools
from smolterm.printable import printable
from smolterm.telling import Look
from smolterm.threads import in_daemon_thread

if TYPE_CHECKING:
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document
    from prompt_toolkit.history import History as PromptHistory
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent


class Broken(Exception):
    """Ctrl-C was pressed while something was written.

    A KeyboardInterrupt in a task would end the whole event loop.
    """


Complete = Callable[[str], Awaitable[list[str]]]

MOST_FOUND = 30
_NAME = re.compile(r"(?<![\w.@/])[^\W\d][\w.]*\Z")


class InlineTerminal(WithTools):
    """Reads with a line editor, writes to standard output.

    Args:
        complete: gives what a name could be, from the sandbox's variables.
        folder: where files that are named with an @ are looked for.
        history: what was written before, or None to keep nothing.
        look: colours, or none.
    """

    def __init__(
        self, complete: Complete, folder: Path, history: Path | None, look: Look
    ) -> None:  # fmt: skip
        from prompt_toolkit import PromptSession

        self._look = look
        self.styled = look.coloured
        self._session: PromptSession[str] = PromptSession(
            multiline=True,
            completer=_completer(complete, folder),
            complete_while_typing=True,
            history=_history(History(history)),
            key_bindings=_keys(),
            enable_open_in_editor=False,
            enable_suspend=True,
            enable_history_search=False,
            prompt_continuation=lambda width, number, wrapped: "  ".rjust(width),
        )
        self.status: Callable[[], str] = str

    def say(self, text: str, style: str = "") -> None:
        sys.stdout.write(f"{self._look(printable(text), style) if style else printable(text)}\n")
        sys.stdout.flush()

    async def task(self, prompt: str) -> str:
        """Read what to do next."""
        try:
            return await self._session.prompt_async(
                prompt, handle_sigint=False, bottom_toolbar=lambda: self.status() or None
            )
        except KeyboardInterrupt:
            raise Broken from None

    async def read(self, question: str) -> str:
        """Ask a question that counts: what was typed before it is forgotten."""
        from prompt_toolkit import PromptSession

        self._forget()
        asking: PromptSession[str] = PromptSession()
        try:
            return await asking.prompt_async(question, handle_sigint=False)
        except KeyboardInterrupt:
            raise Broken from None

    async def edit(self, code: str) -> str | None:
        """Edit code in place, with highlighting; None when it was given up."""
        from prompt_toolkit import PromptSession
        from prompt_toolkit.lexers import PygmentsLexer
        from pygments.lexers.python import PythonLexer

        self._forget()
        editing: PromptSession[str] = PromptSession(
            multiline=True,
            lexer=PygmentsLexer(PythonLexer),
            bottom_toolbar="Alt+Enter (or Esc, Enter) runs it. Ctrl+C goes back.",
        )
        try:
            return await editing.prompt_async("", default=code, handle_sigint=False)
        except (KeyboardInterrupt, EOFError):
            return None

    @staticmethod
    def _forget() -> None:
        import termios

        if sys.stdin.isatty():
            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)

    def close(self) -> None:
        """Nothing is held."""


def _history(history: History) -> PromptHistory:
    from prompt_toolkit.history import History as PromptHistory

    class Shared(PromptHistory):
        def load_history_strings(self) -> Iterable[str]:
            return reversed(history.entries)

        def store_string(self, string: str) -> None:
            history.add(string)

    return Shared()


def _completer(complete: Complete, folder: Path) -> Completer:
    from prompt_toolkit.completion import Completer, Completion

    files = Files(folder)

    class Words(Completer):
        def get_completions(
            self, document: Document, complete_event: CompleteEvent
        ) -> Iterable[Completion]:
            return ()

        async def get_completions_async(
            self, document: Document, complete_event: CompleteEvent
        ) -> AsyncGenerator[Completion, None]:
            before = document.text_before_cursor
            if split_command(before) is not None:
                for text, start, help_ in _commands(before):
                    yield Completion(text, start, display_meta=help_)
                return
            mention = begun(before)
            if mention is not None:
                for path in await in_daemon_thread(files.find, mention[1], MOST_FOUND):
                    yield Completion(written(path), mention[0] - len(before), display=path)
                return
            match = _NAME.search(before)
            # Names are offered on demand: a task is prose, and most of its words are no variables.
            if match is not None and complete_event.completion_requested:
                for name in await complete(match[0]):
                    if name.startswith(match[0]):
                        yield Completion(name, -len(match[0]))

    return Words()


def _commands(before: str) -> Iterable[tuple[str, int, str]]:
    name, space, argument = before[1:].partition(" ")
    if not space:
        for command in COMMANDS:
            if command.name.startswith(name):
                yield f"/{command.name}", -len(before), command.help
        return
    known = command_named(name)
    for choice in known.choices if known else ():
        if choice.startswith(argument):
            yield choice, -len(argument), ""


def _keys() -> KeyBindings:
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        menu = buffer.complete_state
        if menu is not None and menu.current_completion is not None:
            buffer.complete_state = None
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    @keys.add("c-j")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys

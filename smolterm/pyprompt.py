"""The line editor of the Python prompt: blocks, completion, history, highlighting."""

from __future__ import annotations

import ast
import asyncio
import codeop
import contextlib
import os
import re
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from smolterm.errors import SmoltermError
from smolterm.store import data_folder

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document
    from prompt_toolkit.history import History
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

COMPLETE_SECONDS = 1.0
"""Attributes are looked up by running the code's own `__getattr__`, which may never end."""
MENU_LINES = 6
INDENT = "    "

_NAME = re.compile(r"(?<![\w.])[^\W\d][\w.]*\Z")
_FOUND = re.compile(r"[\w.]+[ (:)]*")
_LEAVES_BLOCK = re.compile(r"\s*(return|pass|raise|break|continue)\b")
_BLOCKS = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.For, ast.AsyncFor, ast.While,
    ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match,
)  # fmt: skip
_COMMENT = re.compile(r"\s+#.*\Z")


def wants_more(text: str) -> bool:
    """Tell whether Python would ask for another line.

    The sandbox's Python may be newer than this one. What this one does not understand is taken as
    whole unless it opens a block, and the sandbox has the last word on it.
    """
    source = text.rstrip(" \t")
    ends_blank = "\n" in text and not text.rpartition("\n")[2].strip()
    single = _compiles(source, "single")
    if single is not None:
        return not single
    whole = _compiles(source, "exec")
    if whole is None:
        last = _COMMENT.sub("", source.rpartition("\n")[2])
        opens = last.endswith(":") or ("\n" in source and last[:1] in " \t")
        return opens and not ends_blank
    # Several statements at once: pasted, or recalled.
    return not whole or (not ends_blank and isinstance(ast.parse(source).body[-1], _BLOCKS))


def _compiles(source: str, symbol: str) -> bool | None:
    """Tell whether a source is whole; None when it is no Python to this interpreter."""
    compiler = codeop.CommandCompiler()
    compiler.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return compiler(source, "<stdin>", symbol) is not None
        except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError):
            return None


def indent_after(line: str) -> str:
    """Return the white space that the next line begins with."""
    indent = line[: len(line) - len(line.lstrip())]
    code = _COMMENT.sub("", line).rstrip()
    if code.endswith((":", "(", "[", "{")):
        return indent + INDENT
    if _LEAVES_BLOCK.match(code):
        return indent[: -len(INDENT)]
    return indent


def history_path() -> Path | None:
    """Return the file of what was typed, readable by its owner alone; None where none can be."""
    path = data_folder() / "py-history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(fd, 0o600)
        finally:
            os.close(fd)
    except OSError:
        return None
    return path


Complete = Callable[[str], Awaitable[list[str]]]


class Prompt:
    """The line editor; it loads what it is made of, which takes a while.

    Args:
        complete: gives what a text could be the beginning of.
        commands: words that may stand behind a colon.
    """

    def __init__(self, complete: Complete, commands: Collection[str]) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.lexers import PygmentsLexer
        from pygments.lexers.python import PythonLexer

        self._session: PromptSession[str] = PromptSession(
            multiline=True,
            lexer=PygmentsLexer(PythonLexer),
            completer=_completer(complete, commands),
            complete_while_typing=False,
            reserve_space_for_menu=MENU_LINES,
            history=_history(),
            key_bindings=_keys(),
            prompt_continuation=lambda width, number, wrapped: "... ".rjust(width),
            enable_suspend=True,
        )
        self._aside: asyncio.Future[bool] | None = None

    @staticmethod
    def load() -> None:
        """Import what `Prompt` needs; may be called in a thread."""
        import pygments.lexers.python  # noqa: F401

    @property
    def reading(self) -> bool:
        """A line is being edited."""
        return bool(self._session.app.is_running)

    async def read(self, step: int) -> str:
        """Return what was typed.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
            EOFError: Ctrl-D was.
        """
        return await self._session.prompt_async(
            f"{step} >>> ", handle_sigint=False, set_exception_handler=False
        )

    def interrupt(self) -> None:
        """Do what Ctrl-C does."""
        if self._aside is not None:
            self._aside.cancel()
        else:
            self._session.app.key_processor.send_sigint()

    def note(self, text: str) -> None:
        """Show a line below the prompt; an empty one takes it away."""
        self._session.bottom_toolbar = text or None
        self._session.app.invalidate()

    def above(self, tell: Callable[[], None]) -> None:
        """Print something above the line that is being edited."""
        from prompt_toolkit.application import run_in_terminal
        from prompt_toolkit.application.current import set_app

        with set_app(self._session.app):
            run_in_terminal(tell)

    async def aside(self, asking: Awaitable[bool]) -> bool:
        """Ask something on the terminal while the prompt stands back; Ctrl-C says no."""
        from prompt_toolkit.application import in_terminal
        from prompt_toolkit.application.current import set_app

        with set_app(self._session.app):
            async with in_terminal():
                self._aside = asyncio.ensure_future(asking)
                try:
                    await asyncio.wait([self._aside])
                    return not self._aside.cancelled() and self._aside.result()
                finally:
                    self._aside.cancel()
                    self._aside = None


def _history() -> History:
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    class Kept(FileHistory):
        def store_string(self, string: str) -> None:
            # A full disk is no reason not to run what was typed.
            with contextlib.suppress(OSError):
                super().store_string(string)

    path = history_path()
    return InMemoryHistory() if path is None else Kept(str(path))


def _completer(complete: Complete, commands: Collection[str]) -> Completer:
    from prompt_toolkit.completion import Completer, Completion

    class Names(Completer):
        def get_completions(
            self, document: Document, complete_event: CompleteEvent
        ) -> Iterable[Completion]:
            return ()

        async def get_completions_async(
            self, document: Document, complete_event: CompleteEvent
        ) -> AsyncGenerator[Completion, None]:
            before = document.text_before_cursor
            if before.startswith(":"):
                for word in commands:
                    if word.startswith(before[1:]):
                        yield Completion(f":{word}", -len(before))
                return
            match = _NAME.search(before)
            if match is None:
                return
            start = match[0]
            for name in await _found(complete, start):
                shown = name[start.rfind(".") + 1 :]
                yield Completion(name, -len(start), display=shown)

    return Names()


async def _found(complete: Complete, start: str) -> list[str]:
    """Return the names that the sandbox gives, as far as they are names: it may say anything."""
    try:
        async with asyncio.timeout(COMPLETE_SECONDS):
            found = await complete(start)
    except (TimeoutError, SmoltermError):
        return []
    return [name for name in found if name.startswith(start) and _FOUND.fullmatch(name)]


def _keys() -> KeyBindings:
    from prompt_toolkit.application import get_app
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    def in_indent() -> bool:
        before = get_app().current_buffer.document.current_line_before_cursor
        return not before.strip() and not get_app().current_buffer.selection_state

    def new_line(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        buffer.insert_text("\n" + indent_after(buffer.document.current_line_before_cursor))

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        menu = buffer.complete_state
        if menu is not None and menu.current_completion is not None:
            buffer.complete_state = None
        elif "\n" in buffer.document.text_after_cursor.rstrip(" \t\n"):
            new_line(event)
        elif buffer.text.startswith(":") or not wants_more(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.cursor_position = len(buffer.text.rstrip("\n"))
            new_line(event)

    @keys.add("c-o")
    def _(event: KeyPressEvent) -> None:
        new_line(event)

    @keys.add("tab", filter=Condition(in_indent))
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text(INDENT)

    @keys.add("backspace", filter=Condition(in_indent))
    def _(event: KeyPressEvent) -> None:
        before = event.current_buffer.document.current_line_before_cursor
        event.current_buffer.delete_before_cursor(
            (len(before) - 1) % len(INDENT) + 1 if before else 1
        )

    return keys

"""What a person can do at the inline prompt besides stating a task: /commands and !commands."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from smolterm import events as e
from smolterm.commands import COMMANDS, command_named
from smolterm.external import edit_alone
from smolterm.onterminal import OnTerminal, Terminal
from smolterm.policy import MODES
from smolterm.sessions.export import export_session
from smolterm.shell import user_shell
from smolterm.telling import table_text
from smolterm.threads import in_daemon_thread

if TYPE_CHECKING:
    from smolterm.config import Config
    from smolterm.session import Session
    from smolterm.store import StoredSession

MOST_VARIABLES = 40
MOST_SESSIONS = 20


class Kept(Protocol):
    """The sessions that are kept."""

    def find(self, words: str = "", limit: int = 200) -> list[StoredSession]: ...
    def open(self, session: str) -> Session: ...
    def fork(self, session: str, step: int | None) -> Session: ...
    def rename(self, session: str, title: str) -> None: ...


class Seen:
    """What the events said that commands show later."""

    def __init__(self) -> None:
        self._after: list[tuple[int, tuple[e.Variable, ...]]] = []
        self.files: tuple[e.FileChange, ...] = ()
        self.context = 0
        self.cost: float | None = None
        self.tokens = [0, 0]
        """Read and written by the newest task."""
        self.parts = {"code": "", "output": "", "reasoning": ""}
        self.request: e.FilesRequested | None = None
        """The newest one that no task asked."""

    @property
    def variables(self) -> tuple[e.Variable, ...]:
        """Those after the newest cell."""
        return self._after[-1][1] if self._after else ()

    def note(self, event: e.Event) -> None:
        """Take one event."""
        match event:
            case e.ReplyFinished():
                usage = event.usage
                self.context = usage.prompt_tokens
                self.tokens[0] += usage.prompt_tokens
                self.tokens[1] += usage.completion_tokens
                if usage.cost is not None:
                    self.cost = (self.cost or 0.0) + usage.cost
            case e.ActionProposed():
                self.parts = {"code": event.code, "output": "", "reasoning": event.reasoning}
            case e.OutputAdded():
                self.parts["output"] += event.text
            case e.CellFinished():
                self._after.append((event.step, event.variables))
            case e.Rewound():
                self._after = [one for one in self._after if one[0] < event.step]
            case e.FilesChanged():
                self.files = event.files
            case e.TaskStarted():
                self.tokens = [0, 0]
            case _:
                pass


class Commands:
    """The part of the prompt that carries commands out.

    Attributes:
        session: the one that goes on.
    """

    session: Session
    _seen: Seen
    _terminal: Terminal
    _book: Kept | None
    _config: Config | None
    _left = False
    _command_runs = False

    def say(self, text: str, style: str = "") -> None:
        self._terminal.say(text, style)

    async def _work(self, text: str) -> None:
        raise NotImplementedError

    async def _review(self) -> None:
        raise NotImplementedError

    def _open(self, session: Session) -> None:
        raise NotImplementedError

    async def _command(self, name: str, rest: str) -> None:
        command = command_named(name)
        if command is None:
            self.say(f"There is no command /{name}; /help lists them.", "yellow")
            return
        action = getattr(self, f"_do_{command.action}", None)
        if action is None:
            self.say(f"/{command.name} belongs to the screen: run `smolterm`.", "yellow")
            return
        await action(rest)

    async def _do_help(self, rest: str) -> None:
        for command in COMMANDS:
            if hasattr(self, f"_do_{command.action}"):
                self.say(f"{command.usage}: {command.help}")
        self.say("!COMMAND runs in your own shell. @FILE goes with the task as a file.")
        self.say("Ctrl+C interrupts what runs, Ctrl+D leaves. Alt+Enter begins a new line.")

    async def _do_model(self, rest: str) -> None:
        if not rest:
            self.say(
                f"This session's model is {self.session.model_name}. /model NAME takes another."
            )
            return
        await self.session.switch_model(rest)

    async def _do_mode(self, rest: str) -> None:
        if rest not in MODES:
            self.say(f"The mode is {self.session.mode}. /mode takes {', '.join(MODES)}.")
        else:
            self.session.set_mode(next(mode for mode in MODES if mode == rest))

    async def _do_btw(self, rest: str) -> None:
        if not rest:
            self.say("/btw QUESTION asks aside.")
            return
        text = ""
        async with aclosing(self.session.aside(rest)) as pieces:
            async for piece in pieces:
                text += piece
        self.say(f"Aside: {text.strip()}")

    async def _do_copy(self, rest: str) -> None:
        what = rest or "output"
        if what not in self._seen.parts:
            self.say("/copy takes code, output or reasoning.")
            return
        await OnTerminal(self._terminal).copy(self._seen.parts[what])

    async def _do_files(self, rest: str) -> None:
        if not self._seen.files:
            self.say("Nothing waits to be written.")
            return
        await self._review()

    async def _do_undo_files(self, rest: str) -> None:
        paths = await self.session.undo_files()
        self.say(f"Back as before: {', '.join(paths)}." if paths else "Nothing was written.")

    async def _do_undo_context(self, rest: str) -> None:
        if not self.session.undo_shortening():
            self.say("Nothing of this session is sent shortened.")

    async def _do_variables(self, rest: str) -> None:
        if rest:
            self.say(table_text(await self.session.rows(rest, 0, 50)))
            return
        for one in self._seen.variables[:MOST_VARIABLES]:
            size = f" {one.size}" if one.size else ""
            change = f" ({one.change})" if one.change else ""
            self.say(f"{one.name}: {one.type}{size} = {one.glance}{change}")
        more = len(self._seen.variables) - MOST_VARIABLES
        if more > 0:
            self.say(f"and {more} more")
        elif not self._seen.variables:
            self.say("There are none yet.")

    async def _do_sessions(self, rest: str) -> None:
        if self._book is None:
            self.say("Sessions are not kept here.")
            return
        for one in await in_daemon_thread(self._book.find, rest, MOST_SESSIONS):
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.changed))
            self.say(f"{one.id}  {when}  {one.steps} steps  {one.title}")
        self.say("/resume ID goes on with one.")

    async def _do_resume(self, rest: str) -> None:
        if self._book is None or not rest:
            self.say("/resume ID goes on with a session; /sessions lists them.")
            return
        await self._change(await in_daemon_thread(self._book.open, rest))

    async def _do_fork(self, rest: str) -> None:
        if self._book is None or (rest and not rest.isdecimal()):
            self.say("/fork STEP begins a new session as this one was before a step.")
            return
        here, step = self.session.id, int(rest) if rest else None
        await self._change(await in_daemon_thread(self._book.fork, here, step))

    async def _change(self, other: Session) -> None:
        old, self.session = self.session, other
        await old.close()
        self._seen = Seen()
        self._open(other)
        self.say(f"This is session {other.id} now, {len(other.transcript.steps)} steps long.")

    async def _do_rewind(self, rest: str) -> None:
        if not rest.isdecimal():
            self.say("/rewind STEP goes back to before a step.")
            return
        await self.session.rewind(int(rest))

    async def _do_rename(self, rest: str) -> None:
        if self._book is None or not rest:
            self.say("/rename TITLE names this session.")
            return
        await in_daemon_thread(self._book.rename, self.session.id, rest)
        self.say(f"It is called {rest} now.")

    async def _do_export(self, rest: str) -> None:
        if not rest:
            self.say("/export FILE writes this session; .json and .md are known.")
            return
        path = await in_daemon_thread(_export, self.session.id, rest)
        self.say(f"It is in {path}.")

    async def _do_editor(self, rest: str) -> None:
        edited = await edit_alone(rest, ".md")
        if edited.problem:
            self.say(edited.problem, "yellow")
        elif edited.text.strip():
            self.say(edited.text.strip(), "dim")
            await self._work(edited.text.strip())

    async def _do_settings(self, rest: str) -> None:
        if self._config is None:
            self.say("The settings are not known here.")
            return
        for name, origin in self._config.origins.items():
            value = getattr(self._config.settings, name)
            self.say(f"{name} = {value!r} ({origin})")

    async def _do_quit(self, rest: str) -> None:
        self._left = True

    async def _shell(self, command: str) -> None:
        """Run a command of the person's own on their own terminal."""
        if not command:
            return
        process = await asyncio.create_subprocess_exec(user_shell(), "-c", command)
        self._command_runs = True
        try:
            code = await process.wait()
        finally:
            self._command_runs = False
            if process.returncode is None:
                process.kill()
        if code:
            self.say(f"It ended with {code if code > 0 else 128 - code}.", "yellow")


def _export(session: str, name: str) -> Path:
    return export_session(session, Path(name).expanduser())

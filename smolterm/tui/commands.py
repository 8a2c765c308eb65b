"""The part of the app that carries `/commands` out; what there is stands in `smolterm.commands`.

A command without a method here is the action of that name, wherever in the app it is defined, so
that a key and a command do the same.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from pathlib import Path

from textual.worker import Worker

from smolterm.commands import Command, command_named, split_command
from smolterm.errors import SmoltermError, UsageError
from smolterm.events import Notice
from smolterm.policy import MODES
from smolterm.threads import in_daemon_thread
from smolterm.tui import suggest
from smolterm.tui.base import Base
from smolterm.tui.steps import Steps

LISTED_SESSIONS = 50


class Commanding(Base):
    """Knows what a command does."""

    switching: Worker[None] | None = None
    """Another model is being loaded."""

    def command(self, text: str) -> bool:
        """Carry `/name arguments` out; False when the text is none, as a path is not."""
        parts = split_command(text)
        if parts is None or not parts[0]:
            return False
        name, rest = parts
        command = command_named(name)
        if command is None:
            self.say(f"no command /{name}; /help lists them")
        else:
            self.carry_out(command, rest)
        return True

    def carry_out(self, command: Command, rest: str = "") -> None:
        """Do what a command says, or say why not; also for the palette."""
        if not command.possible(running=self.view.running):
            now = "a task is running" if self.view.running else "no task is running"
            self.say(f"/{command.name} is not possible now: {now}")
        elif (own := getattr(self, f"command_{command.action}", None)) is not None:
            self._do(own(rest))
        elif (action := getattr(self, f"action_{command.action}", None)) is not None:
            takes = inspect.signature(action).parameters
            self._do(action(rest) if takes else action())
        else:
            self.say(f"/{command.name} is not possible here")

    def _do(self, result: object) -> None:
        if inspect.isawaitable(result):

            async def wait() -> None:
                try:
                    await result
                except SmoltermError as error:
                    self.take(Notice(text=str(error), level="error"))

            self.run_worker(wait(), group="command")

    def look_up(self, source: str) -> Sequence[str]:
        """Return what the arguments of a command may be."""
        if source == "models":
            return suggest.model_names()
        if source == "themes":
            return [*self.available_themes]
        if source == "sessions" and self.sessions is not None:
            return [each.id for each in self.sessions.find("", LISTED_SESSIONS)]
        return []

    # One command each

    def command_quit(self, rest: str) -> None:
        self.exit(0)

    def command_copy(self, rest: str) -> None:
        if rest in ("", "code", "output", "reasoning"):
            self.query_one(Steps).action_copy(rest or "output")
        else:
            self.say("/copy code, /copy output or /copy reasoning")

    def command_mode(self, rest: str) -> object:
        if not rest:
            return getattr(self, "action_mode", self._say_mode)()
        if rest not in MODES:
            self.say(f"no mode {rest}: there are {', '.join(MODES)}")
        else:
            self.session.set_mode(rest)
            self.redraw()
        return None

    def _say_mode(self) -> None:
        self.say(f"the mode is {self.session.mode}")

    def command_theme(self, rest: str) -> object:
        if not rest:
            return self.run_action("theme")
        if rest in self.available_themes:
            self.theme = rest
        else:
            self.say(f"no theme {rest}; tab completes their names")
        return None

    def command_undo_context(self, rest: str) -> None:
        if not self.session.undo_shortening():
            self.say("nothing of this session is sent shortened")

    async def command_undo_files(self, rest: str) -> None:
        paths = await self.session.undo_files()
        if paths:
            self.say(f"as before: {', '.join(paths)}")
        else:
            self.say("nothing was written that could be taken back")

    def command_files(self, rest: str) -> object:
        action = getattr(self, "action_files", None)
        return self.session.review_files() if action is None else action()

    def command_resume(self, rest: str) -> object:
        if not rest:
            return self.run_action("sessions")
        if self.sessions is None:
            self.say("sessions are not kept here")
            return None
        sessions = self.sessions
        found = [each.id for each in sessions.find("") if each.id.startswith(rest)]
        if len(found) != 1:
            self.say(f"{len(found)} sessions begin with {rest}; /sessions shows them")
            return None
        return self.go_to(lambda: sessions.open(found[0]))

    def command_rewind(self, rest: str) -> object:
        if not rest:
            return self.run_action("rewind")
        return self.rewind(int(rest)) if self._is_step(rest) else None

    def command_fork(self, rest: str) -> object:
        if self.sessions is None:
            self.say("sessions are not kept here")
            return None
        sessions, step = self.sessions, int(rest) if rest.isdecimal() else None
        if rest and not self._is_step(rest):
            return None
        return self.go_to(lambda: sessions.fork(self.session.id, step))

    def _is_step(self, rest: str) -> bool:
        known = rest.isdecimal() and self.view.at(int(rest)) is not None
        if not known:
            self.say(f"there is no step {rest}")
        return known

    def command_rename(self, rest: str) -> None:
        if not rest:
            self.say("/rename TITLE")
        elif self.sessions is None:
            self.say("sessions are not kept here")
        else:
            self.sessions.rename(self.session.id, rest)
            self.say(f"this session is called {rest}")

    async def command_export(self, rest: str) -> None:
        if not rest:
            self.say("/export FILE: its ending says in which form, .md or .json")
            return
        path = await in_daemon_thread(_export, self.session.id, rest)
        self.say(f"this session is in {path}")

    # Another model

    def command_model(self, rest: str) -> None:
        """Have another model go on, or say which ones there are."""
        if not rest:
            here = "".join(f" {name}" for name in suggest.model_names())
            said = f"This session's model is {self.view.totals.model}. /model NAME takes another:"
            self.take(Notice(text=f"{said} any name that --model takes.{here and ' Here:'}{here}"))
        elif self.switching is not None:
            self.say("another model is being loaded; ctrl+c stops that")
        else:
            self.say(f"asking for {rest}")
            self.switching = self.run_worker(self._switch_to(rest), group="switch")

    async def _switch_to(self, name: str) -> None:
        before = self.view.totals.model
        try:
            await self.session.switch_model(name)
        except SmoltermError as error:
            self.take(Notice(text=f"{error} {before} goes on.", level="error"))
        except asyncio.CancelledError:
            self.take(Notice(text=f"Interrupted. {before} goes on.", level="warning"))
            raise
        finally:
            self.switching, self.view.totals.loading = None, None


def _export(session: str, name: str) -> Path:
    from smolterm.sessions.export import export_session

    path = Path(name).expanduser().absolute()
    if path.exists():
        raise UsageError(f"{path} exists already.", kept="Nothing was written.")
    return export_session(session, path)

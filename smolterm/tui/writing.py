"""The part of the app that takes what is written in the prompt: tasks and commands."""

from __future__ import annotations

import asyncio

from textual.worker import Worker

from smolterm.errors import SmoltermError
from smolterm.events import Notice
from smolterm.models.library import installed
from smolterm.tui.approval import ApprovalBar
from smolterm.tui.base import Base
from smolterm.tui.help import HELP
from smolterm.tui.prompt import Prompt
from smolterm.tui.steps import Steps


class Writing(Base):
    """Knows what a line that was sent means."""

    switching: Worker[None] | None = None
    """Another model is being loaded."""

    def on_prompt_submitted(self, event: Prompt.Submitted) -> None:
        prompt, text = self.query_one(Prompt), event.text
        if text.startswith("/") and self._command(text[1:]):
            prompt.accept()
        elif not text:
            return
        elif self.view.running:
            self.say("a task is running: your text is kept here")
        elif self.switching is not None:
            self.say("another model is being loaded: your text is kept here")
        else:
            prompt.accept()
            self.start(text)

    def _command(self, text: str) -> bool:
        name, _, rest = text.partition(" ")
        match name:
            case "help":
                self.action_help()
            case "quit" | "exit":
                self.exit(0)
            case "copy" if rest in ("", "code", "output", "reasoning"):
                self.query_one(Steps).action_copy(rest or "output")
            case "theme":
                self.run_worker(self.run_action("theme"))
            case "model":
                self._switch(rest.strip())
            case "undo-context":
                if not self.session.undo_shortening():
                    self.say("nothing of this session is sent shortened")
            case _ if "/" in name:
                return False  # a path, not a command
            case _:
                self.say(f"no command /{name}; /help lists them")
        return True

    def _switch(self, name: str) -> None:
        """Have another model go on, or say which ones there are."""
        if not name:
            here = "".join(f" local/{each.name}" for each in installed())
            said = f"This session's model is {self.view.totals.model}. /model NAME takes another:"
            self.take(Notice(text=f"{said} any name that --model takes.{here and ' Here:'}{here}"))
        elif self.view.running:
            self.say("a task is running: switch when it has ended")
        elif self.switching is not None:
            self.say("another model is being loaded; ctrl+c stops that")
        else:
            self.say(f"asking for {name}")
            self.switching = self.run_worker(self._switch_to(name), group="switch")

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

    def on_prompt_typed(self) -> None:
        bar = self.query_one(ApprovalBar)
        if bar.request is not None:
            bar.hold()

    def on_prompt_left(self) -> None:
        bar, steps = self.query_one(ApprovalBar), self.query_one(Steps)
        (bar if bar.display else steps).focus()

    def on_prompt_paged(self, event: Prompt.Paged) -> None:
        self.query_one(Steps).action_page(event.by)

    def action_help(self) -> None:
        self.take(Notice(text=HELP))

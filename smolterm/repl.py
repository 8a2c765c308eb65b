"""`smolterm repl`: a session inline, in the terminal's own scrollback."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from smolterm import asking
from smolterm import events as e
from smolterm.commands import split_command
from smolterm.errors import ExitCode, SmoltermError
from smolterm.history import history_path
from smolterm.inline import Broken, InlineTerminal
from smolterm.mentions import attach
from smolterm.onterminal import OnTerminal, Terminal
from smolterm.plainly import PlainReport, PlainTerminal
from smolterm.policy import RefuseFiles, Stop
from smolterm.printable import printable
from smolterm.replcommands import Commands, Kept, Seen
from smolterm.sessions import goodbye
from smolterm.telling import Look, Report
from smolterm.threads import in_daemon_thread

if TYPE_CHECKING:
    from smolterm.config import Config
    from smolterm.session import Session

AGAIN = "Press Ctrl+C again, or type /quit, to leave."

Answer = TypeVar("Answer")


class Repl(Commands):
    """One person, one session at a time.

    Args:
        book: the other sessions, if they are kept.
        terminal: where it happens.
        config: what `/settings` shows.
    """

    def __init__(
        self,
        session: Session,
        terminal: Terminal,
        *,
        book: Kept | None = None,
        config: Config | None = None,
        plain: bool = False,
    ) -> None:
        self.session = session
        self._terminal, self._book, self._config, self._plain = terminal, book, config, plain
        look = Look(terminal.styled)
        self._report = PlainReport(sys.stdout) if plain else Report(look, out=sys.stdout)
        self._seen = Seen()
        self._asking: asyncio.Future[Any] | None = None
        self._requested = asyncio.Event()
        self._reading: asyncio.Task[str] | None = None
        self._armed = False

    # Reading

    async def run(self, first_task: str | None = None) -> int:
        """Read and do until the person leaves; returns the exit code."""
        self._open(self.session)
        try:
            if first_task:
                await self._work(first_task)
            while not self._left:
                text = await self._read()
                if text is not None:
                    await self._take(text)
        finally:
            self._terminal.close()
            await self.session.close()
        for line in goodbye(self.session):
            self.say(line)
        return ExitCode.OK

    def interrupt(self) -> bool:
        """Do what Ctrl-C does while no line is edited; False when it should end the program."""
        if self._command_runs:
            return True  # it has the terminal, and got the signal too
        if self._asking is not None:
            self._asking.cancel()
            return True
        if self.session.busy:
            loop = asyncio.get_running_loop()
            self._ending = loop.create_task(self.session.interrupt())
            return True
        if self._reading is not None:
            self._reading.cancel()
            return True
        return False

    async def _read(self) -> str | None:
        """Return what was written; None when it is to be read anew."""
        self._reading = asyncio.ensure_future(self._terminal.task(self._prompt()))
        try:
            text = await self._reading
        except EOFError:
            self._left = True
            return None
        except (Broken, asyncio.CancelledError):
            _raise_if_ending()
            self.say("")
            self._left = self._armed
            if not self._armed:
                self.say(AGAIN)
            self._armed = True
            return None
        finally:
            self._reading = None
        self._armed = False
        return text.strip()

    def _prompt(self) -> str:
        mode = "" if self.session.mode == "step" else f"{self.session.mode} "
        return f"{mode}> "

    def status(self) -> str:
        """Return the line below the prompt."""
        cost = "" if self._seen.cost is None else f"  ${self._seen.cost:.4f}"
        waiting = f"  {len(self._seen.files)} files to review" if self._seen.files else ""
        return (
            f"mode {self.session.mode}  {printable(self.session.model_name)}  "
            f"context {self._seen.context:,}{cost}{waiting}  /help"
        )

    async def _take(self, text: str) -> None:
        if not text:
            return
        command = split_command(text)
        try:
            if text.startswith("!"):
                await self._shell(text[1:].strip())
            elif command is not None:
                await self._command(*command)
            else:
                await self._work(text)
        except SmoltermError as error:
            self.say(str(error), "red")

    # Tasks

    async def _work(self, text: str) -> None:
        attached = await in_daemon_thread(attach, text, Path.cwd(), lenient=False)
        async with aclosing(self.session.run(attached.text, files=attached.files)) as stream:
            async for event in stream:
                self._seen.note(event)
                self._report.show(event)
                if isinstance(event, e.ApprovalRequested):
                    await self._question(event)
                elif isinstance(event, e.FilesRequested):
                    await self._files_question(event)
                elif isinstance(event, e.Finished):
                    self._ended(event)

    def _ended(self, event: e.Finished) -> None:
        if event.answer is not None:
            self.say(f"Answer: {event.answer}" if self._plain else f"\n{event.answer}", "bold")
        if event.reason != "answer" or event.message:
            self.say(event.message or event.reason, "" if event.reason == "answer" else "yellow")
        sent, written = self._seen.tokens
        cost = "" if self._seen.cost is None else f", ${self._seen.cost:.4f}"
        self.say(f"({sent:,} tokens read, {written:,} written{cost})", "dim")

    async def _question(self, event: e.ApprovalRequested) -> None:
        asker = OnTerminal(self._terminal)
        decision = await self._answered(asking.ask(event, asker), Stop())
        if decision is not None:
            self.session.decide(event.step, decision, call=event.call)

    async def _files_question(self, event: e.FilesRequested) -> None:
        asker = OnTerminal(self._terminal)
        decision = await self._answered(asking.ask_files(event, asker), RefuseFiles())
        if decision is not None:
            self.session.decide_files(event.step, decision)

    async def _answered(
        self, question: Coroutine[Any, Any, Answer], at_end: Answer
    ) -> Answer | None:
        """Wait for an answer; None at Ctrl-C, which ends the task.

        Args:
            at_end: stands for it where there is nobody any more who could answer.
        """
        self._asking = asyncio.ensure_future(question)
        try:
            answer: Answer = await self._asking
            return answer
        except EOFError:
            self._left = True
            return at_end
        except (Broken, asyncio.CancelledError):
            _raise_if_ending()
            await self.session.interrupt()
            return None
        finally:
            self._asking = None

    async def _review(self) -> None:
        """Ask about staged files while no task runs."""
        self._requested.clear()
        reviewing = asyncio.ensure_future(self.session.review_files())
        heard = asyncio.ensure_future(self._requested.wait())
        try:
            await asyncio.wait({reviewing, heard}, return_when=asyncio.FIRST_COMPLETED)
            if heard.done() and self._seen.request is not None:
                await self._files_question(self._seen.request)
            await reviewing
        finally:
            heard.cancel()
            reviewing.cancel()

    def _open(self, session: Session) -> None:
        self.session = session
        session.listen(self._hear)
        self._preparing = asyncio.ensure_future(session.prepare())
        for event in session.past:
            self._seen.note(event)

    def _hear(self, event: e.Event) -> None:
        """Take what happens while no task runs."""
        self._seen.note(event)
        if isinstance(event, e.FilesRequested):
            self._seen.request = event
            self._requested.set()
        elif not isinstance(event, e.SandboxChanged) or event.state in ("died", "closed"):
            self._report.show(event)


def _raise_if_ending() -> None:
    """Go on with the cancelling where it is the program that ends, not what a person does."""
    current = asyncio.current_task()
    if current is not None and current.cancelling():
        raise asyncio.CancelledError


def run_repl(
    session: Session,
    *,
    book: Kept | None,
    config: Config,
    plain: bool,
    first_task: str | None = None,
) -> int:
    """Run the prompt on the standard streams; returns the exit code."""
    from smolterm.process import run_to_exit

    plain = plain or not sys.stdin.isatty() or os.environ.get("TERM") == "dumb"
    coloured = not plain and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    made: list[Repl] = []

    async def work() -> int:
        terminal: Terminal
        if plain:
            terminal = PlainTerminal()
        else:
            history = history_path() if config.settings.save else None
            terminal = InlineTerminal(
                lambda text: made[0].session.complete(text), Path.cwd(), history, Look(coloured)
            )
        repl = Repl(session, terminal, book=book, config=config, plain=plain)
        made.append(repl)
        if isinstance(terminal, InlineTerminal):
            terminal.status = repl.status
        return await repl.run(first_task)

    return run_to_exit(work(), lambda: bool(made) and made[0].interrupt())

"""`smolterm -p`: the answer alone on stdout, everything else on stderr, an honest exit code."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any

import msgspec

from smolterm import events as e
from smolterm.console import Console
from smolterm.errors import ExitCode, error_named
from smolterm.policy import Stop
from smolterm.printable import printable
from smolterm.session import Session
from smolterm.telling import Look, Report


async def run_once(
    session: Session,
    task: str,
    *,
    files: Mapping[str, bytes],
    output: str = "text",
    quiet: bool = False,
    coloured: bool = False,
) -> int:
    """Run one task to its end and return the exit code.

    Args:
        output: `text` prints the answer; `json` one object; `jsonl` every event as it happens.
    """
    report = Report(Look(coloured), quiet=quiet)
    session.listen(report.show)
    run = _Run(session, report, as_lines=output == "jsonl")
    async with aclosing(session.run(task, files=files)) as stream:
        await run.follow(stream)
    _print_end(session, run.finished, output)
    if run.finished.reason != "answer":
        _explain(session, run.finished)
    return ExitCode.STOPPED if run.denied else exit_code(run.finished)


class _Run:
    """One task as it is shown and asked about.

    Events go on to be read while a question is open: an interrupt ends the task under it.
    """

    def __init__(self, session: Session, report: Report, *, as_lines: bool) -> None:
        self.finished = e.Finished(reason="failed", message="The task ended without an end.")
        self.denied = False
        self._session = session
        self._report = report
        self._as_lines = as_lines
        self._console: Console | None = None
        self._asking: asyncio.Task[None] | None = None

    async def follow(self, stream: AsyncGenerator[e.Event, None]) -> None:
        """Show every event, asking where one asks."""
        coming: asyncio.Future[e.Event | None] | None = None
        held: list[e.Event] = []
        try:
            while True:
                coming = coming or asyncio.ensure_future(anext(stream, None))
                waited: list[asyncio.Future[Any]] = [coming]
                waited += [] if self._asking is None else [self._asking]
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                if coming.done():
                    if (event := coming.result()) is None:
                        return
                    coming = None
                    held.append(event)
                    if isinstance(event, e.Finished):
                        await self._withdraw()
                if self._asking is not None and self._asking.done():
                    await self._withdraw()
                # Nothing is written across an open question.
                while held and self._asking is None:
                    self._take(held.pop(0))
        finally:
            await self._withdraw()
            if coming is not None:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)

    def _take(self, event: e.Event) -> None:
        if self._as_lines:
            sys.stdout.write(e.to_line(event).decode())
            sys.stdout.flush()
        self._report.show(event)
        if isinstance(event, e.Finished):
            self.finished = event
        elif isinstance(event, e.ApprovalRequested):
            # The terminal is opened when the first question comes, and then kept.
            self._console = self._console or Console.open()
            if self._console is None:
                self.denied = True
                self._report.show(_nobody_to_ask(event))
                self._session.decide(event.step, Stop(), call=event.call)
            else:
                self._asking = asyncio.create_task(self._ask(self._console, event))

    async def _ask(self, console: Console, event: e.ApprovalRequested) -> None:
        decision = await console.ask(event)
        if decision is None:
            await self._session.interrupt()
        else:
            self._session.decide(event.step, decision, call=event.call)

    async def _withdraw(self) -> None:
        """Close the question; raises what went wrong in asking it."""
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking


def exit_code(finished: e.Finished) -> int:
    """Return what a command ends with after this end of its task."""
    match finished.reason:
        case "answer":
            return ExitCode.OK
        case "failed":
            return error_named(finished.error).exit_code
        case "interrupted":
            return ExitCode.INTERRUPTED
        case _:
            return ExitCode.STOPPED


def _nobody_to_ask(event: e.ApprovalRequested) -> e.Notice:
    asked = f"the call of {event.tool}" if event.tool else "the code above"
    if event.tool:
        way_out = f"Use --allow {event.effect} for this effect."
    elif event.why:
        way_out = event.why
    else:
        way_out = "Use --yes to approve sandboxed steps."
    text = f"Nothing ran: there is no terminal to ask whether {asked} may run. {way_out}"
    return e.Notice(level="error", text=text)


def _print_end(session: Session, finished: e.Finished, output: str) -> None:
    if output == "text" and finished.answer is not None:
        print(finished.answer if not sys.stdout.isatty() else printable(finished.answer))
    elif output == "json":
        end = {
            "answer": finished.answer,
            "reason": finished.reason,
            "message": finished.message,
            "steps": len(session.transcript.steps),
            "usage": msgspec.to_builtins(session.transcript.usage),
            "session": session.id,
        }
        print(msgspec.json.encode(end).decode())
    sys.stdout.flush()


def _explain(session: Session, finished: e.Finished) -> None:
    print(f"smolterm: {printable(finished.message)}", file=sys.stderr)
    if session.transcript_path:
        print(f"smolterm: the session is kept in {session.transcript_path}", file=sys.stderr)

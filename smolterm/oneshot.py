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
from smolterm.context import shown
from smolterm.errors import ExitCode, error_named
from smolterm.policy import Stop
from smolterm.printable import printable, revealed
from smolterm.session import Session

MOST_SHOWN = 20_000
"""Characters of one step's output on stderr; the rest is counted."""

FENCES = ("```", "<code")


class Look:
    """How stderr looks: colours on a terminal, none elsewhere or under NO_COLOR."""

    def __init__(self, coloured: bool) -> None:
        self._coloured = coloured

    def __call__(self, text: str, style: str) -> str:
        codes = {"dim": "2", "bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
        if not self._coloured or not text:
            return text
        return f"\x1b[{codes[style]}m{text}\x1b[0m"


class Report:
    """Writes what happens to stderr, as it happens."""

    def __init__(self, look: Look, *, quiet: bool = False) -> None:
        self._look = look
        self._quiet = quiet
        self._open = ""
        self._ended = True
        self._shown = 0
        self._reply = ""
        self._told = 0

    def show(self, event: e.Event) -> None:
        """Write one event."""
        if self._quiet and not isinstance(event, e.Notice):
            return
        match event:
            case e.StepStarted():
                self._shown = 0
            case e.ReplyDelta():
                self._delta(event)
            case e.ReplyDropped():
                self._reply, self._told = "", 0
                self._line("(the reply broke off and is asked for again)", "yellow")
            case e.ReplyFinished():
                if _fence(self._reply) < 0:
                    self._tell_reply(len(self._reply))
                self._reply, self._told = "", 0
                self._end_stream()
            case e.ModelWaiting():
                self._line(f"waiting {event.seconds:.0f} s: {event.why}", "yellow")
            case e.MistakeFound():
                self._line("The reply holds no code that can run; asking again.", "yellow")
            case e.ActionProposed():
                self._code(event)
            case e.DecisionMade():
                self._decision(event)
            case e.OutputAdded():
                self._output(event)
            case e.ToolCalled():
                self._line(f"→ {event.tool}({printable(event.arguments)})", "cyan")
            case e.ToolReturned():
                mark = "←" if event.ok else "✗"
                self._line(f"{mark} {printable(event.result)}", "cyan" if event.ok else "red")
            case e.CellFinished():
                self._cell(event)
            case e.SandboxChanged():
                self._sandbox(event)
            case e.Notice():
                self._line(event.text, "yellow")
            case e.ContextShortened():
                self._line(printable(shown(event)), "yellow")
            case e.Finished():
                self._end_stream()
            case _:
                pass

    def _delta(self, event: e.ReplyDelta) -> None:
        if event.channel == "reasoning":
            self._stream("reasoning", event.text, "dim")
            return
        self._reply += event.text
        fence = _fence(self._reply)
        self._tell_reply(fence if fence >= 0 else len(self._reply) - _held_back(self._reply))

    def _tell_reply(self, end: int) -> None:
        """Stream the text before the code; the code itself is shown when it is whole."""
        if end > self._told:
            self._stream("reply", self._reply[self._told : end], "dim")
            self._told = end

    def _sandbox(self, event: e.SandboxChanged) -> None:
        if event.state == "died":
            lost = f" Lost: {', '.join(event.lost)}." if event.lost else ""
            self._line(f"{event.detail}{lost} It is started anew.", "red")
        elif event.state == "preparing":
            gauge = "" if event.fraction is None else f" {event.fraction:.0%}"
            self._line(f"{event.detail}{gauge}", "dim")

    def _code(self, event: e.ActionProposed) -> None:
        self._line(f"─── step {event.step}: this code would run ", "bold")
        for number, line in enumerate(revealed(event.code).split("\n"), 1):
            print(f"{self._look(f'{number:>4} ', 'dim')}{line}", file=sys.stderr)
        self._line("─── ", "bold")

    def _decision(self, event: e.DecisionMade) -> None:
        if event.by == "person":
            words = {
                "approve": "approved",
                "edit": "edited",
                "reject": "declined",
                "stop": "stopped",
            }
            self._line(f"({words[event.decision]})", "dim")

    def _output(self, event: e.OutputAdded) -> None:
        room = MOST_SHOWN - self._shown
        self._shown += len(event.text)
        if room > 0:
            style = "red" if event.stream == "stderr" else ""
            self._stream(event.stream, event.text[:room], style)

    def _cell(self, event: e.CellFinished) -> None:
        self._end_stream()
        if self._shown > MOST_SHOWN:
            self._line(f"({self._shown - MOST_SHOWN} more characters were printed)", "dim")
        if event.dropped:
            self._line(f"({event.dropped} bytes past the limit were dropped)", "yellow")
        if event.error is not None:
            self._line(printable(event.error.traceback), "red")
        elif event.value is not None and event.value != "None":
            self._line(f"= {printable(event.value)[:2000]}", "green")

    def _stream(self, name: str, text: str, style: str) -> None:
        if self._open != name:
            self._end_stream()
            self._open = name
        shown = printable(text)
        sys.stderr.write(self._look(shown, style) if style else shown)
        sys.stderr.flush()
        self._ended = text.endswith("\n")

    def _end_stream(self) -> None:
        if self._open:
            if not self._ended:
                sys.stderr.write("\n")
            self._open = ""

    def _line(self, text: str, style: str) -> None:
        self._end_stream()
        print(self._look(text, style), file=sys.stderr, flush=True)


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


def _fence(text: str) -> int:
    """Where the code begins, or -1."""
    return min((at for mark in FENCES if (at := text.find(mark)) >= 0), default=-1)


def _held_back(text: str) -> int:
    """How many characters at the end may be the first of a fence that comes in pieces."""
    sizes = range(max(map(len, FENCES)) - 1, 0, -1)
    return next((n for n in sizes if any(mark.startswith(text[-n:]) for mark in FENCES)), 0)


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

"""`smolterm -p`: the answer alone on stdout, everything else on stderr, an honest exit code."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from smolterm import __version__, outside
from smolterm import events as e
from smolterm.console import Console
from smolterm.errors import ExitCode, SmoltermError, UsageError, error_named
from smolterm.inputs import Piped, Sink, mount_inputs
from smolterm.policy import RefuseFiles, Stop
from smolterm.printable import printable
from smolterm.session import Session
from smolterm.sessions import goodbye
from smolterm.telling import Look, Report
from smolterm.threads import in_daemon_thread

Output: TypeAlias = Literal["text", "json", "jsonl"]

VERSION = 1
"""Of what `json` and `jsonl` print; another one when what was there means something else."""
TO_OUT = "Write files for the person into the folder /out; they get all that lies there."


class Once(msgspec.Struct, frozen=True, kw_only=True):
    """One task as the command line states it."""

    task: str | None = None
    """None: it is what was piped in."""
    inputs: tuple[Path, ...] = ()
    """Files and folders that the code reads as `/in/<name>`."""
    out: Path | None = None
    """A new folder for what the code leaves in `/out`."""
    output: Output = "text"
    """What is printed: the answer, one object, or every event as it happens."""
    notes: tuple[str, ...] = ()
    """What the model is told besides."""
    quiet: bool = False
    coloured: bool = False


class End(msgspec.Struct, frozen=True, kw_only=True):
    """What `--output json` prints."""

    version: int
    """Of this object: another one when what was there means something else."""
    answer: str | None
    """As `--output text` would print it; null where there is none."""
    data: Any
    """The answer's value where it is no text, else null."""
    reason: e.FinishReason
    """How the task ended."""
    message: str
    """Why there is no answer."""
    steps: int
    usage: e.Usage
    """Of all its replies together."""
    session: str
    """By which `--resume` finds it."""
    written: tuple[str, ...]
    """Staged files that are on the disk now."""
    refused: tuple[str, ...]
    """Staged files that were to be written, and were not."""
    out: tuple[str, ...]
    """Files that were put into the folder of `--out`."""
    outside: tuple[str, ...]
    """Tools whose text from outside the answer may hold, and `files`."""


class Header(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="Lines"):
    """The first line of `--output jsonl`; each other one is an event."""

    version: int
    smolterm: str
    """The version of the program."""


async def run_once(session: Session, once: Once, sink: Sink) -> int:
    """Run one task to its end and return the exit code; the session is the caller's to close."""
    piped = Piped()
    try:
        # Before anything else, even before stdin is read: everybody waits for the host.
        await session.start_model()
        await in_daemon_thread(piped.read)
        task = once.task if once.task is not None else piped.take_text()
        if not task:
            raise UsageError("There is no task.", next='Say what to do: smolterm -p "task".')
        mount_inputs(session, once.inputs, piped.path)
        return await _run(session, task, once, sink)
    finally:
        piped.close()


async def _run(session: Session, task: str, once: Once, sink: Sink) -> int:
    report = Report(Look(once.coloured), quiet=once.quiet)
    session.listen(report.show)
    lines = sink if once.output == "jsonl" else None
    if lines is not None:
        lines.write(msgspec.json.encode(Header(version=VERSION, smolterm=__version__)) + b"\n")
    run = _Run(session, report, lines, coloured=once.coloured)
    notes = (*once.notes, *([TO_OUT] if once.out is not None else []))
    async with aclosing(session.run(task, notes=notes)) as stream:
        await run.follow(stream)
    code = run.code()
    made: tuple[Path, ...] = ()
    if run.finished.reason == "answer":
        try:
            made = await _take_out(session, once, report)
        except SmoltermError as error:
            report.show(e.Notice(level="error", text=str(error)))
            code = error.exit_code
    _print_end(session, run, once.output, sink, made)
    sink.keep()
    if run.finished.reason != "answer":
        _explain(session, run.finished)
    elif not once.quiet:
        for line in goodbye(session)[:1]:
            print(f"smolterm: {line}", file=sys.stderr)
    return code


async def _take_out(session: Session, once: Once, report: Report) -> tuple[Path, ...]:
    """Put what lies in /out into the folder, or say that it is lost.

    Raises:
        CommitRefused, UsageError, SandboxError: nothing of it was written.
    """
    folder = once.out
    if session.staging is None:
        return ()
    # Without a folder for them few tasks leave files, and asking takes a moment.
    if folder is None and not any("/out" in step.code for step in session.transcript.steps):
        return ()
    results = (await session.staging.results()).results
    if not results:
        return ()
    if folder is None:
        files = "1 file" if len(results) == 1 else f"{len(results)} files"
        text = f"{files} in /out not kept: name a folder with --out."
        report.show(e.Notice(level="warning", text=text))
        return ()
    from smolterm.pyoptions import make_folder
    from smolterm.sandbox.results import copy_out

    await in_daemon_thread(make_folder, folder)
    made = await in_daemon_thread(copy_out, results, folder)
    for path in () if once.quiet else made:
        report.show(e.Notice(level="info", text=f"created {printable(str(path))}"))
    return made


class _Run:
    """One task as it is shown and asked about.

    Events go on to be read while a question is open: an interrupt ends the task under it.
    """

    def __init__(
        self, session: Session, report: Report, lines: Sink | None, *, coloured: bool
    ) -> None:
        self.finished = e.Finished(reason="failed", message="The task ended without an end.")
        self.denied = False
        self.files: list[e.FilesDecided] = []
        self._session = session
        self._report = report
        self._lines = lines
        self._coloured = coloured
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

    def code(self) -> int:
        """Return what the command ends with: what was denied, or not written, is no success."""
        if self.denied:
            return ExitCode.STOPPED
        code = exit_code(self.finished)
        if code == ExitCode.OK and self.files:
            if self.files[-1].error:
                return ExitCode.FAILED
            if self.files[-1].refused:
                return ExitCode.STOPPED
        return code

    def _take(self, event: e.Event) -> None:
        if self._lines is not None:
            self._lines.write(e.to_line(event))
        self._report.show(event)
        if isinstance(event, e.Finished):
            self.finished = event
        elif isinstance(event, e.FilesDecided):
            self.files.append(event)
        elif isinstance(event, e.ApprovalRequested | e.FilesRequested):
            # The terminal is opened when the first question comes, and then kept.
            self._console = self._console or Console.open(coloured=self._coloured)
            if self._console is not None:
                self._asking = asyncio.create_task(self._ask(self._console, event))
                return
            self.denied = True
            self._report.show(_nobody_to_ask(event))
            if isinstance(event, e.FilesRequested):
                self._session.decide_files(event.step, RefuseFiles())
            else:
                self._session.decide(event.step, Stop(), call=event.call)

    async def _ask(self, console: Console, event: e.ApprovalRequested | e.FilesRequested) -> None:
        if isinstance(event, e.FilesRequested):
            chosen = await console.ask_files(event)
            if chosen is not None:
                self._session.decide_files(event.step, chosen)
                return
        else:
            decision = await console.ask(event)
            if decision is not None:
                self._session.decide(event.step, decision, call=event.call)
                return
        await self._session.interrupt()

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


def _nobody_to_ask(event: e.ApprovalRequested | e.FilesRequested) -> e.Notice:
    if isinstance(event, e.FilesRequested):
        count = sum(not one.refused for one in event.files)
        files = "1 changed file" if count == 1 else f"{count} changed files"
        text = f"Nothing was written: there is no terminal to ask whether {files} may be."
        way_out = f"Use --allow write{' --outside trust' if event.outside else ''} to accept them."
        return e.Notice(level="error", text="\n".join([text, *_unread(event), way_out]))
    asked = f"the call of {event.tool}" if event.tool else "the code above"
    if event.outside and event.tool:
        way_out = (
            f"If you trust what it brought: --allow {event.effect} --outside trust lets this "
            "effect happen unasked."
        )
    elif event.tool:
        way_out = f"Use --allow {event.effect} for this effect."
    elif event.why:
        way_out = event.why
    else:
        way_out = "Use --yes to approve sandboxed steps."
    text = f"Nothing ran: there is no terminal to ask whether {asked} may run."
    if not event.outside:
        return e.Notice(level="error", text=f"{text} {way_out}")
    return e.Notice(level="error", text="\n".join([text, *_unread(event), way_out]))


def _unread(event: e.ApprovalRequested | e.FilesRequested) -> list[str]:
    """Return what came from outside and is why this is asked."""
    told = outside.lines(event.outside, event.outside_count)
    return [line if line == outside.UNREAD else f"  {line}" for line in told]


def _print_end(
    session: Session, run: _Run, output: Output, sink: Sink, made: Sequence[Path]
) -> None:
    finished = run.finished
    if output == "text" and finished.answer is not None:
        text = printable(finished.answer) if sink.is_terminal else finished.answer
        # A table, say, may end its last line by itself.
        sink.write((text if text.endswith("\n") else f"{text}\n").encode("utf-8", "replace"))
    elif output == "json":
        refused = run.files[-1].refused if run.files else ()
        end = End(
            version=VERSION,
            answer=finished.answer,
            data=None if finished.data is msgspec.UNSET else finished.data,
            reason=finished.reason,
            message=finished.message,
            steps=len(session.transcript.steps),
            usage=session.transcript.usage,
            session=session.id,
            written=tuple(path for one in run.files for path in one.written),
            refused=refused,
            out=tuple(map(str, made)),
            outside=session.transcript.outside.names(),
        )
        sink.write(msgspec.json.encode(end) + b"\n")


def _explain(session: Session, finished: e.Finished) -> None:
    print(f"smolterm: {printable(finished.message)}", file=sys.stderr)
    for line in goodbye(session):
        print(f"smolterm: {line}", file=sys.stderr)

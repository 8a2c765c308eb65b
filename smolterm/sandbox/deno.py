"""The sandbox: Pyodide in a worker without permissions, in Deno, behind a private socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Any

from smolterm.errors import ChildError, SandboxDied, SandboxError, ToolError
from smolterm.sandbox import Call, CellDone, CellPart, Limits, Printed, Shown
from smolterm.sandbox.assets import Assets, Progress
from smolterm.sandbox.between import BetweenCells
from smolterm.sandbox.files import StagedFiles
from smolterm.sandbox.interpreter import Options
from smolterm.sandbox.processes import Processes
from smolterm.sandbox.questions import PackageSource, Questions
from smolterm.sandbox.running import Question, RunningCell
from smolterm.sandbox.values import encode
from smolterm.sandbox.wall import DEFAULT_CAPS, Caps
from smolterm.tools import Tool, by_name

NO_LIMITS = Limits()


class Sandbox(BetweenCells):
    """A Python of its own that can touch nothing it was not given.

        async with Sandbox() as sandbox:
            out = await sandbox.run("1 + 1")
            assert out.value_data == 2

    Args:
        tools: functions that code inside can call by name; they run in this process.
        limits: for cells that name none.
        progress: told how the first set-up goes.
        assets: what to start from; found or set up when None.
        checkpoints: keep the state before each cell, so that `rewind`, `save` and a restart after
            a death can bring it back.
        spare: keep a second process ready, so that a restart takes a fifth of the time. It takes
            about 190 MB.
        seed: makes `random`, `os.urandom` and what is built on them repeat.
        clock: seconds since 1970 at which a clock starts that counts its readings, not time.
        caps: what it may hold in all.
        files: files of the host that the code sees, staged: what it writes stays inside.
        packages: what may be imported besides the standard library.
        follow: tell a few times a second which line of a cell runs.
    """

    def __init__(
        self,
        *,
        tools: Iterable[Tool] = (),
        limits: Limits = NO_LIMITS,
        progress: Progress | None = None,
        assets: Assets | None = None,
        checkpoints: bool = True,
        spare: bool = False,
        seed: str | None = None,
        clock: float | None = None,
        caps: Caps = DEFAULT_CAPS,
        files: StagedFiles | None = None,
        packages: PackageSource | None = None,
        follow: bool = False,
    ) -> None:
        self.limits = limits
        self._follow = follow
        self._tools = by_name(tools)
        processes = Processes(
            assets=assets,
            options=Options(checkpoints=checkpoints, seed=seed, clock=clock),
            caps=caps,
            progress=progress,
            spare=spare,
            staged=files,
            on_kept=self._kept,
        )
        processes.tools = {name: tool.spec for name, tool in self._tools.items()}
        questions = Questions(files, packages, processes.installed)
        super().__init__(processes, files, questions, checkpoints=checkpoints)

    async def __aenter__(self) -> Sandbox:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def run(
        self,
        code: str,
        *,
        limits: Limits | None = None,
        on_output: Callable[[Printed], None] | None = None,
        on_shown: Callable[[Shown], None] | None = None,
    ) -> CellDone:
        """Run one cell and return its end; tools given to the constructor answer calls.

        Raises:
            SandboxDied: the process is gone; `kept` says what came back of the variables.
        """
        await self.start()
        done: CellDone | None = None
        # Beside the cell: an interrupt, or its death, ends the wait for a tool.
        calls: set[asyncio.Task[None]] = set()
        try:
            async with aclosing(self.cell(code, limits=limits)) as parts:
                async for part in parts:
                    if isinstance(part, Printed):
                        if on_output is not None:
                            on_output(part)
                    elif isinstance(part, Call):
                        calls.add(asyncio.create_task(self._answer_call(part)))
                    elif isinstance(part, Shown):
                        if on_shown is not None:
                            on_shown(part)
                    elif isinstance(part, CellDone):
                        done = part
        finally:
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        assert done is not None
        return done

    async def cell(
        self,
        code: str,
        *,
        limits: Limits | None = None,
        filename: str | None = None,
        argv: Sequence[str] | None = None,
        read_stdin: Callable[[int], bytes] | None = None,
        echo: bool = False,
    ) -> AsyncGenerator[CellPart, None]:
        """Run one cell part by part; each `Call` waits for `answer`. Ends with `CellDone`.

        Args:
            filename: how tracebacks name the code.
            argv: what `sys.argv` is from now on.
            read_stdin: gives up to so many bytes of standard input, b"" at its end; it may block.
            echo: call the value `_` from now on, as a prompt does.

        Raises:
            SandboxDied: see `run`.
        """
        interpreter = self._processes.current
        if interpreter is None or not interpreter.alive:
            raise SandboxDied("The sandbox is not running.", next="Call start().")
        if self._cell is not None:
            raise SandboxError("The sandbox runs one cell at a time.")
        limits = limits or self.limits
        step, self.step = self.step, self.step + 1
        asked: dict[str, Any] = {
            "code": code,
            "filename": filename or f"<cell {step}>",
            "depth": limits.value_depth,
        }
        if argv is not None:
            asked["argv"] = list(argv)
        if echo:
            asked["echo"] = True
        request = json.dumps(asked)
        recorded = self._history.begin(step, request, self.names)
        running = self._cell = RunningCell(
            interpreter.child, limits, code.count("\n") + code.count("\r") + 1
        )
        running.exchanged = lambda exchange: self._history.add(recorded, exchange)
        interpreter.watch(running)
        died: ChildError | None = None
        try:
            async with aclosing(running.lines(step, request, follow=self._follow)) as lines:
                async for line in lines:
                    part = running.read(line)
                    if isinstance(part, Question):
                        running.serve(part, self._questions.answer(part, read_stdin))
                    elif part is not None:
                        if isinstance(part, CellDone):
                            self.names = part.names
                            self._history.end(recorded, running.tape)
                        yield part
        except ChildError as error:
            died = error
        finally:
            running.close()
            interpreter.unwatch()
            self._cell = None
            if not running.over and interpreter.alive:
                # Nobody waits for this cell any more, and it may never end.
                interpreter.child.kill()
        if died is not None:
            raise await self._died(running, died, step) from died
        if not running.over:
            raise SandboxDied(
                "The sandbox ended the cell without a result; its process was ended.",
                next="It starts anew with the next step.",
            )
        self._processes.warm_spare()

    async def answer(
        self, call: int, *, value: Any = None, error: str | None = None, denied: bool = False
    ) -> None:
        """Give a tool call its result, or the message of the exception it raises inside.

        Args:
            denied: it raises PermissionError instead of ToolError.
        """
        running = self._cell
        if running is None:
            return
        reply: dict[str, Any]
        if error is not None:
            kind = "PermissionError" if denied else "ToolError"
            reply = {"error": kind, "message": error}
        else:
            try:
                reply = {"value": encode(value)}
            except ValueError as too_large:
                reply = {"error": "ToolError", "message": f"The tool's result: {too_large}"}
        await running.reply(call, json.dumps(reply).encode("utf-8", "surrogatepass"))

    async def interrupt(self) -> None:
        """Stop the running cell: KeyboardInterrupt now, the process 2 seconds later."""
        if self._cell is not None:
            await self._cell.stop("interrupt")

    async def _answer_call(self, part: Call) -> None:
        tool = self._tools.get(part.tool)
        if tool is None:
            await self.answer(part.call, error=f"There is no tool {part.tool!r}.")
            return
        try:
            await self.answer(part.call, value=await tool.call(part.args, part.kwargs))
        except ToolError as error:
            await self.answer(part.call, error=str(error))
        except Exception as error:  # noqa: BLE001  a tool is foreign code; this is its boundary
            await self.answer(part.call, error=f"{type(error).__name__}: {error}")

    async def _died(self, running: RunningCell, error: ChildError, step: int) -> SandboxDied:
        """Say what happened, after bringing back what can be brought back."""
        lost, self.names = self.names, ()
        limit = running.limit_reached()
        if limit:
            what = f"{limit[0].upper()}{limit[1:]} and did not stop; its process was ended."
        elif running.why == "interrupt":
            what = "The cell was interrupted and did not stop; its process was ended."
        else:
            what = f"The sandbox died: {error}"
        started = time.monotonic()
        back = None
        if self._states is not None and not self._closing:
            async with self._starting:
                with contextlib.suppress(SandboxError):
                    back = await self._states.bring_back(step, self._processes.begin)
        if back is not None:
            await self._after(back)
            self.step = step + 1
            seconds = time.monotonic() - started
            when = "this cell" if back.step == step else f"cell {back.step}"
            kept = f"Variables and files are back as they were before {when} ({seconds:.1f} s)."
            return SandboxDied(what, kept=kept, next="Go on with the next step.")
        gone = f"Lost: {', '.join(lost[:20])}." if lost else "No variables were lost."
        return SandboxDied(what, kept=gone, next="It starts anew with the next step.")

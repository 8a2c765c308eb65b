"""What brings a sandbox's state back: in place, in another process, or by running cells again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from smolterm.errors import ChildError, SandboxDied, SandboxError
from smolterm.packages import Wheel
from smolterm.sandbox import Call, CellDone, Limits
from smolterm.sandbox.history import History, RecordedCell
from smolterm.sandbox.interpreter import Interpreter
from smolterm.sandbox.journal import Journal, State
from smolterm.sandbox.running import Question, RunningCell
from smolterm.sandbox.saved import Installed, Saved, read, write
from smolterm.threads import in_daemon_thread

Way: TypeAlias = Literal["memory", "process", "replay"]

Begin: TypeAlias = Callable[[], Awaitable[Interpreter]]
"""Starts a new process in place of the present one."""

Install: TypeAlias = Callable[[Sequence[Wheel]], Awaitable[None]]
"""Gives packages to the process, as far as they are still here."""


class Rewound(msgspec.Struct, frozen=True, kw_only=True):
    """A state that was brought back."""

    step: int
    """The state is the one before this step's cell."""
    way: Way
    """In place; by a new process that took the state over; by running the cells again with the
    recorded answers of tools."""
    why: str
    """Why no quicker way was possible; empty when it was the quickest."""
    seconds: float
    names: tuple[str, ...]


class States:
    """The states of one sandbox."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._open: Journal | None = None
        self._why = "the process says nothing of it"
        """What stood against keeping the newest state."""

    @property
    def _journal(self) -> Journal:
        # Opened late: a sandbox that dies young leaves nothing to close.
        if self._open is None:
            self._open = Journal()
        return self._open

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def keep(self, about: str, raw: bytes) -> None:
        """Take what the process says of its newest state.

        Raises:
            ChildProtocolError: it contradicts itself.
        """
        self._why = self._journal.keep(about, raw).why

    async def checkpoint(self, interpreter: Interpreter, step: int) -> None:
        """Keep the state before a step now.

        Raises:
            SandboxError: it cannot be kept.
        """
        await interpreter.ask("keep", {"step": step})
        if not self._journal.has(step):
            raise SandboxError(f"The state cannot be kept: {self._why[:200]}.")

    async def rewind(
        self,
        step: int,
        interpreter: Interpreter | None,
        begin: Begin,
        now: tuple[int, tuple[str, ...]],
    ) -> Rewound:
        """Bring back the state before a step, the quickest way that holds.

        Args:
            now: the next step, and the variables before it.
        """
        next_step, names = now
        if not 1 <= step <= next_step:
            raise SandboxError(f"There is no step {step}; the next is {next_step}.")
        started = time.monotonic()
        if step < next_step:
            names = self._names_at(step)
        why = "the process is gone"
        if interpreter is not None and interpreter.alive:
            did, _ = await interpreter.ask("rewind", {"step": step})
            why = str(did.get("why", ""))[:200]
            if not why:
                self._forget(step)
                return _rewound(step, "memory", "", started, names)
        way, why = await self._in_new_process(step, begin, why)
        self._forget(step)
        return _rewound(step, way, why, started, names)

    async def bring_back(self, step: int, begin: Begin) -> Rewound | None:
        """After a death, bring back the newest state before or at a step; None: there is none."""
        nearest = self._journal.nearest(step)
        if nearest is None:
            return None
        started = time.monotonic()
        state = self._journal.state(nearest)
        interpreter = await begin()
        if await self._adopted(state, interpreter):
            self._journal.begin(interpreter.kept)
            return None
        return _rewound(nearest, "process", "", started, self._names_at(nearest))

    async def save(
        self,
        path: Path,
        interpreter: Interpreter,
        step: int,
        names: tuple[str, ...],
        key: str,
        installed: Iterable[Wheel] = (),
        *,
        memory: bool = True,
    ) -> None:
        """Write the newest state; without `memory`, as the cells alone where they can run again."""
        state = None
        if memory or not self._history.replayable:
            await interpreter.ask("keep", {"step": step})
            state = self._journal.state(step) if self._journal.has(step) else None
        if state is None and not self._history.replayable:
            raise SandboxError(
                "The state can be saved neither as memory nor as cells to run again.",
                kept="Nothing was written.",
                next="Wait for pending tasks to end, then save again.",
            )
        saved = Saved(
            key=key,
            step=step,
            names=names,
            cells=self._history.cells,
            replayable=self._history.replayable,
            about=state.about if state else None,
            raw=state.raw if state else b"",
            installed=[Installed.of(wheel) for wheel in installed],
        )
        await in_daemon_thread(write, path, saved)

    async def restore(self, path: Path, begin: Begin, key: str, install: Install) -> Rewound:
        saved = await in_daemon_thread(read, path)
        started = time.monotonic()
        state = saved.state
        interpreter = await begin()
        # Code that was compiled for a package lies where it lay only when the package is there.
        await install([one.wheel() for one in saved.installed])
        why, names = "the file holds no memory", saved.names
        if state is not None:
            why = "it was saved by another version"
            if saved.key == key:
                why = await self._adopted(state, interpreter)
        way: Way = "process"
        if why:
            if not saved.replayable:
                raise SandboxError(f"{path} cannot be restored: {why}.")
            names = await self._replay((cell for cell in saved.cells if cell.whole), interpreter)
            way = "replay"
        self._history.replace(saved.cells)
        return _rewound(saved.step, way, why, started, names)

    async def _in_new_process(self, step: int, begin: Begin, why: str) -> tuple[Way, str]:
        nearest = self._journal.nearest(step)
        # Before there is a new process, which would add to the journal of the old one.
        state = self._journal.state(nearest) if nearest is not None else None
        interpreter = await begin()
        first = 1
        if state is not None:
            refused = await self._adopted(state, interpreter)
            if not refused:
                first = state.about.step
                if first == step:
                    return "process", why
            else:
                why = refused
                self._journal.begin(interpreter.kept)
        if not self._history.replayable:
            raise SandboxError(
                f"Step {step} cannot be brought back: {why}, and the answers that its cells got "
                "were too large to keep.",
                kept="The sandbox is empty now.",
            )
        await self._replay(self._history.between(first, step), interpreter)
        return "replay", why

    async def _adopted(self, state: State, interpreter: Interpreter) -> str:
        """Hand a state to a new process; returns why it could not be taken over."""
        args = {"about": msgspec.to_builtins(state.about)}
        try:
            did, _ = await interpreter.ask("adopt", args, state.raw)
        except SandboxDied:
            raise
        except SandboxError as error:
            return str(error)
        why = str(did.get("why", ""))[:200]
        if not why:
            self._journal.adopt(state)
        return why

    async def _replay(
        self, cells: Iterable[RecordedCell], interpreter: Interpreter
    ) -> tuple[str, ...]:
        """Run cells again; returns the variables after the last one."""
        names: tuple[str, ...] = ()
        for cell in cells:
            names = await _run_again(cell, interpreter)
        return names

    def _forget(self, step: int) -> None:
        self._journal.forget_after(step)
        self._history.forget_from(step)

    def _names_at(self, step: int) -> tuple[str, ...]:
        return self._history.names_at(step) or ()


async def _run_again(cell: RecordedCell, interpreter: Interpreter) -> tuple[str, ...]:
    answers = iter(cell.exchanges)
    running = RunningCell(interpreter.child, Limits(output_bytes=1))
    try:
        async with aclosing(running.lines(cell.step, cell.request, cell.tape)) as lines:
            async for line in lines:
                part = running.read(line)
                if isinstance(part, Question | Call):
                    number = part.number if isinstance(part, Question) else part.call
                    asked = running.question(number)
                    recorded = next(answers, None)
                    if recorded is None or asked is None or recorded.request != asked.request:
                        await interpreter.close()
                        raise SandboxError(
                            f"Cell {cell.step} took another way when it was run again.",
                            kept="The sandbox is empty now.",
                        )
                    await running.reply(number, recorded.answer)
                elif isinstance(part, CellDone):
                    return part.names
        return ()
    except ChildError as error:
        raise SandboxDied(
            f"The sandbox died while cell {cell.step} ran again: {error}",
            kept="States that were kept before are still there.",
            next="It starts anew with the next step.",
        ) from error
    finally:
        running.close()


def _rewound(step: int, way: Way, why: str, started: float, names: tuple[str, ...]) -> Rewound:
    seconds = time.monotonic() - started
    return Rewound(step=step, way=way, why=why, seconds=seconds, names=names)

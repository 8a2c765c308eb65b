"""What can be done with a sandbox between two cells: start, give, keep, bring back, take out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from smolterm.errors import PackageError, SandboxDied, SandboxError, UsageError
from smolterm.events import Table
from smolterm.packages import Wheel
from smolterm.sandbox.changes import Changes, collect
from smolterm.sandbox.commit import Committed, accept
from smolterm.sandbox.described import MOST_NAME, MOST_ROWS, MOST_TOTAL, one_line, table_of
from smolterm.sandbox.files import StagedFiles
from smolterm.sandbox.history import History
from smolterm.sandbox.interpreter import Interpreter
from smolterm.sandbox.processes import Processes
from smolterm.sandbox.questions import Questions
from smolterm.sandbox.running import RunningCell
from smolterm.sandbox.states import Rewound, States
from smolterm.tools import ToolSpec

COMPLETE_SECONDS = 3.0
ROWS_SECONDS = 10.0


class BetweenCells:
    """The part of `Sandbox` that runs no code."""

    def __init__(
        self,
        processes: Processes,
        files: StagedFiles | None,
        questions: Questions,
        *,
        checkpoints: bool,
    ) -> None:
        self.names: tuple[str, ...] = ()
        """Variables alive, as of the last cell."""
        self.step = 1
        """The number of the next cell."""
        self._processes = processes
        self._staged = files
        self._questions = questions
        self._starting = asyncio.Lock()
        self._cell: RunningCell | None = None
        self._closing = False
        self._history = History()
        self._states = States(self._history) if checkpoints else None

    @property
    def alive(self) -> bool:
        return self._processes.alive

    @property
    def busy(self) -> bool:
        """A cell runs."""
        return self._cell is not None

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        current = self._processes.current
        return current.child.pid if current is not None else None

    async def start(self) -> None:
        """Start the process if it is not running.

        Raises:
            NoDeno, SetupFailed: see `assets.set_up`.
            SandboxError: the process does not start.
        """
        async with self._starting:
            if self.alive:
                return
            self._closing = False
            names, self.names = self.names, ()
            # It died while nothing ran: its state is as it was.
            if self._states is not None and self._history.cells:
                back = await self._states.bring_back(self.step, self._processes.begin)
                if back is not None:
                    self.names = names if back.step == self.step else back.names
            if not self.alive:
                await self._processes.begin()

    def _kept(self, about: str, raw: bytes) -> None:
        if self._states is not None:
            self._states.keep(about, raw)

    async def offer(
        self, *, tools: Sequence[ToolSpec] = (), files: Mapping[str, bytes] | None = None
    ) -> None:
        """Make tools callable by name, and put files at absolute paths; both outlive a restart."""
        await self._processes.offer(tools, files or {})

    async def install(self, requirements: Sequence[str]) -> None:
        """Make packages importable now, so that states kept from here on hold with them.

        Args:
            requirements: as pip takes them: `pandas`, `networkx>=3`.

        Raises:
            PackageError: one cannot be had.
        """
        await self.start()
        if self._cell is not None:
            raise SandboxError("Packages cannot be installed while a cell runs.")
        await self._processes.install(await self._questions.resolve(requirements))

    async def complete(self, text: str) -> list[str]:
        """Return what a name or attribute that begins so could be, from the live variables."""
        current = self._processes.current
        if current is None or self._cell is not None:
            return []
        did, _ = await current.ask("complete", {"text": text}, seconds=COMPLETE_SECONDS)
        found = did.get("found")
        return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []

    async def rows(self, name: str, first: int, count: int) -> Table:
        """Return rows of a variable as text, 500 at most, without running any of the code's own.

        Args:
            first: from 0; past the end there are none.

        Raises:
            UsageError: there is no such variable, or it has no rows.
            SandboxError: a cell runs, or they cannot be had.
        """
        if not 0 <= first <= MOST_TOTAL or count < 0 or len(name) > MOST_NAME:
            raise UsageError("There are no such rows.")
        count = min(count, MOST_ROWS)
        asked = {"name": name, "first": first, "count": count}
        did, _ = await self._idle().ask("rows", asked, seconds=ROWS_SECONDS)
        table = table_of(did.get("table"), count)
        if table is None:
            raise UsageError(f"{one_line(name)} {one_line(did.get('why')) or 'has no rows'}.")
        return table

    async def checkpoint(self) -> int:
        """Keep the state now; returns the step it stands before, for `rewind`.

        Between cells this happens by itself as soon as nothing else is to be done.

        Raises:
            SandboxError: it cannot be kept, because tasks are pending for example. `rewind` then
                runs cells again instead.
        """
        await self._kept_states().checkpoint(self._idle(), self.step)
        return self.step

    async def mount(self, source: Path, at: str | None = None, *, writable: bool = False) -> str:
        """Show a file or folder of the host, read when it is opened; returns where it lies inside.

        Args:
            at: an absolute path inside; `/files/<name>` when None.
            writable: whether `commit` may write to it.

        Raises:
            UsageError: there is no such file or folder, or the place inside is taken.
        """
        mounted = self._staged_files().mount(source, at, writable)
        if self._processes.current is not None and self._processes.alive:
            await self._processes.send_mounts(self._processes.current)
        return mounted.at

    async def changes(self) -> Changes:
        """Return what differs from the originals in staged files, and what lies in `/out`.

        Raises:
            SandboxError: a cell runs, or there are no staged files.
        """
        return await collect(self._staged_files(), self._idle().ask)

    async def commit(
        self,
        changes: Changes,
        undo_folder: Path,
        *,
        paths: Collection[str] | None = None,
        hunks: Mapping[str, Collection[int]] | None = None,
    ) -> Committed:
        """Write accepted changes to the disk, all or none; `undo` brings back what was there.

        Args:
            undo_folder: where what is overwritten is kept, in a folder of its own.
            paths, hunks: what was accepted; everything when neither is given.

        Raises:
            UsageError: a path did not change, or has no such hunk.
            CommitRefused: an original changed meanwhile, or cannot be written.
        """
        files, ask = self._staged_files(), self._idle().ask
        return await accept(files, ask, changes, undo_folder, paths=paths, hunks=hunks)

    def _staged_files(self) -> StagedFiles:
        if self._staged is None:
            raise SandboxError(
                "This sandbox has no staged files.", next="Give it files=StagedFiles()."
            )
        return self._staged

    def _idle(self) -> Interpreter:
        current = self._processes.current
        if current is None or self._cell is not None:
            raise SandboxError("The sandbox runs a cell, or does not run.")
        return current

    async def rewind(self, step: int) -> Rewound:
        """Bring variables and files back to what they were before a step's cell.

        Raises:
            SandboxError: the step is not known, or a cell runs.
            SandboxDied: the process ended on the way; `kept` says what is there now.
        """
        states, current = self._kept_states(), self._idle()
        async with self._starting:
            now = self.step, self.names
            try:
                rewound = await states.rewind(step, current, self._processes.begin, now)
            except SandboxDied as died:
                raise await self._died_on_the_way(died, states) from died
            await self._after(rewound)
        return rewound

    async def _died_on_the_way(self, died: SandboxDied, states: States) -> SandboxDied:
        """Say what is left of a process that died while it was brought back, and go on with it."""
        names, self.names = self.names, ()
        back = None
        if not self._closing:
            with contextlib.suppress(SandboxError):
                back = await states.bring_back(self.step, self._processes.begin)
        if back is None:
            return SandboxDied(
                died.what,
                kept=died.kept or "Its newest kept state comes back when it starts again.",
                next="It starts anew with the next step.",
            )
        self.names = names if back.step == self.step else back.names
        return SandboxDied(
            died.what,
            kept=f"Variables and files are as they were before cell {back.step}.",
            next="Rewind again, or go on from there.",
        )

    async def save(self, path: Path, *, memory: bool = True) -> None:
        """Write variables, functions and files to a file that `restore` reads.

        Args:
            memory: False where the cells can run again: only they are written, which takes a few
                milliseconds now and their time when they are restored.

        Raises:
            SandboxError: nothing is kept, or the file cannot be written.
        """
        # The next sandbox may be shown other files, or none: cells alone would end elsewhere.
        memory = memory or self._processes.has_files
        key = self._processes.key
        installed = self._processes.installed
        await self._kept_states().save(
            path, self._idle(), self.step, self.names, key, installed, memory=memory
        )

    async def restore(self, path: Path) -> Rewound:
        """Take over the state in a file; whatever this sandbox held is gone.

        Raises:
            SandboxError: the file cannot be read or restored.
        """
        states = self._kept_states()
        await self.start()
        self._idle()
        async with self._starting:
            rewound = await states.restore(
                path, self._unused, self._processes.key, self._install_again
            )
            await self._after(rewound)
        return rewound

    async def gone(self) -> None:
        """Return when the process has ended."""
        if self._processes.current is not None:
            await self._processes.current.child.ended()

    async def close(self) -> None:
        """End the process and the spare; safe to call twice and from any state."""
        self._closing = True
        await self._processes.close()
        if self._states is not None:
            self._states.close()

    def _kept_states(self) -> States:
        if self._states is None:
            raise SandboxError("This sandbox keeps no states: it was made with checkpoints=False.")
        return self._states

    async def _unused(self) -> Interpreter:
        """Return a process in which nothing ran."""
        current = self._processes.current
        if current is None or not current.alive or self._history.cells:
            return await self._processes.begin()
        return current

    async def _install_again(self, wheels: Sequence[Wheel]) -> None:
        """Install what another sandbox had; what is not here any more is left out."""
        have = {wheel.sha256 for wheel in self._processes.installed}
        for wheel in self._questions.at_hand(wheels):
            if wheel.sha256 not in have:
                with contextlib.suppress(PackageError):
                    await self._processes.install([wheel])

    async def _after(self, rewound: Rewound) -> None:
        self.step = rewound.step
        self.names = rewound.names
        if self._processes.current is not None:
            # Tools may have been offered since.
            await self._processes.send_tools(self._processes.current)

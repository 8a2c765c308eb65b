"""The variables of sessions in files: saved beside what goes on, and brought back.

A state is what code in the sandbox left there. Its file goes back into a new sandbox and nowhere
else; `Sandbox.restore` reads it as data.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from smolterm.errors import SandboxError, SmoltermError
from smolterm.events import CellFinished, Event, Finished, Notice, ObservationMade
from smolterm.sessions.past import GONE, Past, names_of, next_cell
from smolterm.store import data_folder, make_private
from smolterm.transcript import STALE

EVERY_SECONDS = 15.0
"""Between two states of one task."""
CLOSE_SECONDS = 5.0
"""That leaving waits for a state to be written."""
RERUN_SECONDS = 2.0
"""Cells that took less in all may be kept to be run again, where nobody is likely to go on."""
MOST_STATES = 60
"""Of all sessions; the oldest go first."""
MOST_BYTES = 2 << 30
"""On disk, of all states."""


def states_folder() -> Path:
    """Return where states are kept."""
    return data_folder() / "states"


def state_path(session: str, branch: int | None = None) -> Path:
    """Return the file with a session's variables, or with those of an abandoned part."""
    part = "" if branch is None else f".{branch}"
    return states_folder() / f"{session}{part}.state"


def states_of(session: str) -> list[Path]:
    """Return all files with variables of a session."""
    return [state_path(session), *states_folder().glob(f"{session}.*.state")]


def prune(folder: Path, keep: Iterable[Path] = ()) -> None:
    """Remove the oldest states beyond what may be kept."""
    kept = set(keep)
    found = []
    for path in folder.glob("*.state"):
        with suppress(OSError):
            stat = path.stat()
            found.append((path in kept, stat.st_mtime, stat.st_size, path))
    total = 0
    for number, (stays, _, size, path) in enumerate(sorted(found, reverse=True)):
        total += size
        if not stays and (number >= MOST_STATES or total > MOST_BYTES):
            with suppress(OSError):
                path.unlink()


class Keeper:
    """Saves the variables of one session while nothing runs in its sandbox.

    Args:
        sandbox: one without `save` is left alone.
        emit: told once when a state cannot be saved.
        rerun: seconds. Where all cells took less, and none failed, only they are kept: leaving then
            waits for no memory to be written, and a resume runs them again with recorded answers.
    """

    def __init__(
        self, sandbox: Any, session: str, emit: Callable[[Event], None], *, rerun: float = 0.0
    ) -> None:
        self._rerun = rerun
        self._save = getattr(sandbox, "save", None)
        self._sandbox = sandbox
        self._session = session
        self._emit = emit
        self._changed = False
        self._saved_at = time.monotonic()
        self._saving: asyncio.Task[None] | None = None
        self._told = False

    def take(self, event: Event) -> None:
        """See what happens, and save where it is time to."""
        if isinstance(event, CellFinished):
            self._changed = True
            # What a failed cell left, an interrupted one above all, may come out otherwise again.
            self._rerun = 0.0 if event.error else self._rerun - event.seconds
        late = time.monotonic() - self._saved_at > EVERY_SECONDS
        if isinstance(event, Finished) or (isinstance(event, ObservationMade) and late):
            self.start()

    def changed(self) -> None:
        """Note that the variables are others now, which no cell explains."""
        self._changed, self._rerun = True, 0.0

    def start(self) -> None:
        """Save what changed, in a task of its own."""
        if self._save is not None and self._changed and self._saving is None:
            self._changed = False
            self._saving = asyncio.create_task(self._work(state_path(self._session)))
            self._saving.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._saving, self._saved_at = None, time.monotonic()

    async def settled(self) -> None:
        """Return when nothing is being saved; no cell may run before."""
        if self._saving is not None:
            await asyncio.gather(asyncio.shield(self._saving), return_exceptions=True)

    async def keep_branch(self, branch: int) -> None:
        """Save the variables of a part that is about to be abandoned; never raises."""
        await self.settled()
        if self._save is not None:
            await self._work(state_path(self._session, branch))

    async def close(self) -> None:
        """Save what changed; waits a few seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.settled()
                if not getattr(self._sandbox, "busy", False):
                    self.start()
                    await self.settled()
        if self._saving is not None:
            self._saving.cancel()
            await asyncio.gather(self._saving, return_exceptions=True)

    async def _work(self, path: Path) -> None:
        if not self._sandbox.alive:
            return
        try:
            make_private(path.parent)
            assert self._save is not None
            await (self._save(path, memory=False) if self._rerun > 0 else self._save(path))
            prune(path.parent, keep=[path])
        except SandboxError as error:
            self._tell(str(error))
        except OSError as error:
            self._tell(f"{path.parent} cannot be written: {error.strerror}.")

    def _tell(self, why: str) -> None:
        if not self._told:
            self._told = True
            text = f"The variables are not kept for a later resume: {why}"
            self._emit(Notice(text=text, level="warning"))


class Back(msgspec.Struct, frozen=True, kw_only=True):
    """What came of bringing variables back."""

    names: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    detail: str = ""
    cell: int = 0


async def bring_back(sandbox: Any, past: Past) -> Back:
    """Give a sandbox the variables that a session had; what cannot be had is named."""
    wanted = names_of(past.events)
    expected = next_cell(past.events)
    if not wanted and (past.state is None or expected is None):
        return Back(cell=getattr(sandbox, "step", 0))
    try:
        names, detail = await _restored(sandbox, past, expected)
    except SmoltermError as error:
        names, detail = (), str(error)
    lost = tuple(name for name in wanted if name not in names)
    return Back(names=names, lost=lost, detail=detail, cell=getattr(sandbox, "step", 0))


async def _restored(sandbox: Any, past: Past, expected: int | None) -> tuple[tuple[str, ...], str]:
    if not hasattr(sandbox, "restore"):
        raise SandboxError("This sandbox keeps no states.")
    if past.state is None or not past.state.exists():
        raise SandboxError("No state of this session is kept any more.")
    if past.cell == GONE:
        raise SandboxError("The state before that step went with an earlier process.")
    rewound = await sandbox.restore(past.state)
    if past.cell is not None and sandbox.step > past.cell:
        rewound = await sandbox.rewind(past.cell)
    elif past.cell is None and expected is not None and sandbox.step > expected:
        rewound = await sandbox.rewind(expected)
    how = {"replay": "by running the cells again"}.get(rewound.way, "from the kept state")
    wanted = past.cell if past.cell is not None else expected
    if wanted is not None and sandbox.step < wanted:
        how += f"; {STALE}"
    return tuple(rewound.names), how

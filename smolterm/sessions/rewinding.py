"""Going back to before a step: variables and files first, then the record."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from smolterm.errors import SandboxError, UsageError
from smolterm.events import Rewound, TaskStarted
from smolterm.sessions.past import GONE, cell_for, cut, last_step
from smolterm.sessions.record import Record
from smolterm.sessions.states import Keeper, state_path

WAYS = {
    "memory": "in place",
    "process": "in a new process",
    "replay": "by running the cells again",
}


async def go_back(sandbox: Any, record: Record, keeper: Keeper | None, step: int) -> Rewound:
    """Bring a sandbox back to before a step; returns the event that makes it so.

    Args:
        keeper: keeps the variables of what is abandoned; None: they go.

    Raises:
        UsageError: there is no such step.
        SandboxError: its state cannot be brought back; everything is as it was, or the error says
            what is not.
    """
    newest = last_step(record.events)
    if not 1 <= step <= newest:
        raise UsageError(
            f"There is no step {step}; the last is {newest}.", kept="Nothing was changed."
        )
    way = "nothing had run"
    cell = cell_for(record.events, step)
    if cell is not None:
        if cell == GONE or not hasattr(sandbox, "rewind"):
            raise _gone(record.session, step)
        way = await _rewound(sandbox, cell, record, keeper)
    gone = record.events[cut(record.events, step) :]
    first = gone[0] if gone else None
    return Rewound(
        step=step,
        branch=record.branches + 1,
        way=way,
        names=tuple(sandbox.names),
        task=first.task if isinstance(first, TaskStarted) else "",
    )


def _gone(session: str, step: int) -> SandboxError:
    return SandboxError(
        f"The variables before step {step} went with an earlier process.",
        kept="Nothing was changed.",
        next=f"Go on from there without them: smolterm --fork {session}:{step}",
    )


async def _rewound(sandbox: Any, cell: int, record: Record, keeper: Keeper | None) -> str:
    await sandbox.start()
    if keeper is not None:
        await keeper.keep_branch(record.branches + 1)
    try:
        rewound = await sandbox.rewind(cell)
    except SandboxError as error:
        if keeper is None or not await _as_before(sandbox, record):
            raise
        raise SandboxError(error.what, kept="Variables and files are as they were.") from error
    if keeper is not None:
        keeper.changed()
    return WAYS.get(rewound.way, "")


async def _as_before(sandbox: Any, record: Record) -> bool:
    """Undo half a rewind by what was kept of the part that should have been abandoned."""
    with suppress(SandboxError):
        await sandbox.restore(state_path(record.session, record.branches + 1))
        return True
    return False

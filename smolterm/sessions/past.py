"""Which of a session's events are in force, and what a session goes on from. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from smolterm.events import (
    CellFinished,
    CellStarted,
    ContextShortened,
    Event,
    LineReached,
    ModeChanged,
    PackSaid,
    PromptRead,
    ReplyDelta,
    ReplyFinished,
    Rewound,
    SandboxChanged,
    SessionResumed,
    SessionStarted,
    StepStarted,
    TaskStarted,
    ToolProgress,
    Usage,
)
from smolterm.sessions.lease import Lease
from smolterm.transcript import add_usage

PASSING = (ReplyDelta, PromptRead)
"""Kept only until the reply is whole."""
NEVER_KEPT = (LineReached, ToolProgress, PackSaid)


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What a session begins with that was begun before."""

    id: str
    """The session that goes on; of a fork, the new one."""
    events: list[Event]
    """Those in force."""
    model: str = ""
    address: str = ""
    """Where that model was asked: the server's, or its file's path; empty where not known."""
    folder: str = ""
    """That the code could read."""
    branches: int = 0
    spent: Usage = Usage()
    """On what is not in force any more."""
    state: Path | None = None
    """The file that holds the variables, if one does."""
    cell: int | None = None
    """Of the sandbox: the variables are wanted as they were before it; None: as they were last."""
    forked_from: str = ""
    forked_step: int | None = None
    lease: Lease | None = None
    """On the session that goes on."""

    @property
    def is_fork(self) -> bool:
        return bool(self.forked_from)


def in_force(events: Iterable[Event]) -> list[Event]:
    """Return the events that no rewind took back; all rewinds stay, for they name the branches.

    Folding the result again changes nothing.
    """
    kept: list[Event] = []
    for event in events:
        if isinstance(event, Rewound):
            take_back(kept, event.step)
        kept.append(event)
    return kept


def take_back(events: list[Event], step: int) -> list[Event]:
    """Drop what a rewind to a step takes back of events that are in force, and return it."""
    at = cut(events, step)
    gone = events[at:]
    events[at:] = [event for event in gone if isinstance(event, Rewound)]
    return gone


def cut(events: Sequence[Event], step: int) -> int:
    """Return where what a rewind to a step takes back begins, in events that are in force.

    It is the step's start, or that of its task where the step is the task's first.
    """
    for at in range(len(events) - 1, -1, -1):
        event = events[at]
        if isinstance(event, StepStarted) and event.step == step:
            return _task_of(events, at)
    return len(events)


def _task_of(events: Sequence[Event], at: int) -> int:
    """Return where the task begins whose first step is there; the step's own place otherwise."""
    for before in range(at - 1, -1, -1):
        if isinstance(events[before], TaskStarted):
            return before
        if isinstance(events[before], StepStarted):
            break
    return at


def before(events: Sequence[Event], step: int) -> list[Event]:
    """Return the part of events in force that a rewind to a step leaves."""
    return list(events[: cut(events, step)])


def branch(events: Sequence[Event], number: int) -> list[Event]:
    """Return what was in force just before a rewind.

    Raises:
        IndexError: there was no such rewind.
    """
    places = [at for at, event in enumerate(events) if isinstance(event, Rewound)]
    if not 1 <= number <= len(places):
        raise IndexError(number)
    return in_force(events[: places[number - 1]])


def usage_of(events: Iterable[Event]) -> Usage:
    """Return what all of these cost."""
    total = Usage()
    for event in events:
        if isinstance(event, ReplyFinished | ContextShortened):
            total = add_usage(total, event.usage)
    return total


def mode_of(events: Iterable[Event]) -> str:
    """Return the mode that was in force last; empty when nothing tells."""
    mode = ""
    for event in events:
        if isinstance(event, ModeChanged | SessionStarted):
            mode = event.mode
    return mode


def names_of(events: Sequence[Event]) -> tuple[str, ...]:
    """Return the variables that there were at the end."""
    lost: set[str] = set()
    for event in reversed(events):
        if isinstance(event, SandboxChanged):
            lost |= set(event.lost)
        elif isinstance(event, SessionResumed | Rewound | CellFinished) and not _died(event):
            return tuple(name for name in event.names if name not in lost)
    return ()


def _died(event: Event) -> bool:
    """Say whether a cell ended with its process: it tells no names, though some may be back."""
    if not isinstance(event, CellFinished) or event.error is None:
        return False
    return event.error.type == "SandboxDied"


GONE = -1
"""A cell's number where the state before it cannot be brought back any more."""


def cell_for(events: Iterable[Event], step: int) -> int | None:
    """Return the sandbox's number of the first cell that ran in a step or after it.

    The state before that cell is the one before the step. None: nothing ran since; `GONE`: this
    state went with a process.
    """
    found: int | None = None
    for event in events:
        if isinstance(event, CellStarted) and found is None and event.step >= step:
            found = event.cell or GONE
        elif isinstance(event, SessionResumed) and found is not None and found > event.cell:
            found = GONE
    return found


def next_cell(events: Sequence[Event]) -> int | None:
    """Return the number of the cell that would run next; None: none ran, or it is not known."""
    for event in reversed(events):
        if isinstance(event, CellStarted):
            return event.cell + 1 if event.cell else None
        if isinstance(event, SessionResumed):
            return event.cell or None
    return None


def last_step(events: Sequence[Event]) -> int:
    """Return the newest step's number; 0 when there is none."""
    for event in reversed(events):
        if isinstance(event, StepStarted):
            return event.step
    return 0

"""A session that goes on: what happened before is in the view at once."""

from __future__ import annotations

from collections.abc import Sequence

from smolterm.events import CellFinished, Event, TaskStarted
from smolterm.tui.fold import View

DRAWN = 3
"""Newest items that are laid out before anybody scrolls; the others are once they are seen."""


def fold_past(view: View, past: Sequence[Event], now: float) -> None:
    """Fold what happened before; nothing of it runs, waits or is asked any more."""
    for event in past:
        view.apply(event, now)
    if not past:
        return
    step, totals = view.step, view.totals
    if step is not None and step.phase != "done":
        view.touch(step.number).phase = "done"
    view.pending.clear()
    view.files_asked = None
    totals.started, totals.waiting, totals.loading, totals.reading = None, "", None, None
    totals.sandbox, totals.detail, totals.fraction = "", "", None
    count = len(view.items)
    view.dirty = set(range(max(count - DRAWN, 0), count))


def changed_by(event: CellFinished) -> tuple[str, ...]:
    """Return the names of the variables that a cell made or changed."""
    return tuple(one.name for one in event.variables if one.change)


def last_task(past: Sequence[Event]) -> str:
    """Return the text of the newest task."""
    return next((e.task for e in reversed(past) if isinstance(e, TaskStarted)), "")

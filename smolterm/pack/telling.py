"""Telling the person what happens while a tool runs."""

from __future__ import annotations

from dataclasses import dataclass

from smolterm.pack.bridge import _call


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a tool is; told already when it was made by `progress`."""

    text: str
    done: float | None = None
    total: float | None = None


def log(text: str) -> None:
    """Write a line that the person can look up; the model does not see it."""
    _call("log", {"text": str(text)})


def progress(text: str, done: float | None = None, total: float | None = None) -> Progress:
    """Show how far a tool is; a generator may also `yield` it.

    Args:
        text: one short line.
        done: how much is done, in any unit.
        total: how much there is, in the same unit.
    """
    _call("progress", {"text": str(text), "done": done, "total": total})
    return Progress(str(text), done, total)

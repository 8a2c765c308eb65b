"""The session as data: a fold of its events. Pure; any prefix of a stream folds."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import msgspec

from smolterm.events import (
    ActionProposed,
    CellFinished,
    ContextShortened,
    DecisionMade,
    Displayed,
    Event,
    Finished,
    ObservationMade,
    OutputAdded,
    PackDenied,
    ReplyFinished,
    SessionResumed,
    StepStarted,
    TaskStarted,
    Usage,
)
from smolterm.outside import Outside, mark

MOST_OBSERVED = 8_000
MOST_NAMED = 50
MOST_DENIED = 3
"""Denials of one step that the model is told of."""
STALE = "what the last cells changed is not in it"
"""Of variables that came back: they are older than the record."""


class Step(msgspec.Struct, kw_only=True):
    """One trip round the loop, as far as it came."""

    number: int
    reasoning: str = ""
    proposed: str = ""
    """The code as the model wrote it."""
    code: str = ""
    """The code as it ran, after an edit."""
    output: str = ""
    images: int = 0
    """Shown to the person, and to nobody else."""
    tables: int = 0
    denied: list[str] = msgspec.field(default_factory=list)
    """What a pack tried and was not granted."""
    finished: CellFinished | None = None
    observation: str = ""


class Transcript(msgspec.Struct, kw_only=True):
    """All tasks of a session."""

    tasks: list[str] = msgspec.field(default_factory=list)
    steps: list[Step] = msgspec.field(default_factory=list)
    usage: Usage = Usage()
    finished: Finished | None = None
    """The end of the newest task; None while it runs."""
    outside: Outside = msgspec.field(default_factory=Outside)

    def begin_again(self, events: Iterable[Event], spent: Usage) -> None:
        """Become the fold of other events.

        Args:
            spent: on what is not in force any more, and was spent all the same.
        """
        self.tasks, self.steps, self.finished = [], [], None
        self.usage, self.outside = spent, Outside()
        for event in events:
            self.apply(event)

    def apply(self, event: Event) -> None:
        """Take one more event in."""
        self.outside.apply(event)
        match event:
            case TaskStarted():
                self.tasks.append(event.task)
                self.finished = None
            case StepStarted():
                self.steps.append(Step(number=event.step))
            case Finished():
                self.finished = event
            case ReplyFinished() | ContextShortened():
                self.usage = add_usage(self.usage, event.usage)
            case _ if self.steps:
                self._apply_to_step(self.steps[-1], event)
            case _:
                pass

    def _apply_to_step(self, step: Step, event: Event) -> None:
        match event:
            case ActionProposed():
                step.reasoning, step.proposed = event.reasoning, event.code
            case DecisionMade(call=None):
                step.code = event.code
            case OutputAdded():
                step.output += event.text
            case Displayed():
                step.images += event.image is not None
                step.tables += event.table is not None
            case PackDenied() if len(step.denied) < MOST_DENIED:
                step.denied.append(event.text)
            case CellFinished():
                step.finished = event
            case ObservationMade():
                step.observation = event.text
            case _:
                pass


def add_usage(one: Usage, other: Usage) -> Usage:
    """Sum two usages; the cost is known when either is."""
    costs = [u.cost for u in (one, other) if u.cost is not None]
    return Usage(
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        cached_tokens=one.cached_tokens + other.cached_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        cost=sum(costs) if costs else None,
    )


def observe(step: Step) -> str:
    """Return what the model reads of a cell that ran."""
    done = step.finished
    parts: list[str] = []
    if step.code != step.proposed:
        parts.append(f"The person changed your code before it ran:\n{_diff(step)}")
    if step.output.strip():
        parts.append(f"Printed:\n{shorten(step.output.rstrip())}")
    if done is not None:
        if done.dropped:
            parts.append(f"({done.dropped} more bytes were printed and dropped. Print less.)")
        if done.value is not None and done.value != "None":
            parts.append(f"Value: {shorten(done.value)}")
        if done.error is not None:
            parts.append(shorten(done.error.traceback or done.error.type))
    if step.images:
        what = "an image was" if step.images == 1 else f"{step.images} images were"
        parts.append(f"({what} shown to the person)")
    if not parts and step.tables:
        parts.append("(a table was shown to the person)")
    parts += [f"Denied: {text}" for text in step.denied]
    if not parts:
        return "The code ran and printed nothing."
    # At the head, which stays when an old observation is shortened.
    marked = [mark(done.outside)] if done is not None and done.outside else []
    return "\n".join([*marked, *parts])


def gone_on(event: SessionResumed) -> str:
    """Return what the model is told of variables that are missing; empty when none is."""
    if not event.lost and STALE not in event.detail:
        return ""
    parts = ["The session goes on in a new process."]
    if event.lost:
        shown = ", ".join(event.lost[:MOST_NAMED])
        more = len(event.lost) - MOST_NAMED
        parts.append(f"These variables are gone: {shown}{f' and {more} more' * (more > 0)}.")
    if event.names:
        parts.append("The others may be as they were some steps ago.")
    parts.append("Make again what you need.")
    return " ".join(parts)


def shorten(text: str, most: int = MOST_OBSERVED) -> str:
    """Keep the start and the end of a long text and say what is missing between them."""
    if len(text) <= most:
        return text
    head, tail = most * 2 // 3, most // 3
    left_out = len(text) - head - tail
    return f"{text[:head]}\n[... {left_out} characters left out ...]\n{text[-tail:]}"


def _diff(step: Step) -> str:
    lines = difflib.unified_diff(
        step.proposed.splitlines(), step.code.splitlines(), "yours", "what ran", lineterm="", n=1
    )
    return shorten("\n".join(lines))

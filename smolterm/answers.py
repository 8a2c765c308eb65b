"""What stands between a model's answer and the end of its task: reviews that may send it back."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Protocol

import msgspec

from smolterm.clock import Clock, TaskOver
from smolterm.events import Event, Finished, MistakeFound, ObservationMade
from smolterm.sandbox import CellDone

NO_FIT = "The answer does not fit"
"""How a `MistakeFound` begins that is about an answer, and not about a reply's form."""
MOST_DEPTH = 100
MOST_BITS = 512
"""Of a whole number; there are readers of JSON that lose digits much earlier."""


class Review(Protocol):
    """Looks at what a step made, and at the answer before anybody else does."""

    def after_step(self, step: int) -> AsyncGenerator[Event, None]:
        """Say what is new after a step that did not end the task."""
        ...

    def at_answer(
        self, step: int, finished: Finished, clock: Clock, repairs_left: int
    ) -> AsyncGenerator[Event, None]:
        """Look at an answer; an `ObservationMade` or a `MistakeFound` sends the model on, a
        `Finished` takes the place of the one given."""
        ...


async def reviewed(
    running: AsyncGenerator[Event, None],
    reviews: Sequence[Review],
    clock: Clock,
    step: int,
    repairs_left: int,
) -> AsyncGenerator[Event, None]:
    """Yield a step's events and those of its reviews.

    Raises:
        TaskOver: the step ended the task, and no review wants the model to go on.
    """
    try:
        async with aclosing(running) as events:
            async for event in events:
                yield event
    except TaskOver as over:
        if over.finished.reason != "answer":
            raise
        finished = over.finished
    else:
        for review in reviews:
            async with aclosing(review.after_step(step)) as events:
                async for event in events:
                    yield event
        return
    for review in reviews:
        async with aclosing(review.at_answer(step, finished, clock, repairs_left)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    finished = event
                    continue
                yield event
                if isinstance(event, ObservationMade | MistakeFound):
                    return
    raise TaskOver(finished)


def as_json(value: Any) -> Any:
    """Return a value where JSON has it and it is no text, else `UNSET`.

    It came from the sandbox: of hostile depth, or of types that are more than their JSON.
    """
    return value if not isinstance(value, str) and _is_json(value, MOST_DEPTH) else msgspec.UNSET


def _is_json(value: Any, depth: int) -> bool:
    if value is None or type(value) is bool:
        return True
    if type(value) is int:
        return value.bit_length() <= MOST_BITS
    if type(value) is str:
        return value.isascii() or _has_no_half(value)
    if type(value) is float:
        return math.isfinite(value)
    if depth <= 0:
        return False
    if type(value) is list:
        return all(_is_json(one, depth - 1) for one in value)
    if type(value) is dict:
        return all(
            type(key) is str and _is_json(key, 0) and _is_json(one, depth - 1)
            for key, one in value.items()
        )
    return False


def _has_no_half(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def answer_text(done: CellDone) -> str:
    """Return what a person reads: a string as it is, lists and dicts as JSON, else the repr."""
    data = done.answer_data
    if isinstance(data, str):
        return data
    if isinstance(data, list | dict) and as_json(data) is not msgspec.UNSET:
        return json_text(data)
    return done.answer


def json_text(value: Any) -> str:
    """Return a value as JSON in one line."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)

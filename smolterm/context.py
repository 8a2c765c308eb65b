"""What to leave out when the context runs short: observations first, then whole steps. Pure.

Tasks and the person's own words stay always. What is decided here becomes an event, so that the
person sees it, can take it back, and a session that is read from its file sends the same prompt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from smolterm.events import ContextShortened
from smolterm.models import Message
from smolterm.outside import MARKED
from smolterm.prompt import Entry, Prompt, cut_observation

KEPT_STEPS = 2
"""The newest steps stay whole: the model works on them."""
SOFT, HARD = 0.75, 0.95
"""Shares of the room at which shortening begins: by itself, and where the person took it back."""
CHARACTERS = 3.2
"""Of a token, before the model has told; English has about 4, code and other languages less."""
MOST_TO_READ = 24_000
"""Characters that are given to the model to summarise."""
MOST_SUMMARY = 4_000
SUMMARISE = """\
You shorten the record of a task that you work on, so that you can go on from it. Write at most \
150 words: what was found, with all numbers and names that matter; which variables, functions and \
files exist and what they hold; what failed and why. No code, no advice, nothing else."""


class Shortening(msgspec.Struct, frozen=True, kw_only=True):
    """What should be left out."""

    level: Literal["observations", "steps"]
    first: int
    last: int


class Meter:
    """Turns characters into tokens, by what the last request took."""

    def __init__(self) -> None:
        self._characters = CHARACTERS

    def learn(self, messages: Sequence[Message], tokens: int) -> None:
        """Note how many tokens some messages were."""
        characters = _characters(messages)
        # A server that counts nonsense must not make us cut everything, or nothing.
        if tokens > 0 and 1.0 <= characters / tokens <= 8.0:
            self._characters = characters / tokens

    def tokens(self, messages: Sequence[Message]) -> int:
        return round(_characters(messages) / self._characters)


def plan(
    prompt: Prompt, meter: Meter, *, window: int | None, reserve: int, must: bool = False
) -> Shortening | None:
    """Return what to leave out before the next request, or None where nothing needs to be.

    Args:
        window: the model's context in tokens; None where it is not known.
        reserve: tokens that the reply may take.
        must: the model has refused the prompt, whatever we count.
    """
    before = meter.tokens(prompt.messages)
    # A reply may take a quarter of a small context and no more.
    room = window - min(reserve, window / 4) if window else math.inf
    if not must and before <= room * (HARD if prompt.undone else SOFT):
        return None
    goal = min(room, before) * SOFT
    observations = _observations(prompt, _old_steps(prompt))
    if observations is not None and _after(prompt, meter, observations) <= goal:
        return observations
    # Observations go first, even where that is not enough: the next round takes the steps.
    found = observations or _steps(prompt)
    if found is None and (must or before > room * HARD):
        # One output may be too long for a small context, and the session would end with it.
        found = _observations(prompt, _all_steps(prompt))
    return found


def made(
    what: Shortening, prompt: Prompt, meter: Meter, *, step: int = 0, text: str = ""
) -> ContextShortened:
    """Return the event for a shortening, with its size before and after."""
    event = ContextShortened(
        level=what.level,
        first=what.first,
        last=what.last,
        tokens_before=meter.tokens(prompt.messages),
        tokens_after=0,
        text=text,
    )
    after = meter.tokens(prompt.preview(event))
    return msgspec.structs.replace(event, tokens_after=after)


def undone(prompt: Prompt, meter: Meter) -> ContextShortened | None:
    """Return the event that takes the newest shortening back; None where there is none."""
    if not prompt.shortened:
        return None
    last, before = prompt.shortened[-1], meter.tokens(prompt.messages)
    return ContextShortened(
        level="undone",
        first=last.first,
        last=last.last,
        tokens_before=before,
        tokens_after=before + last.tokens_before - last.tokens_after,
    )


def to_summarise(what: Shortening, prompt: Prompt) -> list[Message]:
    """Return the request for a summary of some steps."""
    record = _record(what, prompt)
    tasks = [entry.text for entry in prompt.entries if entry.kind == "task"]
    return [
        Message(role="system", content=SUMMARISE),
        Message(role="user", content=f"{tasks[-1] if tasks else ''}\n\nThe record:\n\n{record}"),
    ]


def summary(what: Shortening, prompt: Prompt, said: str) -> str:
    """Return the text that stands for some steps.

    Args:
        said: the model's summary; where it is empty, each step's first lines serve.
    """
    said = said.strip()[:MOST_SUMMARY] or _digest(what, prompt)
    # What the model wrote down of marked text is that text.
    marks = {
        entry.text.partition("\n")[0]: None for entry in prompt.entries
        if what.first <= entry.step <= what.last and entry.text.startswith(MARKED)
    }  # fmt: skip
    return "\n".join(
        [*list(marks)[-1:], f"Steps {what.first} to {what.last}, shortened to save room:", said]
    )


def _after(prompt: Prompt, meter: Meter, what: Shortening) -> int:
    return made(what, prompt, meter).tokens_after


def _all_steps(prompt: Prompt) -> list[int]:
    return sorted({entry.step for entry in prompt.entries if entry.kind == "reply"})


def _old_steps(prompt: Prompt) -> list[int]:
    """Return the steps that may be shortened while others are left, oldest first."""
    return _all_steps(prompt)[:-KEPT_STEPS]


def _observations(prompt: Prompt, steps: Sequence[int]) -> Shortening | None:
    """Return the observations of some steps, where any of them would become shorter."""
    old = set(steps)
    covered = {s for event in prompt.shortened for s in range(event.first, event.last + 1)}
    long = [
        entry.step
        for entry in prompt.entries
        if entry.kind == "told"
        and entry.step in old - covered
        and len(cut_observation(entry.text)) < len(entry.text)
    ]
    if not long:
        return None
    return Shortening(level="observations", first=min(long), last=max(long))


def _steps(prompt: Prompt) -> Shortening | None:
    """Return all old steps, unless all of them but one are summarised already."""
    old = _old_steps(prompt)
    covered = [event.last for event in prompt.shortened if event.level == "steps"]
    new = [step for step in old if step > max(covered, default=0)]
    if len(new) < 2:
        return None
    return Shortening(level="steps", first=old[0], last=old[-1])


def _record(what: Shortening, prompt: Prompt) -> str:
    """Return what the steps hold, as it is sent now; its middle is left out where it is long."""
    inside = [entry for entry in prompt.sent if what.first <= entry.step <= what.last]
    room = max(400, MOST_TO_READ // max(len(inside), 1))
    parts = [_cut(entry.text, room) for entry in inside if entry.kind != "task"]
    return _cut("\n\n".join(parts), MOST_TO_READ)


def _digest(what: Shortening, prompt: Prompt) -> str:
    """Return each step's last line of code and first line of outcome."""
    lines: list[str] = []
    for entry in prompt.entries:
        if what.first <= entry.step <= what.last and entry.kind in ("reply", "told"):
            lines.append(f"{entry.step}. {_line(entry)}")
    return _cut("\n".join(lines), MOST_SUMMARY)


def _line(entry: Entry) -> str:
    lines = [line for line in entry.text.split("\n") if line.strip("`<>/ \t")]
    return (lines[-1] if entry.kind == "reply" else " ".join(lines))[:160] if lines else ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most // 2]}\n[...]\n{text[-most // 2 :]}"


def _characters(messages: Sequence[Message]) -> int:
    return sum(len(message.content) + 12 for message in messages)

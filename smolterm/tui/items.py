"""What the screen shows: tasks, steps, endings and notes, and the numbers of the footer.

Plain values without colours or widths. The fold of the events changes them, everything that draws
only reads them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from smolterm import events as ev
from smolterm.tui.pictures import Picture

PieceKind: TypeAlias = Literal[
    "stdout", "stderr", "tool", "value", "error", "answer", "note", "mistake", "table", "image",
    "outside", "denied",
]  # fmt: skip
Phase: TypeAlias = Literal["thinking", "waiting", "asking", "running", "done"]


class Text:
    """A string that grows: adding is cheap, reading joins once."""

    __slots__ = ("_parts", "size")

    def __init__(self, text: str = "") -> None:
        self._parts = [text] if text else []
        self.size = len(text)

    def add(self, text: str) -> None:
        self._parts.append(text)
        self.size += len(text)

    def __str__(self) -> str:
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""


class Piece(msgspec.Struct):
    """One thing in the output pane."""

    kind: PieceKind
    text: Text
    call: int | None = None
    arguments: str = ""
    effect: str = ""
    status: Literal["", "asking", "calling", "ok", "failed", "declined"] = ""
    result: str = ""
    """Of a call that runs: how far it is."""
    outside: bool = False
    """The result holds text from outside."""
    lines: tuple[int, ...] = ()
    """Lines of the code that caused it, from 1, the last where it happened; none when unknown."""
    table: ev.Table | None = None
    image: bytes | None = None
    """As the code gave it: hostile bytes."""
    picture: Picture | None = None
    """The same decoded, or why it could not be; None until somebody looked."""


class Step(msgspec.Struct):
    """One trip round the loop: a row of three panes."""

    number: int
    thinking: Text = msgspec.field(default_factory=Text)
    """Streamed apart from the reply by the provider."""
    reply: Text = msgspec.field(default_factory=Text)
    reasoning: str | None = None
    """None until the reply was read; then the text before the code."""
    code: str | None = None
    pieces: list[Piece] = msgspec.field(default_factory=list)
    phase: Phase = "thinking"
    decision: str = ""
    """What was decided over the code, in words."""
    seconds: float | None = None
    """What the cell took."""
    line: int = 0
    """Of the code, from 1: the one that runs now; 0 when none does."""
    answered_below: bool = False
    """The reply is the answer and is shown as such."""
    version: int = 0

    @property
    def whole(self) -> bool:
        """The reply is complete, so formatting it pays."""
        return self.reasoning is not None

    def shown_reply(self) -> tuple[str, str]:
        """Return the reasoning and the code, as far as they are known."""
        if self.reasoning is not None:
            return self.reasoning, self.code or ""
        text, code = split_reply(str(self.reply))
        return text, code if self.code is None else self.code


class Task(msgspec.Struct):
    text: str
    files: tuple[str, ...] = ()
    added: bool = False
    """Said while the task before it runs."""
    version: int = 0


class Ending(msgspec.Struct):
    """How a task ended, the answer included."""

    finished: ev.Finished
    version: int = 0


class Note(msgspec.Struct):
    """A line between the rows."""

    text: str
    level: Literal["info", "warning", "error"] = "info"
    version: int = 0


Item: TypeAlias = Task | Step | Ending | Note


class Totals(msgspec.Struct):
    """The numbers and states of the footer."""

    model: str = ""
    mode: str = "step"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    context: int = 0
    """Tokens of the last prompt."""
    cost: float | None = None
    sandbox: str = ""
    detail: str = ""
    fraction: float | None = None
    steps_left: int | None = None
    deadline: float | None = None
    """On the clock given to `apply`; None where time has no limit."""
    started: float | None = None
    """When the running task began; None when idle."""
    waiting: str = ""
    waiting_until: float = 0.0
    cached_tokens: int = 0
    """Of the last prompt, those that the model had evaluated before."""
    loading: float | None = None
    """How far the model's file is loaded, 0 to 1; None when nothing is being loaded."""
    reading: float | None = None
    """How far the prompt is read; None when nobody says."""


def split_reply(reply: str) -> tuple[str, str]:
    """Cut an unfinished reply at its first block of code; cheap, and right often enough.

    `ActionProposed` brings the truth. A marker that has arrived by half shows on neither side.
    """
    fence, tag = reply.find("```"), reply.find("<code>")
    if fence < 0 and tag < 0:
        return _without_half_marker(reply), ""
    if tag < 0 or 0 <= fence < tag:
        _, _, code = reply[fence:].partition("\n")
        return reply[:fence].rstrip(), code.partition("\n```")[0].rstrip("`").rstrip("\n")
    code = reply[tag + len("<code>") :].lstrip("\n")
    return reply[:tag].rstrip(), code.partition("</code>")[0].rstrip("\n")


def _without_half_marker(reply: str) -> str:
    if reply.endswith("`"):
        return reply.rstrip("`")
    sizes = (size for size in range(5, 0, -1) if reply.endswith("<code>"[:size]))
    return reply[: len(reply) - next(sizes, 0)]

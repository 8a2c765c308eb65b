"""The facts of a session, one frozen struct each, and their JSON lines.

Whatever a person may see is one of these; a front end has no other way to learn anything. They are
msgspec structs rather than dataclasses because the tagged union, its validation and both directions
of JSON then cost no code of ours and well under a microsecond an event.
"""

from __future__ import annotations

import time
from typing import Literal, TypeAlias

import msgspec

Channel: TypeAlias = Literal["reasoning", "reply"]
Stream: TypeAlias = Literal["stdout", "stderr"]
FinishReason: TypeAlias = Literal[
    "answer", "stopped", "interrupted", "steps", "seconds", "repairs", "failed"
]


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    """What every event carries."""

    at: float = msgspec.field(default_factory=time.time)
    """Seconds since the epoch."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What one reply cost."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens that the provider took from its cache."""
    completion_tokens: int = 0
    cost: float | None = None
    """US dollars; None where no price is known."""


class CellError(msgspec.Struct, frozen=True, kw_only=True):
    """An exception that ended a cell."""

    type: str
    message: str
    traceback: str
    """The user's lines only, as Python prints them."""


class SessionStarted(Fact, frozen=True, kw_only=True):
    session: str
    version: str
    model: str
    folder: str | None = None
    """The folder that tools may read, or None when none was granted."""


class TaskStarted(Fact, frozen=True, kw_only=True):
    task: str
    files: tuple[str, ...] = ()
    """Paths inside the sandbox that came with the task."""


class StepStarted(Fact, frozen=True, kw_only=True):
    step: int
    """Counts from 1 over the whole session."""
    steps_left: int
    seconds_left: float | None = None
    """None where the task has no limit of time."""


class ModelWaiting(Fact, frozen=True, kw_only=True):
    """The provider was asked and a try failed in a way that may pass."""

    step: int
    why: str
    seconds: float
    """Until the next try."""
    attempt: int
    """The try that failed, from 1."""


class ModelChanged(Fact, frozen=True, kw_only=True):
    """A model is being loaded, can be asked, cannot, or took the place of another."""

    state: Literal["loading", "ready", "failed", "switched"]
    model: str
    detail: str = ""
    """Why it failed; how it was loaded."""
    fraction: float | None = None
    """Progress of `loading`, 0 to 1."""


class PromptRead(Fact, frozen=True, kw_only=True):
    """A model on this machine has read so much of the prompt."""

    step: int
    fraction: float
    """0 to 1."""


class ReplyDelta(Fact, frozen=True, kw_only=True):
    step: int
    channel: Channel
    text: str


class ReplyDropped(Fact, frozen=True, kw_only=True):
    """What streamed in so far is void: the stream broke and the reply is asked for again."""

    step: int


class ReplyFinished(Fact, frozen=True, kw_only=True):
    step: int
    text: str
    reasoning: str = ""
    """Streamed apart from the reply by the provider, or found in think tags."""
    usage: Usage = Usage()
    stop: str = "stop"
    seconds: float = 0.0


class ActionProposed(Fact, frozen=True, kw_only=True):
    step: int
    reasoning: str
    """The model's text before the code."""
    code: str


class MistakeFound(Fact, frozen=True, kw_only=True):
    """The reply holds nothing that can run; `text` is what the model is told."""

    step: int
    text: str
    repairs_left: int


class ApprovalRequested(Fact, frozen=True, kw_only=True):
    """A person must decide: over the step's code, or over one tool call when `tool` is set."""

    step: int
    code: str
    call: int | None = None
    tool: str | None = None
    arguments: str = ""
    """The call's real arguments as Python would write them."""
    effect: str = ""
    why: str = ""


class DecisionMade(Fact, frozen=True, kw_only=True):
    step: int
    decision: Literal["approve", "edit", "reject", "stop"]
    by: Literal["person", "policy"]
    reason: str = ""
    code: str = ""
    """What will run, after an edit too."""
    call: int | None = None


class CellStarted(Fact, frozen=True, kw_only=True):
    step: int
    code: str


class OutputAdded(Fact, frozen=True, kw_only=True):
    step: int
    stream: Stream
    text: str


class ToolCalled(Fact, frozen=True, kw_only=True):
    step: int
    call: int
    tool: str
    arguments: str
    effect: str


class ToolReturned(Fact, frozen=True, kw_only=True):
    step: int
    call: int
    tool: str
    ok: bool
    result: str
    """A short repr of the value, or the error's message."""
    seconds: float


class CellFinished(Fact, frozen=True, kw_only=True):
    step: int
    value: str | None = None
    """The repr of the last expression; None when the cell ends in a statement."""
    answer: str | None = None
    """The text given to `final_answer`: a string as it is, anything else as its repr."""
    error: CellError | None = None
    seconds: float = 0.0
    dropped: int = 0
    """Bytes that were printed past the limit and are gone."""
    names: tuple[str, ...] = ()
    """The sandbox's variables after the cell."""


class ObservationMade(Fact, frozen=True, kw_only=True):
    step: int
    text: str


class ContextShortened(Fact, frozen=True, kw_only=True):
    """The transcript came near the model's context, so part of it is sent in fewer words.

    `undone` takes back the change before it.
    """

    level: Literal["observations", "steps", "undone"]
    """What was shortened: observations cut, or steps summarised by the model."""
    first: int
    """The first step it touches."""
    last: int
    """The last one."""
    tokens_before: int
    tokens_after: int
    text: str = ""
    """The summary that stands for the steps."""
    usage: Usage = Usage()
    """What the summary cost."""


class SandboxChanged(Fact, frozen=True, kw_only=True):
    state: Literal["preparing", "starting", "ready", "busy", "died", "closed"]
    detail: str = ""
    fraction: float | None = None
    """Progress of `preparing`, 0 to 1."""
    lost: tuple[str, ...] = ()
    """Variables that went with a process that died."""


class Notice(Fact, frozen=True, kw_only=True):
    """Something a person should know that changes nothing in the task."""

    text: str
    level: Literal["info", "warning", "error"] = "info"


class Finished(Fact, frozen=True, kw_only=True):
    """The last event of every task."""

    reason: FinishReason
    answer: str | None = None
    message: str = ""
    error: str = ""
    """The name of the exception class behind `failed`."""


Event: TypeAlias = (
    SessionStarted
    | TaskStarted
    | StepStarted
    | ModelWaiting
    | ModelChanged
    | PromptRead
    | ReplyDelta
    | ReplyDropped
    | ReplyFinished
    | ActionProposed
    | MistakeFound
    | ApprovalRequested
    | DecisionMade
    | CellStarted
    | OutputAdded
    | ToolCalled
    | ToolReturned
    | CellFinished
    | ObservationMade
    | ContextShortened
    | SandboxChanged
    | Notice
    | Finished
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def to_line(event: Event) -> bytes:
    """Return the event as one JSON line, newline included."""
    return _encoder.encode(event) + b"\n"


def from_line(line: bytes) -> Event:
    """Read one line back.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: the line is no event.
    """
    return _decoder.decode(line)

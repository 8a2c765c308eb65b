"""The facts of a session, one frozen struct each, and their JSON lines.

Whatever a person may see is one of these; a front end has no other way to learn anything. They are
msgspec structs rather than dataclasses because the tagged union, its validation and both directions
of JSON then cost no code of ours and well under a microsecond an event.
"""

from __future__ import annotations

import time
from typing import Any, Literal, TypeAlias

import msgspec

Channel: TypeAlias = Literal["reasoning", "reply"]
Stream: TypeAlias = Literal["stdout", "stderr"]
FinishReason: TypeAlias = Literal[
    "answer", "stopped", "interrupted", "steps", "seconds", "tokens", "cost", "repairs", "failed"
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


class Touch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that code would reach, as far as reading it tells."""

    kind: Literal["tool", "read", "write", "delete", "network", "package"]
    what: str
    """A tool's name, a path, a host, a package; empty where the code alone does not tell."""
    effect: str = ""
    """A tool's, as its author declared it."""
    line: int = 0
    """Of the code, from 1."""
    may: bool = False
    """Whether it happens, or to what, cannot be known from the code."""


class Variable(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the sandbox's variables, as its own process describes it."""

    name: str
    type: str
    size: str = ""
    """Shape or length: `3 × 4`, `12,408`; empty where it has none."""
    glance: str = ""
    """The start of its value, in one line."""
    change: Literal["", "new", "changed"] = ""
    """By the cell that just ended."""
    rows: bool = False
    """It can be looked at as a table."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of something that has rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """The index first, where it has one; then `columns` begins with its name."""
    first: int = 0
    """Which row the first of them is, from 0."""
    total: int = 0
    """Rows in all."""
    left_out: int = 0
    """Columns that are not here."""


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What brought text from outside: text that neither the person nor the model wrote."""

    kind: Literal["tool", "file"]
    what: str
    """The tool's name, or the file's path inside the sandbox."""
    arguments: str = ""
    """What the tool was given, in short."""
    step: int = 0
    """In which it came; 0 where that was before the first."""


class FileChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One staged file that is not as the original is."""

    path: str
    """Inside the sandbox: `/files/data/report.csv`."""
    kind: Literal["created", "changed", "deleted"]
    hunks: tuple[str, ...] = ()
    """Unified diff of each hunk, in order; they are numbered from 1. Cut where it is too long."""
    added: int = 0
    removed: int = 0
    size: int | None = None
    """Bytes it would have; None for a deleted one."""
    binary: bool = False
    refused: str = ""
    """Why it cannot be written; empty when it can."""
    shown_whole: bool = True
    """The hunks here are all there is to see."""


class SessionStarted(Fact, frozen=True, kw_only=True):
    session: str
    version: str
    model: str
    folder: str | None = None
    """The folder that tools may read, or None when none was granted."""
    mode: str = "step"


class SessionResumed(Fact, frozen=True, kw_only=True):
    """A session goes on in another process."""

    session: str
    version: str
    model: str
    lost: tuple[str, ...] = ()
    """Variables that could not be brought back."""
    names: tuple[str, ...] = ()
    """Those that could."""
    detail: str = ""
    """How they came back, or why not."""
    cell: int = 0
    """The sandbox's number of the next cell; what it held of later ones is gone."""


class Rewound(Fact, frozen=True, kw_only=True):
    """The session is again as it was before a step; what came after is kept as a branch.

    A reader drops everything from that step's `StepStarted` on, and the `TaskStarted` before it
    when no step of that task is left.
    """

    step: int
    branch: int
    """The number by which the abandoned part can be gone back to, from 1."""
    way: str = ""
    """How variables and files came back."""
    names: tuple[str, ...] = ()
    """The variables there are now."""
    task: str = ""
    """The text of the task that went with it, to be edited and sent again."""


class ModeChanged(Fact, frozen=True, kw_only=True):
    mode: str


class MessageAdded(Fact, frozen=True, kw_only=True):
    """The person said something while the task runs; the model reads it at its next step."""

    text: str


class TaskStarted(Fact, frozen=True, kw_only=True):
    task: str
    files: tuple[str, ...] = ()
    """Paths inside the sandbox that came with the task."""
    notes: tuple[str, ...] = ()
    """What the model is told besides: the form of the answer, where files go."""


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
    line: int | None = None
    """Of the code: where the call stands."""
    touches: tuple[Touch, ...] = ()
    """What the code would reach."""
    rules: tuple[str, ...] = ()
    """What could be allowed from now on, each in full as `policy.Rule.words` says it; `Approve`
    names one by its place. Empty where nothing may be."""
    step_rules: int = 0
    """So many of the first `rules` hold for the rest of this step, and cannot be kept longer."""
    outside: tuple[Source, ...] = ()
    """Where the unread text from outside came from, the newest first and not more than a person
    looks through; empty where there is none."""
    outside_count: int = 0
    """How many of them there are in all."""


class FilesRequested(Fact, frozen=True, kw_only=True):
    """A person must decide which staged changes are written: all of them are here."""

    step: int
    files: tuple[FileChange, ...]
    outside: tuple[Source, ...] = ()
    """Where the unread text from outside came from, as in `ApprovalRequested`."""
    outside_count: int = 0
    """How many of them there are in all."""


class FilesDecided(Fact, frozen=True, kw_only=True):
    step: int
    written: tuple[str, ...] = ()
    """Paths that are on the disk now, whole or by some hunks."""
    partly: tuple[str, ...] = ()
    """Those of them of which some hunks were left out."""
    refused: tuple[str, ...] = ()
    """Paths of which nothing was written; their changes are undone in the sandbox if asked so."""
    reason: str = ""
    by: Literal["person", "policy"] = "person"
    undo: str = ""
    """The name by which what was overwritten can be brought back."""
    error: str = ""
    """Why nothing was written though it was accepted."""
    read: int = 0
    """So many of the session's `OutsideArrived` count as read from now on."""


class FilesUndone(Fact, frozen=True, kw_only=True):
    """What a decision wrote is taken back: these files are as they were before it."""

    undo: str
    paths: tuple[str, ...]


class FilesChanged(Fact, frozen=True, kw_only=True):
    """What a person would have to decide about, after a step that changed it; may be nothing."""

    step: int
    files: tuple[FileChange, ...]


class DecisionMade(Fact, frozen=True, kw_only=True):
    step: int
    decision: Literal["approve", "edit", "reject", "stop"]
    by: Literal["person", "policy"]
    reason: str = ""
    code: str = ""
    """What will run, after an edit too."""
    call: int | None = None
    rule: str = ""
    """The rule that decided, or that was saved with it, in words."""
    granted: str = ""
    """The rule that counts from now on in this session, as JSON; not one that a file keeps."""
    read: int = 0
    """So many of the session's `OutsideArrived` count as read from now on: the question showed
    where they came from, and the person approved."""


class CellStarted(Fact, frozen=True, kw_only=True):
    step: int
    code: str
    cell: int = 0
    """The sandbox's own number of it, by which it can be rewound; 0 where it has none."""


class OutputAdded(Fact, frozen=True, kw_only=True):
    step: int
    stream: Stream
    text: str


class LineReached(Fact, frozen=True, kw_only=True):
    """Which line of the running code is being executed; not kept in the transcript's file."""

    step: int
    line: int
    """Of the code, from 1."""


class Displayed(Fact, frozen=True, kw_only=True):
    """Something that is better looked at than read as text; bounded in size by the sandbox."""

    step: int
    name: str = ""
    """The variable, where it is one."""
    table: Table | None = None
    image: bytes | None = None
    """PNG, JPEG, GIF or WebP, as the code gave it: hostile bytes."""
    alt: str = ""
    """What it is, in words."""


class ToolCalled(Fact, frozen=True, kw_only=True):
    step: int
    call: int
    tool: str
    arguments: str
    effect: str
    line: int | None = None
    """Of the code: where the call stands."""


class ToolReturned(Fact, frozen=True, kw_only=True):
    step: int
    call: int
    tool: str
    ok: bool
    result: str
    """A short repr of the value, or the error's message."""
    seconds: float
    arguments: str = ""
    """Of a call that was refused before it was made; `ToolCalled` tells those of others."""
    effect: str = ""
    """Of such a call."""
    line: int | None = None
    """Of such a call."""


class OutsideArrived(Fact, frozen=True, kw_only=True):
    """Text from outside came in. Code keeps it, so whatever is put out from here on may hold it.

    It is unread until a person approves a question that shows where it came from.
    """

    step: int
    source: Source
    call: int | None = None
    """The tool call that brought it."""


class ToolProgress(Fact, frozen=True, kw_only=True):
    """How far a running call of a tool is; at most a few a second, not kept."""

    step: int
    tool: str
    call: int | None = None
    """None where it cannot be told which of several it is."""
    text: str = ""
    done: float | None = None
    """How much of `total`, in the tool's own unit."""
    total: float | None = None


class PackDenied(Fact, frozen=True, kw_only=True):
    """A tool pack tried what it was not granted, and it did not happen."""

    step: int
    pack: str
    text: str
    """What it tried, in a sentence."""
    tool: str = ""
    """The tool that ran just then; empty where none did."""


class PackSaid(Fact, frozen=True, kw_only=True):
    """For whoever looks for a fault in a pack: shown in the log alone, not kept."""

    pack: str
    kind: Literal["log", "started", "stopped"]
    text: str = ""


class CellFinished(Fact, frozen=True, kw_only=True):
    step: int
    value: str | None = None
    """The repr of the last expression; None when the cell ends in a statement."""
    answer: str | None = None
    """The text given to `final_answer`: a string as it is, what JSON has as JSON, else its repr."""
    error: CellError | None = None
    seconds: float = 0.0
    dropped: int = 0
    """Bytes that were printed past the limit and are gone."""
    names: tuple[str, ...] = ()
    """The sandbox's variables after the cell."""
    variables: tuple[Variable, ...] = ()
    """The same, described; the first few hundred."""
    lines: tuple[int, ...] = ()
    """Lines of the code that the error's traceback passes through, the last where it happened."""
    outside: tuple[str, ...] = ()
    """Tools whose text the output may hold, and `files`; empty while nothing came from outside."""


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
    data: Any = msgspec.UNSET
    """The answer as JSON has it, where it is no text; left out otherwise."""
    message: str = ""
    error: str = ""
    """The name of the exception class behind `failed`."""


Event: TypeAlias = (
    SessionStarted
    | SessionResumed
    | Rewound
    | ModeChanged
    | MessageAdded
    | FilesRequested
    | FilesDecided
    | FilesUndone
    | FilesChanged
    | LineReached
    | Displayed
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
    | OutsideArrived
    | ToolProgress
    | PackDenied
    | PackSaid
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

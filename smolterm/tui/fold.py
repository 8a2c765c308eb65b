"""What the screen knows: a fold of the events, one event at a time.

It keeps text as it came; how much of it is drawn, and in which colour, is decided elsewhere. Any
prefix of a stream folds, because a session may end anywhere.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from smolterm import events as ev
from smolterm.context import shown

PieceKind: TypeAlias = Literal[
    "stdout", "stderr", "tool", "value", "error", "answer", "note", "mistake"
]
Phase: TypeAlias = Literal["thinking", "waiting", "asking", "running", "done"]
Key: TypeAlias = tuple[int, int | None]
"""What a decision is about: a step, and the tool call in it or None."""


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


class View:
    """The fold itself; `dirty` names what changed since somebody last looked."""

    def __init__(self, *, steps_limited: bool = True) -> None:
        self._steps_limited = steps_limited
        self.items: list[Item] = []
        self.pending: dict[Key, ev.ApprovalRequested] = {}
        self.totals = Totals()
        self.dirty: set[int] = set()
        self._steps: dict[int, int] = {}

    @property
    def step(self) -> Step | None:
        """The newest step."""
        return self.at(max(self._steps, default=0))

    def at(self, number: int) -> Step | None:
        index = self._steps.get(number)
        item = None if index is None else self.items[index]
        return item if isinstance(item, Step) else None

    @property
    def running(self) -> bool:
        return self.totals.started is not None

    @property
    def state(self) -> Literal["idle", "thinking", "waiting", "asking", "running"]:
        """What the person should know first."""
        if not self.running:
            return "idle"
        if self.pending:
            return "asking"
        if self.totals.waiting:
            return "waiting"
        step = self.step
        return "running" if step is not None and step.phase == "running" else "thinking"

    def add(self, item: Item) -> None:
        self.dirty.add(len(self.items))
        self.items.append(item)

    def touch(self, number: int) -> Step:
        """Return a step to change; one that never started appears, so that any stream folds."""
        index = self._steps.get(number)
        if index is None:
            index = self._steps[number] = len(self.items)
            self.add(Step(number))
        step = self.items[index]
        assert isinstance(step, Step)
        step.version += 1
        self.dirty.add(index)
        return step

    def apply(self, event: ev.Event, now: float) -> None:
        """Take one event; `now` is the reader's clock in seconds."""
        match event:
            case ev.ReplyDelta():
                self._delta(event)
            case ev.OutputAdded():
                self._output(event)
            case ev.TaskStarted():
                self.totals.started = now
                self.add(Task(event.task, event.files))
            case ev.StepStarted():
                self.touch(event.step)
                self._budget(event, now)
            case ev.ModelWaiting():
                self.touch(event.step).phase = "waiting"
                self.totals.waiting = event.why
                self.totals.waiting_until = now + event.seconds
            case ev.ModelChanged():
                self._model(event)
            case ev.PromptRead():
                self.touch(event.step).phase = "thinking"
                self.totals.reading = event.fraction
            case ev.ReplyDropped():
                step = self.touch(event.step)
                step.thinking, step.reply = Text(), Text()
            case ev.ReplyFinished():
                self._reply(event)
            case ev.ActionProposed():
                step = self.touch(event.step)
                step.reasoning, step.code = event.reasoning, event.code
            case ev.MistakeFound():
                step = self.touch(event.step)
                step.phase = "done"
                step.pieces.append(Piece("mistake", Text(event.text)))
            case ev.ApprovalRequested():
                self._asked(event)
            case ev.DecisionMade():
                self._decided(event)
            case ev.CellStarted():
                step = self.touch(event.step)
                step.code, step.phase = event.code, "running"
            case ev.ToolCalled() | ev.ToolReturned():
                self._tool(event)
            case ev.CellFinished():
                self._cell(event)
            case ev.SandboxChanged():
                self._sandbox(event)
            case ev.Notice():
                self.add(Note(event.text, event.level))
            case ev.ContextShortened():
                undo = "" if event.level == "undone" else "\n/undo-context takes this back."
                self.add(Note(shown(event) + undo, "warning"))
            case ev.SessionStarted():
                self.totals.model = event.model
            case ev.Finished():
                self._finished(event)
            case ev.ObservationMade():
                pass

    def _model(self, event: ev.ModelChanged) -> None:
        totals = self.totals
        totals.loading = (event.fraction or 0.0) if event.state == "loading" else None
        if event.state == "switched":
            totals.model, totals.cached_tokens = event.model, 0
            self.add(Note(f"{event.model} goes on from here."))
        elif event.state == "failed" and not self.running:
            # A task that runs ends by it, and says so itself.
            self.add(Note(event.detail, "error"))

    def _budget(self, event: ev.StepStarted, now: float) -> None:
        self.totals.waiting, self.totals.reading = "", None
        self.totals.steps_left = event.steps_left if self._steps_limited else None
        self.totals.deadline = None if event.seconds_left is None else now + event.seconds_left

    def _delta(self, event: ev.ReplyDelta) -> None:
        step = self.touch(event.step)
        step.phase = "thinking"
        self.totals.waiting, self.totals.reading = "", None
        (step.thinking if event.channel == "reasoning" else step.reply).add(event.text)

    def _reply(self, event: ev.ReplyFinished) -> None:
        step = self.touch(event.step)
        step.reply, step.thinking = Text(event.text), Text(event.reasoning)
        totals, usage = self.totals, event.usage
        totals.waiting, totals.reading = "", None
        totals.cached_tokens = usage.cached_tokens
        totals.prompt_tokens += usage.prompt_tokens
        totals.completion_tokens += usage.completion_tokens
        totals.context = usage.prompt_tokens
        if usage.cost is not None:
            totals.cost = (totals.cost or 0.0) + usage.cost

    def _asked(self, event: ev.ApprovalRequested) -> None:
        self.pending[event.step, event.call] = event
        step = self.touch(event.step)
        if event.call is None:
            step.phase, step.code = "asking", event.code
        else:
            piece = self._call(step, event.call, event.tool or "", event.arguments, event.effect)
            piece.status = "asking"

    def _decided(self, event: ev.DecisionMade) -> None:
        self.pending.pop((event.step, event.call), None)
        step = self.touch(event.step)
        if event.call is not None:
            piece = _find_call(step, event.call)
            if piece is not None:
                declined = event.decision in ("reject", "stop")
                piece.status = "declined" if declined else "calling"
                piece.result = event.reason
            return
        step.decision = _DECISIONS[event.decision] + (" by policy" * (event.by == "policy"))
        if event.decision == "edit":
            step.code = event.code
        if event.decision in ("reject", "stop"):
            step.phase = "done"
            said = f": {event.reason}" if event.reason else ""
            step.pieces.append(Piece("note", Text(f"Not run, {step.decision}{said}")))

    def _output(self, event: ev.OutputAdded) -> None:
        step = self.touch(event.step)
        last = step.pieces[-1] if step.pieces else None
        if last is None or last.kind != event.stream:
            last = Piece(event.stream, Text())
            step.pieces.append(last)
        last.text.add(event.text)

    def _tool(self, event: ev.ToolCalled | ev.ToolReturned) -> None:
        step = self.touch(event.step)
        if isinstance(event, ev.ToolCalled):
            self._call(step, event.call, event.tool, event.arguments, event.effect)
            return
        piece = self._call(step, event.call, event.tool, "", "")
        piece.result = event.result
        if piece.status != "declined":
            piece.status = "ok" if event.ok else "failed"

    def _call(self, step: Step, call: int, tool: str, arguments: str, effect: str) -> Piece:
        piece = _find_call(step, call)
        if piece is None:
            piece = Piece("tool", Text(tool), call, arguments, effect, "calling")
            step.pieces.append(piece)
        return piece

    def _cell(self, event: ev.CellFinished) -> None:
        step = self.touch(event.step)
        step.phase, step.seconds = "done", event.seconds
        if event.dropped:
            text = f"{event.dropped:,} bytes more were printed and dropped"
            step.pieces.append(Piece("note", Text(text)))
        if event.value is not None and event.value != "None":
            step.pieces.append(Piece("value", Text(event.value)))
        if event.error is not None:
            error = event.error
            text = error.traceback.rstrip() or f"{error.type}: {error.message}"
            step.pieces.append(Piece("error", Text(text)))
        if event.answer is not None:
            step.pieces.append(Piece("answer", Text(event.answer)))

    def _sandbox(self, event: ev.SandboxChanged) -> None:
        totals = self.totals
        totals.sandbox, totals.detail, totals.fraction = event.state, event.detail, event.fraction
        if event.state == "died":
            lost = f" Lost with it: {', '.join(event.lost)}." if event.lost else ""
            self.add(Note(f"The sandbox died. {event.detail}{lost}".strip(), "warning"))
        elif event.state == "closed" and event.detail:
            self.add(Note(event.detail, "error"))

    def _finished(self, event: ev.Finished) -> None:
        self.totals.started, self.totals.waiting, self.totals.reading = None, "", None
        self.pending.clear()
        step = self.step
        if step is not None and step.phase != "done":
            step = self.touch(step.number)
            step.phase = "done"
            if step.reasoning is None:
                step.reasoning, code = split_reply(str(step.reply))
                step.code = step.code or code
            answer = (event.answer or "").strip()
            step.answered_below = bool(answer) and not step.code and answer in step.reasoning
        self.add(Ending(event))


_DECISIONS = {
    "approve": "approved",
    "edit": "edited",
    "reject": "rejected",
    "stop": "stopped",
}


def _find_call(step: Step, call: int) -> Piece | None:
    return next((piece for piece in step.pieces if piece.call == call), None)


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

"""What the screen knows: a fold of the events, one event at a time.

It keeps text as it came; how much of it is drawn, and in which colour, is decided elsewhere. Any
prefix of a stream folds, because a session may end anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from smolterm import events as ev
from smolterm.telling import shown
from smolterm.tui import cell
from smolterm.tui.items import Ending, Item, Note, Piece, Step, Task, Text, Totals, split_reply

Key: TypeAlias = tuple[int, int | None]
"""What a decision is about: a step, and the tool call in it or None."""


class View:
    """The fold itself; `dirty` names what changed since somebody last looked."""

    def __init__(self, *, steps_limited: bool = True) -> None:
        self._steps_limited = steps_limited
        self.items: list[Item] = []
        self.pending: dict[Key, ev.ApprovalRequested] = {}
        self.files: tuple[ev.FileChange, ...] = ()
        """What is staged and not written."""
        self.files_asked: ev.FilesRequested | None = None
        """The question about them that waits for the person."""
        self.variables: tuple[ev.Variable, ...] = ()
        """Of the sandbox, after the newest cell."""
        self.totals = Totals()
        self.dirty: set[int] = set()
        self.cut: int | None = None
        """So many of the items that somebody looked at are left; None when all are."""
        self._steps: dict[int, int] = {}
        self._newest = 0

    @property
    def step(self) -> Step | None:
        """The newest step."""
        return self.at(self._newest)

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
        if self.files_asked is not None:
            return "asking"
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
            self._newest = max(self._newest, number)
            self.add(Step(number))
        step = self.items[index]
        assert isinstance(step, Step)
        step.version += 1
        self.dirty.add(index)
        return step

    def apply(self, event: ev.Event, now: float) -> None:
        """Take one event; `now` is the reader's clock in seconds."""
        handle = _HANDLERS.get(type(event))
        if handle is not None:
            handle(self, event, now)

    # The session

    def _session(self, event: ev.SessionStarted, now: float) -> None:
        self.totals.model, self.totals.mode = event.model, event.mode

    def _resumed(self, event: ev.SessionResumed, now: float) -> None:
        self.totals.model = event.model
        self.totals.started, self.totals.sandbox = None, ""
        self.pending.clear()
        self.files_asked = None
        kept = f" {_some(event.names)} came back." if event.names else ""
        lost = f" Gone: {', '.join(event.lost)}." if event.lost else ""
        said = f"The session goes on here.{kept}{lost} {event.detail}".strip()
        self.add(Note(said, "warning" if event.lost else "info"))

    def _rewound(self, event: ev.Rewound, now: float) -> None:
        """Drop the step and what came after it, and its task where no step of that is left."""
        first = min((at for number, at in self._steps.items() if number >= event.step), default=-1)
        if first >= 0:
            above = next((at for at in range(first - 1, -1, -1) if _counts(self.items[at])), -1)
            alone = above >= 0 and isinstance(self.items[above], Task)
            self._cut(above if alone else first)
        self.pending.clear()
        self.files_asked = None
        self.totals.started, self.totals.waiting, self.totals.reading = None, "", None
        self.variables = tuple(one for one in self.variables if one.name in event.names)
        way = f", {event.way}" if event.way else ""
        said = f"Back to before step {event.step}{way}. What came after it is branch {event.branch}"
        self.add(Note(f"{said}, kept."))

    def _cut(self, length: int) -> None:
        del self.items[length:]
        self._steps = {number: at for number, at in self._steps.items() if at < length}
        self._newest = max(self._steps, default=0)
        self.dirty = {index for index in self.dirty if index < length}
        self.cut = length if self.cut is None else min(self.cut, length)

    def _mode(self, event: ev.ModeChanged, now: float) -> None:
        self.totals.mode = event.mode

    def _notice(self, event: ev.Notice, now: float) -> None:
        self.add(Note(event.text, event.level))

    def _shortened(self, event: ev.ContextShortened, now: float) -> None:
        undo = "" if event.level == "undone" else "\n/undo-context takes this back."
        self.add(Note(shown(event) + undo, "warning"))

    def _sandbox(self, event: ev.SandboxChanged, now: float) -> None:
        totals = self.totals
        totals.sandbox, totals.detail, totals.fraction = event.state, event.detail, event.fraction
        if event.state == "died":
            lost = f" Lost with it: {', '.join(event.lost)}." if event.lost else ""
            self.variables = tuple(one for one in self.variables if one.name not in event.lost)
            self.add(Note(f"The sandbox died. {event.detail}{lost}".strip(), "warning"))
        elif event.state == "closed" and event.detail:
            self.add(Note(event.detail, "error"))

    # The task

    def _started(self, event: ev.TaskStarted, now: float) -> None:
        self.totals.started = now
        self.add(Task(event.task, event.files))

    def _message(self, event: ev.MessageAdded, now: float) -> None:
        self.add(Task(event.text, added=True))

    def _finished(self, event: ev.Finished, now: float) -> None:
        self.totals.started, self.totals.waiting, self.totals.reading = None, "", None
        self.pending.clear()
        self.files_asked = None
        step = self.step
        if step is not None and step.phase != "done":
            step = self.touch(step.number)
            step.phase, step.line = "done", 0
            if step.reasoning is None:
                step.reasoning, code = split_reply(str(step.reply))
                step.code = step.code or code
            answer = (event.answer or "").strip()
            step.answered_below = bool(answer) and not step.code and answer in step.reasoning
        self.add(Ending(event))

    # The model

    def _model(self, event: ev.ModelChanged, now: float) -> None:
        totals = self.totals
        totals.loading = (event.fraction or 0.0) if event.state == "loading" else None
        if event.state == "switched":
            totals.model, totals.cached_tokens = event.model, 0
            self.add(Note(f"{event.model} goes on from here."))
        elif event.state == "failed" and not self.running:
            # A task that runs ends by it, and says so itself.
            self.add(Note(event.detail, "error"))

    def _step(self, event: ev.StepStarted, now: float) -> None:
        self.touch(event.step)
        self.totals.waiting, self.totals.reading = "", None
        self.totals.steps_left = event.steps_left if self._steps_limited else None
        self.totals.deadline = None if event.seconds_left is None else now + event.seconds_left

    def _waiting(self, event: ev.ModelWaiting, now: float) -> None:
        self.touch(event.step).phase = "waiting"
        self.totals.waiting, self.totals.waiting_until = event.why, now + event.seconds

    def _read(self, event: ev.PromptRead, now: float) -> None:
        self.touch(event.step).phase = "thinking"
        self.totals.reading = event.fraction

    def _delta(self, event: ev.ReplyDelta, now: float) -> None:
        step = self.touch(event.step)
        step.phase = "thinking"
        self.totals.waiting, self.totals.reading = "", None
        (step.thinking if event.channel == "reasoning" else step.reply).add(event.text)

    def _dropped(self, event: ev.ReplyDropped, now: float) -> None:
        step = self.touch(event.step)
        step.thinking, step.reply = Text(), Text()

    def _reply(self, event: ev.ReplyFinished, now: float) -> None:
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

    def _proposed(self, event: ev.ActionProposed, now: float) -> None:
        step = self.touch(event.step)
        step.reasoning, step.code = event.reasoning, event.code

    def _mistake(self, event: ev.MistakeFound, now: float) -> None:
        step = self.touch(event.step)
        step.phase = "done"
        step.pieces.append(Piece("mistake", Text(event.text)))

    # The cell

    def _asked(self, event: ev.ApprovalRequested, now: float) -> None:
        self.pending[event.step, event.call] = event
        cell.asked(self.touch(event.step), event)

    def _decided(self, event: ev.DecisionMade, now: float) -> None:
        self.pending.pop((event.step, event.call), None)
        cell.decided(self.touch(event.step), event)

    def _runs(self, event: ev.CellStarted, now: float) -> None:
        step = self.touch(event.step)
        step.code, step.phase, step.line = event.code, "running", 0

    def _line(self, event: ev.LineReached, now: float) -> None:
        # What arrives after the cell ended marks nothing.
        step = self.at(event.step)
        if step is not None and step.phase in ("running", "asking") and step.line != event.line:
            self.touch(event.step).line = event.line

    def _cell(self, event: ev.CellFinished, now: float) -> None:
        cell.finished(self.touch(event.step), event)
        self.variables = event.variables

    def _arrived(self, event: ev.OutsideArrived, now: float) -> None:
        # Files that came with a task stand beside it already.
        if event.source.step:
            cell.arrived(self.touch(event.step), event)

    def _denied(self, event: ev.PackDenied, now: float) -> None:
        if self.running and self.at(event.step) is not None:
            self.touch(event.step).pieces.append(Piece("denied", Text(event.text)))
        else:
            self.add(Note(f"Denied: {event.text}", "warning"))

    def _advanced(self, event: ev.ToolProgress, now: float) -> None:
        if self.at(event.step) is not None:
            cell.advanced(self.touch(event.step), event)

    # The files

    def _files(self, event: ev.FilesChanged, now: float) -> None:
        self.files = event.files

    def _files_asked(self, event: ev.FilesRequested, now: float) -> None:
        self.files, self.files_asked = event.files, event

    def _files_decided(self, event: ev.FilesDecided, now: float) -> None:
        self.files, self.files_asked = (), None
        if event.error:
            self.add(Note(f"Nothing was written: {event.error}", "error"))
            return
        said = [f"Written: {', '.join(event.written)}."] if event.written else []
        said += [f"Only some hunks of {', '.join(event.partly)}."] if event.partly else []
        said += [f"Not written: {', '.join(event.refused)}."] if event.refused else []
        said += [f"The model is told: {event.reason}"] if event.reason else []
        if said:
            self.add(Note(" ".join(said)))

    def _files_undone(self, event: ev.FilesUndone, now: float) -> None:
        self.add(Note(f"Taken back: {', '.join(event.paths)}."))


def _counts(item: Item) -> bool:
    """Say whether it tells where a task begins or went on: notes and what was added do not."""
    return not isinstance(item, Note) and not (isinstance(item, Task) and item.added)


def _some(names: tuple[str, ...]) -> str:
    return f"{len(names)} variable{'s' * (len(names) != 1)}"


_HANDLERS: dict[type, Callable[[View, Any, float], None]] = {
    ev.SessionStarted: View._session,
    ev.SessionResumed: View._resumed,
    ev.Rewound: View._rewound,
    ev.ModeChanged: View._mode,
    ev.Notice: View._notice,
    ev.ContextShortened: View._shortened,
    ev.SandboxChanged: View._sandbox,
    ev.TaskStarted: View._started,
    ev.MessageAdded: View._message,
    ev.Finished: View._finished,
    ev.ModelChanged: View._model,
    ev.StepStarted: View._step,
    ev.ModelWaiting: View._waiting,
    ev.PromptRead: View._read,
    ev.ReplyDelta: View._delta,
    ev.ReplyDropped: View._dropped,
    ev.ReplyFinished: View._reply,
    ev.ActionProposed: View._proposed,
    ev.MistakeFound: View._mistake,
    ev.ApprovalRequested: View._asked,
    ev.DecisionMade: View._decided,
    ev.CellStarted: View._runs,
    ev.LineReached: View._line,
    ev.CellFinished: View._cell,
    ev.OutputAdded: lambda view, event, now: cell.printed(view.touch(event.step), event),
    ev.ToolCalled: lambda view, event, now: cell.called(view.touch(event.step), event),
    ev.ToolReturned: lambda view, event, now: cell.returned(view.touch(event.step), event),
    ev.Displayed: lambda view, event, now: cell.displayed(view.touch(event.step), event),
    ev.OutsideArrived: View._arrived,
    ev.PackDenied: View._denied,
    ev.ToolProgress: View._advanced,
    ev.FilesChanged: View._files,
    ev.FilesRequested: View._files_asked,
    ev.FilesDecided: View._files_decided,
    ev.FilesUndone: View._files_undone,
}
"""One look-up instead of a case after the other: a session of 1,000 steps is folded at once."""

"""A session that plays given events and notes what the screen asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

from textual.pilot import Pilot

from smolterm.errors import ModelError
from smolterm.events import (
    ApprovalRequested,
    DecisionMade,
    Event,
    FileChange,
    FilesDecided,
    FilesRequested,
    Finished,
    MessageAdded,
    ModeChanged,
    ModelChanged,
    Rewound,
    Table,
    TaskStarted,
)
from smolterm.policy import Decision, Edit, FilesDecision, Mode, Reject, Stop
from smolterm.tools import ToolSpec
from smolterm.tui.app import SmoltermApp
from smolterm.tui.approval import ApprovalBar

LONGEST = 60.0
"""Seconds of one test, before it is said what stands on the screen."""


FRAME = 1 / 50
"""Seconds; a timer that is due within them belongs to what is waited for."""


async def idle(within: float = 0, most: float = LONGEST) -> None:
    """Wait until the app has nothing to do, now or within so many seconds, at least a frame.

    It stands in for what Textual's pilot waits for after each key: a frame, and a frame more for as
    long as the process computes. That is most of a test's time, and on a busy machine not enough.
    """
    loop = asyncio.get_running_loop()
    latest = loop.time() + max(within, FRAME)
    while True:
        await asyncio.sleep(0)
        if loop._ready:  # type: ignore[attr-defined]
            continue
        timers = (timer.when() for timer in loop._scheduled if not timer.cancelled())  # type: ignore[attr-defined]
        due = min(timers, default=latest)
        if due >= latest:
            return
        await asyncio.sleep(due - loop.time())


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Scripted:
    id, model_name, is_demo, transcript_path = "20261121-1", "gpt-5-mini", True, None
    saves = False
    folder: Path | None = None
    mode: Mode = "step"
    past: tuple[Event, ...] = ()
    tools: tuple[ToolSpec, ...] = ()
    budget = SimpleNamespace(max_steps=20)

    def __init__(self, *events: Event) -> None:
        self.events = events
        self.tasks: list[str] = []
        self.files: list[dict[str, bytes]] = []
        self.decisions: list[tuple[int, Decision, int | None]] = []
        self.file_decisions: list[tuple[int, FilesDecision]] = []
        self.calls: list[str] = []
        self.handler: Callable[[Event], None] = lambda event: None
        self.switching = asyncio.Event()
        self._answer: asyncio.Future[Decision] | None = None
        self._files: asyncio.Future[None] | None = None

    async def run(
        self, task: str, *, files: Mapping[str, bytes] | None = None
    ) -> AsyncGenerator[Event, None]:
        self.tasks.append(task)
        self.files.append(dict(files or {}))
        yield TaskStarted(task=task)
        for event in self.events:
            asked = isinstance(event, ApprovalRequested)
            self._answer = asyncio.get_running_loop().create_future() if asked else None
            if isinstance(event, FilesRequested):
                self._files = asyncio.get_running_loop().create_future()
            yield event
            if isinstance(event, FilesRequested) and self._files is not None:
                await self._files
                yield FilesDecided(step=event.step)
            if self._answer is not None and isinstance(event, ApprovalRequested):
                decision = await self._answer
                yield _made(event, decision)
                if isinstance(decision, Stop):
                    reason = "interrupted" if "interrupt" in self.calls else "stopped"
                    yield Finished(reason=reason)
                    return

    def decide(self, step: int, decision: Decision, *, call: int | None = None) -> bool:
        self.decisions.append((step, decision, call))
        if self._answer is None or self._answer.done():
            return False
        self._answer.set_result(decision)
        return True

    async def switch_model(self, model: str) -> None:
        self.calls.append(f"switch to {model}")
        if model.startswith("bad/"):
            raise ModelError("It is damaged.")
        self.handler(ModelChanged(state="loading", model=model, fraction=0.4))
        await self.switching.wait()
        self.handler(ModelChanged(state="ready", model=model))
        self.handler(ModelChanged(state="switched", model=model))

    def decide_files(self, step: int, decision: FilesDecision) -> bool:
        self.file_decisions.append((step, decision))
        if self._files is None or self._files.done():
            return False
        self._files.set_result(None)
        return True

    def set_mode(self, mode: Mode) -> None:
        self.mode = mode
        self.handler(ModeChanged(mode=mode))

    def add_message(self, text: str) -> bool:
        self.calls.append(f"add {text}")
        self.handler(MessageAdded(text=text))
        return True

    async def aside(self, question: str) -> AsyncGenerator[str, None]:
        self.calls.append(f"aside {question}")
        for piece in ("It ", "is ", "**so**."):
            yield piece

    async def rewind(self, step: int) -> None:
        self.calls.append(f"rewind {step}")
        self.handler(Rewound(step=step, branch=1, way="in place"))

    async def review_files(self) -> None:
        self.calls.append("review files")

    async def file_change(self, path: str) -> FileChange:
        self.calls.append(f"file {path}")
        hunk = "@@ -0,0 +1 @@\n+all of it"
        return FileChange(path=path, kind="created", hunks=(hunk,), added=1, size=9)

    async def undo_files(self) -> tuple[str, ...]:
        self.calls.append("undo files")
        return ("/files/a.txt",)

    async def complete(self, text: str) -> list[str]:
        return [name for name in ("rows", "row_count", "rows.append(") if name.startswith(text)]

    async def rows(self, name: str, first: int, count: int) -> Table:
        self.calls.append(f"rows {name} {first} {count}")
        last = min(first + count, 250)
        rows = tuple((str(n), f"name {n}", str(n * n)) for n in range(first, last))
        return Table(columns=("", "name", "square"), rows=rows, first=first, total=250)

    def undo_shortening(self) -> bool:
        return False

    async def interrupt(self) -> None:
        self.calls.append("interrupt")
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Stop())

    async def prepare(self) -> None:
        self.calls.append("prepare")

    def listen(self, handler: Callable[[Event], None]) -> None:
        self.handler = handler

    async def close(self) -> None:
        self.calls.append("close")


def _made(asked: ApprovalRequested, decision: Decision) -> DecisionMade:
    names = {"Approve": "approve", "Edit": "edit", "Reject": "reject", "Stop": "stop"}
    return DecisionMade(
        step=asked.step,
        call=asked.call,
        decision=names[type(decision).__name__],
        by="person",
        reason=decision.reason if isinstance(decision, Reject) else "",
        code=decision.code if isinstance(decision, Edit) else asked.code,
    )


async def settle(pilot: Pilot[int]) -> None:
    """Wait until every event so far is on the screen."""
    app = pilot.app
    assert isinstance(app, SmoltermApp)
    await pilot.pause()
    while not app.settled:
        await pilot.pause(0.005)
    await pilot.pause()


async def give(pilot: Pilot[int], task: str = "go") -> None:
    """Type a task and send it."""
    await pilot.press(*task, "enter")
    await settle(pilot)


async def press_alone(pilot: Pilot[int], clock: Clock, *keys: str) -> None:
    """Press each key as somebody does who means it: with nothing before it and nothing after."""
    for key in keys:
        clock.now += 2
        await pilot.press(key)
        await quiet(pilot, clock)


async def quiet(pilot: Pilot[int], clock: Clock) -> None:
    """Let time pass until what a key asked for is done."""
    clock.now += 2
    await pilot.pause()
    app = pilot.app
    while app.query_one(ApprovalBar).waiting or getattr(app.screen, "waiting", False):
        await pilot.pause(0.01)
    await settle(pilot)


async def finished(pilot: Pilot[int], group: str) -> None:
    """Wait for the app's workers of a group."""
    if workers := [worker for worker in pilot.app.workers if worker.group == group]:
        await pilot.app.workers.wait_for_complete(workers)
    await settle(pilot)


def screen_text(app: SmoltermApp) -> str:
    """Return what the terminal shows, as plain lines."""
    height = app.size.height
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line) for line in lines[:height])


Test = Callable[[Pilot[int], Scripted, Clock], Awaitable[None]]


def play(session: Scripted, test: Test, size: tuple[int, int] = (120, 32)) -> SmoltermApp:
    """Run one test on a screen."""
    clock = Clock()
    app = SmoltermApp(session, clock=clock)

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            try:
                async with asyncio.timeout(LONGEST):
                    await settle(pilot)
                    await test(pilot, session, clock)
            except TimeoutError:
                said = f"what was waited for never came; the screen says:\n{screen_text(app)}"
                raise AssertionError(said) from None

    asyncio.run(run())
    return app

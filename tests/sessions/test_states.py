"""Variables in files: when they are saved, how many are kept, and what a failure does."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from smolterm import events as e
from smolterm.errors import SandboxError
from smolterm.sessions import states
from smolterm.sessions.past import GONE, Past
from smolterm.sessions.states import Keeper, bring_back, prune, state_path

CELL = e.CellFinished(step=1)
SEEN = e.ObservationMade(step=1, text="")
END = e.Finished(reason="answer")


class Keeping:
    """A sandbox that writes its states at once, or when it is let."""

    alive, busy, step, names = True, False, 1, ()

    def __init__(self, error: SandboxError | None = None) -> None:
        self.saved: list[Path] = []
        self.error = error
        self.go = asyncio.Event()
        self.go.set()

    async def save(self, path: Path) -> None:
        await self.go.wait()
        if self.error is not None:
            raise self.error
        self.saved.append(path)
        path.write_bytes(b"state")


def heard() -> tuple[list[e.Event], object]:
    events: list[e.Event] = []
    return events, events.append


def test_it_is_saved_at_a_tasks_end_and_only_when_a_cell_ran() -> None:
    async def work() -> None:
        sandbox = Keeping()
        keeper = Keeper(sandbox, "a", lambda event: None)
        for event in (END, SEEN, END):
            keeper.take(event)
        await keeper.settled()
        assert sandbox.saved == []
        for event in (CELL, SEEN, END, END):
            keeper.take(event)
        await keeper.settled()
        assert sandbox.saved == [state_path("a")]
        await keeper.close()
        assert sandbox.saved == [state_path("a")]
        keeper.take(CELL)
        await keeper.close()
        assert sandbox.saved == [state_path("a")] * 2

    asyncio.run(work())


def test_during_a_long_task_it_is_saved_now_and_then(monkeypatch) -> None:
    monkeypatch.setattr(states, "EVERY_SECONDS", -1.0)

    async def work() -> None:
        sandbox = Keeping()
        keeper = Keeper(sandbox, "a", lambda event: None)
        keeper.take(CELL)
        keeper.take(SEEN)
        await keeper.settled()
        assert sandbox.saved == [state_path("a")]

    asyncio.run(work())


def test_no_cell_begins_while_a_state_is_written() -> None:
    async def work() -> None:
        sandbox = Keeping()
        sandbox.go.clear()
        keeper = Keeper(sandbox, "a", lambda event: None)
        keeper.take(CELL)
        keeper.take(END)
        waiting = asyncio.create_task(keeper.settled())
        await asyncio.sleep(0)
        assert not waiting.done()
        sandbox.go.set()
        await waiting
        assert sandbox.saved

    asyncio.run(work())


def test_a_failure_is_told_once_and_ends_nothing() -> None:
    async def work() -> None:
        events, emit = heard()
        keeper = Keeper(Keeping(SandboxError("No room.")), "a", emit)
        for event in (CELL, END):
            keeper.take(event)
        await keeper.settled()
        await keeper.keep_branch(1)
        await keeper.close()
        assert [event.text for event in events if isinstance(event, e.Notice)] == [
            "The variables are not kept for a later resume: No room."
        ]

    asyncio.run(work())


def test_a_sandbox_that_keeps_nothing_is_left_alone() -> None:
    async def work() -> None:
        keeper = Keeper(object(), "a", lambda event: None)
        keeper.take(CELL)
        keeper.take(END)
        await keeper.close()
        past = Past(id="a", events=[e.CellFinished(step=1, names=("x",))])
        back = await bring_back(object(), past)
        assert (back.lost, back.names) == (("x",), ())

    asyncio.run(work())


def test_what_went_before_is_named_without_a_try(tmp_path: Path) -> None:
    async def work() -> None:
        state = tmp_path / "s.state"
        state.write_bytes(b"x")
        sandbox = Keeping()
        sandbox.restore = None  # type: ignore[attr-defined]  # it would fail if it were called
        events: list[e.Event] = [e.CellStarted(step=1, code="", cell=1),
                                 e.CellFinished(step=1, names=("x",))]  # fmt: skip
        past = Past(id="a", events=events, state=state, cell=GONE)
        back = await bring_back(sandbox, past)
        assert back.lost == ("x",)
        assert "earlier process" in back.detail

    asyncio.run(work())


def test_the_oldest_states_go_first(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(states, "MOST_STATES", 3)
    monkeypatch.setattr(states, "MOST_BYTES", 250)
    for number in range(6):
        path = tmp_path / f"{number}.state"
        path.write_bytes(b"x" * 100)
        os.utime(path, (number, number))
    prune(tmp_path, keep=[tmp_path / "0.state"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.state", "5.state"]

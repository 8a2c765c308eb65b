"""Another model goes on with the session; a failed switch changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from smolterm.errors import ConfigError, ModelError, UsageError
from smolterm.events import Event, Finished, ModelChanged
from smolterm.session import Session
from tests.fakes import FakeModel, FakeSandbox, events_of


class Slow(FakeModel):
    """Must be loaded first, which may fail, or take as long as a test wants."""

    def __init__(self, *replies: str, error: ModelError | None = None, waits: bool = False) -> None:
        super().__init__(*replies)
        self.name, self._error = "fake/slow", error
        self.loading, self.loaded = asyncio.Event(), asyncio.Event()
        self.route, self.import_done = SimpleNamespace(kind="local"), self.loaded
        if not waits:
            self.loaded.set()

    async def ready(self) -> None:
        self.loading.set()
        await self.loaded.wait()
        if self._error is not None:
            raise self._error


def session(model: FakeModel) -> Session:
    return Session(model=model, sandbox=FakeSandbox(), save=False)


def test_another_model_goes_on_with_what_was_said():
    first, second = FakeModel("One."), Slow("Two.")

    async def work() -> list[Event]:
        heard: list[Event] = []
        async with session(first) as live:
            live.listen(heard.append)
            await events_of(live, "first task")
            await live.switch_model(second)
            assert live.model_name == "fake/slow" and first.closed and not second.closed
            events = await events_of(live, "second task")
            assert events[-1].answer == "Two."
        assert second.closed
        return heard

    heard = asyncio.run(work())
    switched = [event for event in heard if isinstance(event, ModelChanged)]
    assert [(event.state, event.model, event.detail) for event in switched] == [
        ("switched", "fake/slow", "from fake/model")
    ]
    told = "\n".join(message.content for message in second.asked[0])
    assert "first task" in told and "One." in told and "second task" in told


def test_a_switch_before_the_first_task():
    second = Slow("Two.")

    async def work() -> None:
        async with session(FakeModel()) as live:
            await live.switch_model(second)
            assert (await events_of(live, "task"))[-1].answer == "Two."

    asyncio.run(work())


def test_a_model_that_cannot_be_loaded_leaves_the_old_one():
    first, second = FakeModel("One.", "Still one."), Slow(error=ModelError("It is damaged."))

    async def work() -> None:
        async with session(first) as live:
            await events_of(live, "task")
            with pytest.raises(ModelError, match="damaged"):
                await live.switch_model(second)
            assert live.model is first and not first.closed and second.closed
            assert (await events_of(live, "task"))[-1].answer == "Still one."

    asyncio.run(work())


def test_a_failed_switch_is_told_by_its_error_alone():
    class Telling(Slow):
        def listen(self, handler: Callable[[ModelChanged], None]) -> None:
            self.tell = handler

        async def ready(self) -> None:
            self.tell(ModelChanged(state="loading", model=self.name, fraction=0.5))
            self.tell(ModelChanged(state="failed", model=self.name, detail="It is damaged."))
            await super().ready()

    async def work() -> list[Event]:
        heard: list[Event] = []
        async with session(FakeModel()) as live:
            live.listen(heard.append)
            with pytest.raises(ModelError, match="damaged"):
                await live.switch_model(Telling(error=ModelError("It is damaged.")))
        return heard

    assert [event.state for event in asyncio.run(work())] == ["loading"]


@pytest.mark.parametrize("name", ["local/nothing-like-it", "ollama/", " "])
def test_a_name_that_is_none_changes_nothing(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SMOLTERM_DATA", str(tmp_path))
    first = FakeModel("One.")

    async def work() -> None:
        async with session(first) as live:
            with pytest.raises(ConfigError):
                await live.switch_model(name)
            assert (await events_of(live, "task"))[-1].answer == "One."

    asyncio.run(work())


def test_not_while_a_task_runs():
    first = FakeModel(None)

    async def work() -> None:
        async with session(first) as live:
            running = asyncio.create_task(events_of(live, "task"))
            await first.hanging.wait()
            with pytest.raises(UsageError, match="task is running"):
                await live.switch_model(Slow("Two."))
            await live.interrupt()
            assert isinstance((await running)[-1], Finished)
            assert live.model is first

    asyncio.run(work())


def test_nothing_begins_while_another_model_is_loaded():
    first, second = FakeModel("One."), Slow("Two.", waits=True)

    async def work() -> None:
        async with session(first) as live:
            switching = asyncio.create_task(live.switch_model(second))
            await second.loading.wait()
            with pytest.raises(UsageError, match="being loaded"):
                await events_of(live, "task")
            with pytest.raises(UsageError, match="being loaded"):
                await live.switch_model(Slow("Three."))
            second.loaded.set()
            await switching
            assert (await events_of(live, "task"))[-1].answer == "Two."

    asyncio.run(work())


def test_a_switch_that_is_cancelled_keeps_the_old_model():
    first, second = FakeModel("One."), Slow("Two.", waits=True)

    async def work() -> None:
        async with session(first) as live:
            switching = asyncio.create_task(live.switch_model(second))
            await second.loading.wait()
            switching.cancel()
            with pytest.raises(asyncio.CancelledError):
                await switching
            assert second.closed and live.model is first
            assert (await events_of(live, "task"))[-1].answer == "One."

    asyncio.run(work())


def test_an_interrupt_ends_a_task_whose_model_is_still_being_loaded():
    model = Slow("One.", waits=True)

    async def work() -> None:
        async with session(model) as live:
            running = asyncio.create_task(events_of(live, "task"))
            await model.loading.wait()
            await live.interrupt()
            ended = await asyncio.wait_for(running, 5)
            assert ended[-1].reason == "interrupted" and not model.closed
            # The file goes on to be loaded, and the next task has what came of it.
            model.loaded.set()
            assert (await events_of(live, "again"))[-1].answer == "One."

    asyncio.run(work())


def test_a_session_closes_while_its_model_is_being_loaded():
    model = Slow("One.", waits=True)

    async def work() -> None:
        async with session(model) as live:
            running = asyncio.create_task(events_of(live, "task"))
            await model.loading.wait()
            await live.interrupt()
            await asyncio.wait_for(running, 5)
        assert model.closed

    asyncio.run(work())


def test_a_real_host_takes_over(tmp_path: Path):
    replies = tmp_path / "replies.jsonl"
    replies.write_text(json.dumps({"reply": "From the recording.", "pace": 0}) + "\n")

    async def work() -> None:
        async with session(FakeModel("One.")) as live:
            await events_of(live, "task")
            await live.switch_model(f"replay:{replies}")
            assert (await events_of(live, "task"))[-1].answer == "From the recording."
            with pytest.raises(ModelError, match="cannot be read"):
                await live.switch_model(f"replay:{tmp_path}/none.jsonl")
            assert live.model_name == "replay:replies.jsonl"

    asyncio.run(work())

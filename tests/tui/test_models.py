"""Models on the screen: loading, reading, what was reused, and another one in mid-session."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from scripted import Clock, Scripted, give, screen_text, settle
from textual.pilot import Pilot

from smolterm.events import (
    Finished,
    ModelChanged,
    PromptRead,
    ReplyDelta,
    ReplyFinished,
    StepStarted,
    Usage,
)
from smolterm.tui.app import SmoltermApp
from smolterm.tui.fold import View
from smolterm.tui.items import Ending

Test = Callable[[Pilot[int], Scripted], Awaitable[None]]


def play(test: Test) -> None:
    async def run() -> None:
        session = Scripted()
        app = SmoltermApp(session, clock=Clock())
        async with app.run_test(size=(140, 20)) as pilot:
            await settle(pilot)
            await test(pilot, session)

    asyncio.run(run())


def test_another_model_takes_over() -> None:
    async def test(pilot: Pilot[int], session: Scripted) -> None:
        await give(pilot, "/model local/other")
        assert "loading the model" in screen_text(pilot.app) and "40%" in screen_text(pilot.app)
        session.switching.set()
        await settle(pilot)
        text = screen_text(pilot.app)
        assert "local/other goes on from here." in text and "loading" not in text
        assert pilot.app.view.totals.model == "local/other"
        assert session.calls[-1] == "switch to local/other"

    play(test)


def test_a_failed_switch_keeps_the_old_one() -> None:
    async def test(pilot: Pilot[int], session: Scripted) -> None:
        await give(pilot, "/model bad/one")
        assert "It is damaged. gpt-5-mini goes on." in screen_text(pilot.app)
        assert pilot.app.view.totals.model == "gpt-5-mini"

    play(test)


def test_what_is_typed_while_another_is_loaded_is_kept_and_ctrl_c_keeps_the_old_one() -> None:
    async def test(pilot: Pilot[int], session: Scripted) -> None:
        await give(pilot, "/model local/other")
        await give(pilot, "add")
        assert "your text is kept here" in screen_text(pilot.app) and session.tasks == []
        await pilot.press(*["backspace"] * 3)
        await give(pilot, "/model local/third")
        assert "ctrl+c stops that" in screen_text(pilot.app)
        assert session.calls[-1] == "switch to local/other"
        await pilot.press("ctrl+c")
        await pilot.app.workers.wait_for_complete()
        await settle(pilot)
        text = screen_text(pilot.app)
        assert "Interrupted. gpt-5-mini goes on." in text and "loading" not in text
        await give(pilot, "add")
        assert session.tasks == ["add"]

    play(test)


def test_without_a_name_it_says_which_one_is_in_use() -> None:
    async def test(pilot: Pilot[int], session: Scripted) -> None:
        await give(pilot, "/model")
        assert "This session's model is gpt-5-mini" in screen_text(pilot.app)
        assert "switch" not in " ".join(session.calls)

    play(test)


def test_no_switch_while_a_task_runs() -> None:
    async def test(pilot: Pilot[int], session: Scripted) -> None:
        pilot.app.view.totals.started = 100.0
        await give(pilot, "/model local/other")
        assert "a task is running" in screen_text(pilot.app)
        assert "switch" not in " ".join(session.calls)

    play(test)


def test_the_footer_shows_how_far_the_prompt_is_read_and_what_was_reused() -> None:
    async def test(pilot: Pilot[int], session: Scripted) -> None:
        app = pilot.app
        assert isinstance(app, SmoltermApp)
        app.view.totals.started = 100.0
        for event in (StepStarted(step=1, steps_left=9), PromptRead(step=1, fraction=0.45)):
            app.take(event)
        await settle(pilot)
        assert "reading the prompt" in screen_text(app) and "45%" in screen_text(app)
        app.take(ReplyDelta(step=1, channel="reply", text="So"))
        await settle(pilot)
        assert "reading" not in screen_text(app)
        usage = Usage(prompt_tokens=1000, cached_tokens=960, completion_tokens=4)
        app.take(ReplyFinished(step=1, text="So", usage=usage))
        app.take(Finished(reason="answer", answer="So"))
        await settle(pilot)
        assert "ctx 1.0k, 96% reused" in screen_text(app)

    play(test)


def test_a_model_that_fails_to_load_is_a_line_between_the_rows() -> None:
    view = View()
    view.apply(ModelChanged(state="loading", model="m", fraction=None), 0.0)
    assert view.totals.loading == 0.0
    view.apply(ModelChanged(state="failed", model="m", detail="It is damaged."), 0.0)
    assert view.totals.loading is None
    assert [item.text for item in view.items] == ["It is damaged."]  # type: ignore[union-attr]


def test_a_model_that_fails_under_a_task_is_told_once() -> None:
    view = View()
    view.totals.started = 0.0
    view.apply(ModelChanged(state="failed", model="m", detail="It was killed."), 0.0)
    view.apply(Finished(reason="failed", message="It was killed.", error="ModelCrashed"), 0.0)
    (ending,) = view.items
    assert isinstance(ending, Ending) and ending.finished.message == "It was killed."

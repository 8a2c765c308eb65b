"""The steps on the screen: chosen, folded, scrolled, selected from."""

from __future__ import annotations

import asyncio

from scripted import Clock, Scripted, give, play, screen_text, settle
from stories import ANSWER, CODE, asked, proposed, ran, streamed
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from smolterm.events import ApprovalRequested, Notice
from smolterm.tui.fold import View
from smolterm.tui.steps import Steps


def test_a_streamed_reply_is_split_into_its_panes() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        text = screen_text(pilot.app)
        assert "I will sum **amount**" in text  # not formatted yet
        assert " 1 import csv" in text and "```" not in text

    play(Scripted(*streamed(), ApprovalRequested(step=1, code=CODE)), test)


def test_choosing_in_any_pane_highlights_the_row_and_copies_clean_code() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        steps = pilot.app.query_one(Steps)
        assert steps.chosen == 2
        await pilot.click(Steps, offset=(100, 3))
        assert steps.chosen == 1
        steps.focus()
        await pilot.press("c")
        assert pilot.app.clipboard == "first()"
        await pilot.press("down", "c")
        assert pilot.app.clipboard == "second()"

    play(Scripted(*proposed(1, "first()"), *proposed(2, "second()"), *ANSWER), test)


def test_the_reader_who_scrolled_away_is_left_alone() -> None:
    story = [event for step in range(1, 9) for event in ran(step)]

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        steps = pilot.app.query_one(Steps)
        assert steps.scroll_offset.y == steps.max_scroll_y
        steps.focus()
        await pilot.press("home")
        session.handler(Notice(text="something new"))
        await settle(pilot)
        assert steps.scroll_offset.y == 0
        assert "new output below, End" in screen_text(pilot.app)
        await pilot.press("end")
        await settle(pilot)
        text = screen_text(pilot.app)
        assert "something new" in text and "new output below" not in text

    play(Scripted(*story, *ANSWER), test)


def test_a_step_that_waits_is_brought_up_although_it_was_asked_before_there_was_room() -> None:
    view = View()
    for event in asked():
        view.apply(event, 0.0)

    class Alone(App[int]):
        def compose(self) -> ComposeResult:
            yield Steps(view)

        def on_mount(self) -> None:
            self.query_one(Steps).attend(1)

    async def run() -> None:
        async with Alone().run_test(size=(40, 4)) as pilot:
            await pilot.pause()
            steps = pilot.app.query_one(Steps)
            assert 0 < steps.scroll_offset.y < steps.max_scroll_y

    asyncio.run(run())


def test_long_output_is_folded_and_unfolds() -> None:
    output = "".join(f"row {n}\n" for n in range(300))

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        steps = pilot.app.query_one(Steps)
        folded = steps.virtual_size.height
        assert "lines more, Enter shows all" in screen_text(pilot.app)
        steps.focus()
        await pilot.press("enter")
        assert steps.virtual_size.height > folded + 250
        await pilot.press("enter")
        assert steps.virtual_size.height == folded

    play(Scripted(*ran(output=output), *ANSWER), test)


def test_a_thousand_steps_lay_out_only_what_is_seen() -> None:
    story = [event for step in range(1, 1001) for event in proposed(step, f"step({step})")]

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        assert "step(1000)" in screen_text(pilot.app)
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert "step(1000)" in screen_text(pilot.app)
        steps = pilot.app.query_one(Steps)
        assert len(steps._blocks) < 60
        steps.focus()
        await pilot.press("home")
        assert "step(1)" in screen_text(pilot.app)

    play(Scripted(*story, *ANSWER), test)


def test_selected_text_comes_from_one_pane() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        x = screen_text(pilot.app).splitlines()[4].index("import csv")
        await pilot.mouse_down(Steps, offset=(x, 3))
        await pilot.hover(Steps, offset=(x + 7, 4))
        await pilot.mouse_up(Steps, offset=(x + 7, 4))
        assert pilot.app.screen.get_selected_text() == "import csv\nfrom col"

    play(Scripted(*proposed(), *ANSWER), test)


def test_a_resumed_session_is_folded_whole_and_laid_out_where_it_is_seen() -> None:
    story = [event for step in range(1, 1001) for event in ran(step, f"step({step})")]

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        steps = pilot.app.query_one(Steps)
        assert "step(1000)" in screen_text(pilot.app)
        assert len(steps._blocks) < 30

    play(Scripted(*story, *ANSWER), test)


def test_the_end_is_followed_again_once_the_reader_is_back_there() -> None:
    story = [event for step in range(1, 9) for event in ran(step)]

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        steps = pilot.app.query_one(Steps)
        steps.focus()
        await pilot.press("pageup")
        session.handler(Notice(text="\n".join(f"note {n}" for n in range(9))))
        await settle(pilot)
        assert "note 8" not in screen_text(pilot.app) and steps.below
        await pilot.press("pagedown", "pagedown")
        session.handler(Notice(text="the last"))
        await settle(pilot)
        assert "the last" in screen_text(pilot.app) and not steps.below

    play(Scripted(*story), test)


def test_what_was_left_out_unfolds_though_its_pane_is_short() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        assert "… 300,000 characters more" in screen_text(pilot.app)
        pilot.app.query_one(Steps).focus()
        await pilot.press("enter")
        assert "xxxxxxxx" in screen_text(pilot.app)

    play(Scripted(*ran(output="first\n" + "x" * 299_999 + "\nlast\n"), *ANSWER), test)

"""What people do on the screen, and what the session is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from scripted import Clock, Scripted, give, screen_text, settle
from stories import ANSWER, CODE, asked, proposed, ran, streamed
from textual.pilot import Pilot
from textual.widgets import Input

from smolterm.errors import Unreachable
from smolterm.events import (
    ApprovalRequested,
    Finished,
    ModelWaiting,
    Notice,
    SandboxChanged,
    StepStarted,
)
from smolterm.policy import Approve, Edit, Reject, Stop
from smolterm.tui.app import SmoltermApp
from smolterm.tui.approval import ApprovalBar
from smolterm.tui.editor import Editor
from smolterm.tui.prompt import Prompt
from smolterm.tui.steps import Steps

Test = Callable[[Pilot[int], Scripted, Clock], Awaitable[None]]


def play(session: Scripted, test: Test, size: tuple[int, int] = (120, 32)) -> SmoltermApp:
    """Run one test on a screen."""
    clock = Clock()
    app = SmoltermApp(session, clock=clock)

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            await test(pilot, session, clock)

    asyncio.run(run())
    return app


def test_the_session_is_warmed_up_after_the_first_screen() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        assert session.calls == ["prepare"]
        assert "Say what you want done" in screen_text(pilot.app)

    play(Scripted(), test)


def test_a_task_shows_its_steps_and_its_answer() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot, "which region sells most?")
        text = screen_text(pilot.app)
        assert session.tasks == ["which region sells most?"]
        for part in (
            "❯ which region",
            "sum amount per region",
            "import csv",
            "12,408 orders",
            "Warning: [b]not markup[/b] red",
            "⚙ weather('Berlin')",
            "→ {'temp': 12}",
            "→ [('north', 1204551)]",
            "north leads with 12,045.51 €",
            "2.3k↑ 240↓",
            "$0.0031",
        ):
            assert part in text, part

    play(Scripted(*ran(), *ANSWER), test)


def test_a_streamed_reply_is_split_into_its_panes() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        text = screen_text(pilot.app)
        assert "I will sum **amount**" in text  # not formatted yet
        assert " 1 import csv" in text and "```" not in text

    play(Scripted(*streamed(), ApprovalRequested(step=1, code=CODE)), test)


@pytest.mark.parametrize(("key", "decision"), [("a", Approve()), ("s", Stop())])
def test_a_key_answers(key: str, decision: object) -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        clock.now += 1
        await pilot.press(key)
        await settle(pilot)
        assert session.decisions == [(1, decision, None)]
        assert not pilot.app.query_one(ApprovalBar).display
        assert pilot.app.query_one(Prompt).has_focus

    play(Scripted(*asked()), test)


def test_rejecting_asks_for_a_reason() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        clock.now += 1
        await pilot.press("r")
        await pilot.press(*"too slow", "enter")
        await settle(pilot)
        assert session.decisions == [(1, Reject("too slow"), None)]
        assert "rejected: too slow" in " ".join(screen_text(pilot.app).split())

    play(Scripted(*asked()), test)


def test_escape_takes_a_rejection_back() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        clock.now += 1
        await pilot.press("r", "n", "escape")
        assert not pilot.app.query(Input) and not session.decisions
        await pilot.press("a")
        assert session.decisions == [(1, Approve(), None)]

    play(Scripted(*asked()), test)


def test_edited_code_is_what_runs() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        clock.now += 1
        await pilot.press("e")
        assert pilot.app.query_one(Editor).text == "x = 1"
        await pilot.press("#", "ctrl+s")
        await settle(pilot)
        assert session.decisions == [(1, Edit("#x = 1"), None)]
        assert not pilot.app.query(Editor)
        assert "1 #x = 1" in screen_text(pilot.app)

    play(Scripted(*asked(code="x = 1")), test)


def test_escape_leaves_the_editor_and_the_question_stays() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        clock.now += 1
        await pilot.press("e", "x", "escape")
        assert not pilot.app.query(Editor) and not session.decisions
        assert pilot.app.query_one(ApprovalBar).has_focus

    play(Scripted(*asked()), test)


def test_keys_right_after_the_question_do_not_answer() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        clock.now += 0.4
        await pilot.press("a")
        clock.now += 0.4  # the key before made it wait again
        await pilot.press("a")
        assert session.decisions == []
        clock.now += 0.6
        await pilot.press("a")
        assert len(session.decisions) == 1

    play(Scripted(*asked()), test)


def test_a_click_right_after_the_question_does_not_answer() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await pilot.click("#choices", offset=(0, 0))
        assert session.decisions == []
        clock.now += 1
        await pilot.click("#choices", offset=(0, 0))
        assert session.decisions == [(1, Approve(), None)]

    play(Scripted(*asked()), test)


def test_enter_and_pasted_text_never_answer() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        from textual import events

        await give(pilot)
        clock.now += 1
        bar = pilot.app.query_one(ApprovalBar)
        await pilot.press("enter", "space", "y")
        bar.post_message(events.Paste("a"))
        await settle(pilot)
        assert session.decisions == []
        assert pilot.app.query_one(Prompt).text == "a"

    play(Scripted(*asked()), test)


def test_who_is_writing_keeps_the_keys() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await pilot.press(*"next")
        pilot.app.view.totals.started = clock.now
        session.handler(ApprovalRequested(step=1, code=CODE))
        await settle(pilot)
        clock.now += 1
        await pilot.press("a")
        prompt = pilot.app.query_one(Prompt)
        assert prompt.text == "nexta" and session.decisions == []
        assert "Tab answers" in screen_text(pilot.app)
        clock.now += 1
        await pilot.press("tab")
        clock.now += 1
        await pilot.press("a")
        assert len(session.decisions) == 1

    play(Scripted(*asked()), test)


def test_a_tool_call_is_shown_with_its_arguments() -> None:
    call = ApprovalRequested(
        step=1,
        code="f()",
        call=4,
        tool="send",
        arguments="'[b]x\u202e[/b]'",
        effect="network",
        why="not shown in the code",
    )

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        text = screen_text(pilot.app)
        assert "send('[b]x<U+202E>[/b]')" in text
        assert "network" in text and "not shown in the code" in text
        clock.now += 1
        await pilot.press("e")
        assert not pilot.app.query(Editor)
        await pilot.press("a")
        assert session.decisions == [(1, Approve(), 4)]

    play(Scripted(*proposed(1, "f()"), call), test)


def test_code_that_waits_is_shown_whole_and_as_it_is() -> None:
    code = "\n".join(f"line_{n} = '\u202e{n}'" for n in range(60))

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        text = screen_text(pilot.app)
        for n in range(60):
            assert f"line_{n} = '<U+202E>{n}'" in text

    play(Scripted(*asked(code=code)), test, size=(120, 80))


def test_text_typed_while_a_task_runs_is_kept() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        pilot.app.query_one(Prompt).focus()
        await pilot.press(*"later", "enter")
        assert pilot.app.query_one(Prompt).text == "later"
        assert "a task is running" in screen_text(pilot.app)
        assert session.tasks == ["go"]

    play(Scripted(*asked()), test)


def test_the_prompt_takes_lines_and_remembers() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot, "one")
        await pilot.press("a", "ctrl+j", "b", "enter")
        await settle(pilot)
        assert session.tasks == ["one", "a\nb"]
        await pilot.press("up", "up")
        assert pilot.app.query_one(Prompt).text == "one"
        await pilot.press("down", "down")
        assert pilot.app.query_one(Prompt).text == ""

    play(Scripted(Finished(reason="answer", answer="ok")), test)


def test_ctrl_c_interrupts_and_twice_leaves() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await pilot.press("ctrl+c")
        await settle(pilot)
        assert "interrupt" in session.calls
        assert "Interrupted." in screen_text(pilot.app)
        clock.now += 5
        await pilot.press("ctrl+c")
        assert pilot.app.is_running
        await pilot.press("ctrl+c")

    assert play(Scripted(*asked()), test).return_value == 0


def test_the_footer_says_what_is_waited_for() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        session.handler(ModelWaiting(step=1, why="rate limited", seconds=12, attempt=1))
        session.handler(SandboxChanged(state="preparing", fraction=0.5))
        await settle(pilot)
        text = screen_text(pilot.app)
        assert "needs you" in text and "preparing the sandbox" in text and "50%" in text

    play(Scripted(*asked()), test)


def test_waiting_for_the_provider_counts_down() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        session.handler(StepStarted(step=1, steps_left=3))
        pilot.app.view.totals.started = clock.now
        session.handler(ModelWaiting(step=1, why="rate limited", seconds=12, attempt=1))
        clock.now += 5
        await settle(pilot)
        assert "waiting: rate limited, 7 s" in screen_text(pilot.app)

    play(Scripted(), test)


def test_a_failing_session_is_a_line_not_a_crash() -> None:
    class Failing(Scripted):
        async def prepare(self) -> None:
            raise Unreachable("nothing answers", next="Start the server.")

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        assert "nothing answers Start the server." in screen_text(pilot.app)

    play(Failing(), test)


def test_commands() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot, "/help")
        assert "ctrl+s or F5 runs" in screen_text(pilot.app)
        await give(pilot, "/nonsense")
        assert "no command /nonsense" in screen_text(pilot.app)
        await give(pilot, "/quit")
        assert session.tasks == []

    assert play(Scripted(), test).return_value == 0


def test_the_footer_follows_what_happens_while_nothing_runs() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        pilot.app.take(SandboxChanged(state="ready"))
        await settle(pilot)
        assert "sandbox ready" in screen_text(pilot.app)
        pilot.app.take(SandboxChanged(state="died", detail="it was killed"))
        await settle(pilot)
        assert "sandbox ready" not in screen_text(pilot.app)

    play(Scripted(), test)


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

"""How a question is answered on the screen: by keys, clicks and edits, never by accident."""

from __future__ import annotations

import pytest
from scripted import Clock, Scripted, give, play, screen_text, settle
from stories import CODE, asked, proposed
from textual.pilot import Pilot
from textual.widgets import Input

from smolterm.events import ApprovalRequested
from smolterm.policy import Approve, Edit, Reject, Stop
from smolterm.tui.approval import ApprovalBar
from smolterm.tui.editor import Editor
from smolterm.tui.prompt import Prompt


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

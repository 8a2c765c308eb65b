"""How a question is answered on the screen: by keys, clicks and edits, never by accident."""

from __future__ import annotations

import pytest
from scripted import Clock, Scripted, give, play, press_alone, quiet, screen_text, settle
from stories import CODE, asked, proposed
from textual import events
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import Input

from smolterm.events import ApprovalRequested, Event, Touch
from smolterm.policy import Approve, Reject, Stop
from smolterm.tui.approval import ApprovalBar
from smolterm.tui.editor import Editor
from smolterm.tui.prompt import Prompt

RULES = (
    "Run code without asking as long as it calls no tool but `weather`.",
    "Let `weather` (network) be called without asking, with exactly these arguments only: 'Bonn'",
)


def request(**more: object) -> list[Event]:
    fields: dict[str, object] = {"step": 1, "code": CODE, **more}
    return [*proposed(1, str(fields["code"])), ApprovalRequested(**fields)]  # type: ignore[arg-type]


def flat(pilot: Pilot[int]) -> str:
    return " ".join(screen_text(pilot.app).split())


@pytest.mark.parametrize(("key", "decision"), [("a", Approve()), ("s", Stop())])
def test_a_key_answers(key: str, decision: object) -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, key)
        assert session.decisions == [(1, decision, None)]
        assert not pilot.app.query_one(ApprovalBar).display
        assert pilot.app.query_one(Prompt).has_focus

    play(Scripted(*asked()), test)


def test_an_answer_is_pending_until_its_quiet_time_is_over() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        clock.now += 2
        await pilot.press("a")
        await pilot.pause(0.2)
        assert session.decisions == []
        assert "approving … any other key takes it back" in flat(pilot)
        await quiet(pilot, clock)
        assert session.decisions == [(1, Approve(), None)]

    play(Scripted(*asked()), test)


@pytest.mark.parametrize("key", ["down", "escape", "x", "a", "ctrl+g", "f12"])
def test_another_key_takes_an_answer_back(key: str) -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        clock.now += 2
        await pilot.press("a")
        clock.now += 0.1
        await pilot.press(key)
        await quiet(pilot, clock)
        assert session.decisions == []
        assert "Run this code?" in screen_text(pilot.app)

    play(Scripted(*asked()), test)


@pytest.mark.parametrize("text", ["pasted junk", "approve", "as", "rm -rf", "yes", "1a", "ca"])
def test_text_typed_at_the_question_goes_to_the_prompt(text: str) -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        clock.now += 2
        for character in text:
            clock.now += 0.05
            pilot.app.query_one(ApprovalBar)
            await pilot.press("space" if character == " " else character)
        await quiet(pilot, clock)
        prompt = pilot.app.query_one(Prompt)
        assert session.decisions == [] and not pilot.app.query(Editor)
        assert prompt.text == text and prompt.has_focus
        assert "Tab answers" in screen_text(pilot.app)
        await press_alone(pilot, clock, "tab", "a")
        assert session.decisions == [(1, Approve(), None)]

    play(Scripted(*asked()), test)


def test_a_paste_of_lines_without_marks_is_not_sent() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        clock.now += 2
        await pilot.press("p", "a", "enter", "s", "enter")
        await quiet(pilot, clock)
        assert session.decisions == [] and session.tasks == ["go"]
        assert pilot.app.query_one(Prompt).text == "pa\ns\n"

    play(Scripted(*asked()), test)


def test_text_typed_while_the_question_appears_is_kept() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        for character in "as for":
            clock.now += 0.3
            await pilot.press("space" if character == " " else character)
        await quiet(pilot, clock)
        assert session.decisions == []
        assert pilot.app.query_one(Prompt).text == "as for"

    play(Scripted(*asked()), test)


def test_a_slow_word_that_begins_with_no_choice_is_text() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        clock.now += 2
        for character in "was":
            clock.now += 0.7
            await pilot.press(character)
        await quiet(pilot, clock)
        assert session.decisions == []
        assert pilot.app.query_one(Prompt).text == "was"

    play(Scripted(*asked()), test)


def test_rejecting_asks_for_a_reason() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "r")
        await pilot.press(*"too slow", "enter")
        await settle(pilot)
        assert session.decisions == [(1, Reject("too slow"), None)]
        assert "rejected: too slow" in flat(pilot)

    play(Scripted(*asked()), test)


def test_escape_takes_a_rejection_back() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "r")
        await pilot.press("n", "escape")
        assert not pilot.app.query(Input) and not session.decisions
        await press_alone(pilot, clock, "a")
        assert session.decisions == [(1, Approve(), None)]

    play(Scripted(*asked()), test)


def test_keys_right_after_the_question_do_not_answer() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        clock.now += 0.4
        await pilot.press("a")
        clock.now += 0.4  # the key before made it wait again
        await pilot.press("a")
        await quiet(pilot, clock)
        assert session.decisions == []
        await press_alone(pilot, clock, "a")
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
        await give(pilot)
        await press_alone(pilot, clock, "enter", "space", "y")
        bar = pilot.app.query_one(ApprovalBar)
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
        await press_alone(pilot, clock, "tab", "a")
        assert len(session.decisions) == 1

    play(Scripted(*asked()), test)


def test_a_tool_call_is_shown_with_its_arguments_and_where_it_stands() -> None:
    code = "x = 1\nfor n in range(3):\n    send(n)\nprint(x)"
    call = ApprovalRequested(
        step=1, code=code, call=4, tool="send", arguments="'[b]x\u202e[/b]'", effect="network",
        why="not shown in the code", line=3,
    )  # fmt: skip

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        text = screen_text(pilot.app)
        assert "send('[b]x<U+202E>[/b]')" in text
        assert "network" in text and "not shown in the code" in text and "line 3" in text
        assert "1 hidden character, marked in the arguments" in text
        assert "▸  3 " in text and " 2 for n in range(3):" in text and " 4 print(x)" in text
        await press_alone(pilot, clock, "e", "ctrl+g")
        assert not pilot.app.query(Editor)
        await press_alone(pilot, clock, "a")
        assert session.decisions == [(1, Approve(), 4)]

    play(Scripted(*proposed(1, code), call), test)


def test_long_arguments_are_folded_with_their_size_and_unfold() -> None:
    call = ApprovalRequested(
        step=1,
        code="f()",
        call=1,
        tool="send",
        arguments="'" + "x" * 9_000 + "END'",
        effect="spend",
    )

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        detail = pilot.app.query_one("#detail", VerticalScroll)
        assert "t all" in screen_text(pilot.app)
        folded = detail.virtual_size.height
        await press_alone(pilot, clock, "end")
        assert "5,005 characters more" in flat(pilot) or "END')" in flat(pilot)
        await press_alone(pilot, clock, "t", "end")
        assert detail.virtual_size.height > 2 * folded
        assert "END')" in flat(pilot)
        assert "a approve" in screen_text(pilot.app)

    play(Scripted(*proposed(1, "f()"), call), test, size=(80, 24))


def test_code_that_waits_is_shown_whole_and_as_it_is() -> None:
    code = "\n".join(f"line_{n} = '\u202e{n}'" for n in range(60))

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        text = screen_text(pilot.app)
        for n in range(60):
            assert f"line_{n} = '<U+202E>{n}'" in text
        assert "60 hidden characters, marked in the code" in text

    play(Scripted(*asked(code=code)), test, size=(120, 80))


TOUCHES = (
    Touch(kind="tool", what="weather", effect="network", line=2),
    Touch(kind="tool", what="weather", effect="network", line=5),
    Touch(kind="write", what="/files/a\u202e.csv", line=4),
    Touch(kind="write", what="", line=9, may=True),
    *(Touch(kind="read", what=f"/data/{n}[b].csv", line=n + 1, may=True) for n in range(30)),
    Touch(kind="delete", what="d" * 500, line=7),
    Touch(kind="network", what="example.org", may=True),
    Touch(kind="package", what="pandas"),
)


def test_what_code_would_touch_is_said_in_groups_and_bounded() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        text = flat(pilot)
        assert "calls weather (network) lines 2, 5" in text
        assert "writes /files/a<U+202E>.csv line 4" in text
        assert "may write files that it does not name line 9" in text
        assert "may read /data/0[b].csv line 1, /data/1[b].csv line 2" in text
        assert "and 27 more" in text and "440 characters more" in text
        assert "may reach example.org" in text and "installs pandas" in text
        await press_alone(pilot, clock, "t")
        await press_alone(pilot, clock, "end")
        assert "/data/29[b].csv line 30" in flat(pilot)
        await press_alone(pilot, clock, "t")
        assert "and 27 more" in flat(pilot) and session.decisions == []

    play(Scripted(*request(touches=TOUCHES)), test, size=(140, 50))


def test_a_rule_is_shown_in_full_before_it_is_taken() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "p")
        text = flat(pilot)
        assert f"1 {RULES[0]}" in text and f"2 {RULES[1]}" in text
        await press_alone(pilot, clock, "a", "enter", "A", "3")
        assert session.decisions == []
        await press_alone(pilot, clock, "2")
        text = flat(pilot)
        assert RULES[1] in text and RULES[0] not in text
        assert "enter for this session" in text and "A always" in text
        await press_alone(pilot, clock, "a", "escape")
        assert RULES[0] in flat(pilot)
        await press_alone(pilot, clock, "2")
        assert session.decisions == []
        await press_alone(pilot, clock, "enter")
        assert session.decisions == [(1, Approve(rule=1), None)]

    play(Scripted(*request(rules=RULES)), test)


def test_a_rule_for_always_is_a_key_of_its_own() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "p")
        assert RULES[0] in flat(pilot)
        await pilot.press("A")  # the rule came up this moment
        await quiet(pilot, clock)
        assert session.decisions == []
        await press_alone(pilot, clock, "A")
        assert session.decisions == [(1, Approve(rule=0, always=True), None)]

    play(Scripted(*request(rules=RULES[:1])), test)


def test_a_rule_that_was_not_read_to_its_end_is_not_taken() -> None:
    rule = "Let `send` be called with exactly these arguments only: " + "x " * 300 + "END"

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "p", "enter")
        assert session.decisions == [] and "END" not in screen_text(pilot.app)
        await press_alone(pilot, clock, *["pagedown"] * 20, "enter")
        assert session.decisions == [(1, Approve(rule=0), None)]

    play(Scripted(*request(rules=(rule,))), test, size=(40, 12))


def test_without_rules_none_is_offered_and_it_says_why() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        assert "p rule" not in screen_text(pilot.app)
        await press_alone(pilot, clock, "p")
        assert "no rule can stand for this" in screen_text(pilot.app)

    play(Scripted(*asked()), test)


def test_copying_takes_the_code_as_it_is() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "c")
        assert pilot.app.clipboard == CODE and session.decisions == []

    play(Scripted(*asked()), test)


def test_the_code_is_read_full_screen_and_the_question_stays() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        await press_alone(pilot, clock, "z")
        assert len(pilot.app.screen_stack) == 2
        await press_alone(pilot, clock, "a", "escape")
        assert session.decisions == [] and len(pilot.app.screen_stack) == 1
        await press_alone(pilot, clock, "a")
        assert len(session.decisions) == 1

    play(Scripted(*asked()), test)


def test_every_choice_can_be_clicked() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        clock.now += 2
        await pilot.pause(0.6)
        line = next(x for x in screen_text(pilot.app).split("\n") if "a approve" in x)
        for word, shown in [("p rule", "by which rule"), ("esc back", "a approve")]:
            clock.now += 2
            lines = screen_text(pilot.app).split("\n")
            y = next(n for n, line in enumerate(lines) if word in line)
            await pilot.click(offset=(lines[y].index(word), y))
            await settle(pilot)
            assert shown in screen_text(pilot.app), line
        assert session.decisions == []

    play(Scripted(*request(rules=RULES)), test)


def test_keys_can_be_mapped_anew() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        pilot.app.keymap = {"approval.approve": "f12"}
        pilot.app.set_keymap({"approval.approve": "f12"})
        await give(pilot)
        assert "f12 approve" in screen_text(pilot.app).lower()
        await press_alone(pilot, clock, "a")
        assert session.decisions == []
        clock.now += 2
        await press_alone(pilot, clock, "f12")
        assert session.decisions == [(1, Approve(), None)]

    play(Scripted(*asked()), test)

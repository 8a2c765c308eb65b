"""What people do on the screen, and what the session is told."""

from __future__ import annotations

from scripted import Clock, Scripted, give, play, screen_text, settle
from stories import ANSWER, asked, ran
from textual.pilot import Pilot

from smolterm.errors import Unreachable
from smolterm.events import Finished, ModelWaiting, SandboxChanged, StepStarted
from smolterm.tui.prompt import Prompt


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
        assert "works now" in screen_text(pilot.app)
        await pilot.press("escape")
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

"""What people do on the screens beside the conversation, key by key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from kept import NAMES, Kept, done, looked, past, with_variables
from scripted import Clock, Scripted, give, screen_text, settle
from stories import ANSWER, asked, ran
from textual.app import App
from textual.pilot import Pilot

from smolterm.config import Config, Settings, load_config
from smolterm.errors import SandboxDied
from smolterm.events import Event, Finished, Notice, OutputAdded, Rewound, StepStarted, Table
from smolterm.policy import Approve
from smolterm.tui.app import SmoltermApp
from smolterm.tui.help import WHERE, HelpPage, keys_by_place
from smolterm.tui.picker import PickerPage, SessionList
from smolterm.tui.prompt import Prompt
from smolterm.tui.rowsview import Rows

STORY = [*ran(1), *with_variables(2), *ANSWER]
Test = Callable[[Pilot[int], Scripted, Kept], Awaitable[None]]


def play(session: Scripted, test: Test, *, size: tuple[int, int] = (120, 32),
         config: Config | None = None) -> SmoltermApp:  # fmt: skip
    kept = Kept()
    app = SmoltermApp(session, clock=Clock(), sessions=kept, config=config)

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            await test(pilot, session, kept)

    asyncio.run(run())
    return app


async def press(pilot: Pilot[int], *keys: str) -> str:
    """Press keys, wait for what they start, and return the screen."""
    for key in keys:
        await pilot.press(key)
    await (looked if "f7" in keys else done)(pilot)
    return screen_text(pilot.app)


@pytest.mark.parametrize("key", ["f1", "f3", "f7", "f8", "f9", "f10"])
@pytest.mark.parametrize("size", [(120, 32), (40, 12)])
def test_a_key_opens_a_screen_and_takes_it_away(key: str, size: tuple[int, int]) -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        await give(pilot)
        before = screen_text(pilot.app)
        assert await press(pilot, key) != before
        assert "[b]not markup[/b] red" not in screen_text(pilot.app) or key == "f3"
        assert await press(pilot, key) == before
        await press(pilot, key)
        if key == "f7":
            await pilot.press("down")
        if not (key == "f3" and size[0] > 100):
            assert await press(pilot, "escape") == before

    play(Scripted(*STORY), test, size=size)


# Variables


def test_variables_stand_beside_the_steps_and_follow_them() -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        assert "none yet" in await press(pilot, "f3")
        pilot.app.query_one(Prompt).focus()
        await give(pilot)
        text = screen_text(pilot.app)
        for part in ("+ rows", "list 12,408", "~ totals", "[b]north[/b] red", "❯"):
            assert part in text, part
        pilot.app.take(Rewound(step=2, branch=1, names=NAMES[:1]))
        await settle(pilot)
        assert "totals" not in screen_text(pilot.app).split("Variables")[1].split("❯")[0]

    play(Scripted(*STORY), test)


@pytest.mark.parametrize("size", [(120, 32), (40, 12)])
def test_rows_come_as_they_are_scrolled_to(size: tuple[int, int]) -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        await give(pilot)
        text = await press(pilot, "f3", "enter")
        assert "name 0" in text and "name 3" in text
        assert [call for call in session.calls if "rows" in call] == ["rows rows 0 100"]
        await press(pilot, "end")
        text = await press(pilot)
        assert "name 249" in text and "row 249 of 250" in text
        assert "rows rows 200 100" in session.calls
        await press(pilot, "right", "right", "c")
        assert pilot.app.clipboard == str(249 * 249)
        await press(pilot, "r", "home", "j", "down", "k", "pagedown", "pageup", "left", "h", "l")
        assert pilot.app.clipboard == f"249\tname 249\t{249 * 249}"
        assert "Variables" in await press(pilot, "escape")

    play(Scripted(*STORY), test, size=size)


def test_a_table_of_any_width_and_of_hostile_text_is_shown() -> None:
    class Wide(Scripted):
        async def rows(self, name: str, first: int, count: int) -> Table:
            values = tuple(f"[b]{n}[/b]\x1b[31m\n注{'x' * 300}" for n in range(200))
            columns = tuple(f"col {n}" for n in range(200))
            return Table(columns=columns, rows=(values,) * 3, total=3, left_out=800)

    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        await give(pilot)
        text = await press(pilot, "f3", "enter")
        assert "[b]0[/b] 注xxx" in text and "800 columns left out" in text
        text = await press(pilot, *["right"] * 20)
        assert "[b]20[/b]" in text and "[b]0[/b]" not in text

    play(Wide(*STORY), test, size=(60, 14))


def test_rows_that_cannot_be_had_say_why() -> None:
    class Dead(Scripted):
        async def rows(self, name: str, first: int, count: int) -> Table:
            raise SandboxDied("The sandbox died.")

    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        await give(pilot)
        assert "The sandbox died." in await press(pilot, "f3", "enter")
        assert pilot.app.screen.query_one(Rows).total == 0
        text = await press(pilot, "escape", "down", "down", "down", "enter")
        assert "n has no rows: 42" in text

    play(Dead(*STORY), test)


# Sessions


def test_sessions_are_looked_for_while_typing() -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        text = await press(pilot, "f7")
        for part in ("clean the [b]orders[/b] file", "● runs elsewhere", "◆ here", "注文の集計"):
            assert part in text, part
        await press(pilot, *"plot")
        await looked(pilot)
        text = screen_text(pilot.app)
        assert "plot the temperatures" in text and "orders" not in text
        assert kept.calls == ["find ", "find plot"]
        text = await press(pilot, "down", "enter")
        assert "it runs in another process" in text

    play(Scripted(), test)


def test_another_session_takes_the_place_of_this_one() -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        await give(pilot, "the first")
        text = await press(pilot, "f7", "down", "down", "enter")
        assert kept.calls[-1] == "open 20261120-7"
        assert "❯ from before" in text and "step 3" in text and "the first" not in text
        await pilot.pause()
        assert session.calls[-1] == "close"
        session.handler(Notice(text="from the grave"))
        assert "from the grave" not in await press(pilot)
        await give(pilot, "and now")
        assert kept.opened[0].tasks == ["and now"]
        assert "❯ and now" in screen_text(pilot.app)
        assert "prepare" in kept.opened[0].calls

    app = play(Scripted(*STORY), test)
    assert app.session.id == "20261120-7"


def test_a_session_that_cannot_be_opened_leaves_this_one() -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        text = await press(pilot, "f7", "end", "down", *["down"] * 3, "enter")
        assert "It is damaged." in text
        assert "close" not in session.calls and pilot.app.session is session

    play(Scripted(), test)


def test_sessions_are_forked_renamed_and_deleted() -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        await press(pilot, "f7", "down", "down", "r")
        await press(pilot, *["backspace"] * 30, *"mine", "enter")
        assert "rename 20261120-7 mine" in kept.calls
        assert "Delete" in await press(pilot, "d")
        await press(pilot, "x")
        assert not any("delete" in call for call in kept.calls)
        text = await press(pilot, "d", "y")
        assert "delete 20261120-7" in kept.calls and "orders" not in text
        assert "cannot be deleted" in await press(pilot, "d")  # it runs elsewhere
        await press(pilot, "f")
        assert kept.calls[-1] == "fork 20261119-2 None None"
        assert not isinstance(pilot.app.screen, PickerPage)

    play(Scripted(), test)


def test_letters_that_mean_nothing_in_the_list_go_on_looking() -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        await press(pilot, "f7", "down")
        assert isinstance(pilot.app.focused, SessionList)
        await press(pilot, "o", "r")
        await looked(pilot)
        assert kept.calls[-1] == "find or"

    play(Scripted(), test)


def test_a_running_task_is_not_left_for_another_session() -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        await give(pilot)
        text = await press(pilot, "f7", "down", "down", "enter")
        assert "interrupt it first" in text and pilot.app.session is session

    play(Scripted(*asked()), test)


def test_a_model_that_is_being_loaded_is_not_left() -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        await give(pilot, "/model other/one")
        text = await press(pilot, "f7", "down", "down", "enter")
        assert "another model is being loaded" in text and pilot.app.session is session

    play(Scripted(), test)


# Going back


def test_going_back_to_before_a_step() -> None:
    class Rewinds(Scripted):
        async def rewind(self, step: int) -> None:
            self.calls.append(f"rewind {step}")
            self.handler(Rewound(step=step, branch=1, way="in place", task="go"))

    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        await give(pilot)
        text = await press(pilot, "f8")
        assert "step 1  import csv" in text and "→ 12,408 orders" in text and "❯ go" in text
        assert "± rows, totals" in text
        text = await press(pilot, "up", "up", "enter")
        assert "rewind 1" in session.calls
        assert "What came after it is branch 1" in text
        assert pilot.app.query_one(Prompt).text == "go"
        text = await press(pilot, "f8")
        assert "branch 1, from step 1 on" in text
        await press(pilot, "end", "enter")
        assert kept.calls == ["fork 20261121-1 None 1"]

    play(Rewinds(*STORY), test)


def test_a_running_task_is_interrupted_before_going_back() -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        await give(pilot)
        text = await press(pilot, "f8", "enter")
        assert "interrupt it first" in text and not any("rewind" in c for c in session.calls)

    play(Scripted(*asked()), test)


# The past


def test_what_happened_before_is_on_the_first_screen() -> None:
    session = Scripted()
    session.past = past(40, "from before")

    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        text = screen_text(pilot.app)
        assert "print('step 40')" in text and "north leads" in text and "idle" in text
        await press(pilot, "shift+tab")
        pilot.app.query_one("Steps").focus()
        await press(pilot, "home")
        assert "❯ from before" in await press(pilot)

    play(session, test)


def test_a_task_that_a_crash_cut_off_runs_no_more() -> None:
    session = Scripted()
    session.past = (*past(1)[:-1], StepStarted(step=2, steps_left=3), *asked(2)[1:])

    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        assert not pilot.app.view.running and not pilot.app.view.pending
        assert "idle" in screen_text(pilot.app) and "Run this code?" not in screen_text(pilot.app)

    play(session, test)


# Modes, keys, settings, log, palette, help


def test_f4_goes_through_the_modes() -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        seen = []
        for _ in range(5):
            seen.append(session.mode)
            assert session.mode in screen_text(pilot.app).splitlines()[-2]
            await press(pilot, "f4")
        assert seen == ["step", "effects", "plan", "auto", "step"]

    play(Scripted(), test, size=(40, 12))


def configured(**settings: object) -> Config:
    made = Settings(**settings)  # type: ignore[arg-type]
    return Config(settings=made, origins=dict.fromkeys(Settings.__struct_fields__, "default"))


def test_keys_are_set_and_shown_as_they_are_set() -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        assert "f12 help" in screen_text(pilot.app)
        text = await press(pilot, "f12")
        assert "works now" in text and "Prompt" not in text
        await press(pilot, "end")
        assert "/quit" in await press(pilot)
        lines = [entry for entry in pilot.app.screen._entries if entry.name == "app.help"]
        assert [entry.keys for entry in lines] == ["f12"]
        await press(pilot, "escape")
        before = screen_text(pilot.app)
        assert await press(pilot, "f1") == before

    play(Scripted(), test, config=configured(keys={"app.help": "f12"}))


def test_keys_that_clash_or_are_nothing_are_named() -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        await pilot.pause()
        said = [note.message for note in pilot.app._notifications]
        assert any("[keys] names steps.nonsense" in each for each in said)
        assert any("gives f2 to both" in each and "app.help" in each for each in said)
        assert len(said) == 2

    play(Scripted(), test, config=configured(keys={"steps.nonsense": "x", "app.help": "f2"}))


def test_a_setting_is_changed_in_the_file_and_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# mine\nmax_steps = 7\n")
    monkeypatch.setenv("SMOLTERM_CONFIG", str(path))
    names = list(Settings.__struct_fields__)

    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        text = await press(pilot, "f10", *["down"] * names.index("max_steps"))
        assert "from the file" in text and "Steps of one task" in text
        await press(pilot, "enter", "backspace", "9", "enter")
        assert "a number" in await press(pilot, "enter", "backspace", "x", "enter")
        assert "below 0" in await press(pilot, "backspace", *"-1", "enter")
        await press(pilot, "home", *["down"] * names.index("bell"))
        assert "in force now" in await press(pilot, "enter")
        assert pilot.app.bell_rings is False
        await press(pilot, "home", *["down"] * names.index("allow"))
        assert "in the file alone" in await press(pilot, "enter")

    play(Scripted(), test, config=load_config({}, {}, path))
    assert path.read_text() == "# mine\nmax_steps = 9\nbell = false\n"


def test_the_log_holds_events_but_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "very-secret-value")

    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        await give(pilot)
        pilot.app.take(OutputAdded(step=2, stream="stdout", text="it is very-secret-value"))
        text = await press(pilot, "f9", "enter")
        assert "OutputAdded" in text and "it is •••" in text and "very-secret" not in text
        await press(pilot, "C")
        assert "TaskStarted" in pilot.app.clipboard and "very-secret" not in pilot.app.clipboard
        await press(pilot, "home", "c")
        assert pilot.app.clipboard.count("\n") == 0

    play(Scripted(*STORY), test)


def test_the_palette_finds_commands_and_keys() -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        text = await press(pilot, "ctrl+p")
        await pilot.pause(0.2)
        await press(pilot, *"rewind")
        await pilot.pause(0.3)
        text = await press(pilot)
        assert "f8" in text and "/rewind" in text
        await press(pilot, "enter")
        await pilot.pause(0.1)
        assert "Rewind" in (await press(pilot)).splitlines()[0]

    play(Scripted(), test)


def test_what_happens_meanwhile_is_said_on_other_screens() -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        await press(pilot, "f9")
        pilot.app.start("go")
        await settle(pilot)
        assert "ApprovalRequested" in screen_text(pilot.app)
        assert "a question waits: esc goes back" in screen_text(pilot.app)
        await press(pilot, "ctrl+c")
        await pilot.pause()
        assert "interrupt" in session.calls

    play(Scripted(*asked()), test)


def test_ctrl_c_copies_what_is_selected_while_nothing_runs() -> None:
    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        prompt = pilot.app.query_one(Prompt)
        prompt.text = "some words"
        prompt.select_all()
        await press(pilot, "ctrl+c")
        assert pilot.app.clipboard == "some words"
        assert "copied the selection, 1 line" in screen_text(pilot.app)

    play(Scripted(), test)


# The window


def test_the_window_says_what_goes_on_and_the_bell_rings() -> None:
    clock, rung = Clock(), list[str]()
    app = SmoltermApp(Scripted(*asked(), Finished(reason="answer", answer="x")), clock=clock)
    app.bell = lambda: rung.append(app.window_title())  # type: ignore[method-assign]

    async def run() -> None:
        async with app.run_test() as pilot:
            await settle(pilot)
            assert app.window_title() == "smolterm"
            await give(pilot, "count the rows")
            assert app.window_title() == "● needs you: count the rows · smolterm"
            assert len(rung) == 1
            clock.now += 11
            app.session.decide(1, Approve())
            await settle(pilot)
            assert len(rung) == 2
            app._looks = True
            app.start("again")
            await settle(pilot)
            assert len(rung) == 2

    asyncio.run(run())


def test_hostile_events_do_not_reach_the_lists() -> None:
    hostile: list[Event] = [Notice(text="\x1b]2;x\x07[b]"), OutputAdded(step=1, stream="stdout",
                            text="\x1b[2J" + "x" * 100_000)]  # fmt: skip

    async def test(pilot: Pilot[int], session: Scripted, kept: Kept) -> None:
        for event in hostile:
            pilot.app.take(event)
        text = await press(pilot, "f9")
        assert "\x1b" not in text and "[b]" in text

    play(Scripted(), test)


def test_every_key_has_one_meaning_where_it_works() -> None:
    found = keys_by_place(App())
    assert set(found) <= set(WHERE.values())
    for place, entries in found.items():
        names = [entry.name for entry in entries if entry.name]
        assert len(names) == len(set(names)), place
    assert [entry.words for entry in found["Among the sessions"]].count("Take") == 0


def test_a_screen_that_is_not_up_yet_takes_what_it_is_told() -> None:
    page = HelpPage()
    page.say("a question waits")
    page.show_keys()

"""The panes under the reader's keys: chosen, widened, hidden, stacked, read full screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from pictures import encoded
from scripted import Clock, Scripted, give, play, screen_text, settle
from stories import ANSWER, CODE, proposed, ran
from textual.pilot import Pilot

from smolterm import events as ev
from smolterm.tui.imageview import ImagePage
from smolterm.tui.layout import USUAL
from smolterm.tui.reading import Reading, Whole
from smolterm.tui.rowsview import RowsPage
from smolterm.tui.steps import Steps
from smolterm.tui.tableview import GivenRows

LINKED = [
    *proposed(),
    ev.CellStarted(step=1, code=CODE),
    ev.OutputAdded(step=1, stream="stdout", text="12,408 orders\n"),
    ev.ToolCalled(step=1, call=1, tool="weather", arguments="'Berlin'", effect="network", line=4),
    ev.ToolReturned(step=1, call=1, tool="weather", ok=True, result="12", seconds=0.1),
    ev.CellFinished(
        step=1,
        error=ev.CellError(type="E", message="m", traceback="Traceback:\nKeyError: 'amount'"),
        lines=(7,),
    ),
]
TABLE = ev.Table(columns=("", "region"), rows=(("0", "north"), ("1", "west")), total=1206)


async def focused(pilot: Pilot[int]) -> Steps:
    await give(pilot)
    steps = pilot.app.query_one(Steps)
    steps.focus()
    await pilot.pause()
    return steps


def marked(pilot: Pilot[int]) -> list[str]:
    """Return the lines of the screen that carry a pointer, from it on."""
    lines = screen_text(pilot.app).splitlines()
    return [part.strip() for line in lines for part in line.split("▸ ")[1:]]


def test_keys_change_how_the_panes_stand() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        steps = await focused(pilot)
        assert steps.pane == 1
        await pilot.press("w")
        assert steps.panes.shares == (27, 44, 29)
        await pilot.press("W", "left", "x")
        assert steps.pane == 0 and steps.panes.shown == (1, 2)
        await settle(pilot)
        assert "(reasoning)" in screen_text(pilot.app)
        assert "reasoning is hidden, x shows it" in screen_text(pilot.app)
        await pilot.press("x", "l", "l", "l", "t")
        assert steps.pane == 2 and steps.panes.stacked is True
        await pilot.press("w")
        await settle(pilot)
        assert "t puts them side by side" in screen_text(pilot.app)
        await pilot.press("equals_sign")
        assert steps.panes == USUAL

    play(Scripted(*ran(), *ANSWER), test)


def test_panes_stand_side_by_side_on_a_narrow_screen_by_choice() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await focused(pilot)
        assert "▎ reasoning" in screen_text(pilot.app)
        await pilot.press("t")
        await settle(pilot)
        assert "Reasoning" in screen_text(pilot.app) and "│" in screen_text(pilot.app)

    play(Scripted(*ran(), *ANSWER), test, size=(80, 24))


def test_code_that_waits_is_shown_though_its_pane_is_hidden() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        steps = pilot.app.query_one(Steps)
        steps.panes = USUAL.toggled(1)
        await settle(pilot)
        assert "import csv" in screen_text(pilot.app)

    play(Scripted(*proposed(), ev.ApprovalRequested(step=1, code=CODE)), test)


def test_a_line_of_output_is_linked_with_its_code_and_back() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        steps = await focused(pilot)
        assert marked(pilot) == []
        lines = screen_text(pilot.app).splitlines()
        y = next(n for n, line in enumerate(lines) if "weather('Berlin')" in line)
        x = lines[y].index("weather")
        await pilot.click(offset=(x, y))
        assert any("4 rows =" in line for line in marked(pilot)), marked(pilot)
        assert any("weather" in line for line in marked(pilot))
        await pilot.press("left", "right_square_bracket")
        assert any("totals[row" in line for line in marked(pilot))
        assert any("KeyError" in line for line in marked(pilot))
        y = next(n for n, line in enumerate(lines) if "import csv" in line)
        await pilot.click(offset=(lines[y].index("import csv"), y))
        assert len(marked(pilot)) == 1 and steps.pane == 1

    play(Scripted(*LINKED, *ANSWER), test)


def test_a_linked_line_is_seen_though_its_pane_is_folded() -> None:
    code = "\n".join(f"line_{n} = {n}" for n in range(1, 91))
    story = [
        *proposed(code=code),
        ev.CellStarted(step=1, code=code),
        ev.ToolCalled(step=1, call=1, tool="weather", arguments="", effect="", line=45),
        ev.CellFinished(step=1),
    ]

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await focused(pilot)
        assert "line_45" not in screen_text(pilot.app)
        await pilot.press("right_square_bracket")
        text = screen_text(pilot.app)
        assert "line_45 = 45" in text and "line_44" in text and "line_60" not in text

    play(Scripted(*story, *ANSWER), test)


def test_a_step_without_links_says_so() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await focused(pilot)
        await pilot.press("left_square_bracket", "i")
        await settle(pilot)
        assert "no table or image in this step" in screen_text(pilot.app)

    play(Scripted(*proposed(), *ANSWER), test)


@pytest.mark.parametrize("width", [120, 80])
def test_the_running_line_is_marked_and_followed(width: int) -> None:
    code = "\n".join(f"line_{n} = {n}" for n in range(1, 91))

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await give(pilot)
        for line in (3, 50):
            session.handler(ev.LineReached(step=1, line=line))
            await settle(pilot)
            text = screen_text(pilot.app)
            assert f"▶ {line:>2} line_{line} = {line}" in text and text.count("▶  ") < 2
            assert f"running line {line}" in text
        session.handler(ev.CellFinished(step=1))
        await settle(pilot)
        assert "▶ 50" not in screen_text(pilot.app)

    play(Scripted(*proposed(code=code), ev.CellStarted(step=1, code=code)), test, (width, 60))


def test_one_step_is_read_full_screen() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await focused(pilot)
        await pilot.press("z")
        await settle(pilot)
        page = pilot.app.screen
        assert isinstance(page, Reading)
        text = screen_text(pilot.app)
        assert "lines more" not in text and "row 20" in text and "import csv" in text
        await pilot.press("right")
        assert "sum amount" in screen_text(pilot.app) and "import csv" not in screen_text(pilot.app)
        await pilot.press("right", "c")
        assert pilot.app.clipboard == CODE
        await pilot.press("right", "end")
        await pilot.pause()
        whole = page.query_one(Whole)
        assert whole.scroll_offset.y == whole.max_scroll_y > 0
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, Reading)

    play(Scripted(*ran(output="".join(f"row {n}\n" for n in range(99))), *ANSWER), test)


def test_a_step_that_runs_goes_on_full_screen() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await focused(pilot)
        await pilot.press("f")
        session.handler(ev.OutputAdded(step=1, stream="stdout", text="while reading\n"))
        await settle(pilot)
        assert isinstance(pilot.app.screen, Reading)
        assert "while reading" in screen_text(pilot.app)

    play(Scripted(*proposed(), ev.CellStarted(step=1, code=CODE)), test)


@pytest.mark.parametrize(("name", "page"), [("totals", RowsPage), ("", GivenRows)])
def test_a_table_is_looked_at(name: str, page: type[RowsPage]) -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await focused(pilot)
        assert "… 1,204 rows more, i shows them" in screen_text(pilot.app)
        await pilot.press("i")
        await settle(pilot)
        assert type(pilot.app.screen) is page
        shown = "name 0" if name else "north"
        assert shown in screen_text(pilot.app)

    shown = ev.Displayed(step=1, name=name, table=TABLE)
    play(Scripted(*ran()[:-1], shown, *ANSWER), test)


async def pictured(pilot: Pilot[int]) -> None:
    """Wait until images are decoded, which a child process does."""
    await settle(pilot)
    await pilot.app.workers.wait_for_complete()
    for _ in range(2):  # a screen that was pushed draws itself after that
        await settle(pilot)


def test_an_image_is_drawn_and_looked_at() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await focused(pilot)
        await pictured(pilot)
        text = screen_text(pilot.app)
        assert "sales, PNG 64 × 48, i shows it" in text and "▀▀▀▀" in text
        await pilot.press("i")
        await pictured(pilot)
        assert isinstance(pilot.app.screen, ImagePage)
        assert "PNG 64 × 48" in screen_text(pilot.app) and "▀▀▀▀" in screen_text(pilot.app)

    image = ev.Displayed(step=1, image=encoded(), alt="sales")
    play(Scripted(*ran()[:-1], image, *ANSWER), test)


def test_an_image_that_cannot_be_shown_says_what_it_was() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await focused(pilot)
        await pictured(pilot)
        assert "sales: not shown, it is no PNG" in screen_text(pilot.app)

    image = ev.Displayed(step=1, image=b"<svg>", alt="sales")
    play(Scripted(*ran()[:-1], image, *ANSWER), test)


def test_without_colours_an_image_is_words_and_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await focused(pilot)
        await pictured(pilot)
        text = screen_text(pilot.app)
        assert "sales, PNG 64 × 48" in text and "▀" not in text

    image = ev.Displayed(step=1, image=encoded(), alt="sales")
    play(Scripted(*ran()[:-1], image, *ANSWER), test)


def test_a_pane_is_handed_to_the_pager_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen, pager = tmp_path / "seen", tmp_path / "pager"
    pager.write_text(f'#!/bin/sh\ncp "$1" {seen}; basename "$1" >> {seen}\n')
    pager.chmod(0o755)
    monkeypatch.setenv("PAGER", str(pager))

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await focused(pilot)
        await pilot.press("right", "v")
        await pilot.app.workers.wait_for_complete()
        lines = seen.read_text().splitlines()
        assert lines.count("x") == 5_000 and lines[-1].endswith("step-1-output.txt")

    play(Scripted(*ran(output="x\n" * 5_000), *ANSWER), test)


def test_going_back_takes_the_steps_away() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        steps = await focused(pilot)
        session.handler(ev.Rewound(step=2, branch=1, way="in place"))
        await settle(pilot)
        text = screen_text(pilot.app)
        assert "first()" in text and "second()" not in text and "third()" not in text
        assert "Back to before step 2, in place. What came after it is branch 1, kept." in text
        assert steps.step is not None and steps.step.number == 1
        for event in proposed(2, "other()"):
            session.handler(event)
        await settle(pilot)
        assert "other()" in screen_text(pilot.app) and steps.step.number == 2

    steps = [*proposed(1, "first()"), *proposed(2, "second()"), *proposed(3, "third()")]
    play(Scripted(*steps, *ANSWER), test)


@pytest.mark.parametrize(("way", "sign"), [("kitty", "\x1b_G"), ("sixel", "\x1bP")])
def test_an_image_is_handed_to_a_terminal_that_draws_it(
    way: str, sign: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMOLTERM_IMAGES", way)
    seen: list[str] = []

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await focused(pilot)
        await pilot.press("i")
        await pictured(pilot)
        seen.append(screen_text(pilot.app))

    image = ev.Displayed(step=1, image=encoded(), alt="sales")
    play(Scripted(*ran()[:-1], image, *ANSWER), test)
    assert sign in seen[0] + capfd.readouterr().out

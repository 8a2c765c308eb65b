"""How the panes look in each state, as pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pictures import encoded
from scripted import Clock, Scripted, give, settle
from stories import ANSWER, CODE, proposed, ran, streamed
from test_arranging import LINKED, pictured
from textual.pilot import Pilot

from smolterm import events as ev
from smolterm.tui.app import SmoltermApp
from smolterm.tui.steps import Steps

Compare = Callable[..., bool]
HOSTILE = (
    "[bold red]not markup[/] \x1b[31mnot red\x1b[0m \x1b]0;title\x07\n"
    "日本語のテキスト and 한국어 beside\n"
    "👩\u200d👩\u200d👧\u200d👦 🇩🇪 👍🏽 ❤\ufe0f joined\n"
    "e\u0301a\u0300\u0301\u0302 combined, שלום and مرحبا to the left\n"
    "zero\u200bwidth\u2060and\xadsoft\n" + "x" * 300_000 + "\n"
)
NARROWED = [
    *ran(1, output="".join(f"row {n:>4}  {n * n}\n" for n in range(1_200))),
    *proposed(2, "plot(totals)", "## Then\n\n> a quote\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n"),
]


async def played(pilot: Pilot[int], *keys: str) -> None:
    await settle(pilot)
    pilot.app.take(ev.SandboxChanged(state="ready"))
    await give(pilot, "which region sells most?")
    pilot.app.query_one(Steps).focus()
    for key in keys:
        await pilot.press(key)
        await settle(pilot)
    await pictured(pilot)


def looks(
    compare: Compare, *events: Any, keys: tuple[str, ...] = (), size: tuple[int, int] = (120, 30)
) -> bool:
    async def run(pilot: Pilot[int]) -> None:
        await played(pilot, *keys)

    return compare(
        SmoltermApp(Scripted(*events), clock=Clock()), terminal_size=size, run_before=run
    )


@pytest.mark.parametrize("keys", [("w", "w"), ("left", "x"), ("t",)], ids=["wider", "hid", "stack"])
def test_arranged(snap_compare: Compare, keys: tuple[str, ...]) -> None:
    assert looks(snap_compare, *ran(), *ANSWER, keys=keys)


def test_side_by_side_on_a_narrow_screen(snap_compare: Compare) -> None:
    assert looks(snap_compare, *ran(), *ANSWER, keys=("t",), size=(80, 24))


@pytest.mark.parametrize("size", [(120, 30), (80, 24), (40, 12)])
def test_linked(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert looks(snap_compare, *LINKED, keys=("right", "]", "]"), size=size)


def test_linked_light(snap_compare: Compare) -> None:
    assert looks(snap_compare, *LINKED, keys=("right", "]", "]", "f2"))


@pytest.mark.parametrize("size", [(120, 30), (40, 12)])
def test_running_line(snap_compare: Compare, size: tuple[int, int]) -> None:
    story = [
        *proposed(),
        ev.CellStarted(step=1, code=CODE),
        ev.OutputAdded(step=1, stream="stdout", text="12,408 orders\n"),
        ev.LineReached(step=1, line=7),
    ]
    assert looks(snap_compare, *story, size=size)


@pytest.mark.parametrize("size", [(120, 30), (80, 24)])
def test_table(snap_compare: Compare, size: tuple[int, int]) -> None:
    rows = tuple((str(n), f"region {n}", f"{n * 1.5:.2f}", "2026-11-21") for n in range(8))
    columns = ("", "region", "amount", "first seen")
    table = ev.Table(columns=columns, rows=rows, total=1_212)
    shown = ev.Displayed(step=1, name="totals", table=table)
    assert looks(snap_compare, *ran()[:-1], shown, ran()[-1], size=size)


@pytest.mark.parametrize("size", [(120, 36), (40, 24)])
def test_image(snap_compare: Compare, size: tuple[int, int]) -> None:
    image = ev.Displayed(step=1, image=encoded(size=(640, 400)), alt="sales by month")
    assert looks(snap_compare, *ran()[:-1], image, ran()[-1], size=size)


def test_image_that_is_damaged(snap_compare: Compare) -> None:
    image = ev.Displayed(step=1, image=encoded()[:80], alt="sales by month")
    assert looks(snap_compare, *ran()[:-1], image, ran()[-1])


def test_image_full_screen(snap_compare: Compare) -> None:
    async def run(pilot: Pilot[int]) -> None:
        await played(pilot, "i")
        await pictured(pilot)

    image = ev.Displayed(step=1, image=encoded(size=(640, 400)), alt="sales by month")
    app = SmoltermApp(Scripted(*ran()[:-1], image, *ANSWER), clock=Clock())
    assert snap_compare(app, terminal_size=(100, 30), run_before=run)


def test_no_colour(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    image = ev.Displayed(step=1, image=encoded(), alt="sales by month")
    assert looks(snap_compare, *LINKED[:-1], image, LINKED[-1], keys=("right", "]"))


@pytest.mark.parametrize("size", [(140, 40), (80, 30)])
def test_long_output_folded(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert looks(snap_compare, *NARROWED, size=size)


@pytest.mark.parametrize("keys", [("z",), ("z", "right", "right")], ids=["panes", "code"])
def test_full_screen(snap_compare: Compare, keys: tuple[str, ...]) -> None:
    assert looks(snap_compare, *NARROWED[:-3], *ANSWER, keys=keys, size=(110, 30))


@pytest.mark.parametrize("size", [(120, 30), (50, 24)])
def test_hostile_text(snap_compare: Compare, size: tuple[int, int]) -> None:
    code = "name = 'a\u202eb\u200d\U0001f3fd'  # 日本\nprint(name)"
    assert looks(snap_compare, *ran(1, code=code, output=HOSTILE), size=size)


def test_reader_scrolled_away(snap_compare: Compare) -> None:
    async def run(pilot: Pilot[int]) -> None:
        await played(pilot, "home")
        pilot.app.take(ev.Notice(text="something new"))
        await settle(pilot)

    story = [event for step in range(1, 6) for event in ran(step)]
    app = SmoltermApp(Scripted(*story), clock=Clock())
    assert snap_compare(app, terminal_size=(100, 24), run_before=run)


def test_streaming(snap_compare: Compare) -> None:
    assert looks(snap_compare, *streamed()[:-4])

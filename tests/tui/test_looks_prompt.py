"""How writing looks, as pictures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from scripted import Clock, Scripted, settle
from stories import ANSWER, ran
from test_writing import Slow, paste, send, type_in, until
from textual.pilot import Pilot

from smolterm.events import Finished
from smolterm.tui.app import SmoltermApp
from smolterm.tui.prompt import Prompt

Compare = Callable[..., bool]
Play = Callable[[Pilot[int]], Awaitable[None]]
SIZES = [(120, 30), (80, 24), (40, 12)]


def app(session: Scripted) -> SmoltermApp:
    return SmoltermApp(session, clock=Clock())


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/sh")


@pytest.mark.parametrize("size", SIZES)
def test_commands(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def play(pilot: Pilot[int]) -> None:
        await settle(pilot)
        await send(pilot, "which region sells most?")
        await type_in(pilot, "/")

    assert snap_compare(app(Scripted(*ran(), *ANSWER)), terminal_size=size, run_before=play)


@pytest.mark.parametrize("size", [(120, 30), (40, 12)])
def test_files(snap_compare: Compare, size: tuple[int, int], tmp_path: Path) -> None:
    for name in ("data/sales-2025.csv", "data/sales-2026.csv", "docs/sales plan.md", "表.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    session = Scripted()
    session.folder = tmp_path

    async def play(pilot: Pilot[int]) -> None:
        await settle(pilot)
        await type_in(pilot, "sum @s")
        await until(pilot, "sales-2025")
        await type_in(pilot, "", "down", "down")

    assert snap_compare(app(session), terminal_size=size, run_before=play)


def test_history(snap_compare: Compare) -> None:
    async def play(pilot: Pilot[int]) -> None:
        await settle(pilot)
        for text in ("plot the sales", "sum 売上 by month", "clean the names"):
            await send(pilot, text)
        await type_in(pilot, "", "ctrl+r", "s")

    answered = Scripted(Finished(reason="answer", answer="Done."))
    assert snap_compare(app(answered), terminal_size=(80, 24), run_before=play)


@pytest.mark.parametrize("size", [(120, 30), (40, 12)])
def test_waiting(snap_compare: Compare, size: tuple[int, int]) -> None:
    session = Slow()

    async def play(pilot: Pilot[int]) -> None:
        await settle(pilot)
        await send(pilot, "which region sells most?")
        await send(pilot, "then plot it")
        await type_in(pilot, "and write", "ctrl+j", "a", "enter")
        for text in "xy":
            await send(pilot, text)
        await type_in(pilot, "use polars")

    assert snap_compare(app(session), terminal_size=size, run_before=play)


def test_held(snap_compare: Compare) -> None:
    session = Slow()

    async def play(pilot: Pilot[int]) -> None:
        await settle(pilot)
        await send(pilot, "which region sells most?")
        await send(pilot, "then plot it")
        await session.end(pilot, "interrupted")

    assert snap_compare(app(session), terminal_size=(80, 24), run_before=play)


@pytest.mark.parametrize("size", [(120, 30), (40, 12)])
def test_pasted(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def play(pilot: Pilot[int]) -> None:
        await settle(pilot)
        await type_in(pilot, "fix 修正 ")
        await paste(pilot, "x = 1\n" * 312)
        await type_in(pilot, " and ")
        await paste(pilot, "y" * 30_000)
        pilot.app._unsay()

    assert snap_compare(app(Scripted()), terminal_size=size, run_before=play)


@pytest.mark.parametrize("size", [(120, 30), (40, 12)])
def test_aside(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def play(pilot: Pilot[int]) -> None:
        await settle(pilot)
        await send(pilot, "go")
        await send(pilot, "/btw is the file sorted by date already?")
        await until(pilot, "It is so.")

    assert snap_compare(app(Slow()), terminal_size=size, run_before=play)


@pytest.mark.parametrize("size", [(120, 30), (40, 12)])
def test_shell(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def play(pilot: Pilot[int]) -> None:
        await settle(pilot)
        await send(pilot, "!printf '\\033[31mred\\033[0m [b]\\n'; seq 100; exit 2")
        await until(pilot, "[exit code 2]")
        await type_in(pilot, "!!git status")

    assert snap_compare(app(Scripted()), terminal_size=size, run_before=play)


def test_many_lines_in_the_light(snap_compare: Compare) -> None:
    async def play(pilot: Pilot[int]) -> None:
        await settle(pilot)
        await type_in(pilot, "", "f2")
        pilot.app.query_one(Prompt).put("\n".join(f"line {n}" for n in range(12)))
        await settle(pilot)
        await type_in(pilot, "", "ctrl+j", "/", "m")

    assert snap_compare(app(Scripted()), terminal_size=(80, 24), run_before=play)


def test_without_colour(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def play(pilot: Pilot[int]) -> None:
        await settle(pilot)
        await type_in(pilot, "/mo", "down")

    assert snap_compare(app(Scripted()), terminal_size=(80, 24), run_before=play)

"""How the screen looks, as pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scripted import Clock, Scripted, give, settle
from stories import ANSWER, asked, failed, ran
from textual.pilot import Pilot

from smolterm.events import ApprovalRequested, SandboxChanged
from smolterm.tui.app import SmoltermApp

STORY = [*ran(1), *failed(2), *ANSWER]
CALL = ApprovalRequested(
    step=1, code="", call=2, tool="send", arguments="'me@example.org'", effect="network",
    why="a call that the approved code does not show",
)  # fmt: skip
Compare = Callable[..., bool]


def app(*events: Any) -> SmoltermApp:
    banner = "DEMO: replies are recorded, everything else is real"
    return SmoltermApp(Scripted(*events), banner=banner, clock=Clock())


async def played(pilot: Pilot[int]) -> None:
    await settle(pilot)
    pilot.app.take(SandboxChanged(state="ready"))
    await give(pilot, "which region sells most?")


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (40, 12)])
def test_welcome(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app(), terminal_size=size, run_before=settle)


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (40, 12)])
def test_answered(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app(*STORY), terminal_size=size, run_before=played)


@pytest.mark.parametrize("size", [(120, 30), (40, 12)])
def test_question(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def ready(pilot: Pilot[int]) -> None:
        await played(pilot)
        pilot.app.clock.now += 1
        await pilot.press("shift+tab", "tab")

    assert snap_compare(app(*asked()), terminal_size=size, run_before=ready)


def test_question_over_a_call(snap_compare: Compare) -> None:
    assert snap_compare(app(*ran(1)[:-1], CALL), terminal_size=(120, 30), run_before=played)


def test_light(snap_compare: Compare) -> None:
    async def light(pilot: Pilot[int]) -> None:
        await played(pilot)
        await pilot.press("f2")
        await settle(pilot)

    assert snap_compare(app(*STORY), terminal_size=(120, 36), run_before=light)

"""How questions, the editor and the review look, as pictures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from scripted import Clock, Scripted, give, press_alone, settle
from stories import CODE, asked, proposed
from test_question import RULES
from test_review import ASKED
from textual.pilot import Pilot

from smolterm.events import ApprovalRequested, SandboxChanged, Touch
from smolterm.tui.app import SmoltermApp

Compare = Callable[..., bool]
Before = Callable[[Pilot[int]], Awaitable[None]]
WIDE, USUAL, SMALL = (120, 32), (80, 24), (40, 12)
TOUCHES = (
    Touch(kind="read", what="/data/orders.csv", line=4),
    Touch(kind="tool", what="weather", effect="network", line=7),
    Touch(kind="write", what="/files/report.csv", line=8, may=True),
    Touch(kind="network", what="", line=7, may=True),
)
CALL_CODE = "rows = load()\nfor row in rows:\n    send(row['mail'], text)\nprint('sent')"
CALL = ApprovalRequested(
    step=1, code=CALL_CODE, call=2, tool="send", arguments="'me@example.org', 'Hello\\u200b'",
    effect="network", why="the mode `effects` asks for each call", line=3, rules=RULES[:1],
)  # fmt: skip


def app(*events: Any) -> SmoltermApp:
    return SmoltermApp(Scripted(*events), clock=Clock())


def story(**more: Any) -> list[Any]:
    code = str(more.pop("code", CODE))
    request = ApprovalRequested(step=1, code=code, touches=TOUCHES, rules=RULES, **more)
    return [*proposed(1, code), request]


def after(*keys: str) -> Before:
    """Ask, wait until keys count, and press some."""

    async def before(pilot: Pilot[int]) -> None:
        await settle(pilot)
        pilot.app.take(SandboxChanged(state="ready"))
        await give(pilot, "which region sells most?")
        await press_alone(pilot, pilot.app.clock, *keys, "f12")
        pilot.app._unsay()
        await settle(pilot)

    return before


@pytest.mark.parametrize("size", [WIDE, USUAL, SMALL], ids=str)
@pytest.mark.parametrize(
    "keys", [(), ("p",), ("p", "2"), ("r",), ("e",)], ids=["ask", "rules", "rule", "reason", "edit"]
)
def test_question(snap_compare: Compare, keys: tuple[str, ...], size: tuple[int, int]) -> None:
    assert snap_compare(app(*story()), terminal_size=size, run_before=after(*keys))


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=str)
def test_a_call(snap_compare: Compare, size: tuple[int, int]) -> None:
    events = [*proposed(1, CALL_CODE), CALL]
    assert snap_compare(app(*events), terminal_size=size, run_before=after())


def test_hidden_characters(snap_compare: Compare) -> None:
    code = "path = '/data/\u202evsc.x'\nopen(path)\u200b"
    events = story(code=code)
    assert snap_compare(app(*events), terminal_size=WIDE, run_before=after())


def test_an_answer_that_can_be_taken_back(snap_compare: Compare) -> None:
    async def before(pilot: Pilot[int]) -> None:
        await after()(pilot)
        pilot.app.clock.now += 2
        await pilot.press("a")

    assert snap_compare(app(*asked()), terminal_size=USUAL, run_before=before)


def test_what_was_typed_is_in_the_prompt(snap_compare: Compare) -> None:
    async def before(pilot: Pilot[int]) -> None:
        await after()(pilot)
        pilot.app.clock.now += 2
        await pilot.press(*"also")
        await press_alone(pilot, pilot.app.clock, "f12")

    assert snap_compare(app(*asked()), terminal_size=USUAL, run_before=before)


@pytest.mark.parametrize("size", [WIDE, USUAL, SMALL], ids=str)
def test_the_diff_in_the_editor(snap_compare: Compare, size: tuple[int, int]) -> None:
    keys = ("e", "x", "down", "y", "ctrl+t")
    assert snap_compare(app(*story()), terminal_size=size, run_before=after(*keys))


@pytest.mark.parametrize("size", [WIDE, USUAL, SMALL], ids=str)
@pytest.mark.parametrize("keys", [(), ("d",), ("right", "down", "space"), ("r",)],
                         ids=["open", "sides", "hunk", "reason"])  # fmt: skip
def test_review(snap_compare: Compare, keys: tuple[str, ...], size: tuple[int, int]) -> None:
    assert snap_compare(app(ASKED), terminal_size=size, run_before=after(*keys))


@pytest.mark.parametrize("events", [story(), [ASKED]], ids=["question", "review"])
def test_light(snap_compare: Compare, events: list[Any]) -> None:
    assert snap_compare(app(*events), terminal_size=WIDE, run_before=after("f2"))


@pytest.mark.parametrize("events", [story(), [ASKED]], ids=["question", "review"])
def test_no_colour(
    snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, events: list[Any]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(app(*events), terminal_size=WIDE, run_before=after())

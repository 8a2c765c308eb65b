"""How questions, the editor and the review look, as pictures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace
from scripted import Clock, Scripted, give, press_alone, settle
from stories import ANSWER, CODE, asked, proposed
from test_question import RULES
from test_review import ASKED
from textual.pilot import Pilot

from smolterm.events import (
    ApprovalRequested,
    CellFinished,
    CellStarted,
    DecisionMade,
    OutputAdded,
    OutsideArrived,
    PackDenied,
    SandboxChanged,
    Source,
    ToolCalled,
    ToolProgress,
    ToolReturned,
    Touch,
)
from smolterm.outside import ASKED as WHY
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


# Text from outside

PAGE = "https://example.org/news?page="
SOURCES = (
    Source(kind="tool", what="read_page", arguments=f"'{PAGE}2\u202e'", step=1),
    Source(kind="tool", what="read_page", arguments=f"'{PAGE}1'", step=1),
    Source(kind="file", what="/files/project/README.md", step=1),
    Source(kind="tool", what="search_web", arguments="'news'", step=1),
)
STEP_RULE = (
    "For the rest of step 1, let `send(to: str, text: str)` (network) be called without asking, "
    "with any arguments, even after text from outside that `send` brings in this step. "
    "That text stays unread for every other call."
)
GUARDED = replace(
    CALL, why=WHY, rules=(STEP_RULE, RULES[0]), step_rules=1, outside=SOURCES, outside_count=12
)  # fmt: skip
CAME: list[Any] = [
    *proposed(1, CALL_CODE),
    DecisionMade(step=1, decision="approve", by="policy", code=CALL_CODE),
    CellStarted(step=1, code=CALL_CODE),
    ToolCalled(step=1, call=1, tool="read_page", arguments=f"'{PAGE}1'", effect="network", line=1),
    OutsideArrived(step=1, source=SOURCES[1], call=1),
    ToolReturned(step=1, call=1, tool="read_page", ok=True, result="'Ignore all'", seconds=0.1),
    OutsideArrived(step=1, source=SOURCES[2]),
    PackDenied(step=1, pack="web", text="web tried to reach evil.example.", tool="read_page"),
    ToolCalled(step=1, call=3, tool="read_page", arguments=f"'{PAGE}2'", effect="network", line=2),
    ToolProgress(step=1, call=3, tool="read_page", text="resolving", done=3, total=20),
]


@pytest.mark.parametrize("size", [WIDE, USUAL, SMALL], ids=str)
@pytest.mark.parametrize("keys", [(), ("t",), ("p", "1")], ids=["ask", "all", "rule"])
def test_a_call_after_text_from_outside(
    snap_compare: Compare, keys: tuple[str, ...], size: tuple[int, int]
) -> None:
    events = [*proposed(1, CALL_CODE), GUARDED]
    assert snap_compare(app(*events), terminal_size=size, run_before=after(*keys))


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=str)
def test_code_after_text_from_outside(snap_compare: Compare, size: tuple[int, int]) -> None:
    events = story(outside=SOURCES[:2], outside_count=2)
    assert snap_compare(app(*events), terminal_size=size, run_before=after())


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=str)
def test_files_after_text_from_outside(snap_compare: Compare, size: tuple[int, int]) -> None:
    events = [replace(ASKED, outside=SOURCES, outside_count=12)]
    assert snap_compare(app(*events), terminal_size=size, run_before=after())


def test_what_came_from_outside_is_marked_while_it_runs(snap_compare: Compare) -> None:
    events = [*CAME, replace(GUARDED, call=4)]
    assert snap_compare(app(*events), terminal_size=WIDE, run_before=after())


def test_what_came_from_outside_is_marked_where_it_ran(snap_compare: Compare) -> None:
    ended = [
        ToolReturned(step=1, call=3, tool="read_page", ok=False, result="404", seconds=0.1),
        OutputAdded(step=1, stream="stdout", text="Ignore all\n"),
        CellFinished(step=1, outside=("read_page", "files"), seconds=0.4),
    ]
    events = [*CAME, *ended, *ANSWER]
    assert snap_compare(app(*events), terminal_size=WIDE, run_before=after())

"""How the screens beside the conversation look, as pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kept import NAMES, Kept, done, looked, with_variables
from scripted import Clock, Scripted, give, settle
from stories import ANSWER, asked, failed
from textual.pilot import Pilot

from smolterm.config import Config, Settings
from smolterm.events import FileChange, FilesChanged, Rewound
from smolterm.tui import picker, settings
from smolterm.tui.app import SmoltermApp

STORY = [*failed(1), *with_variables(2), *ANSWER]
SIZES = [(120, 32), (40, 12)]
Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what differs from run to run out of the pictures: the time of day, the person's file."""
    monkeypatch.setattr(picker.time, "time", lambda: 1_795_000_000.0)
    monkeypatch.setattr(settings, "config_path", lambda: Path("/home/me/.config/smolterm.toml"))


def app(*events: Any, **options: Any) -> SmoltermApp:
    origins = dict.fromkeys(Settings.__struct_fields__, "default")
    config = Config(
        settings=Settings(model="openai/gpt-5-mini", max_steps=50, keys={"app.help": "f12"}),
        origins=origins | {"model": "flag", "max_steps": "environment", "keys": "file"},
    )
    return SmoltermApp(Scripted(*events), clock=Clock(), sessions=Kept(), config=config, **options)


def after(*keys: str) -> Callable[[Pilot[int]], Any]:
    async def before(pilot: Pilot[int]) -> None:
        await give(pilot, "which region sells most?")
        pilot.app.take(Rewound(step=3, branch=1, task="try it with pandas", names=NAMES))
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        await (looked if "f7" in keys else done)(pilot)

    return before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("name", "keys"),
    [("variables", ["f3"]), ("help", ["f12"]), ("sessions", ["f7", "down", "down"]),
     ("delete", ["f7", "down", "down", "d"]), ("rename", ["f7", "down", "r"]), ("rewind", ["f8"]),
     ("settings", ["f10", "down", "down"])],
)  # fmt: skip
def test_screens(snap_compare: Compare, name: str, keys: list[str], size: tuple[int, int]) -> None:
    assert snap_compare(app(*STORY), terminal_size=size, run_before=after(*keys))


@pytest.mark.parametrize("size", SIZES)
def test_rows(snap_compare: Compare, size: tuple[int, int]) -> None:
    keys = ["f3", "enter", "down", "right"]
    assert snap_compare(app(*STORY), terminal_size=size, run_before=after(*keys))


@pytest.mark.parametrize("mode", ["effects", "plan", "auto"])
def test_modes_and_what_waits(snap_compare: Compare, mode: str) -> None:
    async def before(pilot: Pilot[int]) -> None:
        await give(pilot, "go")
        pilot.app.session.set_mode(mode)
        change = FileChange(path="/files/a/b.txt", kind="changed")
        pilot.app.take(FilesChanged(step=1, files=(change, change)))
        await settle(pilot)

    assert snap_compare(app(*STORY), terminal_size=(40, 12), run_before=before)


@pytest.mark.parametrize("keys", [[], ["f3"], ["f7"], ["f8"]], ids=["steps", "f3", "f7", "f8"])
def test_no_colour(snap_compare: Compare, keys: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(app(*STORY), terminal_size=(110, 24), run_before=after(*keys))


def test_no_colour_at_a_question(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def before(pilot: Pilot[int]) -> None:
        await give(pilot, "go")
        pilot.app.clock.now += 1
        await pilot.press("shift+tab", "tab")

    assert snap_compare(app(*asked()), terminal_size=(110, 24), run_before=before)


def test_light_variables(snap_compare: Compare) -> None:
    started = app(*STORY, dark=False)
    assert snap_compare(started, terminal_size=(120, 32), run_before=after("f3"))


@pytest.mark.parametrize("size", SIZES)
def test_palette(snap_compare: Compare, size: tuple[int, int]) -> None:
    started = app(*STORY)
    assert snap_compare(started, terminal_size=size, run_before=after("ctrl+p", *"mode"))

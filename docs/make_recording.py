"""Record the README's moving picture: the real app in each mode, driven by keys alone.

    python docs/make_recording.py docs/modes.svg

The model's replies are recorded; the screen, the sandbox, the files pack and the files it writes,
in a copy of the demo's folder, are real. Each frame names words that must stand on its screen, so
that a recording which went another way is no picture but an error.
"""

from __future__ import annotations

import asyncio
import html
import inspect
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from animated import Frame, animate
from textual.pilot import Pilot

from smolterm.build import build_session
from smolterm.config import Settings
from smolterm.demo import DATA
from smolterm.events import ApprovalRequested, CellFinished, Event
from smolterm.models.hosted import HostedModel
from smolterm.packs.adding import Narrowing, trust_pack
from smolterm.session import Session
from smolterm.tui.app import SmoltermApp
from smolterm.tui.approval import ApprovalBar
from smolterm.tui.review import Review

SIZE = (120, 34)
REPLIES = Path(__file__).parent / "recording" / "replies.jsonl"
TITLE = "A session in the modes step, effects, plan and auto, driven by keys alone"
TEAPOTS = 8
PATIENCE = 60.0
"""Seconds after which a recording that waits for something has failed."""


class Shown(SmoltermApp):
    """The app without how long a cell took, which is another number each time."""

    CSS_PATH = Path(inspect.getfile(SmoltermApp)).with_name("smolterm.tcss")

    def take(self, event: Event) -> None:
        super().take(event)
        if isinstance(event, CellFinished) and (step := self.view.at(event.step)) is not None:
            step.seconds = None


class Hand:
    """Presses keys, and takes frames of what they do."""

    def __init__(self, pilot: Pilot[int], app: Shown, clock: list[float]) -> None:
        self.pilot, self.app, self._clock = pilot, app, clock
        self.frames: list[Frame] = []
        self._before: ApprovalRequested | None = None

    async def type(self, text: str) -> None:
        """Type a line and send it."""
        await self.pilot.press(*text, "enter")

    async def write(self, text: str) -> None:
        """Write into the field that has the keys."""
        await self.pilot.press(*text)
        await self._settle()

    async def press(self, *keys: str) -> None:
        """Press each key as somebody does who means it: alone, and nothing right after it."""
        for key in keys:
            self._clock[0] += 1
            await self.pilot.press(key)
            self._clock[0] += 1
            await self.until(lambda: not self._thinks)
            await self._settle()

    @property
    def _question(self) -> ApprovalRequested | None:
        return self.app.query_one(ApprovalBar).request

    @property
    def _thinks(self) -> bool:
        """A key waits for whether another one follows."""
        waiting = self.app.query_one(ApprovalBar).waiting
        return waiting or getattr(self.app.screen, "waiting", False)

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not reached():
                await self.pilot.pause(0.02)
        await self._settle()

    async def _settle(self) -> None:
        await self.pilot.pause()
        while not self.app.settled:
            await self.pilot.pause(0.005)
        await self.pilot.pause()

    async def asked(self) -> None:
        """Wait for the next question, and until it takes an answer."""
        await self.until(lambda: self._question not in (None, self._before))
        self._before = self._question
        await self._rest()

    async def reviewing(self) -> None:
        await self.until(lambda: isinstance(self.app.screen, Review))
        await self._rest()

    async def answered(self) -> None:
        await self.until(lambda: self.app.view.state == "idle")
        await self._rest()

    async def _rest(self) -> None:
        self._clock[0] += 1
        await self.pilot.pause(0.6)
        await self._settle()

    def frame(self, mode: str, key: str, caption: str, *words: str) -> None:
        """Keep what the screen shows now.

        Raises:
            ValueError: one of the words is not on it.
        """
        svg = self.app.export_screenshot(title="smolterm", simplify=True)
        shown = html.unescape(re.sub(r"<.*?>", "", svg)).replace("\xa0", " ")
        for word in words:
            if word not in shown:
                raise ValueError(f"frame {len(self.frames)}: {word!r} is not on the screen")
        self.frames.append(Frame(svg, mode, key, caption))


async def perform(hand: Hand, folder: Path) -> None:
    """Go through the four modes."""
    await hand.until(lambda: hand.app.view.totals.sandbox == "ready")
    await hand.type("Which city earned most in March?")
    await hand.asked()
    await hand.press("a")
    await hand.asked()
    hand.frame("step", "a", "Each step asks before it runs; this key approved the first",
               "87 orders in March", "Run this code?")  # fmt: skip
    await hand.press("r")
    await hand.write("no file, just tell me")
    hand.frame("step", "r", "Rejected, and the model reads why", "no file, just tell me")
    await hand.press("enter")
    await hand.asked()
    await hand.press("e", *["down"] * 6, "end", "left", "backspace", "3")
    hand.frame("step", "e", "Edited before it runs; the model is told what changed",
               "most_common(3)")  # fmt: skip
    await hand.press("ctrl+s")
    await hand.answered()
    assert list(read(folder)) == ["orders.csv"]

    await hand.press("f4")
    await hand.type("List the cities in march.md")
    await hand.asked()
    hand.frame("effects", "F4", "Code runs unasked; a call that leaves the sandbox asks",
               "Allow this call?", "write_text('march.md', '# March 2026")  # fmt: skip
    assert list(read(folder)) == ["orders.csv"]
    await hand.press("a")
    await hand.answered()
    hand.frame("effects", "a", "Approved: it was written now, and not before",
               "march.md lists them all")  # fmt: skip
    before = read(folder)
    assert before["march.md"].startswith("# March 2026\n\n- Lyon: 976.98\n- ")

    await hand.press("f4")
    await hand.type("Make the teapots 2 euros cheaper")
    await hand.answered()
    hand.frame("plan", "F4", "Nothing with an effect runs; the model says what it would do",
               "nothing with an effect runs")  # fmt: skip
    assert read(folder) == before

    await hand.press("f4")
    await hand.type("Do it")
    await hand.reviewing()
    hand.frame("auto", "F4", "Asks only what no rule allows; changed files wait for you",
               "Enter writes 2 of 2")  # fmt: skip
    await hand.press("down", "space")
    hand.frame("auto", "Space", "Take whole files, or only some of their hunks",
               "Enter writes 1 of 2")  # fmt: skip
    assert read(folder) == before
    await hand.press("enter")
    await hand.answered()
    hand.frame("auto", "Enter", "What is marked is written; /undo-files takes it back",
               "Written: /files/shop/orders.csv. Not written: /files/shop/teapots.md.")  # fmt: skip
    after = read(folder)
    assert list(after) == list(before) and after["march.md"] == before["march.md"]
    changed = set(after["orders.csv"].split("\n")) - set(before["orders.csv"].split("\n"))
    assert len(changed) == TEAPOTS and all(",teapot," in line for line in changed)


def read(folder: Path) -> dict[str, str]:
    """Return what is in the folder, by name."""
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


async def record(folder: Path) -> str:
    """Return the picture of a session that works in a folder of its own."""
    clock = [100.0]
    app = Shown(_session(folder), clock=lambda: clock[0])
    try:
        async with app.run_test(size=SIZE) as pilot:
            hand = Hand(pilot, app, clock)
            await perform(hand, folder)
    finally:
        await app.session.close()
    return animate(hand.frames, TITLE)


def _session(folder: Path) -> Session:
    settings = Settings(folder=str(folder), write=True, packs=("files",), save=False, max_seconds=0)
    return build_session(settings, model=HostedModel(f"replay:{REPLIES}"))


def main(path: Path) -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as here:
        # Neither the rules nor the files to undo of whoever draws it.
        os.environ["SMOLTERM_CONFIG"] = str(Path(here, "config.toml"))
        os.environ["SMOLTERM_DATA"] = str(Path(here, "data"))
        trust_pack("files", Narrowing(), yes=True)
        folder = Path(here, "shop")
        shutil.copytree(DATA, folder)
        path.write_text(asyncio.run(record(folder)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

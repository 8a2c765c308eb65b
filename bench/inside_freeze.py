"""Runs the real screen over a real model and watches the event loop; prints `NAME VALUE` lines."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from smolterm.clock import Budget
from smolterm.models.hosted import HostedModel
from smolterm.models.loading import Loading
from smolterm.models.wire import Options
from smolterm.session import Session
from smolterm.tui.app import SmoltermApp
from tests.fakes import FakeSandbox
from tests.models.gguf_files import random_model

BEAT = 0.002
IDLE, WRITING = 1.0, 5.0
"""Seconds. Random weights never come to an end."""


class Heart:
    """Beats on the event loop and notes the longest pause in each phase."""

    def __init__(self) -> None:
        self.phase = "idle"
        self.longest: dict[str, float] = {}

    async def beat(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(BEAT)
            now = time.perf_counter()
            pause = (now - last - BEAT) * 1e3
            self.longest[self.phase] = max(self.longest.get(self.phase, 0.0), pause)
            last = now


async def measure(path: Path) -> dict[str, float]:
    """Load and ask a model under the screen; return the longest pauses in milliseconds."""
    options = Options(loading=Loading(context=4096, states="", seed=1))
    model = HostedModel(f"file:{path}", options=options)
    session = Session(model=model, sandbox=FakeSandbox(), save=False,
                      budget=Budget(max_steps=1, max_repairs=1))  # fmt: skip
    heart, app = Heart(), SmoltermApp(session)
    preparing = session.prepare
    go = asyncio.Event()

    async def prepare() -> None:
        await go.wait()
        heart.phase = "loading"
        await preparing()

    session.prepare = prepare  # type: ignore[method-assign]
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        beating = asyncio.create_task(heart.beat())
        await asyncio.sleep(IDLE)
        go.set()
        await model.import_done.wait()
        heart.phase = "writing"
        app.start("Count the words in this text: " + "value result print " * 60)
        await asyncio.sleep(WRITING)
        beating.cancel()
        await session.interrupt()
    await session.close()
    return heart.longest


def main() -> None:
    path = Path(sys.argv[1]) / "freeze.gguf"
    if not path.exists():
        random_model(path, layers=4, width=256, vocabulary=32_000)
    for phase, pause in asyncio.run(measure(path)).items():
        print(f"freeze.{phase} {pause:.1f}")


if __name__ == "__main__":
    main()

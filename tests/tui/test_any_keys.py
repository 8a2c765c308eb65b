"""Whatever is pressed, in whatever order and window, the screen stays up."""

from __future__ import annotations

import asyncio
import random

import pytest
from kept import Kept, with_variables
from scripted import Clock, Scripted, give
from stories import asked

from smolterm.tui.app import SmoltermApp

KEYS = (
    *(f"f{number}" for number in range(1, 11)), "ctrl+p", "ctrl+c", "escape", "enter", "tab",
    "up", "down", "left", "right", "home", "end", *"dyrfxc/zw",
)  # fmt: skip
SIZES = ((120, 32), (40, 12), (100, 16), (20, 5))


# With 10 and 15, a step was drawn after the session had gone back to before it.
@pytest.mark.parametrize("seed", [3, 10, 15, 31])
def test_any_keys_in_any_order(seed: int) -> None:
    pick = random.Random(seed)
    session = Scripted(*with_variables(1), *asked(2))
    app = SmoltermApp(session, clock=Clock(), sessions=Kept())

    async def run() -> None:
        async with app.run_test(size=pick.choice(SIZES[:3])) as pilot:
            await give(pilot, "go")
            for count in range(50):
                await pilot.press(pick.choice(KEYS))
                if not app.is_running or app.return_value is not None:
                    return
                if count % 9 == 0:
                    await pilot.resize_terminal(*pick.choice(SIZES))

    asyncio.run(run())

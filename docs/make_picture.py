"""Draw the README's picture: the real TUI on the demo's session, as an SVG file.

python docs/make_picture.py docs/screen.svg
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from pathlib import Path

from smolterm.demo import BANNER, TASK, demo_session
from smolterm.policy import Approve
from smolterm.tui.app import SmoltermApp

SIZE = (140, 44)
APPROVED = 3
"""Steps; the next one waits for its answer in the picture."""


async def draw() -> str:
    """Run the demo up to its last question and return the screen as SVG."""
    session = demo_session()
    # The bar shows its choices dimmed until half a second has passed.
    app = SmoltermApp(session, first_task=TASK, banner=BANNER,
                      clock=lambda: time.monotonic() * 100)  # fmt: skip
    try:
        async with app.run_test(size=SIZE) as pilot:
            for step in range(1, APPROVED + 2):
                while (step, None) not in app.view.pending:
                    await pilot.pause(0.05)
                if step <= APPROVED:
                    session.decide(step, Approve())
            await pilot.pause(0.6)
            svg = app.export_screenshot(title="smolterm", simplify=True)
    finally:
        await session.close()
    return svg


def main(path: Path) -> None:
    """Write the picture."""
    svg = asyncio.run(draw())
    # No font is fetched from anywhere to look at it.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    path.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

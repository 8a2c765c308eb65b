"""The terminal with a session that streams for as long as it is looked at.

`python -m bench.inside_keys STEPS` starts where so many steps, each with 100 lines of output, lie
behind; what is sent to it then begins the stream.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

RATE = 1000
"""Tokens a second."""
LINES = 100
"""Of output of each past step."""
REASONING = "I will look at **one region** after the other, and add the `amount` of each.\n\n"
CODE = "for row in rows:\n    totals[row['region']] += int(row['amount'])\n"
WORDS = (REASONING * 8 + "```python\n" + CODE * 40 + "```\n").split(" ")


def output(step: int) -> str:
    """Return what a step prints; no two print the same, as in life."""
    return "".join(
        f"step {step} order {n:>5}  region north  amount {n * step}\n" for n in range(LINES)
    )


def past(steps: int) -> tuple[Any, ...]:
    """Return the events of a session with so many steps."""
    from smolterm import events as ev

    found: list[Any] = [ev.TaskStarted(task="Sum it.")]
    for step in range(1, steps + 1):
        found += [
            ev.StepStarted(step=step, steps_left=9),
            ev.ReplyFinished(step=step, text="", usage=ev.Usage(prompt_tokens=9)),
            ev.ActionProposed(step=step, reasoning=REASONING, code=CODE * 4),
            ev.CellStarted(step=step, code=CODE * 4),
            ev.OutputAdded(step=step, stream="stdout", text=output(step)),
            ev.CellFinished(step=step, value="1204551", seconds=0.1),
        ]
    return (*found, ev.Finished(reason="answer", answer="Done."))


def session(steps: int) -> Any:
    """Return a session that streams replies, step after step, once it is given a task."""
    from smolterm import events as ev
    from tests.tui.scripted import Scripted

    class Streaming(Scripted):
        async def run(
            self, task: str, *, files: Mapping[str, bytes] | None = None
        ) -> AsyncGenerator[Any, None]:
            yield ev.TaskStarted(task=task)
            step, sent, began = steps, 0, time.monotonic()
            while True:
                step += 1
                yield ev.StepStarted(step=step, steps_left=9)
                for word in WORDS:
                    yield ev.ReplyDelta(step=step, channel="reply", text=word + " ")
                    sent += 1
                    ahead = began + sent / RATE - time.monotonic()
                    if ahead > 0.004:
                        await asyncio.sleep(ahead)
                yield ev.ReplyFinished(step=step, text="", usage=ev.Usage(prompt_tokens=9))
                yield ev.ActionProposed(step=step, reasoning=REASONING * 8, code=CODE * 40)
                yield ev.CellStarted(step=step, code=CODE * 40)
                yield ev.OutputAdded(step=step, stream="stdout", text=output(step))
                yield ev.CellFinished(step=step, value="1204551", seconds=0.1)

    made = Streaming()
    made.past = past(steps) if steps else ()
    return made


if __name__ == "__main__":
    from smolterm.tui.app import run_app

    sys.exit(run_app(session(int(sys.argv[1]))))

"""What a spare process does before it is needed: run a cell and take it all back.

The first cell of a process waits for its code to be compiled and its memory to be touched. Here
that happens while nobody waits, and leaves nothing: no name, module, file, reading of the clock.
"""

from __future__ import annotations

import json
from contextlib import aclosing

from smolterm.errors import ChildError, SandboxError
from smolterm.sandbox import Limits
from smolterm.sandbox.interpreter import Interpreter
from smolterm.sandbox.running import RunningCell

ROUNDS = 3
"""JavaScript is compiled well once it has run a few times."""
FIRST = 1
"""The step that nothing ran before."""
CELL = """
import collections, json, math, re

class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

def far(points):
    return max(math.hypot(point.x, point.y) for point in points)

words = collections.Counter(re.findall(r"\\w+", "a cell like many others, like all others"))
print(f"{far([Point(n, n) for n in range(100)]):.1f}", sorted(words.items()))
try:
    1 / 0
except ZeroDivisionError as error:
    print(repr(error))
json.loads(json.dumps(words))
"""


async def rehearse(spare: Interpreter) -> None:
    """Run a cell and take it back, a few times, as a state of another process is taken over.

    Raises:
        SandboxError: it cannot be taken back; the process must not be used.
    """
    for _ in range(ROUNDS):
        await spare.ask("keep", {"step": FIRST})
        await _run(spare)
        why = (await spare.ask("rewind", {"step": FIRST}))[0].get("why")
        if not why:
            about, raw = spare.kept[0]
            why = (await spare.ask("adopt", {"about": json.loads(about)}, raw))[0].get("why")
        if why:
            raise SandboxError(f"The spare could not be made ready: {str(why)[:200]}.")
    # What it kept in between was taken back.
    del spare.kept[1:]


async def _run(spare: Interpreter) -> None:
    running = RunningCell(spare.child, Limits())
    request = json.dumps({"code": CELL, "filename": "<cell 1>", "depth": 100})
    try:
        async with aclosing(running.lines(FIRST, request)) as lines:
            async for line in lines:
                running.read(line)
    except ChildError as error:
        raise SandboxError(f"The spare ended: {error}") from error
    finally:
        running.close()

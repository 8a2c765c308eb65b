"""One cell whose process breaks the protocol while something is being answered."""

from __future__ import annotations

import asyncio
import sys

from smolterm.child import Child
from smolterm.sandbox import Limits
from smolterm.sandbox.running import Question, RunningCell
from smolterm.spawn import plain_environment

JUNK = """print('{"ready": true}', flush=True); input(); print('junk', flush=True); input()"""


def test_an_answer_or_a_signal_to_a_process_that_broke_the_protocol_is_dropped():
    async def work():
        child = await Child.start("sandbox", [sys.executable, "-c", JUNK], env=plain_environment())
        try:
            running = RunningCell(child, Limits())
            assert isinstance(running.read({"ask": 1, "kind": "stdin", "request": "9"}), Question)
            await child.send({})
            await child.ended()
            await running.reply(1, b"late")
            await running.stop("interrupt")
            running.close()
        finally:
            await child.close(grace=0)

    asyncio.run(asyncio.wait_for(work(), 20))

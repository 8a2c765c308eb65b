"""What every target is held to: no hang, nothing left in the loop, no error that nobody sees."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Iterator
from typing import Any

from tests.fuzz.hostile import SECONDS, Found

_loops: list[asyncio.Runner] = []


def in_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run it in the one loop of this process; nothing may be left there, nor fail unseen."""
    if not _loops:
        _loops.append(asyncio.Runner())
    unseen: list[dict[str, Any]] = []

    async def whole() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: unseen.append(what))
        async with asyncio.timeout(SECONDS):
            await work
        for _ in range(10):
            left = asyncio.all_tasks() - {asyncio.current_task()}
            if not left:
                break
            await asyncio.sleep(0)
        if left:
            raise Found(f"tasks are left: {left}")

    try:
        _loops[0].run(whole())
    except TimeoutError:
        raise Found("it hangs") from None
    except BaseException:
        for task in asyncio.all_tasks(_loops[0].get_loop()):
            task.cancel()
        raise
    for what in unseen:
        raise Found(f"an error that nobody sees: {what}") from what.get("exception")


@contextlib.contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Fail what takes longer, also where no loop runs."""

    def fail(*_: object) -> None:
        raise Found(f"it takes longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def is_text(text: object) -> bool:
    """A str that a file and a terminal can take."""
    return type(text) is str and text.encode() is not None

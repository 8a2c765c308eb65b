"""Blocking calls beside the event loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_idle: list[_Thread] = []


async def in_daemon_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call a function that may block for ever, in a thread that never holds up the exit.

    `asyncio.to_thread` will not do: the interpreter waits for its threads, so a read of a terminal
    or a stuck tool would keep an interrupted command alive.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def deliver(result: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def work() -> None:
        result, error = None, None
        try:
            result = function(*args, **kwargs)
        except BaseException as failure:  # noqa: BLE001  it is handed to whoever awaits
            error = failure
        try:
            loop.call_soon_threadsafe(deliver, result, error)
        except RuntimeError:
            return  # The loop is closed: nobody waits any more.

    try:
        thread = _idle.pop()
    except IndexError:
        thread = _Thread()
    thread.jobs.put(work)
    return await future


class _Thread(threading.Thread):
    """Works through its jobs and goes idle in between; starting one costs more than most calls."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.start()

    def run(self) -> None:
        while True:
            self.jobs.get()()
            _idle.append(self)

"""Running one tool: a function, a coroutine or a generator, and what becomes of its errors."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import linecache
import time
import traceback
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from smolterm.errors import Denied, ToolError
from smolterm.pack import Progress, progress

LONGEST_ERROR = 2_000
LONGEST_LINE = 120
SHORTEST_SLEEP = 0.0005
_DEPTH = 20


def finish(made: Any) -> Any:
    """Return the result of what a tool's function returned: a value, or something still to run."""
    if inspect.iscoroutine(made) or inspect.isawaitable(made):
        made = asyncio.run(_awaited(made))
    if inspect.isgenerator(made):
        return plain(_driven(made))
    if inspect.isasyncgen(made):
        return plain(asyncio.run(_collected(made)))
    return plain(made)


def plain(value: Any, depth: int = 0) -> Any:
    """Return the value with its dataclasses as dicts: their types mean nothing outside."""
    if depth > _DEPTH:
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {each.name: plain(getattr(value, each.name), depth + 1) for each in fields}
    if type(value) is list:
        return [plain(item, depth + 1) for item in value]
    if type(value) is dict:
        return {key: plain(item, depth + 1) for key, item in value.items()}
    return value


def told(error: BaseException, inside: Callable[[str], bool]) -> dict[str, Any]:
    """Return an error as an observation: what went wrong, and in which line of the pack.

    Args:
        inside: whether a file's name is one of the pack's own.
    """
    if isinstance(error, ToolError):
        return {
            "error": _text(error.what[:LONGEST_ERROR]) or type(error).__name__,
            "next": _text(error.next[:LONGEST_ERROR]),
            "denied": isinstance(error, Denied),
        }
    text = "".join(traceback.format_exception_only(error)).strip()
    if isinstance(error, SyntaxError):
        text = f"{type(error).__name__}: {error}"
    said = _text(f"{text[:LONGEST_ERROR]}{_where(error, inside)}")
    return {"error": said, "next": "", "denied": False}


def _text(text: str) -> str:
    # Lone surrogates have no place in JSON.
    return text.encode(errors="backslashreplace").decode()


def _where(error: BaseException, inside: Callable[[str], bool]) -> str:
    frames = [
        (frame.f_code.co_filename, line, frame.f_globals)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if inside(frame.f_code.co_filename)
    ]
    if not frames:
        return ""
    name, line, found = frames[-1]
    source = linecache.getline(name, line, found).strip()[:LONGEST_LINE]
    return f" ({name.split('/', 2)[-1]}, line {line}: {source})"


def _say(item: Any) -> None:
    # What `progress` made was told when it was made.
    if item is not None and not isinstance(item, Progress):
        progress(str(item)[:LONGEST_ERROR])


def _driven(made: Generator[Any, Any, Any]) -> Any:
    while True:
        try:
            _say(next(made))
        except StopIteration as end:
            return end.value


async def _collected(made: AsyncGenerator[Any, Any]) -> Any:
    # It cannot return anything: what it yields beside texts is its result, the last one counts.
    result = None
    async for item in made:
        if isinstance(item, str | Progress):
            _say(item)
        else:
            result = item
    return result


async def _awaited(made: Any) -> Any:
    return await made


class Loop(asyncio.BaseEventLoop):
    """An event loop that knows time alone: there are no sockets to wait for, and no threads."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Sleeper()

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Call the function at once: nothing runs beside it."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is handed to whoever awaits
            future.set_exception(error)
        return future


class _Sleeper:
    """What the loop waits with."""

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise ToolError("The tool waits for something that cannot happen any more.")
        if timeout > SHORTEST_SLEEP:
            time.sleep(timeout)
        return []

    def close(self) -> None:
        pass


class Policy:
    """Gives `asyncio.run` and its like the loop above, wherever a pack calls it."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def get_event_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = Loop()
        return self._loop

    def set_event_loop(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = loop

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return Loop()

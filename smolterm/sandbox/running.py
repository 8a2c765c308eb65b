"""One cell on its way: its clock, its open calls, the ladder that stops it, and its checked parts.

Every line comes from a process that runs hostile code: what has not the expected shape is dropped.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import msgspec

from smolterm.child import Child
from smolterm.errors import ChildError
from smolterm.events import CellError
from smolterm.sandbox import AtLine, Call, CellDone, CellPart, Limits, Printed
from smolterm.sandbox.bounded import loads
from smolterm.sandbox.described import MOST_SHOWN, line_of, lines_of, shown_of, variables_of
from smolterm.sandbox.history import Exchange
from smolterm.sandbox.values import decode

STOP_SECONDS = 2.0
"""Between KeyboardInterrupt and the kill."""
MOST_REPR = 1_000_200
"""Characters of a value; like what follows a little more than an honest driver sends."""
MOST_TRACEBACK = 6_200
MOST_NAMES = 1_000
MOST_NAME = 200
MOST_ARGUMENTS = 1_000
"""Of one call; each is shown to whoever approves it."""
LINE_SECONDS = 0.05
"""Between two lines that are told; more are dropped."""


class Question(msgspec.Struct, frozen=True):
    """What the code waits for, beside tools: standard input, a file, a package."""

    number: int
    kind: str
    request: str


class RunningCell:
    """One cell, from its start to its `CellDone`.

    Args:
        code_lines: how many its code has, where lines of it are told.
    """

    def __init__(self, child: Child, limits: Limits, code_lines: int = 0) -> None:
        self.child = child
        self.limits = limits
        self.number: int | None = child.last_id + 1
        self.over = False
        self.why = ""
        self.tape = b""
        """What the cell got to see of time and randomness, once it is over."""
        self.exchanged: Callable[[Exchange], None] = lambda exchange: None
        """Told of each question that was answered."""
        self._open: dict[int, Question] = {}
        self._left = limits.seconds or None
        self._since = time.monotonic()
        self._started = time.monotonic()
        self._waited = 0.0
        self._clock: asyncio.TimerHandle | None = None
        self._ladder: asyncio.TimerHandle | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._answering: asyncio.Task[None] | None = None
        self._pauses = 0
        self._code_lines = code_lines
        self._shown = 0
        self._line, self._line_at = 0, 0.0
        self._run_clock()

    async def lines(
        self, step: int, request: str, tape: bytes = b"", *, follow: bool = False
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Start the cell and yield what its process says of it.

        Args:
            tape: of an earlier run, to see the same time and randomness again.
            follow: tell which line runs.
        """
        message = {
            "op": "cell",
            "request": request,
            "number": step,
            "output": self.limits.output_bytes,
            "calls": self.limits.tool_calls,
            "callBytes": self.limits.call_bytes,
        }
        if follow:
            message["lines"] = True
        async with aclosing(self.child.request(message, tape)) as lines:
            async for line in lines:
                yield line

    def question(self, number: int) -> Question | None:
        """Return the question that waits under a number."""
        return self._open.get(number)

    def read(self, line: dict[str, Any]) -> CellPart | Question | None:
        """Turn one line into a part or a question; a line of an unknown shape is dropped."""
        if line.get("out") in ("stdout", "stderr"):
            return _printed(line)
        if "line" in line:
            return self._at_line(line["line"])
        if isinstance(line.get("shown"), str):
            self._shown += 1
            return shown_of(line["shown"], line.get("raw")) if self._shown <= MOST_SHOWN else None
        if isinstance(line.get("ask"), int) and isinstance(line.get("request"), str):
            question = Question(line["ask"], str(line.get("kind")), line["request"])
            # The code waits for one thing at a time: what it waited for before, it gave up.
            for _ in range(len(self._open)):
                self._resume()
            self._open = {question.number: question}
            self._pause()
            return _call(question, self._code_lines) if question.kind == "tool" else question
        if isinstance(line.get("result"), str):
            self.over = True
            if isinstance(line.get("raw"), bytes):
                self.tape = line["raw"]
            return self._finished(line["result"], line.get("dropped"))
        return None

    async def reply(self, number: int, answer: bytes) -> None:
        """Answer a question; one that is not open, or that an interrupt took back, gets nothing."""
        question = self._open.pop(number, None)
        if question is None:
            return
        self._resume()
        if self.over:
            return
        if question.kind != "package":
            # What was installed stays installed: a replay has no need to ask for it.
            self.exchanged(Exchange(question.kind, question.request, answer))
        with contextlib.suppress(ChildError):
            await self.child.send({"op": "reply", "cell": self.number, "ask": number}, answer)

    def serve(self, question: Question, answer: Awaitable[bytes]) -> None:
        """Answer a question beside everything else, because it may take for ever."""

        async def work() -> None:
            await self.reply(question.number, await answer)

        self._answering = asyncio.get_running_loop().create_task(work())

    async def stop(self, why: str) -> None:
        """Send the signal; the process is killed when the cell has not ended 2 seconds later."""
        if self.why or self.over:
            return
        self.why = why
        self._ladder = asyncio.get_running_loop().call_later(STOP_SECONDS, self.child.kill)
        with contextlib.suppress(ChildError):
            await self.child.send({"op": "interrupt", "cell": self.number})

    def limit_reached(self) -> str:
        """Return what the cell did too much of, as the start of a sentence; "" for nothing."""
        if self.why == "timeout":
            return f"the cell ran longer than {self.limits.seconds:g} s"
        if self.why == "cpu":
            return f"the cell took more than {self.limits.cpu_seconds:g} s of the processor"
        if self.why == "memory":
            return "the cell filled the memory that the sandbox may have"
        return ""

    def stop_soon(self, why: str) -> None:
        """Like `stop`, from where nothing can be awaited."""
        self._stopping = asyncio.get_running_loop().create_task(self.stop(why))

    def kill(self, why: str) -> None:
        """End the process at once."""
        if not self.over:
            self.why = why
            self.child.kill()

    def close(self) -> None:
        for handle in (self._clock, self._ladder, self._answering):
            if handle is not None:
                handle.cancel()

    def _at_line(self, number: object) -> AtLine | None:
        line, now = line_of(number, self._code_lines), time.monotonic()
        if line is None or line == self._line or now - self._line_at < LINE_SECONDS:
            return None
        self._line, self._line_at = line, now
        return AtLine(line=line)

    def _finished(self, payload: str, dropped: object) -> CellDone:
        try:
            result = msgspec.convert(loads(payload), type=_Result)
        except ValueError:
            result = _Result(error=_broken("The sandbox's answer cannot be read."))
        broken = result.error
        error: CellError | None = None
        if broken is not None:
            error = CellError(
                type=_text(broken.type, MOST_NAME),
                message=_text(broken.message, MOST_TRACEBACK),
                traceback=_text(broken.traceback, MOST_TRACEBACK),
            )
            limit = self.limit_reached()
            if limit and error.type == "KeyboardInterrupt":
                words = f"{limit} and was stopped"
                trace = error.traceback.rsplit("KeyboardInterrupt", 1)[0]
                error = CellError(
                    type="TimeoutError", message=words, traceback=f"{trace}TimeoutError: {words}"
                )
        return CellDone(
            value=None if result.value is None else _text(result.value, MOST_REPR),
            value_data=_decoded(result.value_data),
            answered=result.answered,
            answer=_text(result.answer, MOST_REPR),
            answer_data=_decoded(result.answer_data),
            error=error,
            status=_status(result.status),
            seconds=max(0.0, time.monotonic() - self._started - self._waited),
            dropped=dropped if isinstance(dropped, int) and dropped > 0 else 0,
            names=tuple(_text(name, MOST_NAME) for name in result.names[:MOST_NAMES]),
            variables=variables_of(result.variables),
            lines=lines_of(result.lines, self._code_lines),
        )

    def _pause(self) -> None:
        self._pauses += 1
        if self._pauses > 1:
            return
        now = time.monotonic()
        if self._left is not None:
            self._left -= now - self._since
        self._since = now
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _resume(self) -> None:
        self._pauses -= 1
        if self._pauses == 0:
            self._waited += time.monotonic() - self._since
            self._run_clock()

    def _run_clock(self) -> None:
        self._since = time.monotonic()
        if self._left is not None:
            loop = asyncio.get_running_loop()
            self._clock = loop.call_later(max(0.0, self._left), self._time_is_up)

    def _time_is_up(self) -> None:
        self.stop_soon("timeout")


def _call(question: Question, code_lines: int) -> Call:
    try:
        request = msgspec.convert(loads(question.request), type=_CallPayload)
        args, kwargs = decode(request.args), decode(request.kwargs)
        if not isinstance(args, list) or not isinstance(kwargs, dict):
            raise ValueError("These are no arguments.")
        if len(args) + len(kwargs) > MOST_ARGUMENTS:
            raise ValueError("These are too many arguments.")
        if not all(isinstance(name, str) and len(name) <= MOST_NAME for name in kwargs):
            raise ValueError("These are no names.")
    except ValueError:
        # Refused by the engine like any call with arguments that do not fit.
        return Call(call=question.number, tool="", args=[], kwargs={})
    return Call(
        call=question.number,
        tool=_text(request.tool, MOST_NAME),
        args=args,
        kwargs=kwargs,
        line=line_of(request.line, code_lines),
    )


class _CallPayload(msgspec.Struct):
    tool: str
    args: Any
    kwargs: Any
    line: Any = None


class _Error(msgspec.Struct):
    type: str
    message: str
    traceback: str


class _Result(msgspec.Struct):
    value: str | None = None
    value_data: Any = None
    answered: bool = False
    answer: str = ""
    answer_data: Any = None
    error: _Error | None = None
    status: int | None = None
    names: list[str] = []
    variables: Any = None
    lines: Any = None


def _printed(line: dict[str, Any]) -> Printed | None:
    text, data = line.get("text"), line.get("data")
    if isinstance(text, str):
        return Printed(stream=line["out"], text=text)
    if isinstance(data, str):
        with contextlib.suppress(ValueError):
            raw = base64.b64decode(data)
            return Printed(stream=line["out"], text=raw.decode(errors="replace"), data=raw)
    return None


def _decoded(data: object) -> Any:
    try:
        return decode(data)
    except ValueError:
        return None


def _text(text: str, most: int) -> str:
    """Lone surrogates are legal in Python's str and not in our files."""
    return text[:most].encode("utf-8", "replace").decode("utf-8")


def _status(status: int | None) -> int | None:
    """No process ends with a number that is no C integer; it has failed all the same."""
    return status if status is None or -(2**31) <= status < 2**31 else 1


def _broken(message: str) -> _Error:
    return _Error(type="SandboxError", message=message, traceback=message)

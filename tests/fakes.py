"""Fakes for the engine's two boundaries, a model and a sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

from smolterm.errors import SandboxDied
from smolterm.events import CellError, Event, Usage
from smolterm.models import Delta, Done, Format, Message, ModelPart
from smolterm.sandbox import Call, CellDone, CellPart, Limits, Printed
from smolterm.tools import ToolSpec

Script = Sequence[CellPart | BaseException]


class FakeModel:
    """Says each of its replies once, in one delta; an exception in their place is raised.

    A reply of None hangs until it is cancelled.
    """

    name = "fake/model"

    def __init__(self, *replies: str | BaseException | None) -> None:
        self.replies = list(replies)
        self.asked: list[list[Message]] = []
        self.formats: list[Format | None] = []
        self.hanging = asyncio.Event()
        self.closed = False

    async def reply(
        self, messages: Sequence[Message], *, format: Format | None = None
    ) -> AsyncGenerator[ModelPart, None]:
        self.asked.append(list(messages))
        self.formats.append(format)
        said = self.replies.pop(0)
        if said is None:
            self.hanging.set()
            await asyncio.Event().wait()
        if isinstance(said, BaseException):
            raise said
        yield Delta(channel="reply", text=said)
        yield Done(usage=Usage(prompt_tokens=10, completion_tokens=5, cost=0.001))

    async def close(self) -> None:
        self.closed = True


class FakeSandbox:
    """Answers each cell with the next script; `hang` cells wait for the interrupt."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.ran: list[str] = []
        self.answers: list[tuple[int, Any, str | None, bool]] = []
        self.names: tuple[str, ...] = ()
        self.alive = False
        self.starts = 0
        self.tools: list[ToolSpec] = []
        self.files: dict[str, bytes] = {}
        self.running = asyncio.Event()
        self.limits: list[Limits] = []
        self._stop = asyncio.Event()

    async def start(self) -> None:
        if not self.alive:
            self.starts += 1
        self.alive = True

    async def gone(self) -> None:
        await asyncio.Event().wait()

    async def cell(
        self, code: str, *, limits: Limits | None = None
    ) -> AsyncGenerator[CellPart, None]:
        self.ran.append(code)
        self.limits.append(limits or Limits())
        for part in self.scripts.pop(0):
            if isinstance(part, SandboxDied):
                self.alive, self.names = False, ()
            if isinstance(part, BaseException):
                raise part
            if isinstance(part, CellDone):
                self.names = part.names
            yield part

    async def answer(
        self, call: int, *, value: Any = None, error: str | None = None, denied: bool = False
    ) -> None:
        self.answers.append((call, value, error, denied))

    async def interrupt(self) -> None:
        self._stop.set()

    async def offer(
        self, *, tools: Sequence[ToolSpec] = (), files: Mapping[str, bytes] | None = None
    ) -> None:
        self.tools += tools
        self.files.update(files or {})

    async def close(self) -> None:
        self.alive = False


class HangingSandbox(FakeSandbox):
    """Its cells run until they are interrupted."""

    async def gone(self) -> None:
        await asyncio.Event().wait()

    async def cell(
        self, code: str, *, limits: Limits | None = None
    ) -> AsyncGenerator[CellPart, None]:
        self.ran.append(code)
        yield Printed(stream="stdout", text="running\n")
        self.running.set()
        await self._stop.wait()
        yield CellDone(error=CellError(type="KeyboardInterrupt", message="", traceback="stopped"))


def block(code: str, before: str = "I will run this.") -> str:
    """Return a reply that holds one block of code."""
    return f"{before}\n```python\n{code}\n```"


def value(text: str, *names: str) -> list[CellPart]:
    return [CellDone(value=text, names=names)]


def answer(text: str) -> list[CellPart]:
    return [CellDone(answered=True, answer=repr(text), answer_data=text)]


def failure(kind: str) -> list[CellPart]:
    return [CellDone(error=CellError(type=kind, message="no", traceback=f"{kind}: no"))]


def call(tool: str, *args: Any, number: int = 1, **kwargs: Any) -> Call:
    return Call(call=number, tool=tool, args=list(args), kwargs=kwargs)


async def events_of(
    session: Any, task: str, react: Callable[[Event], None] = lambda event: None
) -> list[Event]:
    """Run a task to its end; `react` sees each event as a front end would."""
    seen = []
    async for event in session.run(task):
        seen.append(event)
        react(event)
    return seen

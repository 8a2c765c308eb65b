"""What the engine needs of a sandbox: a cell of Python in, a stream of parts out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import msgspec

from smolterm.events import CellError, Stream, Table, Variable
from smolterm.tools import ToolSpec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one cell may use."""

    seconds: float = 120.0
    """Wall clock, waiting for tools and people excluded. 0 means no limit."""
    output_bytes: int = 1_000_000
    """Printed by one cell; the rest is counted and dropped. 0 means no limit."""
    tool_calls: int = 10_000
    """By one cell. 0 means no limit."""
    call_bytes: int = 32 * 1024 * 1024
    """Of one tool call's arguments."""
    cpu_seconds: float = 600.0
    """Of the processor, all threads together, where the system shows it. 0 means no limit."""
    value_depth: int = 100
    """Levels of nesting in what crosses the wall: values, answers, arguments."""


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """Text that the code wrote while it runs."""

    stream: Stream
    text: str
    data: bytes | None = None
    """The bytes themselves where they are not UTF-8; `text` shows them then."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """The code called a tool and waits for `answer`."""

    call: int
    tool: str
    args: list[Any]
    kwargs: dict[str, Any]
    line: int | None = None
    """Of the cell's code: where the call comes from, through whatever functions."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be looked at: a table, or an image."""

    name: str = ""
    """The variable, where it is one."""
    table: Table | None = None
    image: bytes | None = None
    """Begins as PNG, JPEG, GIF or WebP do; more is not known of it."""
    alt: str = ""
    """What it is, in words."""


class AtLine(msgspec.Struct, frozen=True, kw_only=True):
    """The line of the cell's code that is executed, a few times a second while it changes."""

    line: int


class CellDone(msgspec.Struct, frozen=True, kw_only=True):
    """The cell ended, by itself or by an exception."""

    value: str | None = None
    """The repr of the last expression; None when the cell ends in a statement."""
    value_data: Any = None
    """The value itself where its type survives the trip, else an `Opaque`."""
    answered: bool = False
    """`final_answer` was called."""
    answer: str = ""
    """The repr of what it was given."""
    answer_data: Any = None
    error: CellError | None = None
    status: int | None = None
    """What the process would exit with, after SystemExit."""
    seconds: float = 0.0
    """Waiting for tools excluded."""
    dropped: int = 0
    """Bytes printed past the limit."""
    names: tuple[str, ...] = ()
    """The variables that live on."""
    variables: tuple[Variable, ...] = ()
    """The newest few hundred of them, described."""
    lines: tuple[int, ...] = ()
    """Of the cell's code: those that the error came through, the last where it was raised."""


CellPart: TypeAlias = Printed | Call | Shown | AtLine | CellDone


class CellRunner(Protocol):
    """What runs cells. Implemented by `Sandbox`; a fake fits in 30 lines."""

    names: tuple[str, ...]
    """Variables alive in the sandbox, as of the last cell."""

    @property
    def alive(self) -> bool:
        """The process runs."""
        ...

    async def start(self) -> None:
        """Start the process if it is not running; returns when it takes cells.

        Raises:
            SandboxError: it cannot be started.
        """
        ...

    def cell(self, code: str, *, limits: Limits = ...) -> AsyncGenerator[CellPart, None]:
        """Run one cell; the last part is `CellDone`.

        Closing the iterator early interrupts the cell.

        Raises:
            SandboxDied: the process is gone and the variables with it.
        """
        ...

    async def answer(
        self, call: int, *, value: Any = None, error: str | None = None, denied: bool = False
    ) -> None:
        """Give a tool call its result, or the message of the exception it raises."""
        ...

    async def interrupt(self) -> None:
        """Stop the running cell: KeyboardInterrupt first, the process if that is ignored."""
        ...

    async def offer(
        self, *, tools: Sequence[ToolSpec] = ..., files: Mapping[str, bytes] = ...
    ) -> None:
        """Make tools callable by name and put files at absolute paths inside the sandbox."""
        ...

    async def gone(self) -> None:
        """Return when the process has ended, by itself or not."""
        ...

    async def close(self) -> None:
        """End the process; safe to call twice."""
        ...


@runtime_checkable
class Inspectable(Protocol):
    """A `CellRunner` whose variables can be looked at between cells. Implemented by `Sandbox`."""

    async def complete(self, text: str) -> list[str]:
        """Return what a name or attribute that begins so could be; none while a cell runs."""
        ...

    async def rows(self, name: str, first: int, count: int) -> Table:
        """Return rows of a variable, from 0.

        Raises:
            UsageError: there is no such variable, or it has no rows.
            SandboxError: a cell runs, or the process died.
        """
        ...

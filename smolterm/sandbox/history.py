"""The cells that ran, with what they were answered: enough to run them again to the same end."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

MOST_ANSWERS = 64 * 1024 * 1024
"""Bytes of questions and answers kept in all; a session with more cannot be replayed."""
MOST_TAPE = 16 * 1024 * 1024
"""Bytes of tapes kept in all; cells without one see the time of their replay."""


class Exchange(msgspec.Struct, frozen=True):
    """One question of the code, and its answer."""

    kind: str
    request: str
    answer: bytes


class RecordedCell(msgspec.Struct, kw_only=True):
    """One cell as it ran."""

    step: int
    request: str
    """What the driver was sent, as JSON."""
    exchanges: list[Exchange] = []
    names: tuple[str, ...] = ()
    """The variables before it."""
    tape: bytes = b""
    """What it got to see of time and randomness; opaque, for the sandbox itself."""
    whole: bool = False
    """It ran to its end, by itself or by an exception; one that was killed is not run again."""


class History:
    """The cells of one sandbox in order."""

    def __init__(self) -> None:
        self._cells: list[RecordedCell] = []
        self._bytes = 0
        self._tapes = 0

    @property
    def cells(self) -> list[RecordedCell]:
        return list(self._cells)

    def begin(self, step: int, request: str, names: tuple[str, ...]) -> RecordedCell:
        cell = RecordedCell(step=step, request=request, names=names)
        self._cells.append(cell)
        return cell

    def add(self, cell: RecordedCell, exchange: Exchange) -> None:
        self._bytes += len(exchange.answer) + len(exchange.request)
        if self._bytes <= MOST_ANSWERS:
            cell.exchanges.append(exchange)

    def end(self, cell: RecordedCell, tape: bytes) -> None:
        """Note that a cell ran to its end."""
        cell.whole = True
        self._tapes += len(tape)
        if self._tapes <= MOST_TAPE:
            cell.tape = tape

    @property
    def replayable(self) -> bool:
        """Every answer is still here."""
        return self._bytes <= MOST_ANSWERS

    def names_at(self, step: int) -> tuple[str, ...] | None:
        return next((cell.names for cell in self._cells if cell.step == step), None)

    def between(self, first: int, step: int) -> Iterator[RecordedCell]:
        """Yield the cells from one step on, up to but without another."""
        return (cell for cell in self._cells if first <= cell.step < step and cell.whole)

    def forget_from(self, step: int) -> None:
        self._cells = [cell for cell in self._cells if cell.step < step]
        self._count()

    def replace(self, cells: list[RecordedCell]) -> None:
        self._cells = list(cells)
        self._count()

    def _count(self) -> None:
        self._bytes = sum(
            len(e.answer) + len(e.request) for cell in self._cells for e in cell.exchanges
        )
        self._tapes = sum(len(cell.tape) for cell in self._cells)

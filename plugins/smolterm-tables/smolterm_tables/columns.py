"""What every kind of table shares: names of columns, and how many rows are taken. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from smolterm.pack import ToolError

MOST_ROWS = 10_000
"""Rows returned where the caller names no number."""
MOST_ASKED = 200_000
MOST_CELLS = 900_000
"""Of one table; a million values cross to the sandbox."""


def most(limit: int | None) -> int:
    """Return how many rows to take.

    Raises:
        ToolError: the number is none.
    """
    if limit is not None and not 0 < limit <= MOST_ASKED:
        raise ToolError(f"`limit` is a number from 1 to {MOST_ASKED}.")
    return MOST_ROWS if limit is None else limit


def first(lines: Iterable[Sequence[object]], limit: int | None) -> list[Sequence[object]]:
    """Return the lines that are not empty, as many as are asked for.

    Raises:
        ToolError: there are too many.
    """
    taken: list[Sequence[object]] = []
    wanted, cells = most(limit), 0
    for line in lines:
        if all(cell is None or cell == "" for cell in line):
            continue
        if len(taken) == wanted:
            if limit is not None:
                break
            raise ToolError(
                f"The table has more than {MOST_ROWS} rows.",
                next="Pass limit=100 for the first 100, or use summarize_table().",
            )
        cells += len(line)
        if cells > MOST_CELLS:
            raise ToolError(
                f"The table has more than {MOST_CELLS} cells.", next="Pass a smaller limit."
            )
        taken.append(line)
    return taken


def named(header: Sequence[object], width: int) -> list[str]:
    """Return a name for each column, none twice; one without a name has its letter."""
    names: list[str] = []
    for at in range(width):
        cell = header[at] if at < len(header) else None
        name = ("" if cell is None else str(cell).strip()) or letters(at)
        plain, number = name, 1
        while name in names:
            number += 1
            name = f"{plain}_{number}"
        names.append(name)
    return names


def letters(at: int) -> str:
    """Return what Excel calls a column: A, B, ... Z, AA."""
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def dicts(lines: Sequence[Sequence[object]], names: Sequence[str]) -> list[dict[str, object]]:
    """Return lines as dicts; what a line lacks is None."""
    return [
        {name: line[at] if at < len(line) else None for at, name in enumerate(names)}
        for line in lines
    ]


def all_names(rows: Sequence[dict[str, object]]) -> list[str]:
    """Return the keys of all rows, in the order in which they come."""
    return list(dict.fromkeys(name for row in rows for name in row))

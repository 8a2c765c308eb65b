"""What a database returns, as rows that cross to the sandbox, and no more of them than it takes."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable, Iterable, Sequence

from smolterm.pack import ToolError

MOST_ROWS = 10_000
"""Rows returned where the caller names no number."""
MOST_ASKED = 100_000
MOST_CELLS = 500_000
MOST_TEXT = 16_000_000
"""Characters and bytes of all cells together."""

_AS_IT_IS = (
    bool, int, float, str, bytes, decimal.Decimal, datetime.date, datetime.time,
    datetime.timedelta, uuid.UUID,
)  # fmt: skip


def most(limit: int | None) -> int:
    """Return how many rows to take: one more tells that there are more.

    Raises:
        ToolError: the number is none.
    """
    if limit is None:
        return MOST_ROWS
    if not 0 < limit <= MOST_ASKED:
        raise ToolError(f"`limit` is a number from 1 to {MOST_ASKED}.")
    return limit


def collected(
    names: Sequence[str], fetch: Callable[[int], Iterable[Sequence[object]]], limit: int | None
) -> list[dict[str, object]]:
    """Return rows as dicts.

    Args:
        names: of the columns; a name that comes twice gets a number.
        fetch: gives at most so many rows more, and none at the end.
        limit: None means all, if they are not too many.

    Raises:
        ToolError: they are too many, or too large.
    """
    keys, wanted = distinct(names), most(limit)
    found: list[dict[str, object]] = []
    size = 0
    while batch := list(fetch(min(1_000, wanted + 1 - len(found)))):
        for row in batch:
            if len(found) == wanted:
                return _cut(found, limit)
            found.append({key: plain(cell) for key, cell in zip(keys, row, strict=True)})
            size += sum(_size(cell) for cell in row)
        if size > MOST_TEXT or len(found) * len(keys) > MOST_CELLS:
            raise ToolError(
                f"The result is too large: {len(found)} rows have {size} characters.",
                next="Name fewer columns, or sum up in SQL (COUNT, SUM, GROUP BY).",
            )
    return found


def distinct(names: Sequence[str]) -> list[str]:
    """Return names of which none comes twice: a, a becomes a, a_2."""
    keys: list[str] = []
    for name in names:
        key, number = name, 1
        while key in keys:
            number += 1
            key = f"{name}_{number}"
        keys.append(key)
    return keys


def plain(value: object, depth: int = 0) -> object:
    """Return a cell as a value that crosses; what has no such type becomes its text."""
    if value is None or isinstance(value, _AS_IT_IS):
        return value
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    if depth < 20:
        if isinstance(value, list | tuple | set | frozenset):
            return [plain(each, depth + 1) for each in value]
        if isinstance(value, dict):
            return {str(key): plain(each, depth + 1) for key, each in value.items()}
    return str(value)


def _cut(found: list[dict[str, object]], limit: int | None) -> list[dict[str, object]]:
    if limit is None:
        raise ToolError(
            f"There are more than {MOST_ROWS} rows.",
            next="Sum up in SQL, add LIMIT, or pass limit=100 for the first 100 of them.",
        )
    return found


def _size(cell: object) -> int:
    if isinstance(cell, str | bytes | memoryview | bytearray):
        return len(cell)
    return len(str(cell)) if isinstance(cell, list | tuple | dict) else 8

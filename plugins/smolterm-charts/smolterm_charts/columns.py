"""Rows as columns that can be drawn. Pure."""

from __future__ import annotations

import datetime
import decimal
import math
import re
from collections.abc import Sequence

from smolterm.pack import ToolError

MOST_ROWS = 100_000
LONGEST = 60
"""Characters of a name on a chart."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?")


def numbers(rows: Sequence[dict[str, object]], name: str) -> list[float]:
    """Return a column of numbers; what is missing is a gap.

    Raises:
        ToolError: there is no such column, or it holds something else.
    """
    found: list[float] = []
    for value in _column(rows, name):
        if value is None:
            found.append(math.nan)
        elif isinstance(value, int | float | decimal.Decimal):
            found.append(float(value))
        else:
            raise ToolError(
                f"The column {name!r} holds {type(value).__name__}, such as {value!r:.60}.",
                next="Only numbers can be drawn: convert them first.",
            )
    return found


def places(
    rows: Sequence[dict[str, object]], name: str
) -> list[float] | list[datetime.datetime] | list[str]:
    """Return a column of numbers or days; anything else becomes words."""
    values = _column(rows, name)
    if all(isinstance(value, int | float | decimal.Decimal) for value in values):
        return numbers(rows, name)
    days = [_moment(value) for value in values]
    known = [day for day in days if day is not None]
    return known if len(known) == len(values) else words(rows, name)


def words(rows: Sequence[dict[str, object]], name: str) -> list[str]:
    """Return a column as short text."""
    return [short(value) for value in _column(rows, name)]


def short(value: object) -> str:
    """Return what a chart calls a value."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    text = "" if value is None else " ".join(str(value).split())
    # What has no sign of its own in a font would be drawn as a box.
    text = "".join(sign if sign.isprintable() else " " for sign in text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _column(rows: Sequence[dict[str, object]], name: str) -> list[object]:
    if not 0 < len(rows) <= MOST_ROWS:
        raise ToolError(f"Give 1 to {MOST_ROWS} rows, each a dict.")
    if not any(name in row for row in rows):
        there = ", ".join(map(repr, rows[0]))
        raise ToolError(f"There is no column {name!r}.", next=f"There are {there}."[:500])
    return [row.get(name) for row in rows]


def _moment(value: object) -> datetime.datetime | None:
    if isinstance(value, datetime.datetime):
        moment = value
    elif isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day)
    elif isinstance(value, str) and _DAY.fullmatch(value):
        try:
            moment = datetime.datetime.fromisoformat(value)
        except ValueError:
            return None
    else:
        return None
    # Those with a zone and those without cannot stand on one line.
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    return moment

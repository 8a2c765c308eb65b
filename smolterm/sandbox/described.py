"""What the sandbox's process says of its variables, checked: names, tables, what is to be shown.

All of it comes from where hostile code runs. What has not the expected shape is left out, text is
cut and made one line, numbers are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from smolterm.events import Displayed, LineReached, Table, Variable
from smolterm.sandbox import AtLine, Shown
from smolterm.sandbox.bounded import loads

MOST_VARIABLES = 300
MOST_NAME = 200
MOST_WORDS = 200
"""Characters of a type, a size, a glance, a table's cell."""
MOST_ROWS = 500
MOST_COLUMNS = 50
MOST_TOTAL = 2**53
MOST_LINES = 100
SHOWN_ROWS = 20
SHOWN_COLUMNS = 12
MOST_SHOWN = 20
"""Of one cell."""
MOST_IMAGE = 4 * 1024 * 1024
"""Bytes."""
KINDS = {
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "GIF": re.compile(rb"GIF8[79]a"),
    "WebP": re.compile(rb"RIFF....WEBP", re.DOTALL),
}
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def one_line(text: object, most: int = MOST_WORDS) -> str:
    """Return text cut and without breaks, controls and half surrogates; "" for what is none."""
    if not isinstance(text, str):
        return ""
    text = text[:most]
    if text.isprintable():
        return text
    return _BREAKS.sub("\N{MIDDLE DOT}", text).encode("utf-8", "replace").decode("utf-8")


def variables_of(data: object) -> tuple[Variable, ...]:
    """Return the variables that are told as [name, type, size, glance, change, rows] each."""
    found = []
    for one in data[:MOST_VARIABLES] if isinstance(data, list) else ():
        if not isinstance(one, list) or len(one) != 6 or not isinstance(one[0], str) or not one[0]:
            continue
        name, kind, size, glance, change, rows = one
        found.append(
            Variable(
                name=one_line(name, MOST_NAME),
                type=one_line(kind, MOST_NAME),
                size=one_line(size),
                glance=one_line(glance),
                change=change if change in ("new", "changed") else "",
                rows=rows is True,
            )
        )
    return tuple(found)


def table_of(data: object, rows: int = MOST_ROWS, columns: int = MOST_COLUMNS) -> Table | None:
    """Return a table with at most so many rows and columns; None: it is none."""
    if not isinstance(data, dict):
        return None
    names, lines = data.get("columns"), data.get("rows")
    if not isinstance(names, list) or not isinstance(lines, list):
        return None
    # The index is one more.
    kept = [one_line(name) for name in names[: columns + 1]]
    return Table(
        columns=tuple(kept),
        rows=tuple(_cells(line, len(kept)) for line in lines[:rows] if isinstance(line, list)),
        first=_count(data.get("first")),
        total=_count(data.get("total")),
        left_out=_count(data.get("left_out")) + len(names) - len(kept),
    )


def shown_of(about: str, image: object) -> Shown | None:
    """Return what is to be shown; None where it is nothing that could be."""
    try:
        data = loads(about)
    except ValueError:
        return None
    if not isinstance(data, dict):
        return None
    name = one_line(data.get("name"), MOST_NAME)
    if isinstance(image, bytes) and image:
        kind = next((kind for kind, start in KINDS.items() if start.match(image)), "")
        if not kind or len(image) > MOST_IMAGE:
            return None
        what = one_line(data.get("alt")) or "image"
        return Shown(name=name, image=image, alt=f"{what}, {kind}{_pixels(kind, image)}")
    table = table_of(data.get("table"), SHOWN_ROWS, SHOWN_COLUMNS)
    if table is None:
        return None
    return Shown(name=name, table=table, alt=f"{one_line(data.get('alt'))}, {table.total:,} rows")


def event_of(step: int, part: Shown | AtLine) -> Displayed | LineReached:
    """Return a cell's part as the event that front ends learn it from."""
    if isinstance(part, AtLine):
        return LineReached(step=step, line=part.line)
    return Displayed(step=step, name=part.name, table=part.table, image=part.image, alt=part.alt)


def lines_of(data: object, last: int) -> tuple[int, ...]:
    """Return the numbers that are lines of a code with so many."""
    lines: Sequence[Any] = data[:MOST_LINES] if isinstance(data, list) else ()
    return tuple(line for line in lines if line_of(line, last) is not None)


def line_of(data: object, last: int) -> int | None:
    return data if type(data) is int and 1 <= data <= last else None


def _cells(line: list[Any], width: int) -> tuple[str, ...]:
    cells = [one_line(cell) for cell in line[:width]]
    return (*cells, *[""] * (width - len(cells)))


def _count(number: object) -> int:
    return number if type(number) is int and 0 <= number <= MOST_TOTAL else 0


def _pixels(kind: str, image: bytes) -> str:
    """Return what the head says of width and height, for the kinds that have it at one place."""
    if kind == "PNG" and len(image) >= 24:
        width, height = int.from_bytes(image[16:20]), int.from_bytes(image[20:24])
    elif kind == "GIF" and len(image) >= 10:
        width, height = int.from_bytes(image[6:8], "little"), int.from_bytes(image[8:10], "little")
    else:
        return ""
    return f" {width:,} × {height:,}"

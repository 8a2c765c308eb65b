"""What the columns of a table hold. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

MOST = 200_000
"""Rows looked at."""
LONGEST = 200
"""Characters of one text."""


def columns(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Return what `summarize_table` returns."""
    return [_column(name, [row[name] for row in rows]) for name in (rows[0] if rows else ())]


def _column(name: str, cells: Sequence[object]) -> dict[str, object]:
    filled: list[Any] = [cell for cell in cells if cell is not None and cell != ""]
    kinds = sorted({type(cell).__name__ for cell in filled})
    if kinds == ["float", "int"]:
        kinds = ["float"]
    about: dict[str, object] = {
        "column": name, "type": " or ".join(kinds) or "empty", "filled": len(filled),
        "empty": len(cells) - len(filled), "different": len(set(filled)),
    }  # fmt: skip
    if len(kinds) == 1:
        about |= {"smallest": _short(min(filled)), "largest": _short(max(filled))}
        if kinds[0] in ("int", "float"):
            total = math.fsum(filled) if kinds[0] == "float" else sum(filled)
            about |= {"sum": total, "mean": total / len(filled)}
    return about


def _short(value: object) -> object:
    return value[:LONGEST] if isinstance(value, str) else value

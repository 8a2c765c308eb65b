"""Tables in text files, as one dict per row. Pure."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import PurePosixPath

from smolterm.pack import ToolError

# `int` and `float` take more than a person calls a number: "1_000", "nan", "007".
_INT = re.compile(r"[+-]?(?:0|[1-9]\d{0,30})")
_FLOAT = re.compile(r"[+-]?(?:0|[1-9]\d{0,30})?(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?")


def rows(path: str, text: str) -> list[dict[str, object]]:
    """Return the rows of a table; the ending of `path` says how it is written."""
    kind = PurePosixPath(path).suffix.lower()
    if kind in (".jsonl", ".ndjson"):
        lines = [line for line in text.splitlines() if line.strip()]
        return [_row(_json(line, path), path) for line in lines]
    if kind == ".json":
        value = _json(text, path)
        if not isinstance(value, list):
            raise ToolError(
                f"{path!r} holds no list of rows.",
                next=f"Use json.loads(read_text({path!r})).",
            )
        return [_row(each, path) for each in value]
    if kind in (".csv", ".tsv", ".txt", ".tab"):
        return _separated(text, "\t" if kind in (".tsv", ".tab") else _separator(text))
    raise ToolError(f"{path!r} is no .csv, .tsv, .json or .jsonl.", next="Use read_text().")


def _json(text: str, path: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ToolError(f"{path!r} is not JSON: {error}.") from None


def _row(value: object, path: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ToolError(
            f"{path!r} holds {type(value).__name__}s, not rows.", next="Use read_text()."
        )
    return value


def _separator(text: str) -> str:
    """Take the sign that the first line holds most of, outside of quotes."""
    first = re.sub(r'"[^"]*"', "", text.lstrip("\n").split("\n", 1)[0])
    return max(",;\t|", key=first.count)


def _separated(text: str, separator: str) -> list[dict[str, object]]:
    try:
        lines = [line for line in csv.reader(io.StringIO(text), delimiter=separator) if any(line)]
    except csv.Error as error:
        raise ToolError(f"The table cannot be read: {error}.") from None
    if not lines:
        return []
    width = max(map(len, lines))
    names = _names(lines[0], width)
    columns = [
        _column([line[at].strip() if at < len(line) else "" for line in lines[1:]])
        for at in range(width)
    ]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _names(header: list[str], width: int) -> list[str]:
    names: list[str] = []
    for at in range(width):
        name = (header[at].strip() if at < len(header) else "") or f"column_{at + 1}"
        while name in names:
            name += "_2"
        names.append(name)
    return names


def _column(cells: list[str]) -> list[object]:
    """Convert a column as a whole, so that one column has one type."""
    filled = [cell for cell in cells if cell]
    convert: Callable[[str], object] = str
    if filled and all(map(_INT.fullmatch, filled)):
        convert = int
    elif filled and all(_FLOAT.fullmatch(cell) and cell[-1] in "0123456789" for cell in filled):
        convert = float
    return [convert(cell) if cell else None for cell in cells]

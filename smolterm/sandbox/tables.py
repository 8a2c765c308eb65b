"""Rows of what has rows, as text, without running any of the code's own.

Runs inside the sandbox, so it needs nothing but the standard library.
"""

import collections
import csv
import io
import itertools
from typing import Any

from smolterm.sandbox.glance import (  # fmt: skip
    builtin_of,
    cut,
    field_names,
    field_of,
    first_of,
    glance,
    library_of,
    listed,
    shape_of,
)

MOST_CELL = 200
"""Characters."""
MOST_TABLE_COLUMNS = 50
COLUMNS_FROM = 1_000
"""Rows in which columns are looked for, so that they are the same whichever rows are wanted."""
KIND_FROM = 20
"""Rows by which it is told what they are."""
MOST_CSV = 4_000_000
"""Characters of text that is read as a table."""

_SEQUENCES = (list, tuple, range, collections.deque)
_ROWS = (*_SEQUENCES, set, frozenset)


def has_rows(value: Any) -> bool:
    """Whether it can be looked at as a table; quick."""
    base: Any = builtin_of(type(value))
    if base in _ROWS or base is dict:
        length: int = base.__len__(value)
        return length > 0
    if base is str:
        return _delimiter(value) != ""
    shape = shape_of(value)
    return shape is not None and 1 <= len(shape) <= 2


def is_table(value: Any) -> bool:
    """Whether a table shows more of it than its repr does: a data frame, or a list of dicts."""
    if library_of(type(value)):
        return getattr(value, "columns", None) is not None and len(shape_of(value) or ()) == 2
    if type(value) is not list or not value:
        return False
    return all(builtin_of(type(row)) is dict and row for row in value[:KIND_FROM])


def rows_of(
    value: Any, first: int, count: int, most_columns: int = MOST_TABLE_COLUMNS
) -> dict[str, Any] | None:
    """Return some rows as text, with the names of the columns; None: there are none.

    Args:
        first: from 0.
        most_columns: besides the index; the others are counted.
    """
    if library_of(type(value)):
        return _library_rows(value, first, count, most_columns)
    base: Any = builtin_of(type(value))
    if base is str:
        return _csv_rows(value, first, count, most_columns)
    if base is dict:
        return _dict_rows(value, first, count, most_columns)
    if base not in _ROWS:
        return None
    length = base.__len__(value)
    first = min(first, length)
    sample = list(itertools.islice(base.__iter__(value), COLUMNS_FROM))
    if base in (list, tuple, range):
        wanted = list(base.__getitem__(value, slice(first, first + count)))
    else:
        wanted = list(itertools.islice(base.__iter__(value), first, first + count))
    return _made(*_records(sample, wanted, most_columns), first, length)


def _made(
    columns: list[str], rows: list[list[str]], left_out: int, first: int, total: int
) -> dict[str, Any]:
    return {"columns": columns, "rows": rows, "left_out": left_out, "first": first, "total": total}


def cell(value: object) -> str:
    """Return what stands in one place of a table."""
    if type(value) is str:
        return cut(value[: MOST_CELL + 1], MOST_CELL)
    return glance(value, MOST_CELL, 1)


def _records(
    sample: list[Any], wanted: list[Any], most: int
) -> tuple[list[str], list[list[str]], int]:
    """Return the columns, the rows wanted, and how many columns are left out."""
    bases = {builtin_of(type(row)) for row in sample[:KIND_FROM]}
    if bases == {dict}:
        keys = list(dict.fromkeys(key for row in sample for key in _plain_part(row)))
        parts = [_plain_part(row) for row in wanted]
        rows = [[cell(part.get(key, "")) for key in keys[:most]] for part in parts]
        return [cell(key) for key in keys[:most]], rows, max(0, len(keys) - most)
    kind = type(sample[0]) if sample else object
    names = field_names(kind) if all(type(row) is kind for row in sample[:KIND_FROM]) else []
    if names:
        rows = [_fields(row, names[:most]) for row in wanted]
        return [cell(name) for name in names[:most]], rows, max(0, len(names) - most)
    if bases and bases <= {list, tuple}:
        widths = [len(row) for row in sample if type(row) in (list, tuple)]
        width = max(widths, default=1)
        rows = [
            [cell(one) for one in row[:most]] if type(row) in (list, tuple) else [cell(row)]
            for row in wanted
        ]
        return [str(at) for at in range(min(width, most))], rows, max(0, width - most)
    return ["value"], [[cell(row)] for row in wanted], 0


def _fields(row: Any, names: list[str]) -> list[str]:
    if builtin_of(type(row)) is tuple:
        return [cell(one) for one in itertools.islice(tuple.__iter__(row), len(names))]
    if not field_names(type(row)):
        return [cell(row)]
    return [cell(field_of(row, name)) for name in names]


def _plain_part(row: Any) -> dict[Any, Any]:
    """Return what a row that is a dict has under keys that compare as the builtins do."""
    if builtin_of(type(row)) is not dict:
        return {}
    items = itertools.islice(dict.items(row), 2 * MOST_TABLE_COLUMNS)
    return {key: value for key, value in items if _is_plain(key)}


def _is_plain(key: object) -> bool:
    """Whether looking the key up runs nothing of the code's own."""
    if type(key) is tuple:
        return all(map(_is_plain, key))
    return type(key) in (str, int, float, bool, bytes, type(None))


def _dict_rows(value: Any, first: int, count: int, most: int) -> dict[str, Any]:
    length = dict.__len__(value)
    values = list(itertools.islice(dict.values(value), COLUMNS_FROM))
    if values and all(type(one) in (list, tuple) for one in values):
        sizes = {len(one) for one in values}
        if length <= COLUMNS_FROM and len(sizes) == 1 and sizes != {0}:
            keys = [cell(key) for key in itertools.islice(dict.keys(value), most)]
            columns = [one[first : first + count] for one in values[:most]]
            rows = [[cell(one) for one in row] for row in zip(*columns, strict=False)]
            return _made(keys, rows, max(0, length - most), first, sizes.pop())
    first = min(first, length)
    wanted = list(itertools.islice(dict.items(value), first, first + count))
    if values and all(builtin_of(type(one)) is dict for one in values[:KIND_FROM]):
        names, rows, left_out = _records(values, [one for _, one in wanted], most)
    else:
        names, rows, left_out = ["value"], [[cell(one)] for _, one in wanted], 0
    rows = [[cell(key), *row] for (key, _), row in zip(wanted, rows, strict=True)]
    return _made(["key", *names], rows, left_out, first, length)


def _delimiter(text: Any) -> str:
    """Return what parts the columns of lines that all have as many; "": it is no such text."""
    length = str.__len__(text)
    if not 3 <= length <= MOST_CSV:
        return ""
    start = str.__getitem__(text, slice(0, 2_000))
    lines = start.split("\n")[: KIND_FROM + 1]
    if len(lines) < 2:
        return ""
    if length > len(start) or not lines[-1]:
        # The last line may go on, or is none.
        lines.pop()
    for mark in ",\t;|":
        if len(lines) > 1 and mark in lines[0]:
            widths = {len(row) for row in csv.reader(lines, delimiter=mark)}
            if len(widths) == 1 and widths != {1}:
                return mark
    return ""


def _csv_rows(text: Any, first: int, count: int, most: int) -> dict[str, Any] | None:
    mark = _delimiter(text)
    if not mark:
        return None
    lines = csv.reader(io.StringIO(str.__str__(text)), delimiter=mark)
    names = next(lines, [])
    total, rows = 0, []
    for line in filter(None, lines):
        if first <= total < first + count:
            rows.append([cell(one) for one in line[:most]])
        total += 1
    columns = [cell(name) for name in names[:most]]
    return _made(columns, rows, max(0, len(names) - most), first, total)


def _library_rows(value: Any, first: int, count: int, most: int) -> dict[str, Any] | None:
    shape = shape_of(value)
    if shape is None or not 1 <= len(shape) <= 2:
        return None
    last = first + count
    if library_of(type(value)) == "polars":
        part = value.slice(first, count)
        if len(shape) == 1:
            names, columns = [cell(value.name) or "value"], [part.to_list()]
        else:
            labels = value.columns[:most]
            names, columns = [cell(one) for one in labels], [part[one].to_list() for one in labels]
    elif hasattr(value, "iloc"):
        part = value.iloc[first:last]
        index = listed(part.index)
        title = getattr(value.index, "name", None)
        names, columns = ["" if title is None else cell(title)], [index]
        if len(shape) == 1:
            title = getattr(value, "name", None)
            names.append("value" if title is None else cell(title))
            columns.append(listed(part))
        else:
            names += [cell(one) for one in first_of(value.columns, most)]
            columns += [listed(part.iloc[:, at]) for at in range(min(shape[1], most))]
    else:
        return _array_rows(value, shape, first, last, most)
    rows = [[cell(one) for one in row] for row in zip(*columns, strict=False)]
    return _made(names, rows, max(0, shape[-1] - most) if len(shape) == 2 else 0, first, shape[0])


def _array_rows(
    value: Any, shape: tuple[int, ...], first: int, last: int, most: int
) -> dict[str, Any]:
    if len(shape) == 2:
        lines = value[first:last, :most].tolist()
        names = [str(at) for at in range(min(shape[1], most))]
        left_out = max(0, shape[1] - most)
    else:
        lines = value[first:last].tolist()
        labels = getattr(getattr(value, "dtype", None), "names", None)
        names = [cell(one) for one in labels[:most]] if labels else ["value"]
        left_out = max(0, len(labels) - most) if labels else 0
    rows = [[cell(one) for one in line[:most]] if type(line) in (list, tuple) else [cell(line)]
            for line in lines]  # fmt: skip
    return _made(names, rows, left_out, first, shape[0])

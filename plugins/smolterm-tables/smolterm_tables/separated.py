"""CSV and TSV. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence

from smolterm.pack import ToolError

from smolterm_tables.columns import all_names, dicts, first, named

LONGEST_CELL = 1_000_000

# `int` and `float` take more than a person calls a number: "1_000", "nan", "007".
_INT = re.compile(r"[+-]?(?:0|[1-9]\d{0,30})", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:(?:0|[1-9]\d{0,30})(?:\.\d{1,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?")


def rows(
    content: bytes, path: str, separator: str, header: bool, limit: int | None
) -> list[dict[str, object]]:
    """Return what `read_csv` returns."""
    text = _decoded(content, path)
    lines = _lines(text, _checked(separator) if separator else _found(text))
    head: Sequence[object] = next((line for line in lines if any(line)), ()) if header else ()
    taken = first(lines, limit)
    width = max((len(line) for line in (head, *taken)), default=0)
    columns = [
        _column([str(line[at]).strip() if at < len(line) else "" for line in taken])
        for at in range(width)
    ]
    return dicts(list(zip(*columns, strict=True)) if columns else [], named(head, width))


def written(rows: Sequence[dict[str, object]], separator: str) -> bytes:
    """Return a file."""
    names = all_names(rows)
    if not names:
        raise ToolError("There are no rows.", next="Give a list of dicts, such as [{'a': 1}].")
    target = io.StringIO()
    writer = csv.writer(target, delimiter=_checked(separator), lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_text(row.get(name)) for name in names] for row in rows)
    return target.getvalue().encode("utf-8", "surrogateescape")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        raise ToolError("Bytes are not written to CSV.", next="Use value.decode() or value.hex().")
    return str(value)


def _decoded(content: bytes, path: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    if b"\0" in content[:8192]:
        raise ToolError(f"{path!r} is not text.", next="read_excel() reads .xlsx files.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Old files of Windows; every byte but five has a character there.
        return content.decode("cp1252", "replace")


def _checked(separator: str) -> str:
    if len(separator) != 1 or separator in '"\r\n':
        raise ToolError(f"{separator!r} cannot part cells.", next="Use ',', ';' or '\\t'.")
    return separator


def _found(text: str) -> str:
    """Take the sign that the first line holds most of, outside of quotes."""
    start = re.sub(r'"[^"]*"', "", text.lstrip("\r\n")[:20_000]).split("\n", 1)[0]
    return max(",;\t|", key=start.count)


def _lines(text: str, separator: str) -> Iterator[Sequence[object]]:
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        yield from reader
    except csv.Error as error:
        raise ToolError(f"Line {reader.line_num} cannot be read: {error}.") from None


def _column(cells: list[str]) -> list[object]:
    """Convert a column as a whole, so that one column has one type."""
    filled = [cell for cell in cells if cell]
    convert: Callable[[str], object] = str
    if filled and all(map(_INT.fullmatch, filled)):
        convert = int
    elif filled and all(map(_FLOAT.fullmatch, filled)):
        convert = float
    return [convert(cell) if cell else None for cell in cells]

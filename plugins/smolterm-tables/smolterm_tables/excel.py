"""Excel files, by openpyxl. Strangers wrote them: sizes are looked at before they are opened."""

from __future__ import annotations

import datetime
import decimal
import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import openpyxl  # type: ignore[import-untyped]
from smolterm.pack import ToolError

from smolterm_tables.columns import all_names, dicts, first, letters, named

MOST_UNPACKED = 150_000_000
"""Bytes of all that is packed in one file."""
MOST_PARTS = 2_000
MOST_WRITTEN = 200_000
"""Cells."""
LOST = ("xl/charts/", "xl/drawings/", "xl/media/", "xl/pivot", "xl/vbaProject", "xl/embeddings/")
"""What openpyxl would not write again."""

_PART = re.compile(r"[A-Z]{1,3}[1-9][0-9]{0,6}(:[A-Z]{1,3}[1-9][0-9]{0,6})?")
_PLACE = re.compile(r"[A-Z]{1,3}[1-9][0-9]{0,6}")
_NO_NAME = re.compile(r"[\[\]:*?/\\]")


def sheets(content: bytes, path: str) -> list[dict[str, object]]:
    """Return what `list_sheets` returns."""
    found: list[dict[str, object]] = []
    for sheet in _opened(content, path).worksheets:
        count, width, head = 0, 0, None
        for line in _lines(sheet):
            count += 1
            width = max(width, len(line))
            head = line if head is None else head
        about = {"sheet": sheet.title, "rows": count, "columns": width}
        found.append({**about, "first_row": [_plain(cell) for cell in head or ()]})
    return found


def rows(
    content: bytes, path: str, sheet: str, cells: str, header: bool, limit: int | None
) -> list[dict[str, object]]:
    """Return what `read_excel` returns."""
    chosen = _sheet(_opened(content, path), sheet)
    lines = _lines(chosen, cells)
    head: Sequence[object] = next((line for line in lines if any(line)), ()) if header else ()
    taken = [[_plain(cell) for cell in line] for line in first(lines, limit)]
    width = max((len(line) for line in (head, *taken)), default=0)
    return dicts(taken, named(head, width))


def written(sheets: Mapping[str, Sequence[dict[str, object]]]) -> bytes:
    """Return a new file."""
    if not sheets:
        raise ToolError("There is no sheet.", next='Give {"Sheet1": [{"a": 1}]}.')
    book = openpyxl.Workbook()
    book.remove(book.active)
    left = MOST_WRITTEN
    for title, rows in sheets.items():
        if not 0 < len(title) <= 31 or _NO_NAME.search(title) or not title.isprintable():
            raise ToolError(
                f"{title!r} is no name of a sheet.", next="1 to 31 characters, none of []:*?/\\."
            )
        names = all_names(rows)
        left -= (len(rows) + 1) * len(names)
        if left < 0:
            raise ToolError(f"More than {MOST_WRITTEN} cells are not written.")
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "A2"
        for at, name in enumerate(names):
            longest = max([len(name), *(len(str(row.get(name, ""))) for row in rows[:200])])
            sheet.column_dimensions[letters(at)].width = min(longest + 2, 60)
        for at, name in enumerate(names, 1):
            head = sheet.cell(1, at)
            _set(head, name, formulas=False)
            head.font = openpyxl.styles.Font(bold=True)
            for line, row in enumerate(rows, 2):
                if row.get(name) is not None:
                    _set(sheet.cell(line, at), row[name], formulas=False)
    return _saved(book)


def changed(
    content: bytes, path: str, cells: Mapping[str, object], sheet: str, formulas: bool
) -> tuple[bytes, str]:
    """Return a file with some cells changed, and the name of their sheet."""
    _refuse_what_would_be_lost(content, path)
    book = _opened(content, path, write=True)
    chosen = _sheet(book, sheet)
    for place, value in cells.items():
        if not _PLACE.fullmatch(place):
            raise ToolError(f"{place!r} is no place of a cell.", next='"B2" is one.')
        try:
            _set(chosen[place], value, formulas)
        except (ValueError, AttributeError):
            raise ToolError(f"{place} cannot be written to.", next="Is it merged?") from None
    return _saved(book), str(chosen.title)


def _opened(content: bytes, path: str, *, write: bool = False) -> Any:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
            raise ToolError(f"{path!r} is too large when it is unpacked.")
        return openpyxl.load_workbook(
            io.BytesIO(content), read_only=not write, data_only=not write, keep_links=write
        )
    except ToolError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes the library raise
        raise ToolError(
            f"{path!r} is no Excel file that can be read: {type(error).__name__}.",
            next="Files of the kind .xlsx can be read; save an old .xls as one.",
        ) from None


def _sheet(book: Any, name: str) -> Any:
    titles = [each.title for each in book.worksheets]
    if not titles:
        raise ToolError("The file holds no sheet of cells.")
    if name and name not in titles:
        raise ToolError(f"There is no sheet {name!r}.", next=f"There are {titles}.")
    return book.worksheets[titles.index(name) if name else 0]


def _lines(sheet: Any, cells: str = "") -> Iterable[tuple[object, ...]]:
    """Yield the sheet's rows of values, each as long as what it holds."""
    part = cells.replace("$", "").upper()
    if part and not _PART.fullmatch(part):
        raise ToolError(f"{cells!r} is no part of a sheet.", next='"B2:D20" is one.')
    # What a file says of its own size may be wrong, and a million empty columns.
    sheet.reset_dimensions()
    bounds = _bounds(part) if part else {}
    try:
        for line in sheet.iter_rows(values_only=True, **bounds):
            end = len(line)
            while end and line[end - 1] is None:
                end -= 1
            yield line if part else line[:end]
    except ToolError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes the library raise
        raise ToolError(f"The sheet cannot be read: {type(error).__name__}: {error}.") from None


def _bounds(part: str) -> dict[str, int]:
    left, top, right, bottom = openpyxl.utils.range_boundaries(
        part if ":" in part else f"{part}:{part}"
    )
    return {"min_col": left, "min_row": top, "max_col": right, "max_row": bottom}


def _plain(cell: object) -> object:
    """Return a cell's value as one that crosses."""
    known = (bool, int, float, str, datetime.date, datetime.time, datetime.timedelta)
    return cell if cell is None or isinstance(cell, known) else str(cell)


def _set(cell: Any, value: object, formulas: bool) -> None:
    kept = (bool, int, float, str, decimal.Decimal, datetime.date, datetime.time,
            datetime.timedelta)  # fmt: skip
    if isinstance(value, datetime.datetime | datetime.time) and value.tzinfo is not None:
        # Excel knows no time zones.
        value = value.isoformat()
    elif value is not None and not isinstance(value, kept):
        value = str(value)
    try:
        cell.value = value
    except openpyxl.utils.exceptions.IllegalCharacterError:
        raise ToolError(f"Excel keeps no such characters: {value!r:.80}.") from None
    if isinstance(value, str) and not formulas:
        # openpyxl takes "=..." for a formula, which text from outside must not become.
        cell.data_type = "s"


def _saved(book: Any) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        _InMemory(book, packed).save()
    return target.getvalue()


class _InMemory(openpyxl.writer.excel.ExcelWriter):  # type: ignore[misc]
    """Writes sheets without the temporary files of openpyxl: a wasm pack has no place for them."""

    def write_worksheet(self, ws: Any) -> None:
        target = io.BytesIO()
        writer = openpyxl.worksheet._writer.WorksheetWriter(ws, target)
        writer.write()
        ws._rels = writer._rels
        self._archive.writestr(ws.path[1:], target.getvalue())
        self.manifest.append(ws)


def _refuse_what_would_be_lost(content: bytes, path: str) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            lost = sorted({each for each in LOST for name in packed.namelist() if each in name})
    except (zipfile.BadZipFile, OSError):
        return
    if lost:
        what = ", ".join(each.removeprefix("xl/").strip("/") for each in lost)
        raise ToolError(
            f"{path!r} holds what would be lost by changing it here ({what}). Nothing was done.",
            next="write_excel() writes a new file.",
        )

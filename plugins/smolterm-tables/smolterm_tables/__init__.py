"""Excel and CSV files: what a model can call."""

from __future__ import annotations

from smolterm.pack import files, tool


@tool(effect="read")
def list_sheets(path: str) -> list[dict[str, object]]:
    """List the sheets of an Excel file (.xlsx), with their size and the names in their first row.

    Returns:
        One dict per sheet: {"sheet": "Sales", "rows": 120, "columns": 4, "first_row": ["item"]}.
    """
    from smolterm_tables import excel

    return excel.sheets(files.read(path), path)


@tool(effect="read")
def read_excel(
    path: str, sheet: str = "", cells: str = "", header: bool = True, limit: int | None = None
) -> list[dict[str, object]]:
    """Read a sheet of an Excel file (.xlsx) as one dict per row; of formulas, what they gave last.

    Args:
        sheet: its name; empty means the first one.
        cells: a part such as "B2:D20"; empty means all.
        header: the first row holds the columns' names. Else they are named as in Excel: "A", "B".
        limit: the first so many rows. None means all, up to 10,000.

    Example:
        rows = read_excel("sales.xlsx", sheet="2026")
        total = sum(row["amount"] for row in rows)
    """
    from smolterm_tables import excel

    return excel.rows(files.read(path), path, sheet, cells, header, limit)


@tool(effect="read")
def read_csv(
    path: str, separator: str = "", header: bool = True, limit: int | None = None
) -> list[dict[str, object]]:
    """Read a CSV or TSV file as one dict per row; columns of numbers alone become int or float.

    Args:
        separator: the sign between cells; empty means that it is found out.
        header: the first row holds the columns' names. Else they are "A", "B" and so on.
        limit: the first so many rows. None means all, up to 10,000.
    """
    from smolterm_tables import separated

    return separated.rows(files.read(path), path, separator, header, limit)


@tool(effect="read")
def summarize_table(path: str, sheet: str = "") -> list[dict[str, object]]:
    """Tell what each column of an Excel, CSV or TSV file holds, without returning its rows.

    Returns:
        One dict per column: {"column": "price", "type": "float", "filled": 118, "empty": 2,
        "different": 57, "smallest": 0.5, "largest": 99.0, "sum": 1204.5, "mean": 10.2}; the last
        two for numbers alone.
    """
    from smolterm_tables import excel, separated, summary

    content = files.read(path)
    if content.startswith(b"PK"):
        return summary.columns(excel.rows(content, path, sheet, "", True, summary.MOST))
    return summary.columns(separated.rows(content, path, "", True, summary.MOST))


@tool(effect="write")
def write_excel(path: str, sheets: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    """Write an Excel file (.xlsx) of one or more sheets, replacing it if it is there.

    Args:
        sheets: for each sheet's name its rows, one dict per row. Text that starts with "=" stays
            text.

    Returns:
        {"path": "out.xlsx", "sheets": 1, "rows": 2, "size": 5012}; size in bytes.

    Example:
        write_excel("out.xlsx", {"Sales": [{"item": "nut", "price": 3}, {"item": "bolt"}]})
    """
    from smolterm_tables import excel

    content = excel.written(sheets)
    count = sum(len(rows) for rows in sheets.values())
    size = files.write(path, content)
    return {"path": path, "sheets": len(sheets), "rows": count, "size": size}


@tool(effect="write")
def set_excel_cells(
    path: str, cells: dict[str, object], sheet: str = "", formulas: bool = False
) -> dict[str, object]:
    """Set single cells of an Excel file that is there, and keep all else as it is.

    Args:
        cells: new values by place: {"B2": 5, "C3": "done", "D4": None}; None empties a cell.
        sheet: its name; empty means the first one.
        formulas: text that starts with "=" becomes a formula. Excel computes it when it opens the
            file; until then it reads as None.

    Returns:
        {"path": "a.xlsx", "sheet": "Sales", "changed": 2, "size": 5012}; size in bytes.
    """
    from smolterm_tables import excel

    content, name = excel.changed(files.read(path), path, cells, sheet, formulas)
    size = files.write(path, content)
    return {"path": path, "sheet": name, "changed": len(cells), "size": size}


@tool(effect="write")
def write_csv(path: str, rows: list[dict[str, object]], separator: str = ",") -> dict[str, object]:
    """Write rows, given as dicts, to a CSV file (UTF-8), replacing it if it is there.

    Returns:
        {"path": "out.csv", "rows": 2, "size": 41}; size in bytes.
    """
    from smolterm_tables import separated

    size = files.write(path, separated.written(rows, separator))
    return {"path": path, "rows": len(rows), "size": size}

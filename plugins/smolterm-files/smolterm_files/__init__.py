"""Files in the folder that the person granted: what a model can call."""

from __future__ import annotations

import re

from smolterm.pack import ToolError, tool
from smolterm.pack import files as folder

from smolterm_files import table, text

MOST_FILES = 10_000
LONGEST_SEARCHED = 5_000_000
HEAD = 8_192
"""Bytes that tell text from anything else."""


@tool(effect="read")
def list_files(pattern: str = "**/*") -> list[dict[str, object]]:
    """List the files in the granted folder, sorted by path.

    Args:
        pattern: "*.csv" finds by name in every folder, "data/*.csv" in one folder,
            "src/**/*.py" in one folder and those below it.

    Returns:
        One dict per file: {"path": "data/a.csv", "size": 120, "modified": "2026-01-31T12:00:00"}.
        Size in bytes. Hidden files, links and folders are not listed.

    Example:
        for file in list_files("*.csv"):
            print(file["path"], file["size"])
    """
    found = folder.list(pattern)
    if len(found) > MOST_FILES:
        raise ToolError(
            f"More than {MOST_FILES} files match {pattern!r}.",
            next="Give a narrower pattern, such as 'src/*.py'.",
        )
    return [{"path": each.path, "size": each.size, "modified": each.modified} for each in found]


@tool(effect="read")
def file_info(path: str) -> dict[str, object]:
    """Tell what a path is without reading all of it.

    Returns:
        {"path": "a.txt", "kind": "file", "size": 120, "modified": "2026-01-31T12:00:00",
        "is_text": True}; `kind` is "file" or "folder". Size in bytes.
    """
    found = folder.info(path)
    is_text = found.kind == "file" and (
        text.decoded_or_none(folder.read(path, limit=HEAD), whole=False) is not None
    )
    return {
        "path": path,
        "kind": found.kind,
        "size": found.size,
        "modified": found.modified,
        "is_text": is_text,
    }


@tool(effect="read")
def read_text(path: str, start: int = 1, lines: int | None = None) -> str:
    """Read a text file, all of it or some lines.

    Args:
        path: relative to the granted folder, as list_files gives it.
        start: the first line, counted from 1.
        lines: how many lines; None means to the end.

    Example:
        content = read_text("notes.txt")
        head = read_text("big.log", lines=20)
    """
    if start < 1 or (lines is not None and lines < 0):
        raise ToolError("`start` counts from 1 and `lines` cannot be negative.")
    content = text.decoded(folder.read(path), path)
    if start == 1 and lines is None:
        return content
    every = content.splitlines(keepends=True)
    return "".join(every[start - 1 : None if lines is None else start - 1 + lines])


@tool(effect="read")
def read_bytes(path: str) -> bytes:
    """Read a file that is not text, such as an image or an archive, as bytes."""
    return folder.read(path)


@tool(effect="read")
def read_table(path: str) -> list[dict[str, object]]:
    """Read a table from a .csv, .tsv, .json or .jsonl file, one dict per row.

    Columns that hold only numbers become int or float, empty cells None, all else stays text.

    Example:
        rows = read_table("sales.csv")
        total = sum(row["amount"] for row in rows)
    """
    return table.rows(path, text.decoded(folder.read(path), path))


@tool(effect="read")
def search_text(pattern: str, files: str = "**/*", limit: int = 200) -> list[dict[str, object]]:
    """Find lines in text files by a regular expression.

    Args:
        pattern: a Python regular expression; "(?i)" at its start ignores case.
        files: which files, as in list_files.
        limit: the most lines to return.

    Returns:
        One dict per line: {"path": "src/a.py", "line": 3, "text": "import os"}.
    """
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise ToolError(f"{pattern!r} is no regular expression: {error}.") from None
    found: list[dict[str, object]] = []
    for each in folder.list(files):
        if each.size > LONGEST_SEARCHED:
            continue
        try:
            content = text.decoded_or_none(folder.read(each.path))
        except ToolError:
            # Gone meanwhile, or closed to the person too.
            continue
        for number, line in enumerate((content or "").splitlines(), 1):
            if len(found) >= limit:
                return found
            if wanted.search(line):
                found.append({"path": each.path, "line": number, "text": line[:500]})
    return found


@tool(effect="write")
def write_text(path: str, content: str) -> dict[str, object]:
    """Write a text file, replacing it if it is there; folders on the way are made.

    Args:
        path: relative to the granted folder.
        content: the whole new content of the file.

    Returns:
        {"path": "out/report.md", "size": 120}; size in bytes.
    """
    size = folder.write(path, content.encode("utf-8", "surrogateescape"))
    return {"path": path, "size": size}

"""A folder from which another machine gets packages without a network: `--index FOLDER`.

`simple/` is an index as PEP 503 describes it, `files/` what it links to, and `pyodide/` holds what
comes from Pyodide's collection. Any web server can serve it too.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from smolterm.packages import Item
from smolterm.packages.cache import Cache, copy, sha256, unwritable
from smolterm.wholefile import write_whole

PAGE = '<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>\n{}</body></html>\n'


def write_mirror(folder: Path, items: Sequence[Item], cache: Cache) -> int:
    """Copy the originals of items, which must be in the cache, and return how many were new.

    What is in the folder already stays: it can be written to again and again.

    Raises:
        PackageError: the folder cannot be written.
    """
    new = 0
    try:
        for item in items:
            target = folder / ("pyodide" if item.origin == "pyodide" else "files") / item.filename
            if not target.is_file() or sha256(target) != item.sha256:
                copy(cache.wheel(item), target)
                new += 1
            if item.origin == "index":
                _write_page(folder, item)
        _write_list(folder / "simple")
    except OSError as error:
        raise unwritable(folder, error) from None
    return new


def _write_page(folder: Path, item: Item) -> None:
    page = folder / "simple" / item.name / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    link = f"../../files/{quote(item.filename)}#sha256={item.sha256}"
    line = f'<a href="{html.escape(link)}">{html.escape(item.filename)}</a><br>\n'
    lines = page.read_text(encoding="utf-8").splitlines(keepends=True) if page.is_file() else []
    kept = [old for old in lines if old.startswith("<a ") and f">{item.filename}<" not in old]
    _replace(page, PAGE.format("".join([*kept, line])))


def _write_list(simple: Path) -> None:
    simple.mkdir(parents=True, exist_ok=True)
    names = sorted(path.name for path in simple.iterdir() if path.is_dir())
    lines = [f'<a href="{quote(name)}/">{html.escape(name)}</a><br>\n' for name in names]
    _replace(simple / "index.html", PAGE.format("".join(lines)))


def _replace(path: Path, text: str) -> None:
    write_whole(path, text.encode(), mode=0o666)

"""PDF files, by pypdf. They come from strangers; whatever the library raises becomes a sentence."""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pypdf import PdfReader, PdfWriter
from pypdf.errors import DependencyError, FileNotDecryptedError
from smolterm.pack import ToolError, progress

MOST_PAGES = 5_000
MOST_FILES = 200
MOST_OUTLINE = 500
LONGEST = 1_000_000
"""Characters that can be asked for."""
LONGEST_LINE = 500
POINT = 25.4 / 72
"""Millimetres."""


def described(content: bytes, path: str) -> dict[str, object]:
    """Return what `describe_pdf` returns."""
    with _opened(content, path) as reader:
        about = reader.metadata
        page = reader.pages[0].mediabox if len(reader.pages) else None
        return {
            "pages": len(reader.pages),
            "title": _text(about and about.title),
            "author": _text(about and about.author),
            "created": _moment(about, "creation_date"),
            "modified": _moment(about, "modification_date"),
            "encrypted": reader.is_encrypted,
            "page_size": page
            and [round(float(side) * POINT) for side in (page.width, page.height)],
            "outline": list(_outline(reader)),
        }


def texts(content: bytes, path: str, pages: str, limit: int) -> list[dict[str, object]]:
    """Return what `read_pdf` returns."""
    if not 0 < limit <= LONGEST:
        raise ToolError(f"`limit` is a number from 1 to {LONGEST}.")
    found: list[dict[str, object]] = []
    with _opened(content, path) as reader:
        chosen = numbers(pages, len(reader.pages))
        for at, number in enumerate(chosen):
            text = _page(reader, number)[:limit]
            limit -= len(text)
            found.append({"page": number, "text": text})
            if limit <= 0:
                break
            if at % 10 == 9:
                progress(f"Reading {path}", at + 1, len(chosen))
    return found


def found(content: bytes, path: str, pattern: str, limit: int) -> list[dict[str, object]]:
    """Return what `search_pdf` returns."""
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise ToolError(f"{pattern!r} is no regular expression: {error}.") from None
    lines: list[dict[str, object]] = []
    with _opened(content, path) as reader:
        for number in numbers("", len(reader.pages)):
            for line in _page(reader, number).splitlines():
                if len(lines) >= limit:
                    return lines
                if wanted.search(line):
                    lines.append({"page": number, "text": line[:LONGEST_LINE]})
    return lines


def extracted(content: bytes, path: str, pages: str) -> tuple[bytes, int]:
    """Return a PDF of some pages, and how many they are."""
    if not pages.strip():
        raise ToolError("Which pages?", next='Give them as "1-5,8".')
    with _opened(content, path) as reader:
        chosen = numbers(pages, len(reader.pages))
        writer = PdfWriter()
        for number in chosen:
            writer.add_page(reader.pages[number - 1])
        return _saved(writer), len(chosen)


def joined(sources: Sequence[tuple[str, bytes]]) -> tuple[bytes, int]:
    """Return a PDF of all pages of several, and how many they are."""
    if not 0 < len(sources) <= MOST_FILES:
        raise ToolError(f"Give 1 to {MOST_FILES} paths.")
    writer = PdfWriter()
    for path, content in sources:
        with _opened(content, path) as reader:
            if len(writer.pages) + len(reader.pages) > MOST_PAGES:
                raise ToolError(f"Together they have more than {MOST_PAGES} pages.")
            writer.append(reader, import_outline=False)
    return _saved(writer), len(writer.pages)


def numbers(pages: str, count: int) -> list[int]:
    """Return the numbers of pages that a text such as "1-5,8" names; empty means all.

    Raises:
        ToolError: it names none, or one that is not there.
    """
    if not pages.strip():
        return list(range(1, min(count, MOST_PAGES) + 1))
    chosen: list[int] = []
    for part in pages.split(","):
        match = re.fullmatch(r"([1-9]\d{0,5})(?:-([1-9]\d{0,5}))?", part.strip())
        if match is None:
            raise ToolError(f"{part.strip()!r} names no pages.", next='"1-5,8" does.')
        start, end = int(match[1]), int(match[2] or match[1])
        if not start <= end <= count:
            raise ToolError(f"There are no pages {part.strip()}; the last one is {count}.")
        chosen += range(start, end + 1)
    if len(chosen) > MOST_PAGES:
        raise ToolError(f"These are more than {MOST_PAGES} pages.")
    return chosen


@contextmanager
def _opened(content: bytes, path: str) -> Iterator[PdfReader]:
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise ToolError(f"{path!r} asks for a password.", next="Ask for a copy without one.")
        yield reader
    except ToolError:
        raise
    except (DependencyError, FileNotDecryptedError):
        raise ToolError(
            f"{path!r} is encrypted in a way that cannot be read here.",
            next="Print it to a new PDF without encryption.",
        ) from None
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes the library raise
        said = f"{type(error).__name__}: {error}"[:300]
        raise ToolError(f"{path!r} is no PDF that can be read ({said}).") from None


def _page(reader: PdfReader, number: int) -> str:
    text = reader.pages[number - 1].extract_text()
    return text.encode("utf-8", "replace").decode().replace("\0", "").strip("\n")


def _outline(reader: PdfReader) -> Iterator[dict[str, object]]:
    waiting: list[tuple[int, Any]] = [(0, reader.outline)]
    told = 0
    while waiting and told < MOST_OUTLINE:
        level, entry = waiting.pop()
        if isinstance(entry, list):
            waiting += [(level + 1, each) for each in reversed(entry)]
            continue
        told += 1
        page = reader.get_destination_page_number(entry)
        yield {
            "title": _text(entry.title), "page": None if page is None else page + 1, "level": level,
        }  # fmt: skip


def _moment(about: Any, name: str) -> str | None:
    try:
        moment = getattr(about, name, None)
    except ValueError:
        # Not written as the standard asks.
        return None
    return moment.isoformat() if isinstance(moment, datetime.datetime) else None


def _text(value: object) -> str | None:
    return None if value is None else str(value).encode("utf-8", "replace").decode()[:1_000]


def _saved(writer: PdfWriter) -> bytes:
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()

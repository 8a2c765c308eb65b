"""Word documents as Markdown: mammoth makes HTML of them, and this makes Markdown of that.

mammoth knows Word's numbering, footnotes, links and tracked changes; it writes few elements, each
of which has a sign in Markdown.
"""

from __future__ import annotations

import html.parser
import io
import re
import zipfile
from typing import Any

import mammoth  # type: ignore[import-untyped]
from smolterm.pack import ToolError

MOST_UNPACKED = 100_000_000
"""Bytes of all that is packed in one file."""
LONGEST = 5_000_000
"""Characters of HTML."""
MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "code": "`", "s": "~~"}


def markdown(content: bytes, path: str) -> str:
    """Return what a document says."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MOST_UNPACKED:
                raise ToolError(f"{path!r} is too large when it is unpacked.")
        # Links of a document lead to no file here, whatever they name.
        answer: Any = mammoth.convert_to_html(
            io.BytesIO(content), convert_image=mammoth.images.img_element(_no_image),
            external_file_access=False,
        )  # fmt: skip
    except ToolError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes the library raise
        raise ToolError(
            f"{path!r} is no Word document that can be read ({type(error).__name__}).",
            next="Files of the kind .docx can be read; save an old .doc as one.",
        ) from None
    return of_html(str(answer.value)[:LONGEST])


def of_html(markup: str) -> str:
    """Return the elements that mammoth writes as Markdown."""
    writer = _Writer()
    writer.feed(markup)
    writer.close()
    text = "\n".join(line.rstrip() for line in "".join(writer.said).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


def _no_image(image: Any) -> dict[str, str]:
    return {"src": ""}


class _Writer(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._lists: list[int] = []
        """For each list that is open, the number of its next item; 0 where it has signs."""
        self._links: list[str] = []
        self._tables: list[list[list[str]]] = []
        """Rows of cells of each table that is open; inside, text goes to the last cell."""
        self._outer: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in MARKS:
            self.said.append(MARKS[tag])
        elif re.fullmatch("h[1-6]", tag):
            self._block("#" * int(tag[1]) + " ")
        elif tag == "p":
            # In a list's item the sign stands already.
            self._block("" if not self._lists else None)
        elif tag == "br":
            self.said.append(" " if self._tables else "\n")
        elif tag in ("ul", "ol"):
            self.said.append("" if self._lists else "\n")
            self._lists.append(1 if tag == "ol" else 0)
        elif tag == "li":
            self._item()
        elif tag == "a":
            self._links.append(given.get("href") or "")
            self.said.append("[" if self._links[-1] else "")
        elif tag == "img":
            self.said.append(f"[image: {given['alt']}]" if given.get("alt") else "[image]")
        elif tag == "table":
            self._tables.append([])
        elif tag == "tr" and self._tables:
            self._tables[-1].append([])
        elif tag in ("td", "th") and self._tables:
            self._outer.append(self.said)
            self.said = []

    def handle_endtag(self, tag: str) -> None:
        if tag in MARKS:
            self.said.append(MARKS[tag])
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
            self.said.append("" if self._lists else "\n")
        elif tag == "a" and self._links:
            target = self._links.pop()
            self.said.append(f"]({target})" if target else "")
        elif tag in ("td", "th") and self._outer and self._tables:
            cell = " ".join("".join(self.said).split()).replace("|", "\\|")
            if tag == "th" and re.fullmatch(r"\*\*[^*]+\*\*", cell):
                cell = cell.strip("*")
            self.said = self._outer.pop()
            (self._tables[-1] or [[]])[-1].append(cell)
        elif tag == "table" and self._tables:
            self._table(self._tables.pop())

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def _block(self, sign: str | None) -> None:
        self.said.append(" " if sign is None else f"\n\n{sign}")

    def _item(self) -> None:
        number = self._lists[-1] if self._lists else 0
        if number:
            self._lists[-1] += 1
        indent = "   " * (len(self._lists) - 1)
        self.said.append(f"\n{indent}{f'{number}.' if number else '-'} ")

    def _table(self, rows: list[list[str]]) -> None:
        width = max(map(len, rows), default=0)
        if not width:
            return
        lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in rows]
        lines.insert(1, "|" + " --- |" * width)
        self.said.append("\n\n" + "\n".join(lines) + "\n\n")

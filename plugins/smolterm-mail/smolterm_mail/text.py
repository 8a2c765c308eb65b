"""What a message says, as text: HTML loses its marks, and what a reader would not see."""

from __future__ import annotations

import html.parser
import re

LONGEST = 1_000_000
"""Characters of HTML that are read."""
_BREAKS = frozenset({
    "p", "br", "div", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6",
    "blockquote", "pre", "hr", "section", "article", "header", "footer",
})  # fmt: skip
_UNSEEN = frozenset({"script", "style", "head", "title", "template", "noscript"})
_EMPTY = frozenset({"br", "hr", "img", "input", "meta", "link", "area", "base", "col", "wbr"})
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])")


def plain(markup: str) -> str:
    """Return the text of HTML, one line for each block, links behind their words."""
    reader = _Reader()
    reader.feed(markup[:LONGEST])
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.found).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._unseen: list[str] = []
        """Elements that are open, from the outermost one that is not shown on."""
        self._link = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in _EMPTY and (self._unseen or tag in _UNSEEN or _is_hidden(given)):
            self._unseen.append(tag)
        if self._unseen:
            return
        if tag in _BREAKS:
            self.found.append("\n")
        elif tag in ("td", "th"):
            self.found.append(" ")
        elif tag == "a":
            self._link = given.get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if self._unseen:
            if tag in self._unseen:
                del self._unseen[len(self._unseen) - 1 - self._unseen[::-1].index(tag) :]
            return
        if tag == "a" and self._link.startswith(("http://", "https://", "mailto:")):
            self.found.append(f" <{self._link}>")
        if tag in _BREAKS - _EMPTY:
            self.found.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.found.append(data)


def _is_hidden(given: dict[str, str | None]) -> bool:
    return "hidden" in given or _HIDDEN.search((given.get("style") or "").lower()) is not None

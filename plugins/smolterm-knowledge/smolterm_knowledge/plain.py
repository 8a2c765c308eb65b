"""HTML of an answer or a comment, as text; code keeps its lines and is fenced."""

from __future__ import annotations

import re
from html.parser import HTMLParser

BLOCKS = {"p", "div", "ul", "ol", "blockquote", "table", "tr", "h1", "h2", "h3", "h4", "jats:p"}


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.code = 0
        self.unseen = 0
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self.unseen += 1
        elif tag == "pre":
            self.code += 1
            self.parts.append("\n\n```\n")
        elif tag == "code" and not self.code:
            self.parts.append("`")
        elif tag == "br":
            self.parts.append("\n")
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag in BLOCKS:
            self.parts.append("\n\n")
        elif tag == "a":
            self.links.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self.unseen = max(0, self.unseen - 1)
        elif tag == "pre" and self.code:
            self.code -= 1
            self.parts.append("\n```\n\n")
        elif tag == "code" and not self.code:
            self.parts.append("`")
        elif tag in BLOCKS:
            self.parts.append("\n\n")
        elif tag == "a" and self.links:
            link = self.links.pop()
            if link.startswith(("http://", "https://")):
                self.parts.append(f" ({link})")

    def handle_data(self, data: str) -> None:
        if self.unseen:
            return
        self.parts.append(data if self.code else re.sub(r"\s+", " ", data))


def plain(html: object, limit: int = 20_000) -> str:
    """Return the text of a piece of HTML, cut after `limit` characters."""
    parser = _Text()
    parser.feed(str(html or "")[: 10 * limit])
    parser.close()
    text = re.sub(r"\n[ \t]*\n\s*\n", "\n\n", "".join(parser.parts)).strip()
    return text if len(text) <= limit else f"{text[:limit]} [cut after {limit} characters]"


def line(html: object) -> str:
    """Return the text of a piece of HTML in one line, for titles and excerpts."""
    return " ".join(plain(html, 2000).split())

"""HTML by Beautiful Soup: what to leave out, where the article is, and what stands in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup, Comment, Tag
from markdownify import MarkdownConverter
from smolterm.pack import ToolError, http

LONGEST = 1_500_000
"""Bytes of HTML that are looked at: with more, a page of many tags takes a minute."""
MOST_ROWS = 1000
NEVER = ["script", "style", "noscript", "template", "svg", "iframe", "object", "canvas", "head"]
AROUND = ["nav", "aside", "footer", "button", "dialog", "select"]
BLOCKS = {
    *("p", "div", "ul", "ol", "dl", "table", "pre", "blockquote", "section", "article", "aside"),
    *("nav", "main", "header", "footer", "form", "hr", "figure"),
    *("h1", "h2", "h3", "h4", "h5", "h6"),
}
# What ends a paragraph, an entry, a row or a cell that was not ended (HTML, "Optional tags").
CLOSES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(BLOCKS, ("p",)),
    "li": ("p", "li"),
    "dt": ("p", "dt", "dd"),
    "dd": ("p", "dt", "dd"),
    "td": ("p", "td", "th"),
    "th": ("p", "td", "th"),
    "tr": ("p", "td", "th", "tr"),
    "option": ("option",),
}
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])", re.I)
_AROUND = re.compile(
    r"(?:^|[-_ ])(?:nav|menu|breadcrumbs?|sidebar|footer|cookies?|consent|share|social|related"
    r"|promo|advert|ads|banner|newsletter|comments?|popup|modal)(?:$|[-_ ])",
    re.I,
)


def parsed(response: http.Response) -> BeautifulSoup:
    """Parse a page, in the charset that the server or the page names."""
    match = re.search(r"charset=[\"']?([\w.:-]+)", response.headers.get("content-type", ""), re.I)
    content = response.content[:LONGEST]
    try:
        return _Page(content, "html.parser", from_encoding=match[1] if match else None)
    except (RecursionError, AssertionError, ValueError):
        raise ToolError(f"{response.url} is no HTML that can be read.") from None


def title(page: BeautifulSoup) -> str:
    """Return the page's title."""
    return _meta(page, "og:title") or _line(page.find("title")) or _line(page.find("h1"))


def markdown(page: BeautifulSoup, base: str, whole: bool) -> str:
    """Return a page's text as Markdown; links are whole addresses.

    Args:
        page: it is changed.
        base: its address.
        whole: keep what stands around the article.
    """
    _strip(page)
    root = page.body or page
    if not whole:
        root = _article(root)
        _strip_around(root)
    _mend_links(root, urljoin(base, _base(page)))
    try:
        text = _Markdown(heading_style="ATX", bullets="-", strip=["img"]).convert_soup(root)
    except RecursionError:
        # Nested deeper than any page that a person wrote.
        text = root.get_text("\n")
    lines = (line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def links(page: BeautifulSoup, base: str) -> Iterator[tuple[str, str]]:
    """Yield each link's text and address, each address once."""
    base = urljoin(base, _base(page))
    seen = set()
    for link in page.find_all("a", href=True):
        target = _absolute(base, _attribute(link, "href"))
        if target and target not in seen:
            seen.add(target)
            yield _text(link)[:300] or _attribute(link, "title")[:300], target


def tables(page: BeautifulSoup, limit: int) -> list[dict[str, object]]:
    """Return the tables that hold data: two columns and two rows at least."""
    _strip(page)
    found: list[dict[str, object]] = []
    for table in page.find_all("table"):
        # What lays out a page holds other tables.
        if table.find("table") or len(found) >= limit:
            continue
        grid = [row for row in (_cells(row) for row in table.find_all("tr")) if row]
        if len(grid) < 2 or max(map(len, grid)) < 2:
            continue
        columns = _columns(grid)
        found.append(
            {
                "caption": _line(table.find("caption")),
                "columns": columns,
                "rows": [dict(zip(columns, row, strict=False)) for row in grid[1 : MOST_ROWS + 1]],
            }
        )
    return found


def metadata(page: BeautifulSoup, base: str) -> dict[str, object]:
    """Return what the page's head says."""
    whole = page.find("html")
    feeds = page.find_all("link", rel="alternate", type=re.compile(r"rss|atom|feed\+json"))
    canonical = page.find("link", rel="canonical")
    image = _meta(page, "og:image")
    return {
        "title": title(page),
        "url": base,
        "description": _meta(page, "description", "og:description"),
        "site": _meta(page, "og:site_name", "application-name"),
        "author": _meta(page, "author", "article:author"),
        "published": _meta(page, "article:published_time", "date", "datePublished"),
        "modified": _meta(page, "article:modified_time", "dateModified"),
        "language": _attribute(whole, "lang"),
        "kind": _meta(page, "og:type"),
        "image": _absolute(base, image) if image else "",
        "canonical": _absolute(base, _attribute(canonical, "href")) if canonical else "",
        "feeds": [
            {"title": _attribute(feed, "title"), "url": _absolute(base, _attribute(feed, "href"))}
            for feed in feeds[:20]
        ],
    }


class _Page(BeautifulSoup):
    """Closes what HTML lets an author leave open: Python's parser would nest it without end."""

    def handle_starttag(self, name: str, *args: Any, **options: Any) -> Tag | None:
        closed = CLOSES.get(name, ())
        while self.currentTag is not None and self.currentTag.name in closed:
            self.handle_endtag(self.currentTag.name)
        return super().handle_starttag(name, *args, **options)


class _Markdown(MarkdownConverter):
    """Markdownify's converter, with the language of a code block."""

    def convert_pre(self, el: Any, text: str, parent_tags: Any) -> str:
        marked = " ".join(
            each for tag in (el, el.find("code")) if tag for each in tag.get("class") or []
        )
        match = re.search(r"(?:language|lang|highlight-source)-(\w+)", marked)
        return f"\n\n```{match[1] if match else ''}\n{el.get_text().strip(chr(10))}\n```\n\n"


def _strip(page: BeautifulSoup) -> None:
    """Take out what nobody sees: it says nothing, or something to programs alone."""
    for comment in page.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    for tag in page.find_all(True):
        hidden = tag.has_attr("hidden") or _attribute(tag, "aria-hidden") == "true"
        if tag.name in NEVER or hidden or _HIDDEN.search(_attribute(tag, "style")):
            tag.extract()


def _strip_around(root: Tag) -> None:
    whole = len(_text(root))
    for tag in root.find_all(True):
        named = " ".join([_attribute(tag, "class"), _attribute(tag, "id")])
        around = tag.name in AROUND or _attribute(tag, "role") in ("navigation", "search")
        called = tag.name == "form" or (
            tag.name in ("div", "section", "ul") and _AROUND.search(named) is not None
        )
        # What is called so and still holds most of the page is the page.
        if around or (called and len(_text(tag)) * 2 < whole):
            tag.extract()


def _article(root: Tag) -> Tag:
    """Return the part that holds the most text in paragraphs, or what the page says is it."""
    named = [*root.find_all("article"), *root.find_all("main"), *root.find_all(role="main")]
    whole = len(_text(root))
    best = max(named, key=lambda tag: len(_text(tag)), default=None)
    if best is not None and len(_text(best)) * 4 > whole:
        return best
    scores: dict[int, tuple[float, Tag]] = {}
    for paragraph in root.find_all(["p", "pre", "td", "blockquote"]):
        text = len(_text(paragraph))
        linked = sum(len(_text(link)) for link in paragraph.find_all("a"))
        share = float(text - linked)
        for above in islice(paragraph.parents, 3):
            if above is root:
                break
            scores[id(above)] = (scores.get(id(above), (0.0, above))[0] + share, above)
            share /= 2
    score, tag = max(scores.values(), key=lambda pair: pair[0], default=(0.0, root))
    return tag if score * 4 > whole else root


def _mend_links(root: Tag, base: str) -> None:
    for link in root.find_all("a", href=True):
        target = _absolute(base, _attribute(link, "href"))
        if target:
            link["href"] = target
        else:
            link.unwrap()


def _absolute(base: str, target: str) -> str:
    """Return an address that a browser would go to, "" where there is none."""
    try:
        whole = urljoin(base, target.strip()).partition("#")[0]
        parts = urlsplit(whole)
    except ValueError:
        return ""
    here = whole == base.partition("#")[0] and "#" in target
    return whole if parts.scheme in ("http", "https") and parts.netloc and not here else ""


def _base(page: BeautifulSoup) -> str:
    return _attribute(page.find("base"), "href")


def _cells(row: Tag) -> list[str]:
    cells: list[str] = []
    for cell in row.find_all(["th", "td"]):
        wide = _attribute(cell, "colspan")
        cells += [_text(cell)] * (min(int(wide), 20) if wide.isdecimal() and wide != "0" else 1)
    return cells[:100]


def _columns(grid: list[list[str]]) -> list[str]:
    """Return a name for each column, none twice."""
    names: list[str] = []
    for number in range(max(map(len, grid))):
        name = grid[0][number] if number < len(grid[0]) else ""
        name = name or f"column {number + 1}"
        names.append(name if name not in names else f"{name} ({number + 1})")
    return names


def _meta(page: BeautifulSoup, *names: str) -> str:
    for name in names:
        for key in ("property", "name", "itemprop"):
            found = page.find("meta", attrs={key: name})
            if said := _attribute(found, "content").strip():
                return said[:2000]
    return ""


def _attribute(tag: Any, name: str) -> str:
    value = tag.get(name) if isinstance(tag, Tag) else None
    return " ".join(value) if isinstance(value, list) else str(value or "")


def _text(tag: Any) -> str:
    return " ".join(tag.get_text(" ").split()) if isinstance(tag, Tag) else ""


def _line(tag: Any) -> str:
    """Return the text of what holds no blocks: its words are not parted where a mark begins."""
    return " ".join(tag.get_text().split()) if isinstance(tag, Tag) else ""

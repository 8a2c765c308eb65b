"""Web pages: their text as Markdown, links, tables, and what they say of themselves.

What reads HTML is imported by who needs it: it takes a while to load.
"""

from __future__ import annotations

import contextlib
from urllib.parse import urlsplit

from smolterm.pack import ToolError, cache, tool

from smolterm_web.fetch import complete, fetch, media_type

HTML = "text/html,application/xhtml+xml;q=0.9,text/plain;q=0.8,*/*;q=0.5"
LONGEST = 100_000
KEPT = 900
"""Seconds in which a long page is read on."""


@tool(effect="network")
def read_page(
    url: str, limit: int = 10_000, start: int = 0, whole: bool = False
) -> dict[str, object]:
    """Read a web page as Markdown: the article without menus, with its links.

    Args:
        url: the address.
        limit: the most characters, up to 100,000.
        start: where to go on in a long page: the `next` of the call before.
        whole: True for all of the page, menus and side columns too.

    Returns:
        {"title": ..., "url": where it came from, "text": ..., "characters": of the whole text,
        "next": where to go on, None at the end}.

    Example:
        page = read_page("https://docs.python.org/3/library/json.html")
        print(page["title"], page["text"][:1000])
    """
    key = f"{'whole' if whole else 'article'} {complete(url)}"
    kept = cache.get(key) if start > 0 else None
    if isinstance(kept, list) and len(kept) == 3:
        # The rest of what was read before, whatever the page says by now.
        title, address, text = map(str, kept)
    else:
        title, address, text = _read(url, whole)
    first = max(0, start)
    part = text[first : first + max(1, min(limit, LONGEST))]
    end = first + len(part)
    if start <= 0 and end < len(text):
        # A text too large to keep is read again for its rest.
        with contextlib.suppress(ToolError):
            cache.put(key, [title, address, text], seconds=KEPT)
    return {
        "title": title,
        "url": address,
        "text": part,
        "characters": len(text),
        "next": end if end < len(text) else None,
    }


@tool(effect="network")
def page_links(url: str, contains: str = "", limit: int = 100) -> list[dict[str, object]]:
    """List the links of a web page.

    Args:
        url: the address.
        contains: only links with this in their text or address; case does not matter.
        limit: the most links, up to 1,000.

    Returns:
        [{"text": "Download", "url": "https://...", "same_site": True}], each address once.

    Example:
        for link in page_links("https://www.python.org/downloads/", contains=".tgz"):
            print(link["url"])
    """
    from smolterm_web import html

    response = fetch(url, HTML)
    wanted, here = contains.casefold(), urlsplit(response.url).hostname
    found: list[dict[str, object]] = []
    for text, target in html.links(html.parsed(response), response.url):
        if len(found) >= max(1, min(limit, 1000)):
            break
        if wanted in text.casefold() or wanted in target.casefold():
            same = urlsplit(target).hostname == here
            found.append({"text": text, "url": target, "same_site": same})
    return found


@tool(effect="network")
def page_tables(url: str, limit: int = 10) -> list[dict[str, object]]:
    """Read the tables of a web page as rows.

    Args:
        url: the address.
        limit: the most tables, up to 50.

    Returns:
        [{"caption": ..., "columns": ["Rank", "City"], "rows": [{"Rank": "1", "City": "Tokyo"}]}];
        all cells are text, at most 1,000 rows of each table.

    Example:
        cities = page_tables("https://en.wikipedia.org/wiki/List_of_largest_cities")[0]
        print(cities["columns"], len(cities["rows"]))
    """
    from smolterm_web import html

    response = fetch(url, HTML)
    return html.tables(html.parsed(response), max(1, min(limit, 50)))


@tool(effect="network")
def page_metadata(url: str) -> dict[str, object]:
    """Tell what a web page says of itself, without its text.

    Returns:
        {"title": ..., "url": ..., "description": ..., "site": ..., "author": ..., "published":
        ..., "modified": ..., "language": "en", "kind": "article", "image": ..., "canonical": ...,
        "feeds": [{"title": ..., "url": ...}]}; "" for what it does not say.
    """
    from smolterm_web import html

    response = fetch(url, HTML)
    return html.metadata(html.parsed(response), response.url)


def _read(url: str, whole: bool) -> tuple[str, str, str]:
    """Return a page's title, where it came from, and its text."""
    from smolterm_web import html

    response = fetch(url, HTML)
    kind = media_type(response)
    if kind in ("", "text/html", "application/xhtml+xml"):
        page = html.parsed(response)
        return html.title(page), response.url, html.markdown(page, response.url, whole)
    if kind.startswith("text/") or kind.endswith(("json", "xml", "javascript")):
        return "", response.url, response.text
    raise ToolError(
        f"{response.url} is {kind}, not a page.",
        next="For a PDF or an image, use a tool that reads that kind of file.",
    )

"""Feeds: RSS and Atom by feedparser, JSON Feed by its own format.

The libraries are imported by who needs them: they take a while to load.
"""

from __future__ import annotations

import io
import json
import re
import time
from typing import Any
from urllib.parse import urljoin

from smolterm.pack import ToolError, tool

from smolterm_web.fetch import fetch

ACCEPT = (
    "application/feed+json,application/atom+xml,application/rss+xml,application/xml;q=0.9,*/*;q=0.5"
)
LONGEST = 3_000_000
LONGEST_TEXT = 2000


@tool(effect="network")
def read_feed(url: str, limit: int = 20) -> dict[str, object]:
    """Read the newest entries of a feed: RSS, Atom or JSON Feed.

    Args:
        url: the feed's address; page_metadata(page)["feeds"] tells it.
        limit: the most entries, up to 200.

    Returns:
        {"title": ..., "url": ..., "entries": [{"title": ..., "url": ..., "published":
        "2026-07-01T10:00:00Z", "author": ..., "text": an excerpt}]}.

    Example:
        for entry in read_feed("https://planetpython.org/rss20.xml")["entries"]:
            print(entry["published"], entry["title"], entry["url"])
    """
    response = fetch(url, ACCEPT)
    most = max(1, min(limit, 200))
    content = response.content[:LONGEST]
    if content.lstrip()[:1] == b"{":
        return _json_feed(content, response.url, most)
    if b"<!ENTITY" in content:
        # No feed needs its own; they are how a short text is made to grow without end.
        raise ToolError(f"{response.url} defines entities, which is not read.")
    import feedparser  # type: ignore[import-untyped]

    # What it is handed as bytes it would first try to open as a file or an address.
    feed = feedparser.parse(
        io.BytesIO(content),
        response_headers={"content-type": response.headers.get("content-type", "")},
    )
    if not feed.get("version") and not feed.entries:
        raise ToolError(
            f"{response.url} is no feed.", next="page_metadata(url)['feeds'] tells a page's feeds."
        )
    return {
        "title": _plain(feed.feed.get("title")),
        "url": response.url,
        "entries": [_entry(entry, response.url) for entry in feed.entries[:most]],
    }


def _entry(entry: Any, base: str) -> dict[str, object]:
    moment = entry.get("published_parsed") or entry.get("updated_parsed")
    bodies = entry.get("content") or [{}]
    return {
        "title": _plain(entry.get("title")),
        "url": urljoin(base, str(entry.get("link") or "")),
        "published": time.strftime("%Y-%m-%dT%H:%M:%SZ", moment) if moment else "",
        "author": _plain(entry.get("author")),
        "text": _plain(entry.get("summary") or bodies[0].get("value")),
    }


def _json_feed(content: bytes, base: str, most: int) -> dict[str, object]:
    try:
        feed = json.loads(content)
    except (ValueError, RecursionError):
        feed = None
    items = feed.get("items") if isinstance(feed, dict) else None
    if not isinstance(items, list) or "jsonfeed.org" not in str(feed.get("version")):
        raise ToolError(f"{base} is no feed.", next="For other JSON, use http_get(url).")
    return {
        "title": _plain(feed.get("title")),
        "url": base,
        "entries": [_item(item, base) for item in items[:most] if isinstance(item, dict)],
    }


def _item(item: dict[str, Any], base: str) -> dict[str, object]:
    people = item.get("authors") or [item.get("author")]
    names = [person.get("name") for person in people if isinstance(person, dict)]
    text = item.get("summary") or item.get("content_text") or item.get("content_html")
    return {
        "title": _plain(item.get("title")),
        "url": urljoin(base, str(item.get("url") or item.get("external_url") or "")),
        "published": str(item.get("date_published") or ""),
        "author": ", ".join(str(name) for name in names if name),
        "text": _plain(text),
    }


def _plain(html: object) -> str:
    from bs4 import BeautifulSoup

    raw = str(html or "")[: 10 * LONGEST_TEXT]
    text = BeautifulSoup(raw, "html.parser").get_text(" ") if "<" in raw else raw
    # Where a mark ended before a full stop, the parts were joined by a space.
    return re.sub(r" ([.,;:!?)])", r"\1", " ".join(text.split()))[:LONGEST_TEXT]

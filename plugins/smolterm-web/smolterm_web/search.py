"""Searching the web: by a SearXNG server that the person set, else by Brave's API."""

from __future__ import annotations

import re
from html import unescape
from typing import Any, Literal

from smolterm.pack import ToolError, http, secrets, settings, tool

from smolterm_web.fetch import AGENT, refuse

MOST = 50
FRESH = {"day": "pd", "week": "pw", "month": "pm", "year": "py"}


@tool(effect="network")
def search_web(
    query: str,
    limit: int = 10,
    newer_than: Literal["", "day", "week", "month", "year"] = "",
    language: str = "",
    page: int = 1,
) -> list[dict[str, object]]:
    """Search the web.

    Args:
        query: words; most engines know "quoted words", -without and site:example.org.
        limit: the most results, up to 50.
        newer_than: only what appeared in the last "day", "week", "month" or "year".
        language: such as "en"; "" for any.
        page: the next results are on page 2.

    Returns:
        The best first: [{"title": ..., "url": ..., "text": an excerpt, "date": "2026-07-01"}];
        "" where the date is not known.

    Example:
        for found in search_web("python wasi componentize", limit=5):
            print(found["title"], found["url"])
        page = read_page(found["url"])
    """
    if not query.strip():
        raise ToolError("`query` is empty.")
    most = max(1, min(limit, MOST))
    if settings.get("searxng_url", ""):
        found = _searxng(query, newer_than, language, page)
    elif secrets.has("BRAVE_SEARCH_KEY"):
        found = _brave(query, most, newer_than, language, page)
    else:
        raise ToolError(
            "No search engine is set up.",
            next="The person can set a SearXNG server (`smolterm packs set web searxng_url=...`)"
            " or a Brave key (`smolterm packs secret web BRAVE_SEARCH_KEY`). Known addresses can"
            " be read without: read_page(url).",
        )
    return found[:most]


def _searxng(query: str, newer_than: str, language: str, page: int) -> list[dict[str, object]]:
    answer = http.get(
        f"{settings['searxng_url'].rstrip('/')}/search",
        params={
            "q": query,
            "format": "json",
            "pageno": max(1, page),
            "time_range": newer_than or None,
            "language": language or None,
        },
        headers={"Accept": "application/json", "User-Agent": AGENT},
    )
    if answer.status == 403:
        raise ToolError(
            "The SearXNG server does not answer in JSON.",
            next="Its settings.yml must list json among search.formats; few public servers do.",
        )
    refuse(answer)
    return [
        _result(row.get("title"), row.get("url"), row.get("content"), row.get("publishedDate"))
        for row in _rows(answer.json(), "results")
    ]


def _brave(
    query: str, limit: int, newer_than: str, language: str, page: int
) -> list[dict[str, object]]:
    answer = http.get(
        f"{settings['brave_url'].rstrip('/')}/res/v1/web/search",
        params={
            "q": query[:400],
            "count": min(limit, 20),
            "offset": max(0, min(page - 1, 9)),
            "freshness": FRESH.get(newer_than),
            "search_lang": language or None,
        },
        headers={
            "Accept": "application/json",
            "User-Agent": AGENT,
            "X-Subscription-Token": secrets["BRAVE_SEARCH_KEY"],
        },
    )
    if answer.status in (401, 403) or (answer.status == 422 and "TOKEN" in answer.text):
        raise ToolError(
            "Brave did not accept the key.", next="The person can store another: smolterm packs."
        )
    if answer.status == 429:
        # Seconds until each limit ends: the second's first, then the month's.
        left = re.findall(r"\d+", answer.headers.get("x-ratelimit-remaining", ""))
        ends = re.findall(r"\d+", answer.headers.get("x-ratelimit-reset", ""))
        over = [end for have, end in zip(left, ends, strict=False) if have == "0"] or ends
        raise ToolError(
            "Brave takes no more searches now.", next=f"Wait {max(over, key=int, default='60')} s."
        )
    refuse(answer)
    web = answer.json()
    return [
        _result(row.get("title"), row.get("url"), row.get("description"), row.get("page_age"))
        for row in _rows(web.get("web") if isinstance(web, dict) else None, "results")
    ]


def _rows(value: object, name: str) -> list[dict[str, Any]]:
    listed = value.get(name) if isinstance(value, dict) else None
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def _result(title: object, url: object, text: object, date: object) -> dict[str, object]:
    return {
        "title": _plain(title, 300),
        "url": str(url or ""),
        "text": _plain(text, 1000),
        "date": str(date or "")[:10],
    }


def _plain(text: object, limit: int) -> str:
    """Return a text without the marks of found words, in one line."""
    return " ".join(unescape(re.sub(r"</?\w+>", "", str(text or ""))).split())[:limit]

"""Hacker News (the search API that Algolia runs for it)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from smolterm.pack import ToolError, tool

from smolterm_knowledge.plain import line, plain
from smolterm_knowledge.service import address, ask, bounded, rows, table

PAGE = "https://news.ycombinator.com/item?id="
LONGEST_COMMENT = 4000
DEEPEST = 20


@tool(effect="network")
def hacker_news_top(limit: int = 10) -> list[dict[str, object]]:
    """List the stories on the front page of Hacker News now, most points first.

    Args:
        limit: the most stories, 1 to 50.

    Returns:
        [{"id": 8863, "title": ..., "link": the article, "points": 111, "comments": 71,
        "author": ..., "time": "2026-07-01T09:12:00Z", "url": its discussion}].

    Example:
        for story in hacker_news_top(5):
            print(story["points"], story["title"], story["link"])
    """
    found = _search("search", {"tags": "front_page", "hitsPerPage": 50}, keep=300)
    return sorted(found, key=_points, reverse=True)[: bounded(limit, 50)]


@tool(effect="network")
def search_hacker_news(
    query: str,
    limit: int = 10,
    sort: Literal["relevance", "newest"] = "relevance",
    points: int = 0,
) -> list[dict[str, object]]:
    """Search the stories of Hacker News.

    Args:
        query: words.
        limit: the most stories, 1 to 100.
        sort: "relevance" or "newest".
        points: only stories with at least so many.

    Returns:
        Dicts as in hacker_news_top.

    Example:
        for story in search_hacker_news("webassembly", points=100):
            print(story["title"], story["url"])
    """
    wanted = {
        "query": query,
        "tags": "story",
        "hitsPerPage": bounded(limit, 100),
        "numericFilters": f"points>={points}" if points > 0 else None,
    }
    return _search("search" if sort == "relevance" else "search_by_date", wanted, keep=600)


@tool(effect="network")
def read_hacker_news(story: int, comments: int = 20) -> dict[str, object]:
    """Read a story of Hacker News with its comments.

    Args:
        story: its id.
        comments: the most comments, up to 200.

    Returns:
        {"id": ..., "title": ..., "link": ..., "points": ..., "author": ..., "text": ..., "url":
        ..., "comments": [{"author": ..., "text": ..., "depth": 0}]}; a reply stands below what it
        answers, with `depth` one more.
    """
    found = table(
        ask(
            "Hacker News",
            f"{address('hackernews_url')}/api/v1/items/{int(story)}",
            keep=300,
            missing=f"Hacker News has no story {story}.",
        )
    )
    if not found:
        raise ToolError(f"Hacker News has no story {story}.")
    listed: list[dict[str, object]] = []
    most = bounded(comments, 200, least=0)
    for comment in _comments(found, 0):
        if len(listed) >= most:
            break
        listed.append(comment)
    return {
        "id": found.get("id"),
        "title": line(found.get("title")),
        "link": found.get("url") or "",
        "points": found.get("points"),
        "author": found.get("author"),
        "text": plain(found.get("text")),
        "url": f"{PAGE}{found.get('id')}",
        "comments": listed,
    }


def _search(path: str, wanted: dict[str, object], keep: int) -> list[dict[str, object]]:
    url = f"{address('hackernews_url')}/api/v1/{path}"
    found = table(ask("Hacker News", url, wanted, keep=keep))
    return [
        {
            "id": int(name) if name.isdigit() else name,
            "title": line(hit.get("title") or hit.get("story_title")),
            "link": hit.get("url") or "",
            "points": hit.get("points"),
            "comments": hit.get("num_comments"),
            "author": hit.get("author"),
            "time": hit.get("created_at"),
            "url": f"{PAGE}{name}",
        }
        for hit in rows(found.get("hits"))
        for name in [str(hit.get("objectID", ""))]
    ]


def _points(story: dict[str, object]) -> int:
    points = story["points"]
    return points if isinstance(points, int) else 0


def _comments(item: dict[str, Any], depth: int) -> Iterator[dict[str, object]]:
    """Yield the comments below an item; one that was deleted has no text, but may have answers."""
    for child in rows(item.get("children")):
        if child.get("text"):
            yield {
                "author": child.get("author"),
                "text": plain(child["text"], LONGEST_COMMENT),
                "depth": depth,
            }
        if depth < DEEPEST:
            yield from _comments(child, depth + 1)

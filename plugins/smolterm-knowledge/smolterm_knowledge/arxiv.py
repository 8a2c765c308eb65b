"""Papers of arXiv (its Atom API)."""

from __future__ import annotations

import re
from typing import Literal
from xml.etree import ElementTree

from smolterm.pack import ToolError, tool

from smolterm_knowledge.service import address, ask_bytes, bounded

ATOM = "{http://www.w3.org/2005/Atom}"
ARXIV = "{http://arxiv.org/schemas/atom}"
_ID = re.compile(r"(?:\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?")
SORTS = {"relevance": "relevance", "newest": "submittedDate", "updated": "lastUpdatedDate"}


@tool(effect="network")
def search_arxiv(
    query: str, limit: int = 5, sort: Literal["relevance", "newest", "updated"] = "relevance"
) -> list[dict[str, object]]:
    """Search arXiv for papers.

    Args:
        query: words, or fields: "ti:transformer AND cat:cs.CL", "au:bengio", "abs:diffusion".
        limit: the most papers, 1 to 100.
        sort: "relevance", "newest" or "updated".

    Returns:
        [{"id": "1706.03762v7", "title": ..., "authors": [...], "published": "2017-06-12",
        "updated": "2023-08-02", "summary": ..., "categories": ["cs.CL"], "doi": "", "url": ...,
        "pdf": ...}].

    Example:
        for paper in search_arxiv("ti:attention AND cat:cs.CL", limit=3):
            print(paper["title"], paper["url"])
    """
    fields = re.search(r"\b(?:ti|au|abs|co|jr|cat|rn|id|all):", query)
    wanted = query if fields else " AND ".join(f"all:{word}" for word in query.split())
    if not wanted.strip():
        raise ToolError("`query` is empty.")
    return _entries(
        {
            "search_query": wanted,
            "start": 0,
            "max_results": bounded(limit, 100),
            "sortBy": SORTS[sort],
            "sortOrder": "descending",
        }
    )


@tool(effect="network")
def read_arxiv(paper: str) -> dict[str, object]:
    """Read what arXiv says of one paper: title, authors, whole abstract, links.

    Args:
        paper: its id, such as "1706.03762", or its address.

    Returns:
        A dict as in search_arxiv.
    """
    match = _ID.search(paper)
    if not match:
        raise ToolError(f"{paper!r} is no arXiv id.", next="Write it as '1706.03762'.")
    found = _entries({"id_list": match[0], "max_results": 1})
    if not found or not found[0]["title"]:
        raise ToolError(f"arXiv has no paper {match[0]}.", next="Look for it: search_arxiv(...).")
    return found[0]


def _entries(query: dict[str, object]) -> list[dict[str, object]]:
    raw = ask_bytes("arXiv", f"{address('arxiv_url')}/api/query", query, keep=86_400)
    # What a feed cannot need, and what entities that grow without end are made with.
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise ToolError("arXiv answered something that is not a feed.")
    try:
        feed = ElementTree.fromstring(raw)  # noqa: S314
    except ElementTree.ParseError:
        raise ToolError("arXiv answered something that is not a feed.") from None
    return [_paper(entry) for entry in feed.iter(f"{ATOM}entry")]


def _paper(entry: ElementTree.Element) -> dict[str, object]:
    name = _said(entry, f"{ATOM}id")
    # An error is an entry too.
    if "/api/errors" in name:
        raise ToolError(
            f"arXiv did not accept the query: {_said(entry, f'{ATOM}summary')[:200]}",
            next="Write it as 'ti:word AND au:name', with AND, OR, ANDNOT.",
        )
    links = {link.get("title"): link.get("href", "") for link in entry.iter(f"{ATOM}link")}
    return {
        "id": name.rpartition("/abs/")[2],
        "title": _said(entry, f"{ATOM}title"),
        "authors": [_said(author, f"{ATOM}name") for author in entry.iter(f"{ATOM}author")][:50],
        "published": _said(entry, f"{ATOM}published")[:10],
        "updated": _said(entry, f"{ATOM}updated")[:10],
        "summary": _said(entry, f"{ATOM}summary"),
        "categories": [each.get("term", "") for each in entry.iter(f"{ATOM}category")],
        "doi": _said(entry, f"{ARXIV}doi"),
        "url": name.replace("http://", "https://"),
        "pdf": (links.get("pdf") or "").replace("http://", "https://"),
    }


def _said(element: ElementTree.Element, name: str) -> str:
    return " ".join((element.findtext(name) or "").split())

"""Papers and books by their records (Crossref, Open Library)."""

from __future__ import annotations

import re
from typing import Any, Literal
from urllib.parse import quote

from smolterm.pack import ToolError, settings, tool

from smolterm_knowledge.plain import line, plain
from smolterm_knowledge.service import address, ask, ask_bytes, bounded, rows, table

FORMS = {
    "bibtex": "application/x-bibtex",
    "ris": "application/x-research-info-systems",
    "text": "text/x-bibliography",
}
BOOK_FIELDS = "key,title,author_name,first_publish_year,edition_count,isbn,language,subject"
_DOI = re.compile(r"10\.\d{4,9}/\S+")


@tool(effect="network")
def search_crossref(query: str, limit: int = 5, since: int = 0) -> list[dict[str, object]]:
    """Search scholarly works by title, author or words (Crossref).

    Args:
        query: words, such as a title with an author's name.
        limit: the most works, 1 to 100.
        since: only works of this year or later; 0 for all.

    Returns:
        [{"doi": "10.1038/nature14539", "title": ..., "authors": ["Yann LeCun", ...], "year": 2015,
        "in": "Nature", "kind": "journal-article", "cited": 50000, "abstract": ..., "url": ...}].

    Example:
        work = search_crossref("deep learning lecun bengio hinton")[0]
        print(cite_doi(work["doi"]))
    """
    found = table(
        ask(
            "Crossref",
            f"{address('crossref_url')}/works",
            {
                "query": query,
                "rows": bounded(limit, 100),
                "filter": f"from-pub-date:{since}" if since else None,
                "mailto": settings.get("contact", "") or None,
            },
            keep=86_400,
        )
    )
    return [_work(row) for row in rows(table(found.get("message")).get("items"))]


@tool(effect="network")
def cite_doi(doi: str, form: Literal["bibtex", "ris", "text"] = "bibtex") -> str:
    """Write the citation of a work that has a DOI.

    Args:
        doi: such as "10.1038/nature14539", or its address.
        form: "bibtex", "ris" or "text".

    Example:
        print(cite_doi("10.1038/nature14539"))
    """
    match = _DOI.search(doi)
    if not match:
        raise ToolError(f"{doi!r} is no DOI.", next="Write it as '10.1038/nature14539'.")
    name = quote(match[0], safe="/")
    raw = ask_bytes(
        "Crossref",
        f"{address('crossref_url')}/works/{name}/transform/{FORMS[form]}",
        keep=86_400,
        missing=f"Crossref has no work {match[0]}.",
    )
    return raw.decode("utf-8", "replace").strip()[:10_000]


@tool(effect="network")
def search_books(query: str, limit: int = 5) -> list[dict[str, object]]:
    """Search books (Open Library).

    Args:
        query: words, or fields: "title:dune", "author:herbert", "isbn:9780441013593".
        limit: the most books, 1 to 100.

    Returns:
        [{"title": "Dune", "authors": ["Frank Herbert"], "year": 1965, "editions": 120,
        "isbns": [...], "languages": ["eng"], "subjects": [...], "url": ...}].

    Example:
        for book in search_books("author:tolkien", limit=3):
            print(book["title"], book["year"])
    """
    found = table(
        ask(
            "Open Library",
            f"{address('books_url')}/search.json",
            {"q": query, "limit": bounded(limit, 100), "fields": BOOK_FIELDS},
            keep=86_400,
        )
    )
    return [
        {
            "title": line(row.get("title")),
            "authors": _texts(row.get("author_name"), 20),
            "year": row.get("first_publish_year"),
            "editions": row.get("edition_count"),
            "isbns": _texts(row.get("isbn"), 5),
            "languages": _texts(row.get("language"), 10),
            "subjects": _texts(row.get("subject"), 10),
            "url": f"https://openlibrary.org{row.get('key', '')}",
        }
        for row in rows(found.get("docs"))
    ]


def _work(row: dict[str, Any]) -> dict[str, object]:
    year: object = table(row.get("issued")).get("date-parts")
    while isinstance(year, list):
        year = year[0] if year else None
    people = rows(row.get("author"))[:20]
    return {
        "doi": row.get("DOI"),
        "title": line(" ".join(_texts(row.get("title"), 1))),
        "authors": [
            person.get("name") or f"{person.get('given', '')} {person.get('family', '')}".strip()
            for person in people
        ],
        "year": year,
        "in": line(" ".join(_texts(row.get("container-title"), 1))),
        "kind": row.get("type"),
        "cited": row.get("is-referenced-by-count"),
        "abstract": plain(row.get("abstract"), 3000),
        "url": row.get("URL"),
    }


def _texts(value: object, most: int) -> list[str]:
    return [str(each) for each in value[:most]] if isinstance(value, list) else []

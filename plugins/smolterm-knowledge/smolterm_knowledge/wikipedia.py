"""Wikipedia, or another MediaWiki (its action API, with the extension TextExtracts)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from smolterm.pack import ToolError, settings, tool

from smolterm_knowledge.plain import line
from smolterm_knowledge.service import ask, bounded, rows, table

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,10})*")
_HEADING = re.compile(r"^(={2,6})\s*(.+?)\s*\1$", re.MULTILINE)
DAY = 86_400


@tool(effect="network")
def search_wikipedia(query: str, limit: int = 5, language: str = "en") -> list[dict[str, object]]:
    """Search Wikipedia for articles.

    Args:
        query: words; "intitle:" before a word wants it in the title.
        limit: the most articles, 1 to 50.
        language: such as "en", "de", "pt".

    Returns:
        [{"title": "Alan Turing", "excerpt": "... English mathematician ...", "words": 15000,
        "url": "https://en.wikipedia.org/wiki/Alan_Turing"}].

    Example:
        for found in search_wikipedia("halting problem"):
            print(found["title"], found["excerpt"])
    """
    found = _query(
        language,
        {
            "list": "search",
            "srsearch": query,
            "srlimit": bounded(limit, 50),
            "srprop": "snippet|wordcount",
        },
    )
    return [
        {
            "title": str(row.get("title", "")),
            "excerpt": line(row.get("snippet")),
            "words": row.get("wordcount"),
            "url": _url(language, str(row.get("title", ""))),
        }
        for row in rows(found.get("search"))
    ]


@tool(effect="network")
def read_wikipedia(
    title: str, section: str = "", language: str = "en", limit: int = 8000
) -> dict[str, object]:
    """Read a Wikipedia article as text, all of it or one section.

    Args:
        title: as search_wikipedia gives it.
        section: a heading; "" for the article from its start.
        language: such as "en", "de", "pt".
        limit: the most characters of text, up to 100,000.

    Returns:
        {"title": "Alan Turing", "url": ..., "text": ..., "characters": 61234, "sections":
        ["Early life", ...], "is_list_of_meanings": False}. `characters` counts the whole text:
        if it is more than `limit`, read by section.

    Example:
        article = read_wikipedia("Alan Turing", limit=3000)
        print(article["text"])
    """
    found = _query(
        language,
        {
            "titles": title,
            "redirects": 1,
            "prop": "extracts|info|pageprops",
            "explaintext": 1,
            "exsectionformat": "wiki",
            "inprop": "url",
            "ppprop": "disambiguation",
        },
    )
    page = next(iter(rows(found.get("pages"))), {})
    if not page or "missing" in page or "invalid" in page:
        raise ToolError(
            f"There is no article {title!r}.", next=f"Look for it: search_wikipedia({title!r})."
        )
    text = str(page.get("extract", ""))
    headings = [match[2] for match in _HEADING.finditer(text)]
    chosen = _section(text, section, headings) if section else text
    return {
        "title": str(page.get("title", "")),
        "url": str(page.get("fullurl", "")),
        "text": chosen[: bounded(limit, 100_000)].strip(),
        "characters": len(chosen),
        "sections": headings[:100],
        "is_list_of_meanings": "disambiguation" in table(page.get("pageprops")),
    }


def _query(language: str, wanted: dict[str, object]) -> dict[str, Any]:
    query = {"action": "query", "format": "json", "formatversion": 2, **wanted}
    answer = table(ask("Wikipedia", f"{_base(language)}/w/api.php", query, keep=DAY))
    if isinstance(answer.get("error"), dict):
        error = table(answer["error"])
        raise ToolError(f"Wikipedia refused: {str(error.get('info'))[:300]}")
    return table(answer.get("query"))


def _base(language: str) -> str:
    if own := settings.get("wiki_url", ""):
        return own.rstrip("/")
    if not _LANGUAGE.fullmatch(language):
        raise ToolError(f"{language!r} is no language.", next="Write its code, such as 'en'.")
    return f"https://{language}.wikipedia.org"


def _url(language: str, title: str) -> str:
    return f"{_base(language)}/wiki/{quote(title.replace(' ', '_'))}"


def _section(text: str, wanted: str, headings: list[str]) -> str:
    """Return a section with those below it."""
    found = list(_HEADING.finditer(text))
    for number, match in enumerate(found):
        if match[2].casefold() == wanted.strip().casefold():
            later = (each.start() for each in found[number + 1 :] if len(each[1]) <= len(match[1]))
            return text[match.start() : next(later, len(text))]
    raise ToolError(
        f"The article has no section {wanted!r}.", next=f"It has: {', '.join(headings[:40])}."
    )

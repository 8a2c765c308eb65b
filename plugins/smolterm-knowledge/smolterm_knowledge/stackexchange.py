"""Questions and answers of Stack Overflow and its sister sites (Stack Exchange API 2.3)."""

from __future__ import annotations

import re
import time
from typing import Any

from smolterm.pack import ToolError, cache, secrets, tool

from smolterm_knowledge.plain import line, plain
from smolterm_knowledge.service import address, bounded, day, get, kept, rows, table

_QUESTION = re.compile(r"(?:.*/q(?:uestions)?/)?(\d+)(?:[/?#].*)?")


@tool(effect="network")
def search_stackexchange(
    query: str, site: str = "stackoverflow", tags: list[str] | None = None, limit: int = 5
) -> list[dict[str, object]]:
    """Search Stack Overflow, or another Stack Exchange site, for questions.

    Args:
        query: words.
        site: such as "stackoverflow", "superuser", "serverfault", "askubuntu", "math", "unix".
        tags: which a question must all have, such as ["python", "asyncio"].
        limit: the most questions, 1 to 50.

    Returns:
        [{"id": 11227809, "title": ..., "score": 27000, "answers": 25, "has_accepted": True,
        "tags": ["java", ...], "asked": "2012-06-27", "url": ...}]. Read one by
        read_stackexchange_answers(id).

    Example:
        question = search_stackexchange("asyncio run blocking function", tags=["python"])[0]
        for answer in read_stackexchange_answers(question["id"])["answers"]:
            print(answer["score"], answer["text"][:500])
    """
    found = _ask(
        "search/advanced",
        site,
        {
            "q": query,
            "tagged": ";".join(tags) if tags else None,
            "sort": "relevance",
            "order": "desc",
            "pagesize": bounded(limit, 50),
        },
    )
    return [_question(row) for row in found]


@tool(effect="network")
def read_stackexchange_answers(
    question: int | str, site: str = "stackoverflow", limit: int = 3
) -> dict[str, object]:
    """Read a question of Stack Exchange with its best answers.

    Args:
        question: its id, or its address.
        site: where it is, such as "stackoverflow".
        limit: the most answers, 1 to 20.

    Returns:
        {"id": ..., "title": ..., "text": the question, "url": ..., "answers": [{"id": ...,
        "score": 31000, "accepted": True, "author": ..., "text": ...}]}, best answer first.
    """
    match = _QUESTION.fullmatch(str(question).strip())
    if not match:
        raise ToolError(f"{question!r} is no question.", next="Give its id, such as 11227809.")
    asked = _ask(f"questions/{match[1]}", site, {"filter": "withbody"})
    if not asked:
        raise ToolError(
            f"{site} has no question {match[1]}.", next="Look for it: search_stackexchange(...)."
        )
    wanted = {
        "filter": "withbody",
        "sort": "votes",
        "order": "desc",
        "pagesize": bounded(limit, 20),
    }
    answers = _ask(f"questions/{match[1]}/answers", site, wanted)
    return {
        **_question(asked[0]),
        "text": plain(asked[0].get("body")),
        "answers": [
            {
                "id": row.get("answer_id"),
                "score": row.get("score"),
                "accepted": row.get("is_accepted") is True,
                "author": line(table(row.get("owner")).get("display_name")),
                "text": plain(row.get("body")),
            }
            for row in answers
        ],
    }


def _ask(path: str, site: str, wanted: dict[str, object]) -> list[dict[str, Any]]:
    key = secrets["STACKEXCHANGE_KEY"] if secrets.has("STACKEXCHANGE_KEY") else None
    url = f"{address('stackexchange_url')}/2.3/{path}"
    query = {"site": site, **wanted, "key": key}
    answer = kept(url, query, 3600, lambda: _fetch(_method(path), url, query))
    return rows(table(answer).get("items"))


def _fetch(method: str, url: str, query: dict[str, object]) -> object:
    """Ask, but not before the pause is over that was asked for: who does is shut out for long."""
    until = cache.get(f"backoff {method}")
    rest = until - time.time() if isinstance(until, int | float) else 0
    if rest > 0:
        raise ToolError(
            "Stack Exchange asked for a pause.", next=f"Wait {int(rest) + 1} seconds, then ask."
        )
    answer = table(get("Stack Exchange", url, query).json())
    wait = answer.get("backoff")
    if isinstance(wait, int | float) and wait > 0:
        cache.put(f"backoff {method}", time.time() + wait, seconds=wait)
    return answer


def _method(path: str) -> str:
    return re.sub(r"\d+", "{id}", path)


def _question(row: dict[str, Any]) -> dict[str, object]:
    return {
        "id": row.get("question_id"),
        "title": line(row.get("title")),
        "score": row.get("score"),
        "answers": row.get("answer_count"),
        "has_accepted": "accepted_answer_id" in row,
        "tags": row.get("tags"),
        "asked": day(row.get("creation_date")),
        "url": row.get("link"),
    }

"""Asking Notion's API: its version, its pages, its errors in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from smolterm.pack import ToolError, http, secrets, settings

MOST = 500
"""Rows that one call returns at most."""

_MOST_PAGES = 50
"""A server that always names a further page must come to an end too."""

VERSION = "2026-03-11"

_HOW = "`smolterm packs secret notion NOTION_TOKEN`"
_ID = re.compile(r"[0-9a-f]{32}")


def ask(
    method: str,
    path: str,
    *,
    params: Mapping[str, object] | None = None,
    json: object = None,
) -> Any:
    """Send one request and return the answer, or raise what Notion says as a ToolError."""
    response = http.request(
        method,
        f"{settings['url'].rstrip('/')}/v1{path}",
        params=params,
        json=json,
        headers={"Notion-Version": VERSION},
        auth=secrets.bearer("NOTION_TOKEN"),
    )
    if not response.ok:
        raise _error(response, reading=method == "GET")
    return response.json()


def rows(method: str, path: str, limit: int, body: Mapping[str, object] | None = None) -> list[Any]:
    """Return the first rows of a list, page after page."""
    if not 1 <= limit <= MOST:
        raise ToolError(f"`limit` is {limit}.", next=f"Give a number from 1 to {MOST}.")
    asked = {**(body or {}), "page_size": min(limit, 100)}
    return list(islice(_rows(method, path, asked), limit))


def _rows(method: str, path: str, asked: dict[str, object]) -> Iterator[Any]:
    for _ in range(_MOST_PAGES):
        # A list that is read by GET takes its page in the query, a search in its body.
        page = ask(method, path, **{"params" if method == "GET" else "json": asked})
        yield from page["results"]
        if not page.get("has_more") or not page.get("next_cursor"):
            return
        asked = asked | {"start_cursor": page["next_cursor"]}


def identifier(value: str) -> str:
    """Return the id in an id or in a page's address."""
    bare = value.split("?")[0].split("#")[0].rstrip("/").rpartition("/")[2]
    found = bare.replace("-", "").lower()[-32:]
    if not _ID.fullmatch(found):
        raise ToolError(
            f"{value[:200]!r} is neither an id nor an address of Notion.",
            next="search_notion() gives the ids.",
        )
    return f"{found[:8]}-{found[8:12]}-{found[12:16]}-{found[16:20]}-{found[20:]}"


class Missing(ToolError):
    """Notion has none, or does not show it to this integration."""


def _error(response: http.Response, *, reading: bool) -> ToolError:
    try:
        body = response.json()
    except ToolError:
        body = None
    if not isinstance(body, dict):
        body = {"message": response.text[:200]}
    code, said = str(body.get("code", "")), str(body.get("message", ""))[:500]
    # Reading is given an id alone; what is wrong with it is that it names another kind of thing.
    if response.status == 404 or (response.status == 400 and reading):
        return Missing(
            f"Notion answered {response.status}: {said}",
            next="Check the id, and share the page with the integration (page menu, Connections).",
        )
    nexts = {
        400: "Mend what Notion names and try again.",
        401: f"Set a token that is right: {_HOW}",
        403: "Give the integration this capability in its settings.",
        409: "Somebody changed it at the same time; try again.",
        429: f"Wait {response.headers.get('retry-after', '60')} seconds.",
    }
    what = f"Notion answered {response.status} ({code}): {said}"
    return ToolError(what, next=nexts.get(response.status, "Try again later."))

"""Asking GitHub's REST API: its headers, its pages, its errors in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import quote

from smolterm.pack import ToolError, http, secrets, settings

MOST = 300
"""Rows that one call returns at most."""

_MOST_PAGES = 20
"""What is listed may be few among many that are left out."""
_LONGEST = 20_000
_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')


def ask(
    method: str,
    path: str,
    *,
    params: Mapping[str, object] | None = None,
    json: object = None,
    kind: str = "application/vnd.github+json",
) -> http.Response:
    """Send one request and return the response, or raise what GitHub says as a ToolError.

    Args:
        path: below the API's address, or a whole address that GitHub gave as the next page.
        kind: the media type to ask for.
    """
    headers = {
        "Accept": kind,
        # The one that servers of GitHub Enterprise speak too.
        "X-GitHub-Api-Version": "2022-11-28",
        # GitHub refuses requests that do not say who asks.
        "User-Agent": "smolterm-github",
    }
    if secrets.has("GITHUB_TOKEN"):
        headers["Authorization"] = secrets.bearer("GITHUB_TOKEN")
    url = path if "://" in path else settings["url"].rstrip("/") + path
    response = http.request(method, url, params=params, json=json, headers=headers)
    if not response.ok:
        raise _error(response)
    return response


def rows(
    path: str, limit: int, params: Mapping[str, object] | None = None, size: int = 0
) -> Iterator[Any]:
    """Return the rows of a list, page after page, each page asked for when it is needed.

    Args:
        size: rows of one page; as many as are wanted when 0.
    """
    wanted = min(bounded(limit), 100)
    return _rows(path, {**(params or {}), "per_page": size or wanted})


def _rows(path: str, params: Mapping[str, object]) -> Iterator[Any]:
    asked: Mapping[str, object] | None = params
    for _ in range(_MOST_PAGES):
        response = ask("GET", path, params=asked)
        found = response.json()
        yield from found["items"] if isinstance(found, dict) else found
        next_page = _NEXT.search(response.headers.get("link", ""))
        if not next_page:
            return
        path, asked = next_page[1], None


def first(found: Iterator[Any], limit: int) -> list[Any]:
    """Return the first rows only, so that no further page is asked for."""
    return list(islice(found, limit))


def bounded(limit: int) -> int:
    """Return the limit if it is one that a call may ask for."""
    if not 1 <= limit <= MOST:
        raise ToolError(f"`limit` is {limit}.", next=f"Give a number from 1 to {MOST}.")
    return limit


def repository(repo: str) -> str:
    """Return the path of a repository, such as "/repos/octocat/hello"."""
    if not _REPO.fullmatch(repo) or repo.endswith(("/.", "/..")):
        raise ToolError(f"{repo[:200]!r} names no repository.", next="Write it as 'owner/name'.")
    return f"/repos/{repo}"


def inside(path: str) -> str:
    """Return a file's path as it stands in an address."""
    parts = [part for part in path.split("/") if part]
    if any(part in (".", "..") for part in parts):
        raise ToolError(f"{path[:200]!r} climbs.", next="Paths start at the repository's root.")
    return "/".join(quote(part, safe="") for part in parts)


def cut(text: str | None) -> str:
    """Return a text that is short enough to be read."""
    whole = text or ""
    if len(whole) <= _LONGEST:
        return whole
    return f"{whole[:_LONGEST]}\n[{len(whole) - _LONGEST} characters more]"


def _error(response: http.Response) -> ToolError:
    said, details = _said(response)
    headers = response.headers
    if response.status in (403, 429) and (
        headers.get("x-ratelimit-remaining") == "0"
        or "retry-after" in headers
        or "rate limit" in said.lower()
    ):
        seconds = headers.get("retry-after")
        when = f"Wait {seconds} seconds." if seconds else "Wait some minutes."
        more = "" if secrets.has("GITHUB_TOKEN") else f" A token allows more: {_HOW}."
        return ToolError(f"GitHub's rate limit is used up: {said}", next=when + more)
    nexts = {
        401: f"The token is wrong or has expired; set a new one: {_HOW}",
        403: f"The token lacks a permission that this needs; set one that has it: {_HOW}",
        404: f"Check the name; a private repository also needs a token that may see it: {_HOW}",
        410: "This was deleted, or issues are switched off in this repository.",
        422: "Mend what GitHub names and try again.",
    }
    what = f"GitHub answered {response.status}: {said}"
    return ToolError(what + details, next=nexts.get(response.status, "Try again later."))


_HOW = "`smolterm packs secret github GITHUB_TOKEN`"


def _said(response: http.Response) -> tuple[str, str]:
    """Return GitHub's message and the fields that it complains about."""
    try:
        body = response.json()
    except ToolError:
        return response.text[:200], ""
    if not isinstance(body, dict):
        return str(body)[:200], ""
    found = body.get("errors")
    fields = [
        each.get("message") or f"{each.get('field', each.get('resource', ''))}: {each.get('code')}"
        if isinstance(each, dict)
        else str(each)
        for each in (found if isinstance(found, list) else [])[:5]
    ]
    return str(body.get("message", ""))[:300], f" ({'; '.join(fields)[:500]})" if fields else ""

"""Asking GitLab's REST API: its header, its pages, its errors in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import quote

from smolterm.pack import ToolError, http, secrets, settings

MOST = 300
"""Rows that one call returns at most."""

_MOST_PAGES = 50
"""A server that always names a further page must come to an end too."""
_LONGEST = 20_000
_HOW = "`smolterm packs secret gitlab GITLAB_TOKEN`"


def ask(
    method: str,
    path: str,
    *,
    params: Mapping[str, object] | None = None,
    json: object = None,
) -> http.Response:
    """Send one request and return the response, or raise what GitLab says as a ToolError."""
    headers = {"Accept": "application/json"}
    if secrets.has("GITLAB_TOKEN"):
        headers["PRIVATE-TOKEN"] = secrets["GITLAB_TOKEN"]
    url = f"{settings['url'].rstrip('/')}/api/v4{path}"
    response = http.request(method, url, params=params, json=json, headers=headers)
    if not response.ok:
        raise _error(response)
    return response


def rows(
    path: str,
    limit: int,
    params: Mapping[str, object] | None = None,
    keep: Callable[[Any], bool] = lambda row: True,
) -> list[Any]:
    """Return the first rows of a list, page after page, that are to be kept."""
    if not 1 <= limit <= MOST:
        raise ToolError(f"`limit` is {limit}.", next=f"Give a number from 1 to {MOST}.")
    asked = {name: value for name, value in (params or {}).items() if value not in ("", None)}
    found = _rows(path, asked | {"per_page": min(limit, 100)})
    return list(islice(filter(keep, found), limit))


def _rows(path: str, params: dict[str, object]) -> Iterator[Any]:
    page = "1"
    for _ in range(_MOST_PAGES):
        response = ask("GET", path, params=params | {"page": page})
        yield from response.json()
        page = response.headers.get("x-next-page", "")
        if not page:
            return


def project(name: str) -> str:
    """Return the path of a project, which is named by its number or by its whole path."""
    if not name.strip("/ "):
        raise ToolError("The project is empty.", next="Write it as 'group/name'.")
    return f"/projects/{quote(name.strip('/'), safe='')}"


def cut(text: str | None) -> str:
    """Return a text that is short enough to be read."""
    whole = text or ""
    if len(whole) <= _LONGEST:
        return whole
    return f"{whole[:_LONGEST]}\n[{len(whole) - _LONGEST} characters more]"


def _error(response: http.Response) -> ToolError:
    nexts = {
        400: "Mend what GitLab names and try again.",
        401: f"Set a token that is right and has not expired: {_HOW}",
        403: f"The token needs the scope `api` to write, `read_api` to read: {_HOW}",
        404: f"Check the name; a private project also needs a token that may see it: {_HOW}",
        429: f"Wait {response.headers.get('retry-after', '60')} seconds.",
    }
    what = f"GitLab answered {response.status}: {_said(response)}"
    return ToolError(what, next=nexts.get(response.status, "Try again later."))


def _said(response: http.Response) -> str:
    """Return GitLab's message, which is a text or a list of texts by field."""
    try:
        body = response.json()
    except ToolError:
        return response.text[:200]
    if not isinstance(body, dict):
        return str(body)[:200]
    said = body.get("message") or body.get("error_description") or body.get("error") or ""
    if isinstance(said, dict):
        said = "; ".join(f"{name}: {', '.join(map(str, why))}" for name, why in said.items())
    return str(said)[:500]

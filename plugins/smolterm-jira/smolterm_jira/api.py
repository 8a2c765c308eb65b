"""Asking Jira Cloud's REST API, version 3: who asks, and its errors in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from smolterm.pack import ToolError, http, secrets, settings

MOST = 300
"""Rows that one call returns at most."""

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*-\d+")
_HOW = "`smolterm packs secret jira JIRA_TOKEN`"


def ask(
    method: str,
    path: str,
    *,
    params: Mapping[str, object] | None = None,
    json: object = None,
) -> Any:
    """Send one request and return the answer, or raise what Jira says as a ToolError."""
    url = f"{settings['url'].rstrip('/')}/rest/api/3{path}"
    response = http.request(
        method,
        url,
        params=params,
        json=json,
        headers={"Accept": "application/json"},
        auth=(settings["user"], secrets["JIRA_TOKEN"]),
    )
    # A wrong token makes the reader anonymous, and the answer then lacks what it may not see.
    if response.headers.get("x-seraph-loginreason") == "AUTHENTICATED_FAILED":
        raise ToolError(
            "Jira did not take the user with this token.",
            next=f"Check the setting `user`, and set a new token: {_HOW}",
        )
    if not response.ok:
        raise _error(response)
    return response.json() if response.content else {}


def issue_path(key: str) -> str:
    """Return the path of an issue."""
    if not _KEY.fullmatch(key):
        raise ToolError(f"{key[:100]!r} is no issue's key.", next="Write it as 'PROJ-12'.")
    return f"/issue/{key}"


def bounded(limit: int) -> int:
    """Return the limit if it is one that a call may ask for."""
    if not 1 <= limit <= MOST:
        raise ToolError(f"`limit` is {limit}.", next=f"Give a number from 1 to {MOST}.")
    return limit


def _error(response: http.Response) -> ToolError:
    nexts = {
        400: "Mend what Jira names and try again.",
        401: f"Check the setting `user`, and set a token that has not expired: {_HOW}",
        403: "Your account may not do this; ask who administers the project.",
        404: "Check the key, and that your account may see it.",
        429: f"Wait {response.headers.get('retry-after', '60')} seconds.",
    }
    what = f"Jira answered {response.status}: {_said(response)}"
    return ToolError(what, next=nexts.get(response.status, "Try again later."))


def _said(response: http.Response) -> str:
    """Return Jira's messages and what it says of single fields."""
    try:
        body = response.json()
    except ToolError:
        return response.text[:200]
    if not isinstance(body, dict):
        return str(body)[:200]
    said = [str(each) for each in body.get("errorMessages") or []]
    fields = body.get("errors")
    if isinstance(fields, dict):
        said += [f"{name}: {why}" for name, why in fields.items()]
    return "; ".join(said or [str(body.get("message", ""))])[:500]

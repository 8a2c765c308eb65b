"""One question to a public service, its refusals said in words that a model can act on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from smolterm.pack import ToolError, cache, http, settings

SLOW = {"export.arxiv.org": 3.0}
"""Seconds between two requests that a public server's policy asks for."""

_asked: dict[str, float] = {}


def address(setting: str) -> str:
    """Return the service's address as it is set, without a slash at its end."""
    return settings[setting].rstrip("/")


def ask(
    service: str,
    url: str,
    params: Mapping[str, object] | None = None,
    *,
    keep: int = 0,
    missing: str = "",
) -> Any:
    """Return the JSON that a service answers.

    Args:
        service: its name, as an error says it.
        url: without the query.
        params: the query; what is None is left out.
        keep: seconds for which the same question is answered from the cache.
        missing: what a 404 means here.

    Raises:
        ToolError: the service refused, failed, or answered no JSON.
    """
    return kept(url, params, keep, lambda: get(service, url, params, missing).json())


def ask_bytes(
    service: str,
    url: str,
    params: Mapping[str, object] | None = None,
    *,
    keep: int = 0,
    missing: str = "",
) -> bytes:
    """Return the bytes that a service answers, in UTF-8; see `ask`."""
    text = kept(url, params, keep, lambda: get(service, url, params, missing).text)
    return str(text).encode()


def kept(
    url: str, params: Mapping[str, object] | None, keep: int, fetch: Callable[[], object]
) -> Any:
    """Return what the cache has for a question, else what `fetch` returns."""
    asked = {name: value for name, value in (params or {}).items() if name != "key"}
    key = hashlib.sha256(json.dumps([url, asked], sort_keys=True).encode()).hexdigest()
    if keep and (value := cache.get(key)) is not None:
        return value
    value = fetch()
    if keep:
        # What is too large to keep is asked for again.
        with contextlib.suppress(ToolError):
            cache.put(key, value, seconds=keep)
    return value


def get(
    service: str, url: str, params: Mapping[str, object] | None, missing: str = ""
) -> http.Response:
    """Return what a service answers with a status below 400."""
    _wait_turn(urlsplit(url).hostname or "")
    headers = {"User-Agent": user_agent()}
    response = http.get(url, params=params, headers=headers)
    refuse(response, service, missing)
    return response


def user_agent() -> str:
    """Return who asks: public services turn away what does not say."""
    contact = settings.get("contact", "").strip()
    return f"smolterm-knowledge/0.1 ({contact})" if contact else "smolterm-knowledge/0.1"


def refuse(response: http.Response, service: str, missing: str = "") -> None:
    """Raise what a status of 400 or more means."""
    if response.ok:
        return
    status, said = response.status, reason(response)
    if status == 404 and missing:
        raise ToolError(missing)
    if status == 429 or (status == 503 and response.headers.get("retry-after")):
        wait = response.headers.get("retry-after", "")
        when = f"Wait {wait} seconds" if wait.isdigit() else "Wait a minute"
        raise ToolError(f"{service} takes no more requests now.{said}", next=f"{when}, ask less.")
    if status in (401, 403):
        raise ToolError(
            f"{service} refused the request ({status}).{said}",
            next="It may want to know who asks: the person can tell it an address by"
            " `smolterm packs set knowledge contact=...`.",
        )
    if status >= 500:
        raise ToolError(f"{service} failed ({status}).{said}", next="Try again later.")
    raise ToolError(f"{service} did not accept the request ({status}).{said}")


def reason(response: http.Response) -> str:
    """Return what an error's body says, short, with a space before it."""
    try:
        body = response.json()
    except ToolError:
        body = _summary(response.text)
    for name in ("error_message", "message", "error", "detail", "title"):
        said = body.get(name) if isinstance(body, dict) else None
        if isinstance(said, dict):
            said = said.get("message")
        if isinstance(said, str) and said.strip():
            return f" It says: {' '.join(said.split())[:200]}"
    return ""


def rows(value: object) -> list[dict[str, Any]]:
    """Return the objects in a list; nothing else can be trusted to be there."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def table(value: object) -> dict[str, Any]:
    """Return an object, or an empty one."""
    return value if isinstance(value, dict) else {}


def _summary(text: str) -> dict[str, str]:
    """Return what an Atom entry says: that is how arXiv writes an error."""
    found = re.search(r"<entry>.*?<summary[^>]*>([^<]{1,500})</summary>", text, re.DOTALL)
    return {"message": found[1]} if found else {}


def bounded(value: int, most: int, least: int = 1) -> int:
    """Return a number of things within what a service takes."""
    return max(least, min(value, most))


def day(seconds: object) -> str | None:
    """Return the date of a Unix time."""
    if not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return None


def _wait_turn(host: str) -> None:
    pause = SLOW.get(host)
    if pause is None:
        return
    rest = _asked.get(host, float("-inf")) + pause - time.monotonic()
    if rest > 0:
        time.sleep(rest)
    _asked[host] = time.monotonic()

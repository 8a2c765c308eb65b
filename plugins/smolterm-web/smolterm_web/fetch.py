"""Fetching a page, with what went wrong said in words that a model can act on."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from smolterm.pack import ToolError, http

AGENT = "smolterm-web/0.1 (reads pages for one person)"


def fetch(url: str, accept: str, params: Mapping[str, object] | None = None) -> http.Response:
    """GET an address, and return what answered with a status below 400.

    Raises:
        ToolError: the address is none, nobody answered, or it was refused.
    """
    response = http.get(
        complete(url), params=params, headers={"Accept": accept, "User-Agent": AGENT}
    )
    refuse(response)
    return response


def complete(url: str) -> str:
    """Return an address with its scheme."""
    address = url.strip()
    if "://" not in address:
        address = f"https://{address}"
    try:
        parts = urlsplit(address)
        found = parts.scheme in ("http", "https") and parts.hostname
    except ValueError:
        found = None
    if not found:
        raise ToolError(f"{url[:200]!r} is no web address.", next="Write it as https://...")
    return address


def refuse(response: http.Response) -> None:
    """Raise what a status of 400 or more means."""
    status = response.status
    if response.ok:
        return
    said = {
        401: (
            "wants a login or a key",
            "Look for a public page, or give the key in `headers` of http_get().",
        ),
        402: ("wants to be paid", "Look for another source."),
        403: ("refuses programs or this address", "Look for the same elsewhere: search_web()."),
        404: ("has no such page", "Check the address, or look for it: search_web()."),
        410: ("has taken the page away", "Look for a copy: search_web()."),
        429: ("takes no more requests now", f"{_wait(response)}, then ask less often."),
    }
    host = urlsplit(response.url).hostname
    what, advice = said.get(
        status,
        ("failed", f"{_wait(response)}, or look elsewhere.")
        if status >= 500
        else ("did not accept the request", ""),
    )
    raise ToolError(f"{host} {what} ({status}).", next=advice)


def _wait(response: http.Response) -> str:
    after = response.headers.get("retry-after", "")
    return f"Wait {after} seconds" if after.isdigit() else "Wait a while"


def media_type(response: http.Response) -> str:
    """Return what kind of content it says that it is, such as `text/html`."""
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()

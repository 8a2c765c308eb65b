"""Plain HTTP, for an API that no other tool knows."""

from __future__ import annotations

from typing import Literal

from smolterm.pack import ToolError, http, tool

from smolterm_web.fetch import AGENT, complete, media_type

LONGEST = 200_000
SHOWN = ("content-type", "content-length", "etag", "last-modified", "link", "location", "date")


@tool(effect="network")
def http_get(
    url: str, params: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> dict[str, object]:
    """GET an address, such as an API's, and return what it answers, JSON already read.

    Args:
        url: the address.
        params: for the query, such as {"page": "2"}.
        headers: such as {"Accept": "application/json"}.

    Returns:
        {"status": 200, "url": ..., "headers": {...}, "json": the value, or None, "text": where it
        is not JSON, the first 200,000 characters}. A status of 400 or more is returned too.

    Example:
        answer = http_get("https://api.example.org/status")
        print(answer["json"]["state"])
    """
    sent = {"User-Agent": AGENT, **(headers or {})}
    return _shown(http.get(complete(url), params=params, headers=sent))


@tool(effect="write")
def http_post(
    url: str,
    json: object | None = None,
    form: dict[str, str] | None = None,
    text: str | None = None,
    headers: dict[str, str] | None = None,
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST",
) -> dict[str, object]:
    """Send something to an address by POST, PUT, PATCH or DELETE: JSON, a form or text.

    Args:
        url: the address.
        json: a value to send as JSON.
        form: fields to send as a form.
        text: text to send as it is.
        headers: more headers.
        method: "POST", "PUT", "PATCH" or "DELETE".

    Returns:
        A dict as in http_get.

    Example:
        answer = http_post("https://api.example.org/items", json={"name": "nut"})
        print(answer["status"], answer["json"])
    """
    if sum(body is not None for body in (json, form, text)) > 1:
        raise ToolError("Only one of `json`, `form` and `text` can be sent.")
    sent = {"User-Agent": AGENT, **(headers or {})}
    return _shown(
        http.request(method, complete(url), json=json, data=form, content=text, headers=sent)
    )


def _shown(response: http.Response) -> dict[str, object]:
    kind = media_type(response)
    value: object = None
    if kind.endswith("json") or response.content.lstrip()[:1] in (b"{", b"["):
        try:
            value = response.json()
        except ToolError:
            value = None
    text = "" if value is not None else response.text
    if b"\0" in response.content[:1000] and not text.isprintable():
        text = f"[{len(response.content)} bytes of {kind or 'data'}]"
    return {
        "status": response.status,
        "url": response.url,
        "headers": {name: response.headers[name] for name in SHOWN if name in response.headers},
        "json": value,
        "text": text[:LONGEST],
    }

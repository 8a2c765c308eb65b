"""Requests to the hosts that the manifest names; they are sent, and each hop checked, outside."""

from __future__ import annotations

import base64
import json as _json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from smolterm.errors import ToolError
from smolterm.pack.bridge import _call

LONGEST_SHOWN = 300


class Headers(Mapping[str, str]):
    """A response's headers; names in any case. One that came several times is joined by `, `."""

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items: dict[str, str] = {}
        for name, value in items:
            key = name.lower()
            self._items[key] = f"{self._items[key]}, {value}" if key in self._items else value

    def __getitem__(self, name: str) -> str:
        return self._items[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answered."""

    status: int
    url: str
    """Where it came from, after redirects; secrets in it stay placeholders."""
    headers: Headers = field(default_factory=Headers)
    content: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def text(self) -> str:
        """The content as text, in the charset that the server names, or UTF-8."""
        for part in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = part.strip().partition("=")
            if name.lower() == "charset":
                try:
                    return self.content.decode(value.strip("\"' "), "replace")
                except (LookupError, UnicodeError):
                    break
        return self.content.decode("utf-8-sig", "replace")

    def json(self) -> Any:
        """Return the content read as JSON.

        Raises:
            ToolError: it is something else.
        """
        try:
            return _json.loads(self.content)
        except (ValueError, RecursionError):
            shown = " ".join(self.text[:LONGEST_SHOWN].split())
            raise ToolError(f"{self.url} answered {self.status}, no JSON: {shown}") from None

    def raise_for_status(self) -> Response:
        """Return the response itself.

        Raises:
            ToolError: the status is 400 or more; it holds the start of what the server said.
        """
        if self.ok:
            return self
        shown = " ".join(self.text[: 4 * LONGEST_SHOWN].split())[:LONGEST_SHOWN]
        waits = self.headers.get("retry-after", "")
        advice = {
            401: "The secret may be missing or wrong: see `smolterm packs show`.",
            404: "Check the name or the address.",
            429: f"Too many requests; try again after {waits} s." if waits.isdigit() else
                 "Too many requests; try again later.",
        }  # fmt: skip
        raise ToolError(
            f"{self.url} answered {self.status}: {shown}" if shown else
            f"{self.url} answered {self.status}.",
            next=advice.get(self.status, ""),
        )  # fmt: skip


def request(
    method: str,
    url: str,
    *,
    params: Mapping[str, object] | Iterable[tuple[str, object]] | None = None,
    headers: Mapping[str, str] | None = None,
    json: object = None,
    data: Mapping[str, object] | Iterable[tuple[str, object]] | None = None,
    content: bytes | str | None = None,
    auth: tuple[str, str] | str | None = None,
    timeout: float = 30.0,
    follow: bool = True,
) -> Response:
    """Send a request and return the whole response, whatever its status.

    Args:
        params: added to the query; None values are left out, lists give a name several times.
        json: a body written as JSON.
        data: a body written as a form.
        content: a body as it is; text as UTF-8.
        auth: (user, password), or an Authorization header such as `secrets.bearer("NAME")`.
        timeout: seconds for all of it, at most 60.
        follow: redirects, five at most; each hop must be among the pack's hosts.

    Raises:
        Denied: the host is not among those granted, or a secret is not for it.
        ToolError: no connection, too slow, or larger than 20 MB.
    """
    sent = dict(headers or {})
    body, kind = _body(json, data, content)
    if kind and not any(name.lower() == "content-type" for name in sent):
        sent["Content-Type"] = kind
    if isinstance(auth, str):
        sent["Authorization"] = auth
    query = _pairs(params) if params is not None else []
    answer = _call(
        "http",
        {
            "method": method,
            "url": _with_query(url, query),
            "headers": [[name, str(value)] for name, value in sent.items()],
            "body": None if body is None else base64.b64encode(body).decode(),
            "auth": list(auth) if isinstance(auth, tuple) else None,
            "timeout": timeout,
            "follow": follow,
        },
    )
    return Response(
        status=answer["status"],
        url=answer["url"],
        headers=Headers((name, value) for name, value in answer["headers"]),
        content=base64.b64decode(answer["body"]),
    )


def get(url: str, **options: Any) -> Response:
    """Send a GET request; options as in `request`."""
    return request("GET", url, **options)


def post(url: str, **options: Any) -> Response:
    """Send a POST request; options as in `request`."""
    return request("POST", url, **options)


def put(url: str, **options: Any) -> Response:
    """Send a PUT request; options as in `request`."""
    return request("PUT", url, **options)


def patch(url: str, **options: Any) -> Response:
    """Send a PATCH request; options as in `request`."""
    return request("PATCH", url, **options)


def delete(url: str, **options: Any) -> Response:
    """Send a DELETE request; options as in `request`."""
    return request("DELETE", url, **options)


def _body(json: object, data: Any, content: bytes | str | None) -> tuple[bytes | None, str]:
    if sum(each is not None for each in (json, data, content)) > 1:
        raise ToolError("A request has one body: `json`, `data` or `content`.")
    if json is not None:
        return _json.dumps(json, separators=(",", ":")).encode(), "application/json"
    if data is not None:
        return urlencode(_pairs(data)).encode(), "application/x-www-form-urlencoded"
    return (content.encode() if isinstance(content, str) else content), ""


def _pairs(values: Any) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in values.items() if isinstance(values, Mapping) else values:
        for each in value if isinstance(value, list | tuple) else [value]:
            if each is not None:
                shown = str(each).lower() if isinstance(each, bool) else str(each)
                found.append((str(name), shown))
    return found


def _with_query(url: str, query: list[tuple[str, str]]) -> str:
    if not query:
        return url
    before, mark, fragment = url.partition("#")
    joined = "&" if "?" in before else "?"
    return f"{before}{joined}{urlencode(query)}{mark}{fragment}"

"""Requests to the hosts of a grant: every hop checked, every size and wait bounded.

What goes over the wire is in `wire.py`.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin

import msgspec

from smolterm.errors import Denied, ToolError
from smolterm.packs.doors.grant import Grant
from smolterm.packs.doors.hosts import Rule, naming, read_rules
from smolterm.packs.doors.inflate import ACCEPTED
from smolterm.packs.doors.secrets import Secrets
from smolterm.packs.doors.urls import BadUrl, Url, read_url
from smolterm.packs.doors.wire import LONGEST, Counts, NoAnswer, Wire

if TYPE_CHECKING:
    from smolterm.packs.doors.connect import Resolve

SECONDS = 60.0
"""The whole of a request, redirects and all."""
MOST_REDIRECTS = 5
MOST_HEADERS = 100
LONGEST_HEADERS = 65_536
METHODS = frozenset({
    "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE",
    "PROPFIND", "PROPPATCH", "REPORT", "MKCOL", "MKCALENDAR",
})  # fmt: skip
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
# Who sends, where to and how long is not for a pack to say: another Host reaches another server.
_OURS = frozenset({
    "host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te",
    "trailer", "expect", "proxy-authorization", "proxy-connection", "http2-settings",
})  # fmt: skip
_SPOKEN_FOR = frozenset({"authorization", "cookie"})
"""Meant for one server; another one that it sends on to does not get them."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of the operation."""

    method: str
    url: str
    headers: list[tuple[str, str]] = []
    body: str | None = None
    """Base64."""
    auth: tuple[str, str] | None = None
    timeout: float = 30.0
    follow: bool = True


@dataclass(frozen=True, slots=True)
class _Hop:
    """One request, secrets still placeholders."""

    method: str
    url: Url
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    auth: tuple[str, str] | None


class Http:
    """One pack's door to the network.

    Args:
        grant: the hosts.
        secrets: the same grant's.
        resolve: who looks hosts up; None asks the system.
        trust: which servers' certificates count; None asks the system and certifi.
    """

    def __init__(
        self,
        grant: Grant,
        secrets: Secrets,
        *,
        resolve: Resolve | None = None,
        trust: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._pack = grant.pack
        self._hosts = grant.hosts
        self._rules = read_rules(grant.hosts)
        self._secrets = secrets
        self._resolve = resolve
        self._trust = trust
        self._wire: Wire | None = None
        self._closed = False
        self._lock = threading.Lock()
        self.counts = Counts()

    def request(self, asked: Asked) -> dict[str, Any]:
        """Send a request and return `status`, `url`, `headers` and `body` (base64).

        Raises:
            Denied: a host that was not granted, or a secret that is not for it.
            ToolError: it is no request, or there was no answer within the limits.
        """
        if not asked.timeout > 0:
            raise ToolError("`timeout` is more than 0 seconds.")
        deadline = time.monotonic() + min(asked.timeout, SECONDS)
        try:
            hop = _first(asked)
        except BadUrl as error:
            for name in sorted(self._secrets.within(asked.url)):
                raise Denied(f"{self._pack} tried to hide the secret {name} in a host.") from None
            raise ToolError(f"No request was sent: {error}.") from None
        for _ in range(MOST_REDIRECTS + 1):
            status, headers, body = self._send(hop, deadline, asked)
            location = next((value for name, value in headers if name == "location"), None)
            if status not in (301, 302, 303, 307, 308) or location is None or not asked.follow:
                return {
                    "status": status,
                    "url": str(hop.url),
                    "headers": [list(each) for each in headers],
                    "body": base64.b64encode(body).decode(),
                }
            hop = self._next(hop, status, location)
        raise ToolError(f"{asked.url[:200]} sent on more than {MOST_REDIRECTS} times.")

    def close(self) -> None:
        """Close what is still connected; requests on their way fail, and all later ones."""
        with self._lock:
            self._closed = True
            wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _send(
        self, hop: _Hop, deadline: float, asked: Asked
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        rules = self._granted(hop.url)
        url, headers, body = self._filled(hop)
        with self._lock:
            if self._closed:
                raise ToolError("The pack was stopped.")
            self.counts.requests += 1
            if self._wire is None:
                self._wire = Wire(self._resolve, self._trust)
            wire = self._wire
        try:
            status, raw, content = wire.send(
                hop.method, url, headers, body,
                pack=self._pack, rules=rules, deadline=deadline, counts=self.counts,
                keep=lambda status: not (asked.follow and status in (301, 302, 303, 307, 308)),
            )  # fmt: skip
        except NoAnswer as error:
            raise ToolError(f"{hop.method} {hop.url.origin}: {error}.", next=error.next) from None
        hidden = [(name.lower(), self._secrets.hide(value)) for name, value in raw]
        return status, hidden, self._secrets.hide(content)

    def _granted(self, url: Url) -> tuple[Rule, ...]:
        for name in sorted(self._secrets.within(url.host)):
            # The look-up alone would tell it to whoever serves that name.
            raise Denied(f"{self._pack} tried to hide the secret {name} in a host.")
        rules = naming(self._rules, url)
        if rules:
            return rules
        hosts = ", ".join(self._hosts) or "none"
        shown = url.authority if url.scheme == "https" else url.origin
        raise Denied(
            f"{self._pack} tried to reach {shown}, which is not among its hosts ({hosts})."
        )

    def _filled(self, hop: _Hop) -> tuple[Url, list[tuple[bytes, bytes]], bytes | None]:
        """Return URL, headers and body as they are sent: secrets in, each written as it must be."""
        url, secrets = hop.url, self._secrets
        target = secrets.fill(url.target, url, lambda value: quote(value, safe="/:@"))
        headers = [("Host", url.authority), ("Accept-Encoding", ACCEPTED)]
        headers += [(name, secrets.fill(value, url, str)) for name, value in hop.headers]
        if hop.auth is not None:
            user, password = (secrets.fill(part, url, str) for part in hop.auth)
            basic = base64.b64encode(f"{user}:{password}".encode()).decode()
            headers.append(("Authorization", f"Basic {basic}"))
        body = self._filled_body(hop)
        if body is not None or hop.method in ("POST", "PUT", "PATCH"):
            headers.append(("Content-Length", str(len(body or b""))))
        names = {name.lower() for name, _ in headers}
        if "user-agent" not in names:
            headers.append(("User-Agent", "smolterm"))
        if "accept" not in names:
            headers.append(("Accept", "*/*"))
        raw: list[tuple[bytes, bytes]] = []
        for name, value in headers:
            if not _VALUE.fullmatch(value):
                # A secret may hold a line's end too.
                raise ToolError(f"The header {name} holds control characters.")
            raw.append((name.encode(), value.encode()))
        return replace(url, target=target), raw, body

    def _filled_body(self, hop: _Hop) -> bytes | None:
        if not hop.body:
            return hop.body
        kind = next((v.lower() for name, v in hop.headers if name.lower() == "content-type"), "")
        write: Callable[[str], str] = str
        if "json" in kind:
            write = _in_json
        elif "form-urlencoded" in kind:
            write = _in_form
        # Latin 1 keeps every byte; a placeholder is ASCII.
        text = hop.body.decode("latin-1")
        filled = self._secrets.fill(
            text, hop.url, lambda value: write(value).encode().decode("latin-1")
        )
        return filled.encode("latin-1")

    def _next(self, hop: _Hop, status: int, location: str) -> _Hop:
        """Return the request that follows a redirect, as the Fetch standard has it."""
        try:
            url = read_url(urljoin(str(hop.url), location))
        except ValueError as error:
            raise Denied(f"{hop.url.authority} sent {self._pack} on, but {error}.") from None
        method, body, headers, auth = hop.method, hop.body, hop.headers, hop.auth
        if (status in (301, 302) and method == "POST") or (
            status == 303 and method not in ("GET", "HEAD")
        ):
            method, body = "GET", None
            headers = tuple(h for h in headers if not h[0].lower().startswith("content-"))
        if url.origin != hop.url.origin:
            auth = None
            headers = tuple(
                (name, value) for name, value in headers
                if name.lower() not in _SPOKEN_FOR and not self._secrets.within(value)
            )  # fmt: skip
        return _Hop(method, url, headers, body, auth)


def _first(asked: Asked) -> _Hop:
    """Check what the pack asked for; raises BadUrl or ToolError."""
    method = asked.method.upper()
    if method not in METHODS:
        raise ToolError(f"{asked.method[:40]!r} is no method that can be sent.")
    url = read_url(asked.url)
    try:
        body = None if asked.body is None else base64.b64decode(asked.body, validate=True)
    except ValueError:
        raise ToolError("The body is no base64.") from None
    if body is not None and len(body) > LONGEST:
        raise ToolError(f"The body has {len(body)} bytes; {LONGEST} can be sent.")
    if asked.auth is not None and ":" in asked.auth[0]:
        raise ToolError("A user's name holds no colon.")
    return _Hop(method, url, _checked(asked.headers), body, asked.auth)


def _checked(headers: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the headers that a pack may send."""
    size = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > MOST_HEADERS or size > LONGEST_HEADERS:
        raise ToolError("There are too many headers, or they are too long.")
    found: list[tuple[str, str]] = []
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
            raise ToolError(f"{name[:40]!r} is no header's name.")
        if not _VALUE.fullmatch(value):
            raise ToolError(f"The header {name} holds control characters.")
        if name.lower() in _OURS:
            raise ToolError(f"The header {name} is not a pack's to set.")
        if name.lower() != "accept-encoding":
            found.append((name, value.strip()))
    return tuple(found)


def _in_json(value: str) -> str:
    return json.dumps(value)[1:-1]


def _in_form(value: str) -> str:
    return quote(value, safe="")

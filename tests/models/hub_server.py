"""A hub on this machine that serves one file, and delivers it as badly as a test wants.

with HubServer(content) as hub:
    hub.plans = [Plan(send=1000, cut=True), Plan()]   # request k is answered after plan k
    hub.requests[0]["range"]
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Plan:
    """How one GET is answered; the last plan counts for all that follow."""

    send: int | None = None
    """Bytes to send, then the connection closes; None: all."""
    announce: bool = True
    """Say the length beforehand; without it, an early end looks like the real one."""
    ranges: bool = True
    shift: int = 0
    """Answer a range with one that begins elsewhere."""
    flip: int | None = None
    """The place of a byte to send wrong."""
    extra: int = 0
    """Bytes too many."""
    status: int = 0
    location: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    wait: threading.Event | None = None
    """Wait for it after the first bytes."""


class HubServer:
    """Serves `content` at every path; HEAD tells commit, size and SHA-256 as the hub does."""

    def __init__(self, content: bytes, *plans: Plan) -> None:
        self.content = content
        self.plans = list(plans) or [Plan()]
        self.commit = "c" * 40
        self.etag = hashlib.sha256(content).hexdigest()
        self.head: dict[str, Any] = {"status": 200}
        self.requests: list[dict[str, Any]] = []
        self.sent_some = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = True
        self._http.owner = self  # type: ignore[attr-defined]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> HubServer:
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def gets(self) -> list[dict[str, Any]]:
        return [request for request in self.requests if request["method"] == "GET"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _note(self, method: str) -> HubServer:
        hub: HubServer = self.server.owner  # type: ignore[attr-defined]
        hub.requests.append(
            {"method": method, "path": self.path, "range": self.headers.get("range", ""),
             "authorization": self.headers.get("authorization", "")}
        )  # fmt: skip
        return hub

    def do_HEAD(self) -> None:
        hub = self._note("HEAD")
        self.send_response(hub.head["status"])
        if hub.head["status"] == 200:
            self.send_header("x-repo-commit", hub.commit)
            self.send_header("etag", f'"{hub.etag}"')
            self.send_header("content-length", str(len(hub.content)))
        for name, value in hub.head.get("headers", {}).items():
            self.send_header(name, value)
        self.end_headers()

    def do_GET(self) -> None:
        hub = self._note("GET")
        plan = hub.plans[min(len(hub.gets()), len(hub.plans)) - 1]
        plan.headers.setdefault("connection", "close")
        self.close_connection = True
        if plan.location or plan.status:
            self.send_response(plan.status or 302)
            for name, value in ({"location": plan.location} if plan.location else {}).items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        first = 0
        asked = self.headers.get("range", "")
        if asked and plan.ranges:
            first = int(asked.removeprefix("bytes=").rstrip("-")) + plan.shift
        body = hub.content[first:] + b"x" * plan.extra
        if plan.flip is not None and plan.flip >= first:
            at = plan.flip - first
            body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        self.send_response(206 if asked and plan.ranges else 200)
        if asked and plan.ranges:
            whole = len(hub.content)
            self.send_header("content-range", f"bytes {first}-{whole - 1}/{whole}")
        if plan.announce:
            self.send_header("content-length", str(len(body)))
        for name, value in plan.headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body[: plan.send])
            self.wfile.flush()
            hub.sent_some.set()
            if plan.wait is not None:
                plan.wait.wait(20)
        except ConnectionError:
            pass

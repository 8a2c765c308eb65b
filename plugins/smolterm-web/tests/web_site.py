"""A server on loopback to play the services, and the pack bound to doors by its own manifest."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from smolterm.packs.grants import hosts_in_force
from smolterm.packs.manifest import read_manifest
from smolterm.packs.testing import TestDoors, bound

MANIFEST = read_manifest(Path(__file__).parent.parent / "smolterm_web" / "pack.toml")


@dataclass(frozen=True)
class Asked:
    """One request, as the server got it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What the server sends back; `body` that is no text or bytes goes as JSON."""

    body: object = ""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = "application/json; charset=utf-8"


Route = Callable[[Asked], Answer]


class Site:
    """A server on loopback whose answers a test chooses by path."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.routes: list[tuple[re.Pattern[str], Route]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                parts = urlsplit(self.path)
                query = {name: ",".join(each) for name, each in parse_qs(parts.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", 0)))
                asked = Asked(self.command, parts.path, query, headers, body)
                site.asked.append(asked)
                answer = site.answer(asked)
                raw = answer.body
                if not isinstance(raw, str | bytes):
                    raw = json.dumps(raw)
                content = raw.encode() if isinstance(raw, str) else raw
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.kind)
                self.send_header("Content-Length", str(len(content)))
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def on(self, pattern: str, route: Route | Answer) -> None:
        """Answer paths that match; what was said last goes first."""
        chosen = (lambda _: route) if isinstance(route, Answer) else route
        self.routes.insert(0, (re.compile(pattern), chosen))

    def answer(self, asked: Asked) -> Answer:
        for pattern, route in self.routes:
            if pattern.fullmatch(asked.path):
                return route(asked)
        return Answer({"message": "not found"}, 404)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, args=(0.01,))
    thread.start()
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


Bind = Callable[..., AbstractContextManager[TestDoors]]


@pytest.fixture
def bind() -> Bind:
    """Bind the pack to doors that grant what its manifest asks for, with these settings."""

    def bind(
        settings: dict[str, str] | None = None,
        secrets: dict[str, str] | None = None,
        hosts: tuple[str, ...] = (),
    ) -> AbstractContextManager[TestDoors]:
        values = {name: each.default for name, each in MANIFEST.settings.items()}
        values |= settings or {}
        return bound(
            pack=MANIFEST.name,
            hosts=(*hosts_in_force(MANIFEST.capabilities.hosts, values), *hosts),
            settings=values,
            secrets=secrets,
            secret_hosts={
                name: hosts_in_force(each.hosts, values) for name, each in MANIFEST.secrets.items()
            },
        )

    return bind


def servers(url: str) -> dict[str, str]:
    """Return settings that send every service to one server."""
    return {
        name: url
        for name, each in MANIFEST.settings.items()
        if each.default.startswith("http") or name.endswith("url")
    }

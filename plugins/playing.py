"""For tests of packs that ask many services: a server on loopback that plays them by path, and the
pack's tools, checked as the engine checks them, behind doors that its own manifest opens."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from smolterm.packs.doors.grant import Grant
from smolterm.packs.grants import hosts_in_force
from smolterm.packs.manifest import FILE, Manifest, read_manifest
from smolterm.packs.testing import TestDoors, bound


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
        chosen: Route = (lambda _: route) if isinstance(route, Answer) else route
        self.routes.insert(0, (re.compile(pattern), chosen))

    def answer(self, asked: Asked) -> Answer:
        for pattern, route in self.routes:
            if pattern.fullmatch(asked.path):
                return route(asked)
        return Answer({"message": "not found"}, 404)


@contextmanager
def serving() -> Iterator[Site]:
    """Serve what a test says."""
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield site
    finally:
        site.server.shutdown()
        thread.join()
        site.server.server_close()


def manifest_of(module: str) -> Manifest:
    """Return the manifest of a pack that is installed beside smolterm."""
    return read_manifest(folder_of(module) / FILE)


def folder_of(module: str) -> Path:
    """Return where a pack's files lie."""
    return Path(__file__).parent / module.replace("_", "-") / module


def servers(manifest: Manifest, url: str) -> dict[str, str]:
    """Return settings that send every service of a pack to one server."""
    return {
        name: url
        for name, each in manifest.settings.items()
        if each.default.startswith("http") or name.endswith("url")
    }


def grant_for(
    manifest: Manifest,
    settings: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    hosts: tuple[str, ...] = (),
) -> Grant:
    """Return all that a manifest asks for under these settings, and `hosts` beside."""
    values = {name: each.default for name, each in manifest.settings.items()} | dict(settings or {})
    return Grant(
        pack=manifest.name,
        hosts=(*hosts_in_force(manifest.capabilities.hosts, values), *hosts),
        settings=values,
        secret_values=dict(secrets or {}),
        secrets={
            name: hosts_in_force(each.hosts, values) for name, each in manifest.secrets.items()
        },
    )


@contextmanager
def granted_by(
    manifest: Manifest,
    settings: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    hosts: tuple[str, ...] = (),
) -> Iterator[TestDoors]:
    """Bind `smolterm.pack` to doors with what `grant_for` returns."""
    grant = grant_for(manifest, settings, secrets, hosts)
    with bound(
        pack=grant.pack,
        hosts=grant.hosts,
        settings=grant.settings,
        secrets=grant.secret_values,
        secret_hosts=grant.secrets,
    ) as doors:
        yield doors

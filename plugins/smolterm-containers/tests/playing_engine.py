"""A server on a unix socket that speaks the documented Engine API, with errors and log frames."""

from __future__ import annotations

import contextlib
import json
import re
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ID = "4f2a" + "0" * 60
IMAGE = {"RepoTags": ["nginx:1"], "Id": "sha256:" + "a" * 64, "Size": 1000, "Created": 1769857200}


def frame(stream: int, raw: bytes) -> bytes:
    """Return one frame of a log without a terminal: 1 is standard output, 2 standard error."""
    return struct.pack(">BxxxL", stream, len(raw)) + raw


class Engine:
    """What the server knows.

    Attributes:
        asked: method, path, query and body of each request.
        broken: what it sends in the place of an answer.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.released = threading.Event()
        self.broken: bytes | None = None
        self.containers = {"web": self.container("web", ["nginx"])}

    @staticmethod
    def container(name: str, command: list[str]) -> dict[str, Any]:
        return {
            "Id": ID, "Name": f"/{name}", "RestartCount": 0,
            "Config": {"Image": "nginx:1", "Entrypoint": None, "Cmd": command, "Tty": False,
                       "Env": ["PATH=/bin", "TOKEN=the canary"]},
            "State": {"Status": "running", "ExitCode": 0, "Error": "",
                      "StartedAt": "2026-01-31T12:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z"},
            "Mounts": [{"Source": "/srv", "Destination": "/data", "RW": False}],
            "NetworkSettings": {"Networks": {"bridge": {}}},
            "log": frame(1, b"one\ntw") + frame(2, b"bad\n") + frame(1, b"o\n"),
        }  # fmt: skip

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any
    ) -> tuple[int, object]:
        if (method, path) == ("GET", "/images/json"):
            return 200, [IMAGE, IMAGE | {"RepoTags": None}]
        if (method, path) == ("GET", "/containers/json"):
            shown = [self.short(each) for each in self.containers.values()]
            every = query["all"] == "true"
            return 200, [each for each in shown if every or each["State"] == "running"]
        if (method, path) == ("POST", "/containers/create"):
            if body["Image"] != "nginx:1":
                return 404, {"message": f"No such image: {body['Image']}"}
            made = self.container("made", body.get("Cmd", ["nginx"]))
            made["State"]["Status"] = "created"
            self.containers[ID] = made
            return 201, {"Id": ID, "Warnings": []}
        found = re.fullmatch(r"/containers/([^/]+)(/\w+)?", path)
        if not found or found[1] not in self.containers:
            return 404, {"message": f"No such container: {found and found[1]}"}
        return self.about(method + (found[2] or ""), found[1], query)

    def about(self, what: str, name: str, query: dict[str, str]) -> tuple[int, object]:
        container = self.containers[name]
        state = container["State"]
        running = state["Status"] == "running"
        if what == "GET/json":
            return 200, {key: each for key, each in container.items() if key != "log"}
        if what == "GET/logs":
            assert query["stdout"] == query["stderr"] == "true"
            return 200, container["log"]
        if what in ("POST/start", "POST/stop"):
            wanted = "running" if what == "POST/start" else "exited"
            before, state["Status"] = state["Status"], wanted
            return (304 if before == wanted else 204), b""
        if what == "POST/wait":
            if container["Config"]["Cmd"] == ["sleep"]:
                self.released.wait(30)
            return 200, {"StatusCode": 3}
        if what == "POST/kill":
            self.released.set()
            return 204, b""
        assert what == "DELETE"
        if running and query["force"] != "true":
            return 409, {"message": "You cannot remove a running container"}
        del self.containers[name]
        return 204, b""

    @staticmethod
    def short(container: dict[str, Any]) -> dict[str, Any]:
        return {
            "Id": container["Id"], "Names": [container["Name"]], "Image": "nginx:1",
            "State": container["State"]["Status"], "Status": "Up 2 hours",
            "Ports": [{"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
                      {"PrivatePort": 443, "Type": "tcp"}],
        }  # fmt: skip


@contextmanager
def playing(path: Path) -> Iterator[Engine]:
    """Serve on a unix socket."""
    engine = Engine()

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            parts = urlsplit(self.path)
            query = {name: each[0] for name, each in parse_qs(parts.query).items()}
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.loads(raw) if raw else None
            assert body is None or self.headers["Content-Type"] == "application/json"
            engine.asked.append((self.command, parts.path, query, body))
            if engine.broken is not None:
                self.wfile.write(engine.broken)
                return
            status, answer = engine.answer(self.command, parts.path, query, body)
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            if status not in (204, 304):
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            # Who waited too long is gone.
            with contextlib.suppress(BrokenPipeError):
                self.wfile.write(content)

        do_GET = do_POST = do_DELETE = reply

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_: object) -> None:
            pass

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    with Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield engine
        finally:
            engine.released.set()
            server.shutdown()
            thread.join()

"""A web server on loopback that sends exactly the bytes that a test gives it.

    with Web({"/": answer(b"hello"), "/loop": answer(status=302, Location="/loop")}) as web:
        http.get(web.url)
        web.requests[0].headers["host"]

A route is bytes, or a function of the request and the connection that sends what it likes.
"""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

Route = bytes | Callable[["Request", "Connection"], "bytes | None"]


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.split("?")[0]


def answer(body: bytes = b"", status: int = 200, **headers: str) -> bytes:
    """Return a whole answer; `_` in a header's name stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named.setdefault("Content-Length", str(len(body)))
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} Text\r\n{lines}\r\n".encode("latin-1") + body


def echo(request: Request, _: Connection) -> bytes:
    """Answer with the request, as it came."""
    said = "\n".join([f"{request.method} {request.target}", *request.lines, ""]).encode()
    return answer(said + request.body)


class Connection:
    """The server's end; `send` tells whether the client still takes bytes."""

    def __init__(self, stream: BinaryIO, closing: threading.Event) -> None:
        self._stream = stream
        self.closing = closing

    def send(self, raw: bytes) -> bool:
        try:
            self._stream.write(raw)
            self._stream.flush()
        except (OSError, ValueError):
            return False
        return not self.closing.is_set()

    def drip(self, raw: bytes, pause: float = 0.02) -> None:
        """Send a byte at a time for ever, until the client goes."""
        while self.send(raw) and not self.closing.wait(pause):
            pass


class Web:
    """Serves the routes by path; `"*"` serves every other.

    Args:
        routes: what to answer.
        tls: a server's context.

    Attributes:
        url: without a slash at its end.
        requests: as they came.
    """

    def __init__(self, routes: dict[str, Route], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self._routes = routes
        self._tls = tls
        self.closing = threading.Event()
        web = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                web._serve(self)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A client that goes, or refuses the certificate, is no failure."""

            def get_request(self) -> Any:
                connection, address = super().get_request()
                if web._tls is not None:
                    connection.settimeout(5)
                    connection = web._tls.wrap_socket(connection, server_side=True)
                return connection, address

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return self.at("127.0.0.1")

    def at(self, host: str) -> str:
        """Return the address of this server by another name, such as `a.localhost`."""
        return f"{'http' if self._tls is None else 'https'}://{host}:{self.port}"

    def __enter__(self) -> Web:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: socketserver.StreamRequestHandler) -> None:
        while not self.closing.is_set():
            request = self._read(handler.rfile)
            if request is None:
                return
            self.requests.append(request)
            route = self._routes.get(request.path, self._routes.get("*", answer(b"no", 404)))
            connection = Connection(handler.wfile, self.closing)
            raw = route(request, connection) if callable(route) else route
            if raw is None or not connection.send(raw) or b"Connection: close" in raw:
                return

    @staticmethod
    def _read(stream: BinaryIO) -> Request | None:
        try:
            first = stream.readline().decode("latin-1").split()
            if len(first) != 3:
                return None
            request = Request(first[0], first[1])
            while line := stream.readline().decode("latin-1").rstrip("\r\n"):
                request.lines.append(line)
                name, _, value = line.partition(":")
                request.headers[name.lower()] = value.strip()
            request.body = stream.read(int(request.headers.get("content-length", 0)))
        except OSError:
            return None
        return request

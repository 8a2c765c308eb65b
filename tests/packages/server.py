"""A package index and a CDN on the loopback, with every way in which a server can be wrong."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.packages.wheels import digest, filename, make_wheel, metadata


@dataclass
class Reply:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None
    """The length that is said, where it is not the body's."""
    announce: bool = True
    stall: bool = False
    """Say nothing more after the body, and do not hang up, until the test is over."""
    only_once: bool = False
    """Like this for the first request alone; the whole body after that."""
    user: str = ""
    """The Authorization header without which it answers 401."""


class Server:
    """Serves replies by path and remembers what it was asked."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.asked: list[str] = []
        self.over = threading.Event()
        self.stalled = threading.Event()
        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._listener.daemon_threads = True
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.over.set()
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    @property
    def simple(self) -> str:
        return f"{self.url}/simple"

    @property
    def collection(self) -> str:
        return f"{self.url}/pyodide/"

    def publish(
        self,
        name: str,
        version: str = "1.0",
        *,
        tag: str = "py3-none-any",
        requires: tuple[str, ...] = (),
        data: bytes | None = None,
        sha256: str = "",
        **reply: object,
    ) -> Reply:
        """Put a wheel into the index and return how it is served, to be made worse."""
        data = make_wheel(name, version, requires=requires) if data is None else data
        file = filename(name, version, tag)
        answer = self.replies[f"/files/{file}"] = Reply(data, **reply)  # type: ignore[arg-type]
        # PEP 658: pip chooses without the wheel, so that what is wrong with it meets our own code.
        text = metadata(name, version, requires).encode()
        self.replies[f"/files/{file}.metadata"] = Reply(text)
        page = self.replies.setdefault(
            f"/simple/{name}/", Reply(headers={"Content-Type": "text/html"})
        )
        link = f"/files/{file}#sha256={sha256 or digest(data)}"
        page.body += (
            f'<a href="{link}" data-core-metadata="sha256={digest(text)}"'
            f' data-dist-info-metadata="sha256={digest(text)}">{file}</a>\n'
        ).encode()
        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16

            def log_message(self, *args: object) -> None:
                pass

            def do_HEAD(self) -> None:
                self.answer(body=False)

            def do_GET(self) -> None:
                self.answer(body=True)

            def answer(self, body: bool) -> None:
                server.asked.append(f"{self.command} {self.path}")
                reply = server.replies.get(self.path, Reply(b"none", status=404))
                announced = len(reply.body) if reply.announced is None else reply.announced
                status = reply.status
                if reply.user and self.headers.get("Authorization") != reply.user:
                    status = 401
                if body and reply.only_once:
                    reply.only_once, reply.announced, reply.status = False, None, 200
                self.send_response(status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.announce:
                    self.send_header("Content-Length", str(announced))
                else:
                    self.send_header("Connection", "close")
                    self.close_connection = True
                self.end_headers()
                if not body:
                    return
                self.wfile.write(reply.body[:announced] if reply.announced else reply.body)
                self.wfile.flush()
                if reply.stall:
                    server.stalled.set()
                    server.over.wait(60)
                if reply.stall or announced > len(reply.body):
                    self.close_connection = True

        return Handler

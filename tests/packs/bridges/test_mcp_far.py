"""MCP servers at an address, and those that others wrote."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from smolterm.errors import PackError, ToolError
from smolterm.packs.bridges.adding import add_server
from smolterm.packs.standing import standings
from tests.packs.bridges.servers import Used

pytest.importorskip("mcp", reason="the extra `mcp` is not installed")


class Far:
    """A server in a process of its own."""

    def __init__(self) -> None:
        self.port = 0
        self.start()

    def start(self) -> None:
        script = Path(__file__).parent / "http_server.py"
        command = [sys.executable, str(script), str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/mcp"

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def far():
    server = Far()
    yield server
    server.end()


def test_a_server_at_an_address_is_used_with_its_secret(far, monkeypatch):
    monkeypatch.setenv("TOKEN", "s3cret-t0ken")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    headers = ["Authorization: Bearer ${TOKEN}"]
    assert add_server("far", [], far.url, headers=headers, yes=True) == 0

    async def use():
        async with Used("far") as used:
            assert used.specs["add"].signature == "(a: int, b: int = 1) -> object"
            assert await used.call("add", 2) == 3
            # The server had it; what it sends back of it is masked.
            assert await used.call("who") == "Bearer [secret TOKEN]"

    asyncio.run(use())
    (stand,) = [each for each in standings()[0] if each.name == "far"]
    assert stand.examined.manifest.capabilities.hosts == (far.url.removesuffix("/mcp"),)


def test_a_server_that_went_away_costs_the_calls_until_it_is_back(far):
    assert add_server("far", [], far.url, yes=True) == 0

    async def use():
        async with Used("far") as used:
            with pytest.raises(ToolError, match="not of type"):
                await used.call("add", "x")
            assert await used.call("add", 1, b=4) == 5
            far.end()
            with pytest.raises(ToolError):
                await used.call("add", 1)
            far.start()
            assert await used.call("add", 1) == 2

    asyncio.run(use())


class Bad(BaseHTTPRequestHandler):
    """Answers with more than any message may hold, or compressed."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        if self.path == "/zip":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        try:
            for _ in range(200):
                self.wfile.write(b" " * 1_000_000)
        except OSError:
            pass

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(("path", "said"), [("/", "too long"), ("/zip", "compressed")])
def test_an_answer_without_end_is_cut_off(path, said):
    with ThreadingHTTPServer(("127.0.0.1", 0), Bad) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(PackError, match=said):
            add_server("bad", [], f"http://127.0.0.1:{server.server_port}{path}", yes=True)
        server.shutdown()


@pytest.mark.skipif(
    importlib.util.find_spec("mcp_server_time") is None,
    reason="mcp-server-time is not installed: pip install mcp-server-time",
)
def test_a_server_that_others_wrote():
    command = [sys.executable, "-m", "mcp_server_time", "--local-timezone", "UTC"]
    assert add_server("clock", command, "", yes=True) == 0

    async def use():
        async with Used("clock") as used:
            found = await used.call("convert_time", "Europe/Berlin", "12:00", "Asia/Tokyo")
            found = json.loads(found) if isinstance(found, str) else found
            assert found["target"]["datetime"][11:16] in ("19:00", "20:00")

    asyncio.run(use())

"""The screen in a browser: who is let in, what a browser shows, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import os
import re
import select
import signal
import socket
import threading
from contextlib import asynccontextmanager, contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NamedTuple

import pyte
import pytest

from smolterm import events as e
from tests.e2e.driving import SECONDS, block, home_in, wait_for_end
from tests.servers import OpenAIServer, says

if importlib.util.find_spec("textual_serve") is None:
    pytest.skip("textual-serve is not installed: pip install 'smolterm[serve]'",
                allow_module_level=True)  # fmt: skip

import aiohttp

from tests.e2e.browser import CHROMIUM, browser, colours

KEY = {"OPENAI_API_KEY": "sk-test-0123456789"}
NOBODY = ("-m", "openai/m", "--api-base", "http://127.0.0.1:9/v1")
ASKED = "Run this code?"


class Answered(NamedTuple):
    status: int
    text: str
    headers: Message


class Served:
    """A server that runs, and the ways to it."""

    def __init__(self, home, process):
        self.home, self.process = home, process
        self.address = process.stdout.readline().decode().strip()
        self.root, _, self.token = self.address.partition("/?token=")
        assert self.token, process.communicate()
        self.cookie = ""
        self.client = http.client.HTTPConnection(self.root.removeprefix("http://"), timeout=SECONDS)
        entrance = self.get(f"/?token={self.token}")
        self.folder = re.search(r"url=(/[\w-]+/)", entrance.text)[1]
        self.cookie = entrance.headers["set-cookie"].split(";")[0]
        self.page = self.root + self.folder
        self.host = self.root.removeprefix("http://")

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out, err.decode()

    def get(self, path, *, method="GET", **headers):
        """Ask for a path as it stands; nothing is kept but the connection."""
        self.client.request(method, path, headers={"Cookie": self.cookie} | headers)
        response = self.client.getresponse()
        return Answered(response.status, response.read().decode(), response.headers)

    def others(self):
        """Return the ids of all processes of this home but the server's."""
        return [pid for pid in self.home.processes() if pid != self.process.pid]

    @asynccontextmanager
    async def visit(self):
        """Open a session as a page does."""
        headers = {"Cookie": self.cookie, "Origin": self.root}
        address = f"{self.page}ws/dark?width=140&height=40"
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(address, headers=headers, max_msg_size=0) as opened,
        ):
            yield Visit(opened)


class Visit:
    """A page's end of its WebSocket."""

    def __init__(self, opened):
        self.opened = opened
        self.display = pyte.Screen(140, 40)
        self._stream = pyte.ByteStream(self.display)

    @property
    def text(self):
        return "\n".join(line.rstrip() for line in self.display.display)

    async def wait_for(self, wanted):
        try:
            async with asyncio.timeout(SECONDS):
                while wanted not in self.text:
                    message = await self.opened.receive()
                    assert message.type is not aiohttp.WSMsgType.CLOSE, self.text
                    if message.type is aiohttp.WSMsgType.BINARY:
                        self._stream.feed(message.data)
        except TimeoutError:
            raise AssertionError(f"{wanted} never came:\n{self.text}") from None

    async def press(self, keys):
        await self.opened.send_json(["stdin", keys])


@contextmanager
def serving(home, *argv):
    process = home.start("serve", *argv, environ=KEY)
    try:
        yield Served(home, process)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server for whoever opens no session."""
    with home_in(tmp_path_factory.mktemp("home")) as home, serving(home, *NOBODY) as made:
        yield made


UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
ROUTES = ("", "static/js/textual.js", "static/css/xterm.css", "own/page.js", "own/page.css",
          "ws/dark", "ws/light", "download/x", "static/", "nothing")  # fmt: skip


def routes(served):
    bare = ("/download/x", "/static/js/textual.js", "/ws", "/favicon.ico")
    return ["/", *(served.folder + route for route in ROUTES), *bare]


@pytest.mark.parametrize(
    "headers",
    [{"Cookie": ""}, {"Cookie": "smolterm=wrong"}, {"Cookie": "smolterm=é".encode()},
     {"Cookie": "", "Authorization": "Bearer x"}],
    ids=str,
)  # fmt: skip
def test_without_the_cookie_no_route_answers(served, headers):
    for path in routes(served):
        for query in ("", "?token=", "?token=wrong", f"?token={served.token[:-1]}"):
            for upgrade in ({}, UPGRADE | {"Origin": served.root}):
                refused = served.get(path + query, **headers | upgrade)
                assert refused.status == 403, (path, query)
                assert "holds a token" in refused.text and "<" not in refused.text


def test_the_token_opens_the_entrance_alone(served):
    assert served.get(f"{served.folder}?token={served.token}", Cookie="").status == 403
    assert served.get(f"/?token={served.token}&token=wrong", Cookie="").status == 200
    assert served.get(f"/?token=wrong&token={served.token}", Cookie="").status == 403
    # Its folder is no secret that would do.
    assert served.get(served.folder, Cookie=f"smolterm={served.folder}").status == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1",
                                  "127.0.0.1.evil.example:{port}", "0.0.0.0:{port}"])  # fmt: skip
def test_under_another_name_no_route_answers(served, host):
    host = host.format(port=served.host.partition(":")[2])
    for path in (*routes(served), f"/?token={served.token}"):
        for more in ({}, UPGRADE | {"Origin": f"http://{host}"}, UPGRADE | {"Origin": served.root}):
            refused = served.get(path, Host=host, **more)
            assert refused.status == 403, path
            assert "under this name" in refused.text


@pytest.mark.parametrize(
    "origin",
    [None, "null", "http://evil.example", "http://127.0.0.1:1", "http://localhost:{port}",
     "https://127.0.0.1:{port}"],
)  # fmt: skip
def test_for_another_origin_no_socket_is_opened(served, origin):
    port = served.host.partition(":")[2]
    headers = UPGRADE | ({} if origin is None else {"Origin": origin.format(port=port)})
    for path in routes(served)[1:]:
        refused = served.get(path, **headers)
        assert refused.status == 403, path
    assert "own page" in served.get(served.folder + "ws/dark", **headers).text


def test_with_the_cookie_the_page_is_there_and_nothing_beside_it(served):
    for route in ROUTES[:5]:
        assert served.get(served.folder + route).status == 200, route
    for path in ("/", "/ws", served.folder[:-1], "/static/js/textual.js", "/favicon.ico"):
        assert served.get(path).status == 403, path
    beside = ("static/../__init__.py", "own/%2e%2e/server.py", "own/../../server.py",
              "static/..%2f..%2fserver.py", "static//etc/passwd")  # fmt: skip
    for route in ("static/", "own/", "download/x", "ws/other", *beside):
        assert served.get(served.folder + route).status in (403, 404), route
    localhost = served.host.replace("127.0.0.1", "localhost")
    assert served.get(served.folder, Host=localhost).status == 200


def test_nothing_is_answered_but_reading(served):
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        for path in (served.folder, f"/?token={served.token}", served.folder + "ws/dark"):
            assert served.get(path, method=method).status == 403, (method, path)


def test_every_answer_says_what_a_page_of_it_may_do(served):
    refused = served.get("/", Cookie="")
    missing = served.get(served.folder + "nothing")
    script = served.get(served.folder + "static/js/textual.js")
    for answered in (
        served.get(f"/?token={served.token}", Cookie=""),
        served.get(served.folder),
        refused,
        missing,
        script,
    ):
        headers = answered.headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        scripts = re.search(r"script-src ([^;]*)", headers["content-security-policy"])[1]
        assert scripts == "'self'"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert not [name for name in headers if name.lower().startswith("access-control")]
        assert "aiohttp" not in headers["server"]
    # Nothing in the page is run that does not come from here, or stands in it.
    assert "http" not in re.sub(r"http-equiv", "", served.get(served.folder).text)


def test_it_listens_on_this_machine_alone(served):
    port = int(served.host.partition(":")[2])
    inodes = {os.readlink(f"/proc/{served.process.pid}/fd/{fd}")
              for fd in os.listdir(f"/proc/{served.process.pid}/fd")}  # fmt: skip
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                listening.append(fields[1])
    assert listening == [f"0100007F:{port:04X}"]


def test_a_session_its_screen_and_its_end(home):
    (home.folder / "textual.py").write_text("raise SystemExit('a module of the current folder')")
    home.environ |= {"EDITOR": "true", "COLORFGBG": "0;15"}
    with serving(home, *NOBODY) as served:

        async def visit():
            async with served.visit() as page:
                await page.wait_for("sandbox ready")
                assert "Reasoning" in page.text and "Output" in page.text
                await page.press("\x07")  # Ctrl+G
                await page.wait_for("not a browser")
                await page.press("!echo $TEXTUAL_DRIVER,$COLUMNS,$ROWS,$TERM\r")
                await page.wait_for(" ,,,xterm-256color")
                children = served.others()
                assert len(children) >= 2
                for pid in (*children, served.process.pid):
                    for name in ("environ", "cmdline"):
                        known = Path(f"/proc/{pid}/{name}").read_bytes()
                        for secret in (served.token, served.cookie[9:], served.folder[1:-1]):
                            assert secret.encode() not in known
            # The page is gone, and so is all that stood behind it.
            for pid in children:
                await asyncio.to_thread(wait_for_end, pid, SECONDS)
            assert served.others() == []

        asyncio.run(visit())
        code, out, err = served.end()
    assert (code, out) == (143, b"")
    assert served.token not in err
    home.wait_until_gone()


BUSY = (
    "print('it ' 'runs')\nwhile True:\n  try:\n    while True: pass\n  except BaseException: pass"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_child_outlives_the_server(home, number):
    with (
        OpenAIServer([says(block(BUSY))]) as server,
        serving(home, "-m", "openai/m", "--api-base", server.url, "--yes") as served,
    ):

        async def visit():
            async with served.visit() as page:
                await page.wait_for("sandbox ready")
                await page.press("go\r")
                await page.wait_for("it runs")
                children = served.others()
                served.process.send_signal(number)
                for pid in (*children, served.process.pid):
                    await asyncio.to_thread(wait_for_end, pid, SECONDS)

        asyncio.run(visit())
        home.wait_until_gone()
        code = served.process.wait(SECONDS)
    codes = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGKILL: -9}
    assert code == codes[number]


def test_what_keeps_a_session_from_starting_stands_on_the_page(home):
    with serving(home, *NOBODY, "--folder", "not-there; touch injected") as served:

        async def visit():
            async with served.visit() as page:
                await page.wait_for("not-there; touch injected is no folder.")

        asyncio.run(visit())
    assert not (home.folder / "injected").exists()


def test_what_is_wrong_is_said_before_anything_is_served(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, out, err = home.run("serve", *NOBODY, "--port", port)
    assert (code, out) == (1, b"")
    assert f"Port {port} cannot be had" in err and "--port" in err
    for wrong in ("70000", "-1", "x"):
        assert home.run("serve", *NOBODY, f"--port={wrong}")[0] == 1
    code, _, err = home.run("serve")
    assert code == 1 and "No model is set" in err


def test_without_the_extra_it_says_what_to_install(home):
    (home.folder / "sitecustomize.py").write_text("import sys\nsys.modules['textual_serve'] = None")
    code, out, err = home.run("serve", *NOBODY, environ={"PYTHONPATH": str(home.folder)})
    assert (code, out) == (1, b"")
    assert "pip install 'smolterm[serve]'" in err


class Neighbour(HTTPServer):
    """Another program that listens on this machine, and keeps the headers that it is sent."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Asked)
        self.headers = []


class Asked(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.headers.append(dict(self.headers))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


# What a page of the neighbour's tries: our socket, from an origin that is not ours.
TRIES = """new Promise((done) => {{
    const socket = new WebSocket("ws://{host}{folder}ws/dark");
    socket.onopen = () => done("opened");
    socket.onerror = () => done("refused");
}})"""


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
def test_a_task_in_a_browser(home, tmp_path):
    opened = tmp_path / "opened"
    os.mkfifo(opened)
    fake = tmp_path / "browser"
    fake.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    fake.chmod(0o700)
    home.environ["BROWSER"] = f"{fake} %s"
    script = [says(block("x = 40\nprint(x + 2)")), says(block("final_answer(f'It is {x}.')"))]
    fifo = os.open(opened, os.O_RDONLY | os.O_NONBLOCK)
    with (
        OpenAIServer(script) as model,
        serving(home, "--open", "-m", "openai/m", "--api-base", model.url) as served,
        Neighbour() as neighbour,
    ):
        threading.Thread(target=neighbour.serve_forever, args=(0.01,), daemon=True).start()
        assert select.select([fifo], [], [], SECONDS)[0]
        lead = os.read(fifo, 1000).decode()
        os.close(fifo)
        path = lead.removeprefix("file://")
        assert served.token not in lead and served.token in Path(path).read_text()
        assert os.stat(path).st_mode & 0o777 == 0o600

        async def visit():
            async with browser(tmp_path / "profile") as chromium:
                page = await chromium.page(lead)
                await page.wait_for("Ask for something", "Reasoning", "Code", "Output")
                # Drawn, not only sent: an empty page has a colour or two.
                async with asyncio.timeout(SECONDS):
                    while colours(await page.picture()) < 50:
                        pass
                assert await page.run("location.href") == served.page
                assert await page.run("document.cookie + document.referrer") == ""
                await page.press("add them\n")
                await page.answer(f"{ASKED}  step 1", "a")
                await page.run("navigator.clipboard.writeText = async (t) => { window.copied = t }")
                await page.answer(f"{ASKED}  step 2", "c")
                await page.wait_for("copied the code")
                assert await page.run("window.copied") == "final_answer(f'It is {x}.')"
                await page.press("a")
                await page.wait_for("42", "● It is 40.")
                assert page.complaints == []
                ours = re.compile(rf"(http|ws)://{served.host}/|file://|data:")
                assert [url for url in page.asked if not ours.match(url)] == []

                other = await chromium.page(f"http://127.0.0.1:{neighbour.server_port}/")
                await other.until(lambda: bool(neighbour.headers))
                tries = TRIES.format(host=served.host, folder=served.folder)
                assert await other.run(tries) == "refused"
                assert not [one for one in neighbour.headers if "Cookie" in one]

                children = served.others()
                assert len(children) >= 2
                await page.close()
                for pid in children:
                    await asyncio.to_thread(wait_for_end, pid, SECONDS)
                assert served.others() == []

        asyncio.run(visit())
        assert served.end()[0] == 143
        assert not os.path.exists(path)
    decisions = [x.decision for x in home.events() if isinstance(x, e.DecisionMade)]
    assert decisions == ["approve", "approve"]
    home.wait_until_gone()

"""A hostile pack in its instance, against everything around it: nothing gets out, all is named."""

from __future__ import annotations

import asyncio
import http.server
import os
import re
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from smolterm.errors import ToolError
from smolterm.packs.doors.grant import Grant
from smolterm.packs.wasm.client import WasmHost
from smolterm.packs.wasm.wire import MOST_DENIED, MOST_LOGGED
from smolterm.store import cache_folder
from tests.attacks.packs import ALL, Attack
from tests.packs.wasm import Used

CANARY = "canary-"
"""What must not be seen on the pack's side begins so."""
OUTSIDE = "canary-in-a-file-outside"
VARIABLE, IN_VARIABLE = "SMOLTERM_CANARY_TOKEN", "canary-in-the-environment"
OWN, NEIGHBOURS = "canary-own-secret-4711", "canary-secret-of-the-neighbour"
CACHED = "canary-in-the-cache-of-the-neighbour"
FORBIDDEN = "canary-from-a-host-that-was-not-granted"
GRANTED = "from the granted host"

HOSTILE = """
def attempt_pure(code: str) -> object:
    return _attempt(code)

def attempt_read(code: str) -> object:
    return _attempt(code)

def attempt_network(code: str) -> object:
    return _attempt(code)

def attempt_all(code: str) -> object:
    return _attempt(code)

def _attempt(code):
    space = {}
    exec(code, space)
    return repr(space.get("r"))[:100_000]
"""
EFFECTS: Any = {"attempt_read": "read", "attempt_network": "network", "attempt_all": "write"}
NEIGHBOUR = """
from smolterm.pack import cache, secrets

def put(value: str) -> None:
    cache.put("key", value)

def get() -> object:
    return [cache.get("key"), secrets.has("NEIGHBOUR")]
"""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, says: str) -> None:
        self.says = says
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Answer(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.path}\n{self.headers}")
        parts = urlsplit(self.path)
        body = self.server.says
        if parts.path == "/echo":
            body = str(self.headers)
        self.send_response(302 if parts.path == "/to" else 200)
        if parts.path == "/to":
            self.send_header("Location", parse_qs(parts.query)["url"][0])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


class World:
    """What lies around the pack, and the pack."""

    def __init__(self, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self.granted, self.forbidden = _Server(GRANTED), _Server(FORBIDDEN)
        self.outside = folder / "outside.txt"
        self.outside.write_text(OUTSIDE)
        self.folder = folder / "granted"
        for name in ("in", "out", "other"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "in" / "a.txt").write_text("granted text")
        (self.folder / "in" / "link.txt").symlink_to(self.outside)
        (self.folder / "in" / "away").symlink_to(folder)
        (self.folder / "other" / "secret.txt").write_text(OUTSIDE)
        cache = folder / "cache"
        cache.mkdir()
        (cache_folder() / "wasm").mkdir(parents=True, exist_ok=True)
        (cache / "wasm").symlink_to(cache_folder() / "wasm")
        self.host = WasmHost(cache)
        address = f"http://127.0.0.1:{self.granted.server_port}"
        self.hostile = Used(
            self.host, HOSTILE, name="hostile", effects=EFFECTS,
            grant=Grant(
                pack="hostile", hosts=(address,), folder=str(self.folder), read=("in/**",),
                write=("out/**",), secrets={"TOKEN": (address,)}, secret_values={"TOKEN": OWN},
            ),
        )  # fmt: skip
        self.neighbour = Used(
            self.host, NEIGHBOUR, name="neighbour",
            grant=Grant(pack="neighbour", secrets={"NEIGHBOUR": (address,)},
                        secret_values={"NEIGHBOUR": NEIGHBOURS}),
        )  # fmt: skip
        self.run(self.neighbour("put", CACHED))
        self.run(self.attempt("attempt_all", "r = 1"))
        self.pid = self.host.pid

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        async def limited() -> Any:
            # The first one on a machine builds the image.
            async with asyncio.timeout(300):
                return await work

        return self.runner.run(limited())

    def fill(self, text: str) -> str:
        return text.format(
            granted=self.granted.server_port, forbidden=self.forbidden.server_port,
            outside=str(self.outside), variable=VARIABLE,
        )  # fmt: skip

    async def attempt(self, tool: str, code: str) -> str:
        """Return the observation."""
        try:
            return str(await self.hostile(tool, self.fill(code)))
        except ToolError as error:
            return str(error)

    async def renew(self) -> None:
        """End the instance: what an attack changed inside must not hide what the next one does."""
        child = self.host._running()
        assert child is not None
        await self.host._stop(child, "hostile", "The test ended it.")

    def close(self) -> None:
        self.run(self.host.close())
        self.runner.close()
        for server in (self.granted, self.forbidden):
            server.shutdown()
            server.server_close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    # Set before the process starts: what a child might inherit.
    os.environ[VARIABLE] = IN_VARIABLE
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.close()
    del os.environ[VARIABLE]


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.name.replace(" ", "-"))
def test_nothing_gets_out_and_the_person_is_told(world: World, attack: Attack) -> None:
    world.hostile.told.clear()
    observation = world.run(world.attempt(attack.tool, attack.code))
    # What it changed inside shows in the next call.
    observation += "\n" + world.run(world.attempt(attack.tool, "r = 1"))
    told = [notice.text for notice in world.hostile.told]
    seen = "\n".join([observation, *told])
    assert "AssertionError" not in observation, observation
    for canary in (OUTSIDE, IN_VARIABLE, OWN, NEIGHBOURS, CACHED, FORBIDDEN, "root:"):
        assert canary not in seen
        # The other way round, as a pack may write it to get past what masks.
        assert canary[::-1] not in seen
    assert world.forbidden.asked == []
    assert OWN not in "".join(notice.text for notice in world.neighbour.told)
    if attack.named is not None:
        assert re.search(world.fill(attack.named), seen), seen[:2_000]
    if "hostile tried" in seen:
        assert any(notice.kind == "denied" for notice in world.hostile.told)
    assert {notice.pack for notice in world.hostile.told} <= {"hostile"}
    assert len(world.hostile.texts("log")) <= MOST_LOGGED
    assert len(world.hostile.texts("denied")) <= MOST_DENIED
    assert sorted(path.name for path in (world.folder / "in").iterdir()) == [
        "a.txt", "away", "link.txt",
    ]  # fmt: skip
    assert list((world.folder / "out").iterdir()) == []
    # Neither the process nor the neighbour took harm, and the pack itself answers anew.
    assert world.host.pid == world.pid
    assert world.run(world.neighbour("get")) == [CACHED, True]
    world.run(world.renew())
    assert world.run(world.attempt("attempt_all", "r = 1 + 1")) == "2"


def test_what_was_granted_is_reached(world: World) -> None:
    """Without this, a pack that can do nothing at all would pass everything above."""
    code = "from smolterm.pack import http; r = http.get('http://127.0.0.1:{granted}/hello').text"
    assert GRANTED in world.run(world.attempt("attempt_network", code))
    code = "from smolterm.pack import files; r = files.read_text('in/a.txt')"
    assert "granted text" in world.run(world.attempt("attempt_read", code))
    code = "from smolterm.pack import files; r = files.write('out/b.txt', 'text')"
    assert world.run(world.attempt("attempt_all", code)) == "4"
    (world.folder / "out" / "b.txt").unlink()
    code = (
        "from smolterm.pack import http, secrets; "
        "r = http.get('http://127.0.0.1:{granted}/', auth=('', secrets['TOKEN'])).text"
    )
    world.granted.asked.clear()
    world.run(world.attempt("attempt_all", code))
    assert "Basic" in world.granted.asked[0]


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("from smolterm.pack import http\nhttp.get('http://127.0.0.1:1/')", "send a request while"),
        ("from smolterm.pack import files\nfiles.list()", "list files while it was imported"),
        ("import os\nos.system('id')", "start a process"),
        ("while True: pass", "was stopped"),
        ("import os\nos._exit(0)", "ended itself"),
    ],
)
def test_an_import_reaches_nothing_either(world: World, source: str, named: str) -> None:
    pack = Used(
        world.host, f"{source}\ndef f() -> None: ...", name="importing",
        call_seconds=1.0 if "while" in source else 60.0,
        effects={"f": "write"}, grant=Grant(pack="importing", hosts=("http://127.0.0.1:1",)),
    )  # fmt: skip
    try:
        with pytest.raises(ToolError) as raised:
            world.run(pack("f"))
        assert named in "\n".join([str(raised.value), *pack.texts("denied")])
    finally:
        world.run(pack.pack.close())
    assert world.run(world.neighbour("get")) == [CACHED, True]

"""A pack in WebAssembly: what crosses, what is refused, and what survives its end."""

from __future__ import annotations

import asyncio
import base64
import datetime
import math
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from smolterm.errors import PackError, ToolError
from smolterm.packs.doors.grant import Grant
from smolterm.packs.wasm import client
from smolterm.packs.wasm.client import WasmHost
from tests.packs.wasm import Used

PROBE = """
import asyncio, dataclasses, random, secrets, sys, time, uuid
from smolterm.pack import ToolError, log, progress, settings, tool

@dataclasses.dataclass
class Place:
    name: str
    near: object = None

@tool
def echo(value: object) -> object:
    return value

def place(name: str) -> dict[str, object]:
    return Place(name, [Place("inner")])

async def later(text: str) -> list[object]:
    async with asyncio.timeout(20):
        await asyncio.sleep(0.001)
        both = await asyncio.gather(asyncio.to_thread(len, text), asyncio.sleep(0.001, 5))
    return [text, *both]

async def forever() -> None:
    await asyncio.Event().wait()

def inner(text: str) -> list[object]:
    return asyncio.run(later(text))

def count(n: int) -> int:
    for i in range(n):
        yield progress("counting", i, n)
        time.sleep(0.06)
    yield "nearly done"
    return n

async def stream(n: int) -> int:
    for i in range(n):
        yield f"at {i}"
    yield n

def say(text: str) -> None:
    log(text)
    print("printed", text)
    print("an error", file=sys.stderr)

def chance() -> list[object]:
    return [random.random(), str(uuid.uuid4()), secrets.token_hex(8), random.randbytes(4)]

def now() -> float:
    return time.time()

def fail(how: str) -> None:
    if how == "tool":
        raise ToolError("It is closed.", next="Open it.")
    if how == "exit":
        sys.exit(7)
    if how == "surrogate":
        raise ValueError("\\ud800")
    raise KeyError("k")

def wrong() -> int:
    return "text"

def hang() -> None:
    while True:
        pass

def nap(seconds: float) -> None:
    time.sleep(seconds)

def matched() -> None:
    import re
    re.match("(a+)+$", "a" * 40 + "b")

def large(size: int) -> str:
    return "x" * size

def bomb() -> None:
    rows = []
    while True:
        rows.append(bytearray(10_000_000))

def deep() -> None:
    class Same:
        def __eq__(self, other):
            return self == other
    sys.setrecursionlimit(10**9)
    Same() == Same()

def leave() -> None:
    import os
    os._exit(3)

def setting() -> str:
    return settings.get("site", "none")
"""


def run(work: Callable[[Used], Awaitable[None]], **options: Any) -> None:
    """Run a test with one pack in a process of its own."""

    async def limited() -> None:
        host = WasmHost()
        try:
            # The first one on a machine builds the image.
            async with asyncio.timeout(300):
                await work(Used(host, PROBE, **options))
        finally:
            await host.close()

    asyncio.run(limited())


def test_values_cross_as_they_are() -> None:
    day = datetime.date(2026, 1, 31)
    value = [None, True, 1, 2**70, 0.5, math.inf, "\ud800", b"\0", (1, (2,)), {1: {2}}, day, {}]

    async def work(probe: Used) -> None:
        assert await probe("echo", value) == value
        assert await probe("place", "here") == {
            "name": "here", "near": [{"name": "inner", "near": None}],
        }  # fmt: skip

    run(work)


def test_coroutines_and_generators_are_run_to_their_results() -> None:
    async def work(probe: Used) -> None:
        assert await probe("later", "abc") == ["abc", 3, 5]
        assert await probe("inner", "abc") == ["abc", 3, 5]
        probe.told.clear()
        assert await probe("count", 3) == 3
        first, *rest = probe.told
        assert (first.kind, first.text, first.tool) == ("progress", "counting", "count")
        assert [(each.done, each.total) for each in rest[:2]] == [(1, 3), (2, 3)]
        assert await probe("stream", 2) == 2
        with pytest.raises(ToolError, match="cannot happen any more"):
            await probe("forever")

    run(work)


def test_what_is_printed_or_logged_reaches_the_person() -> None:
    async def work(probe: Used) -> None:
        await probe("say", "hello")
        assert probe.texts("log") == ["hello", "printed hello", "an error"]

    run(work)


def test_instances_share_neither_chance_nor_time() -> None:
    async def work(probe: Used) -> None:
        seen: set[object] = set()
        for _ in range(3):
            seen |= set(map(str, await probe("chance")))
            # The next call finds a new instance of the same image.
            with pytest.raises(ToolError):
                await probe("leave")
        assert len(seen) == 12
        assert abs(await probe("now") - datetime.datetime.now().timestamp()) < 60

    run(work)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("tool", "It is closed. Open it."),
        ("key", "KeyError: 'k' (probe/__init__.py, line"),
        ("key", 'raise KeyError("k"))'),
        ("exit", "SystemExit: 7"),
        ("surrogate", "ValueError"),
    ],
)
def test_what_a_tool_raises_ends_its_call_alone(how: str, said: str) -> None:
    async def work(probe: Used) -> None:
        with pytest.raises(ToolError) as raised:
            await probe("fail", how)
        assert said in str(raised.value)
        assert await probe("echo", 1) == 1

    run(work)


def test_arguments_and_results_are_checked_outside() -> None:
    async def work(probe: Used) -> None:
        with pytest.raises(ToolError, match="missing argument"):
            await probe("later")
        with pytest.raises(ToolError, match="str"):
            await probe("later", 1)
        with pytest.raises(ToolError, match="promises"):
            await probe("wrong")

    run(work)


@pytest.mark.parametrize(
    ("tool", "args"), [("hang", ()), ("nap", (1000.0,)), ("matched", ())], ids=str
)
def test_whatever_runs_too_long_is_stopped_and_the_pack_lives(tool: str, args: Any) -> None:
    async def work(probe: Used) -> None:
        await probe("echo", 1)
        usual, probe.pack._call_seconds = probe.pack._call_seconds, 0.3
        with pytest.raises(ToolError, match=r"longer than 0\.3 s and was stopped"):
            await probe(tool, *args)
        probe.pack._call_seconds = usual
        assert await probe("echo", 2) == 2

    run(work)


@pytest.mark.parametrize("tool", ["hang", "nap"])
def test_a_cancelled_call_is_stopped_where_it_runs(tool: str) -> None:
    async def work(probe: Used) -> None:
        await probe("echo", 1)
        args = (1000.0,) if tool == "nap" else ()
        call = asyncio.create_task(probe(tool, *args))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await probe("echo", 2) == 2

    run(work)


@pytest.mark.parametrize(
    ("tool", "said"),
    [("bomb", "MemoryError"), ("deep", "ran out of stack"), ("leave", "ended itself")],
)
def test_an_instance_that_ends_costs_one_call(tool: str, said: str) -> None:
    async def work(probe: Used) -> None:
        await probe("echo", 1)
        pid = probe.pack._host.pid
        with pytest.raises(ToolError, match=said):
            await probe(tool)
        assert await probe("echo", 2) == 2
        assert probe.pack._host.pid == pid

    run(work)


def test_a_result_that_is_too_large_is_refused() -> None:
    async def work(probe: Used) -> None:
        with pytest.raises(ToolError, match="more than"):
            await probe("large", 34_000_000)
        assert len(await probe("large", 1_000_000)) == 1_000_000

    run(work)


def test_packs_run_side_by_side_and_one_waits_for_itself() -> None:
    async def both() -> None:
        host = WasmHost()
        one, two = Used(host, PROBE, name="one"), Used(host, PROBE, name="two")
        try:
            await asyncio.gather(one("echo", 1), two("echo", 1))
            order: list[str] = []

            async def noted(pack: Used, tool: str, *args: Any) -> None:
                with pytest.raises(ToolError):
                    await pack(tool, *args)
                order.append(pack.pack.name)

            hanging = asyncio.create_task(one("hang"))
            await asyncio.sleep(0)
            # It answers while the other one hangs.
            assert await two("echo", 2) == 2
            hanging.cancel()
            with pytest.raises(asyncio.CancelledError):
                await hanging
            first, second = await asyncio.gather(one("count", 2), one("echo", 3))
            assert (first, second) == (2, 3)
            await noted(two, "leave")
            assert await one("echo", 4) == 4
        finally:
            await host.close()

    asyncio.run(both())


def test_the_process_starts_with_the_first_call_and_ends_with_the_last_pack() -> None:
    async def both() -> None:
        host = WasmHost()
        one, two = Used(host, PROBE, name="one"), Used(host, PROBE, name="two")
        await one.pack.start()
        assert host.pid is None
        await one("echo", 1)
        await one.pack.close()
        assert host.pid is not None
        assert await two("echo", 1) == 1
        await two.pack.close()
        await two.pack.close()
        assert host.pid is None
        with pytest.raises(ToolError, match="is closed"):
            await two("echo", 1)

    asyncio.run(both())


def test_a_killed_process_costs_one_call() -> None:
    async def work(probe: Used) -> None:
        await probe("echo", 1)
        host = probe.pack._host
        call = asyncio.create_task(probe("hang"))
        await asyncio.sleep(0)
        host._starting.result().kill()
        with pytest.raises(ToolError, match="starts the pack again"):
            await call
        assert await probe("echo", 2) == 2
        assert probe.texts("stopped")

    run(work)


def test_a_call_that_waits_for_a_server_is_stopped_too() -> None:
    source = """
    from smolterm.pack import http

    def fetch(url: str) -> str:
        return http.get(url).text

    def echo(value: int) -> int:
        return value
    """

    async def both() -> None:
        asked = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.set()
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1")
        address = "http://{}:{}".format(*server.sockets[0].getsockname())
        host = WasmHost()
        pack = Used(
            host, source, effects={"fetch": "network"}, grant=Grant(pack="probe", hosts=(address,))
        )
        try:
            async with asyncio.timeout(300):
                call = asyncio.create_task(pack("fetch", f"{address}/"))
                await asked.wait()
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                assert await pack("echo", 1) == 1
        finally:
            await host.close()
            server.close()

    asyncio.run(both())


def test_two_packs_of_one_name_are_refused() -> None:
    async def work(probe: Used) -> None:
        with pytest.raises(PackError, match="Two packs"):
            Used(probe.pack._host, PROBE)

    run(work)


def test_a_pack_is_imported_from_memory_with_its_packages_and_their_data() -> None:
    source = """
    import importlib.metadata, importlib.resources, os, pkgutil
    from pathlib import Path
    from helping.words import greet
    from . import near

    def look() -> list[str]:
        folder = Path(__file__).parent
        return [
            greet(), near.NAME, importlib.metadata.version("Helping-Words"),
            importlib.resources.files("helping").joinpath("data/a.txt").read_text(),
            importlib.resources.read_text("helping.data", "a.txt"),
            pkgutil.get_data("probe", "b.bin").decode(), (folder / "b.bin").read_text(),
            *sorted(each.name for each in importlib.resources.files("probe").iterdir()),
        ]

    def fail() -> None:
        greet(fail=True)
    """
    words = b"def greet(fail=False):\n    return 'hi' if not fail else missing\n"
    files = {
        "probe/near.py": b"NAME = 'near'",
        "probe/b.bin": b"bytes",
        "helping/words.py": words,
        "helping/data/a.txt": b"data",
        "helping_words-1.2.dist-info/METADATA": b"Metadata-Version: 2.1\nName: x\nVersion: 1.2\n",
    }

    async def both() -> None:
        host = WasmHost()
        pack = Used(host, source, files=files)
        try:
            assert await pack("look") == [
                "hi", "near", "1.2", "data", "data", "bytes", "bytes",
                "__init__.py", "b.bin", "near.py",
            ]  # fmt: skip
            with pytest.raises(ToolError, match=r"NameError: .*helping/words.py, line 2"):
                await pack("fail")
            assert pack.texts("denied") == []
        finally:
            await host.close()

    asyncio.run(both())


def test_a_pack_that_cannot_be_imported_says_where() -> None:
    async def both() -> None:
        host = WasmHost()
        broken = Used(host, "import json\njson.nothing\ndef f() -> None: pass", name="broken")
        unfinished = Used(host, "def f() -> None: pass", name="whole")
        unfinished.pack._files = lambda: {"whole/__init__.py": b"def f(:\n"}
        try:
            with pytest.raises(ToolError, match=r"imported: AttributeError.*line 2: json\.nothing"):
                await broken("f")
            with pytest.raises(ToolError, match="SyntaxError"):
                await unfinished("f")
        finally:
            await host.close()

    asyncio.run(both())


def test_a_pack_too_large_is_refused_before_it_is_sent() -> None:
    async def work(probe: Used) -> None:
        probe.pack._files = lambda: {"probe/large": bytes(33 << 20)}
        with pytest.raises(ToolError, match="more than 32 MB"):
            await probe("echo", 1)

    run(work)


def test_tools_of_smolagents_shape_run_as_they_are() -> None:
    source = '''
    from smolagents import Tool, tool

    @tool
    def double(n: int) -> int:
        """Double.

        Args:
            n: a number.
        """
        return 2 * n

    class Shout(Tool):
        name = "shout"
        description = "Shouts."
        inputs = {"text": {"type": "string", "description": "what"}}
        output_type = "string"

        def setup(self):
            super().setup()
            self.mark = "!"

        def forward(self, text: str):
            return text.upper() + self.mark
    '''
    declared = "\ndef shout(text: str) -> str: ..."

    async def both() -> None:
        host = WasmHost()
        pack = Used(host, source)
        shouting = Used(host, declared, name="other")
        pack.pack.tools += shouting.pack.tools
        pack._tools["shout"] = client.PackTool(pack.pack, shouting.pack.tools[0].spec)
        try:
            assert await pack("double", 4) == 8
            assert [await pack("shout", "a"), await pack("shout", "b")] == ["A!", "B!"]
        finally:
            await host.close()

    asyncio.run(both())


def test_settings_and_granted_variables_are_there() -> None:
    source = """
    import os
    from smolterm.pack import settings

    def look() -> list[str]:
        return [settings["site"], os.environ["REGION"], *sorted(os.environ)]
    """
    grant = Grant(pack="probe", settings={"site": "here"}, env={"REGION": "north"})

    async def both() -> None:
        host = WasmHost()
        try:
            found = await Used(host, source, grant=grant)("look")
            assert found == ["here", "north", "REGION"]
        finally:
            await host.close()

    asyncio.run(both())


def test_the_process_is_told_no_secret_by_its_arguments_or_environment() -> None:
    secret = "canary-2fe1-secret"
    grant = Grant(pack="probe", secrets={"KEY": ()}, secret_values={"KEY": secret})

    async def work(probe: Used) -> None:
        await probe("echo", 1)
        folder = f"/proc/{probe.pack._host.pid}"
        for name in ("cmdline", "environ"):
            with open(f"{folder}/{name}", "rb") as file:
                raw = file.read()
            assert raw
            assert secret.encode() not in raw
            assert base64.b64encode(secret.encode()) not in raw
        # Nor does it leave its memory behind.
        with open(f"{folder}/limits") as file:
            (cores,) = (line for line in file if line.startswith("Max core file size"))
        assert cores.split()[4:6] == ["0", "0"]

    run(work, grant=grant)

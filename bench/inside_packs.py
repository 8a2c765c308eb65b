"""Measurements of tool packs inside a fresh process: `python -m bench.inside_packs WHAT`.

Each prints `NAME VALUE` lines.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.processes import resident, shared_out
from smolterm.packs.doors.grant import Grant
from smolterm.packs.wasm.build import set_up
from smolterm.packs.wasm.client import WasmHost, WasmPack
from smolterm.sandbox import Limits
from smolterm.sandbox.deno import Sandbox
from smolterm.store import cache_folder
from smolterm.tools import ToolSpec

CALLS = 1000
TRIES = 20
MB = 1 << 20
NO_LIMIT = Limits(seconds=0, output_bytes=0)
SOURCE = f'''
from smolterm.pack import settings, tool

@tool
def ping(number: int) -> int:
    """Return the number."""
    return number

def ask() -> float:
    """Call the host often; return the microseconds of one call."""
    import time
    began = time.perf_counter()
    for _ in range({CALLS}):
        settings.get("site")
    return (time.perf_counter() - began) * 1e6 / {CALLS}

def loop() -> None:
    """Never return."""
    while True:
        pass
'''
SPECS = [
    ToolSpec(name="ping", signature="(number: int) -> int", doc="Return the number.",
             effect="pure", parameters=("number",)),
    ToolSpec(name="ask", signature="() -> float", doc="Call the host.", effect="pure"),
    ToolSpec(name="loop", signature="() -> None", doc="Never return.", effect="pure"),
]  # fmt: skip


def say(name: str, value: float) -> None:
    print(name, value, flush=True)


async def milliseconds(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1e3


def pack_of(host: WasmHost, name: str) -> WasmPack:
    return WasmPack(
        host, name, name, SPECS, grant=lambda: Grant(pack=name),
        files=lambda: {f"{name}/__init__.py": SOURCE.encode()},
    )  # fmt: skip


async def thousand(call: Callable[[], Awaitable[object]]) -> float:
    """Return the microseconds of one call."""

    async def all_of_them() -> None:
        for _ in range(CALLS):
            await call()

    return await milliseconds(all_of_them()) * 1e3 / CALLS


async def from_sandbox(tool: Any) -> float:
    """Return the microseconds of one call that code in the sandbox makes."""
    async with Sandbox(tools=[tool]) as box:
        await box.run("ping(0)", limits=NO_LIMIT)
        code = f"for n in range({CALLS}): ping(n)"
        return await milliseconds(box.run(code, limits=NO_LIMIT)) * 1e3 / CALLS


async def wasm() -> None:
    """A pack in WebAssembly; its image was built before."""
    await set_up(cache_folder())
    host = WasmHost()
    pack = pack_of(host, "probe")
    ping = pack.tools[0]
    say("packs.start", await milliseconds(ping.call([1], {})))
    say("packs.call", await thousand(lambda: ping.call([1], {})))
    say("packs.host", await pack.call("ask", {}))
    say("packs.sandbox", await from_sandbox(ping))
    stops, starts = [], []
    for _ in range(TRIES):
        looping = asyncio.create_task(pack.call("loop", {}))
        await asyncio.sleep(0.03)
        looping.cancel()

        async def end(looping: asyncio.Task[Any] = looping) -> None:
            with contextlib.suppress(asyncio.CancelledError):
                await looping

        stops.append(await milliseconds(end()))
        starts.append(await milliseconds(ping.call([1], {})))
    say("packs.stop", statistics.median(stops))
    say("packs.instance", statistics.median(starts))
    await host.close()


async def native() -> None:
    """The same pack as a process of its own."""
    from smolterm.packs.find import Found
    from smolterm.packs.hosted import HostedPack
    from smolterm.packs.manifest import read_manifest

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        place = Path(folder) / "probe"
        place.mkdir()
        (place / "__init__.py").write_text(SOURCE)
        (place / "pack.toml").write_text(
            'name = "probe"\nversion = "1"\ndescription = "A probe."\nkind = "native"\n[tools]\n'
            'ping = "pure"\nask = "pure"\nloop = "pure"\n'
        )
        found = Found(
            name="probe", module="probe", folder=place, manifest=read_manifest(place / "pack.toml")
        )
        pack = HostedPack(found, lambda: Grant(pack="probe"), SPECS)
        ping = pack.tools[0]
        say("packs.native.start", await milliseconds(ping.call([1], {})))
        say("packs.native.call", await thousand(lambda: ping.call([1], {})))
        say("packs.native.sandbox", await from_sandbox(ping))
        await pack.close()


MCP_SERVER = '''
from mcp.server.mcpserver import MCPServer

server = MCPServer("probe")

@server.tool()
def ping(number: int) -> int:
    """Return the number."""
    return number

server.run()
'''


async def mcp() -> None:
    """The same tool on a server of the official SDK, over stdio."""
    from smolterm.packs.bridges.adding import add_server
    from smolterm.packs.using import Leave, packs_named

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ["SMOLTERM_DATA"] = folder
        server = Path(folder) / "server.py"
        server.write_text(MCP_SERVER)
        command = [sys.executable, str(server)]
        await asyncio.to_thread(add_server, "probe", command, "", yes=True)
        (pack,) = packs_named(["probe"], Leave())
        ping = pack.tools[0]
        say("packs.mcp.start", await milliseconds(ping.call([1], {})))
        say("packs.mcp.call", await thousand(lambda: ping.call([1], {})))
        await pack.close()


async def memory() -> None:
    """What the process holds, pages of the image that instances share counted once."""
    await set_up(cache_folder())
    host = WasmHost()
    packs = [pack_of(host, f"probe{number}") for number in range(10)]
    for number, pack in enumerate(packs, 1):
        await pack.call("ping", {"number": 1})
        if number in (1, len(packs)):
            assert host.pid is not None
            held = shared_out(host.pid) or resident(host.pid)
            say("packs.memory.one" if number == 1 else "packs.memory.ten", held / MB)
    await host.close()


if __name__ == "__main__":
    known = {one.__name__: one for one in (wasm, native, mcp, memory)}
    asyncio.run(known[sys.argv[1]]())

"""The wall around the process of the wasm packs; each thing is reached where there is none."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from smolterm import landlock
from smolterm.packs.wasm.client import WasmHost
from smolterm.packs.wasm.wall import Reach, confine
from smolterm.spawn import plain_environment, spawn
from tests.packs.wasm import Used

pytestmark = pytest.mark.skipif(landlock.abi() < 4, reason="this kernel's Landlock holds no TCP")

PROGRAM = """
import json, os, socket, subprocess, sys
what = json.loads(sys.argv[1])
def works(do):
    try:
        do()
    except (OSError, subprocess.SubprocessError):
        return False
    return True
def connect():
    socket.create_connection(("127.0.0.1", what["port"]), 5).close()
print(json.dumps({
    "home": works(lambda: open(what["outside"]).read()),
    "image": works(lambda: open(what["image"]).read()),
    "change the image": works(lambda: open(what["image"], "a").write("x")),
    "cache": works(lambda: open(what["cache"] + "/new", "w").write("x")),
    "read the folder": works(lambda: open(what["folder"] + "/a.txt").read()),
    "write to the folder": works(lambda: open(what["folder"] + "/b.txt", "w").write("x")),
    "program": works(lambda: subprocess.run(["/bin/true"], check=True)),
    "connection": works(connect),
}))
"""
ALWAYS = {"image", "cache"}
EVERYTHING = ALWAYS | {
    "home", "change the image", "read the folder", "write to the folder", "program", "connection",
}  # fmt: skip


@pytest.mark.parametrize(
    ("reach", "reached"),
    [
        (None, EVERYTHING),
        (Reach(), ALWAYS),
        (Reach(network=True), ALWAYS | {"connection"}),
        (Reach(folder="folder"), ALWAYS | {"read the folder"}),
        (Reach(folder="folder", write=True), ALWAYS | {"read the folder", "write to the folder"}),
    ],
    ids=["no wall", "nothing granted", "network", "folder", "folder to write"],
)
def test_the_process_reaches_what_was_granted(
    tmp_path: Path, reach: Reach | None, reached: set[str]
) -> None:
    paths = {name: tmp_path / name for name in ("outside", "image", "cache", "folder")}
    for name in ("cache", "folder"):
        paths[name].mkdir()
    for path in (paths["outside"], paths["image"], paths["folder"] / "a.txt"):
        path.write_text("text")
    environment = plain_environment()
    confined = None
    if reach is not None:
        folder = str(paths["folder"]) if reach.folder else None
        within = Reach(network=reach.network, folder=folder, write=reach.write)
        confined = confine(within, paths["image"], paths["cache"], environment)
    with socket.create_server(("127.0.0.1", 0)) as server:
        what = {name: str(path) for name, path in paths.items()} | {"port": server.getsockname()[1]}
        process = spawn(
            [sys.executable, "-P", "-c", PROGRAM, json.dumps(what)], environment, confined,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        )  # fmt: skip
        out, errors = process.communicate(timeout=60)
    assert errors == b""
    assert {name for name, worked in json.loads(out).items() if worked} == reached


def test_a_pack_that_needs_more_gets_a_process_that_may() -> None:
    async def work() -> None:
        host = WasmHost()
        source = "def f() -> int: return 1"
        one = Used(host, source, name="one")
        try:
            assert await one("f") == 1
            first = host.pid
            two = Used(host, source, name="two")
            two.pack.reach = Reach(network=True)
            assert await two("f") == 1
            second = host.pid
            assert second != first
            assert await one("f") == 1
            assert host.pid == second
        finally:
            await host.close()

    asyncio.run(work())

"""Children without a process: a socket whose other end says whatever the fuzzer wants."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from smolterm.child import Child
from smolterm.errors import ChildProtocolError
from smolterm.sandbox.assets import Assets
from smolterm.sandbox.interpreter import Interpreter, Options
from smolterm.sandbox.wall import Caps
from tests.fuzz.shapes import ID

NOBODY = 2**22 + 7
"""No process has this number: it is past the largest that the kernel gives."""
MAX_LINE = 1 << 16
MAX_RAW = 1 << 16
SECONDS = 6.0
"""After which something counts as hung."""


class Found(AssertionError):
    """The host did something that nothing a child sends may make it do."""


class NoProcess:
    """What `Child` needs of a process: it lives until its socket is closed or it is killed."""

    pid = NOBODY

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self._code: int | None = None

    def poll(self) -> int | None:
        return self._code

    def wait(self) -> int | None:
        return self._code

    def end(self, code: int) -> None:
        if self._code is None:
            self._code = code
            with contextlib.suppress(OSError):
                self._peer.shutdown(socket.SHUT_RDWR)

    def kill(self) -> None:
        self.end(-9)


Peer = Callable[[socket.socket, NoProcess], Awaitable[None]]


async def child_of(peer: Peer, on_notice: Callable[[dict[str, Any]], None] | None = None) -> Child:
    """Return a child that is past its ready line and whose other end is `peer`."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    process = NoProcess(theirs)
    reader, writer = await asyncio.open_unix_connection(sock=ours, limit=MAX_LINE)
    child = Child("sandbox", process, reader, writer, on_notice, MAX_RAW)  # type: ignore[arg-type]

    async def play() -> None:
        try:
            await peer(theirs, process)
        except OSError:
            pass
        finally:
            process.end(0)
            theirs.close()

    child._tasks.append(asyncio.create_task(play(), name="peer"))
    child._tasks.append(asyncio.create_task(child._pump(), name="sandbox reader"))
    return child


async def received(peer: socket.socket) -> Any:
    """Yield the host's messages."""
    loop = asyncio.get_running_loop()
    held = b""
    while data := await loop.sock_recv(peer, 1 << 16):
        held += data
        while b"\n" in held:
            line, held = held.split(b"\n", 1)
            message = json.loads(line)
            size = message.get("raw", 0)
            while len(held) < size:
                held += await loop.sock_recv(peer, 1 << 16)
            held = held[size:]
            yield message


def bytes_of(line: dict[str, Any], raw: bytes, number: int | None = None) -> bytes:
    """Return a line and its bytes as they go over the wire."""
    filled = {key: number if value == ID else value for key, value in line.items()}
    return json.dumps(filled).encode() + b"\n" + raw


Batch = Sequence[tuple[dict[str, Any], bytes]]


def scripted(batches: list[Batch], polite: bool) -> Peer:
    """Say the next batch after each request; then end it if polite, else the process ends."""

    async def peer(wire: socket.socket, process: NoProcess) -> None:
        loop = asyncio.get_running_loop()
        async for message in received(wire):
            if message["op"] not in ("cell", "do", "reply"):
                # Asked to stop.
                process.end(1)
                return
            number = message.get("id", message.get("cell"))
            for line, raw in batches.pop(0) if batches else ():
                await loop.sock_sendall(wire, bytes_of(line, raw, number))
                said = line.get("raw", 0)
                if type(said) is int and len(raw) < said <= MAX_RAW:
                    # The rest never comes: one that lives on in silence is stopped by clocks only.
                    return
            if not polite and not batches:
                return
            last = {"did": "{}"} if message["op"] == "do" else {"result": "{}"}
            await loop.sock_sendall(wire, bytes_of({"id": number, "end": True, **last}, b""))

    return peer


ASSETS = Assets(
    deno="deno", pyodide=Path(), stdlib=Path(), import_map=Path(), deno_dir=Path(),
    snapshot=Path(__file__),
)  # fmt: skip
"""Of nothing: what is started from them is no process."""


@contextlib.contextmanager
def hostile_processes(scripts: Sequence[tuple[list[Batch], bool]]) -> Iterator[None]:
    """Let each sandbox process that starts here say what the next script has, then be polite."""
    left = list(scripts)

    async def start(
        assets: Assets,
        options: Options,
        caps: Caps,
        on_kept: Callable[[Interpreter, str, bytes], None],
    ) -> Interpreter:
        batches, polite = left.pop(0) if left else ([], True)
        made: list[Interpreter] = []

        def notice(line: dict[str, Any]) -> None:
            # As in the real one.
            about, raw = line.get("kept"), line.get("raw")
            if made and isinstance(about, str) and isinstance(raw, bytes):
                try:
                    on_kept(made[0], about, raw)
                except ChildProtocolError:
                    made[0].child.kill()

        child = await child_of(scripted(list(batches), polite), notice)
        made.append(Interpreter(child, NOBODY, caps, keeps=options.checkpoints))
        return made[0]

    with patch.object(Interpreter, "start", start):
        yield

"""How the process of a bridge reaches an MCP server, with what it sends bounded.

The SDK's own transport for programs holds a line of any length, and starts the server outside of
this process's group, where it would outlive it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

LONGEST_LINE = 32 * 1024 * 1024
"""Bytes of one message."""
LONGEST_LOGGED = 4_000
MOST_BAD_LINES = 1_000
CONNECT_SECONDS = 20.0


@asynccontextmanager
async def program(
    command: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    *,
    on_line: Callable[[str], None],
    on_end: Callable[[], None],
) -> AsyncIterator[tuple[Any, Any]]:
    """Start a server and yield the streams that the SDK reads and writes.

    Args:
        on_line: takes what it writes on standard error.
        on_end: is told that it will send nothing more.

    Raises:
        OSError: it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env=dict(environment), cwd=folder or None,
        limit=LONGEST_LINE,
    )  # fmt: skip
    to_session, incoming = anyio.create_memory_object_stream[Any](0)
    outgoing, from_session = anyio.create_memory_object_stream[Any](0)
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    reading = asyncio.create_task(_read(process.stdout, to_session))
    reading.add_done_callback(lambda _: on_end())
    writing = asyncio.create_task(_write(process.stdin, from_session))
    logging = asyncio.create_task(_log(process.stderr, on_line))
    try:
        yield incoming, outgoing
    finally:
        for task in (reading, writing, logging):
            task.cancel()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.gather(reading, writing, logging, return_exceptions=True)
        await process.wait()


async def _read(stream: asyncio.StreamReader, to_session: Any) -> None:
    bad = 0
    async with to_session:
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                # Longer than any message may be: what follows is out of step.
                sys.stderr.write("error: the MCP server sent a line that is too long\n")
                return
            if not line:
                return
            try:
                message = SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
            except ValueError:
                # Servers print things; one that prints nothing else is none.
                bad += 1
                if bad > MOST_BAD_LINES:
                    return
                continue
            await to_session.send(message)


async def _log(stream: asyncio.StreamReader, on_line: Callable[[str], None]) -> None:
    while chunk := await stream.read(LONGEST_LOGGED):
        for line in chunk.decode(errors="replace").splitlines():
            if line.strip():
                on_line(line)


async def _write(stream: asyncio.StreamWriter, from_session: Any) -> None:
    async with from_session:
        async for message in from_session:
            text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            stream.write(text.encode() + b"\n")
            await stream.drain()


@asynccontextmanager
async def address(url: str, headers: Mapping[str, str]) -> AsyncIterator[tuple[Any, Any]]:
    """Connect to a server at an address; streamable HTTP, without proxies from the environment."""
    # Nothing compressed: its size is what is counted.
    own = {"Accept-Encoding": "identity", **headers}
    timeout = httpx2.Timeout(CONNECT_SECONDS, read=None)
    transport = _Bounded(httpx2.AsyncHTTPTransport(trust_env=False))
    async with httpx2.AsyncClient(
        headers=own, timeout=timeout, trust_env=False, transport=transport
    ) as client:
        connecting = streamable_http_client(
            url, http_client=client, max_sse_event_size=LONGEST_LINE
        )
        async with connecting as streams:
            yield streams


class _Bounded(httpx2.AsyncBaseTransport):  # type: ignore[misc]
    """Answers that are not streams of events end where a message has to."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise httpx2.ProtocolError("The MCP server sent what nobody asked for: compressed data")
        if "text/event-stream" not in response.headers.get("content-type", "").lower():
            response.stream = _Counted(response.stream)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Counted(httpx2.AsyncByteStream):  # type: ignore[misc]
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._inner:
            size += len(chunk)
            if size > LONGEST_LINE:
                raise httpx2.ProtocolError("The MCP server's answer is too long")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()

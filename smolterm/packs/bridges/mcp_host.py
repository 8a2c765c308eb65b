"""The process that speaks to one MCP server: `python -P -m smolterm.packs.bridges.mcp_host`.

The official SDK lives here and nowhere else. How to reach the server comes over standard input,
with its secrets; see `child.py` for the lines. It ends with standard input, and the server with it.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from typing import Any

import msgspec

from smolterm.errors import MissingExtra, PackError, SmoltermError, ToolError
from smolterm.packs.bridges.server import (
    LONGEST_LISTING,
    MOST_PROMPTS,
    MOST_TOOLS,
    Definition,
    Listing,
    Prompt,
)
from smolterm.packs.notice import PackNotice
from smolterm.sandbox import values

LONGEST = 32 * 1024 * 1024
LONGEST_ERROR = 2_000
MOST_PAGES = 50
MOST_LISTED = 1_000
"""Resources that are listed."""
MOST_LOGGED = 500
"""Lines of the server's standard error that are passed on."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach the server; its environment and headers hold the secrets already."""

    command: tuple[str, ...] = ()
    folder: str = ""
    url: str = ""
    headers: dict[str, str] = {}
    environment: dict[str, str] = {}


class Host:
    """One server, and the calls that run."""

    def __init__(self, send: Any) -> None:
        self._send = send
        self._client: Any = None
        self._running: dict[int, asyncio.Task[None]] = {}
        self._keeping: asyncio.Task[None] | None = None
        self._gone = False
        self._is_far = False
        self._is_stale = False
        self._lines = 0

    def take(self, line: dict[str, Any]) -> None:
        """Begin what a line asks for; it is answered when it is done."""
        task = asyncio.get_running_loop().create_task(self._answer(line))
        self._running[int(line["id"])] = task
        task.add_done_callback(lambda _: self._finished(int(line["id"])))

    def _finished(self, number: int) -> None:
        self._running.pop(number, None)
        if self._gone and not self._running:
            end()

    def gone(self) -> None:
        """End when the calls that run are answered: the server has ended."""
        self._gone = True
        if not self._running:
            end()

    def log(self, text: str) -> None:
        """Pass on a line that the server wrote on its standard error."""
        sys.stderr.write(f"{text}\n")
        self._lines += 1
        if self._lines <= MOST_LOGGED:
            notice = PackNotice(pack="", kind="log", text=text)
            self._send({"notice": msgspec.to_builtins(notice)})

    async def _answer(self, line: dict[str, Any]) -> None:
        try:
            value = values.encode(await self._done(line))
            said = {"id": line["id"], "ok": True, "value": value, "end": True}
            if len(_encode(said)) > LONGEST:
                raise ToolError(f"The result has more than {LONGEST} bytes.")
        except asyncio.CancelledError:
            said = {"id": line["id"], "ok": False, "error": "It was cancelled.", "end": True}
        except BaseException as error:  # noqa: BLE001 - whatever the SDK raises ends its call alone
            told: dict[str, Any] = (
                {"error": "The MCP server ended."} if self._gone else _told(error)
            )
            # A session at an address may be over there: the next call begins another one.
            told["gone"] = self._gone or (self._is_far and not isinstance(error, ToolError))
            said = {"id": line["id"], "ok": False, **told, "end": True}
        self._send(said)

    async def _done(self, line: dict[str, Any]) -> object:
        op = line.get("op")
        if op == "load":
            self._client = await self._connect(msgspec.convert(line["load"], Load))
            return msgspec.to_builtins(await self._listing())
        if op == "list":
            self._is_stale = False
            return msgspec.to_builtins(await self._listing())
        if op == "cancel":
            await self._cancel(int(line["call"]))
            return None
        name, given = str(line.get("tool")), values.decode(line.get("kwargs"))
        if not isinstance(given, dict):
            raise ToolError("The arguments are none.")
        if op == "call":
            progress = self._progress
            return _result(await self._client.call_tool(name, given, progress_callback=progress))
        if op == "read_resource":
            return _contents((await self._client.read_resource(given["uri"])).contents)
        if op == "prompt":
            said = await self._client.get_prompt(name, given)
            return [{"role": str(m.role), "content": _block(m.content)} for m in said.messages]
        return await self._resources()

    async def _connect(self, load: Load) -> Any:
        # Imported here, so that the ready line does not wait for it.
        try:
            from mcp import Client
            from mcp_types import Implementation

            from smolterm.packs.bridges import transports
        except ImportError:
            raise MissingExtra(
                "The package mcp is not installed.", next='pip install "smolterm[mcp]".'
            ) from None
        self._is_far = bool(load.url)
        if load.url:
            transport = transports.address(load.url, load.headers)
        else:
            transport = transports.program(
                load.command, load.folder, load.environment, on_line=self.log, on_end=self.gone
            )
        # No callback for sampling, elicitation or roots: the SDK refuses them then.
        client = Client(
            transport, message_handler=self._hear, cache=None,
            client_info=Implementation(name="smolterm", version="1"),
        )  # fmt: skip
        connected: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._keeping = asyncio.create_task(_keep(client, connected))
        return await connected

    async def _hear(self, message: Any) -> None:
        if getattr(message, "method", "").endswith("/list_changed") and not self._is_stale:
            self._is_stale = True
            self._send({"changed": True})

    async def _progress(self, progress: float, total: float | None, message: str | None) -> None:
        text = (message or "")[:LONGEST_ERROR].encode(errors="backslashreplace").decode()
        notice = PackNotice(pack="", kind="progress", text=text, done=progress, total=total)
        self._send({"notice": msgspec.to_builtins(notice)})

    async def _cancel(self, number: int) -> None:
        task = self._running.get(number)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _listing(self) -> Listing:
        can = self._client.server_capabilities
        tools = await self._pages(self._client.list_tools, "tools", MOST_TOOLS) if can.tools else []
        prompts = []
        if can.prompts:
            prompts = await self._pages(self._client.list_prompts, "prompts", MOST_PROMPTS)
        resources = False
        if can.resources:
            resources = bool((await self._client.list_resources()).resources) or bool(
                (await self._client.list_resource_templates()).resource_templates
            )
        info = self._client.server_info
        made = Listing(
            server=f"{info.name} {info.version}"[:200] if info is not None else "",
            tools=tuple(_definition(each) for each in tools),
            prompts=tuple(_prompt(each) for each in prompts),
            resources=resources,
        )
        if len(_encode(made)) > LONGEST_LISTING:
            raise PackError("The MCP server says more of its tools than anybody could read.")
        return made

    async def _pages(self, ask: Any, key: str, most: int) -> list[Any]:
        found: list[Any] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await ask(cursor=cursor)
            found += getattr(page, key)
            cursor = page.next_cursor
            if len(found) > most or not cursor:
                break
        if len(found) > most or cursor:
            raise PackError(f"The MCP server has more than {most} {key}.")
        return found

    async def _resources(self) -> list[dict[str, Any]]:
        listed = await self._pages(self._client.list_resources, "resources", MOST_LISTED)
        found = [
            {"uri": str(each.uri), "name": each.name, "description": each.description or "",
             "type": each.mime_type or ""}
            for each in listed
        ]  # fmt: skip
        templates = await self._client.list_resource_templates()
        return found + [
            {"uri": each.uri_template, "name": each.name, "description": each.description or "",
             "type": each.mime_type or "", "template": True}
            for each in templates.resource_templates[:MOST_LISTED]
        ]  # fmt: skip


async def _keep(client: Any, connected: asyncio.Future[Any]) -> None:
    """Hold the connection in one task, whose scopes of the SDK must not change hands."""
    try:
        async with client:
            connected.set_result(client)
            await asyncio.Event().wait()
    except BaseException as error:
        if not connected.done():
            connected.set_exception(_first(error))
            return
        raise


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    # A future takes no cancellation for an outcome.
    return error if isinstance(error, Exception) else PackError("The MCP server ended.")


def _definition(tool: Any) -> Definition:
    hints = tool.annotations.model_dump(exclude_none=True) if tool.annotations else {}
    return Definition(
        name=tool.name, title=tool.title or "", description=tool.description or "",
        schema=tool.input_schema, output=tool.output_schema, annotations=hints,
    )  # fmt: skip


def _prompt(prompt: Any) -> Prompt:
    arguments = prompt.arguments or []
    return Prompt(
        name=prompt.name,
        description=prompt.description or "",
        arguments=tuple(each.name for each in arguments),
        required=tuple(each.name for each in arguments if each.required),
    )


def _result(said: Any) -> object:
    blocks = [_block(each) for each in said.content]
    if said.is_error:
        text = "\n".join(each for each in blocks if isinstance(each, str))
        raise ToolError(text or "The MCP server says that it failed, and not why.")
    if said.structured_content is not None:
        kept = [each for each in blocks if not isinstance(each, str)]
        return said.structured_content if not kept else [said.structured_content, *kept]
    return blocks[0] if len(blocks) == 1 else blocks


def _block(block: Any) -> object:
    if block.type == "text":
        return block.text
    if block.type in ("image", "audio"):
        return {"type": block.mime_type, "data": base64.b64decode(block.data)}
    if block.type == "resource":
        return _contents([block.resource])
    if block.type == "resource_link":
        return {"uri": str(block.uri), "name": block.name, "type": block.mime_type or ""}
    return str(block)


def _contents(contents: list[Any]) -> object:
    found = [
        each.text if hasattr(each, "text") else base64.b64decode(each.blob) for each in contents
    ]
    return found[0] if len(found) == 1 else found


def _told(error: BaseException) -> dict[str, Any]:
    error = _first(error)
    next = error.next if isinstance(error, SmoltermError) else ""
    said = error.what if isinstance(error, SmoltermError) else f"{type(error).__name__}: {error}"
    return {
        "error": said[:LONGEST_ERROR].encode(errors="backslashreplace").decode(),
        "next": next[:LONGEST_ERROR].encode(errors="backslashreplace").decode(),
    }


async def _serve(inlet: int, outlet: int) -> None:
    def send(line: dict[str, Any]) -> None:
        raw = _encode(line) + b"\n"
        while raw:
            raw = raw[os.write(outlet, raw) :]

    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
    protocol = asyncio.StreamReaderProtocol(reader)
    await loop.connect_read_pipe(lambda: protocol, os.fdopen(inlet, "rb", buffering=0))
    host = Host(send)
    send({"ready": True})
    while line := await reader.readline():
        host.take(_decode(line))


def end() -> None:
    """End at once; the engine ends what is left of this group."""
    sys.stderr.flush()
    os._exit(0)


def main() -> None:
    """Say that it is ready, then answer; at the end of standard input the server ends too."""
    inlet, outlet = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    try:
        asyncio.run(_serve(inlet, outlet))
    finally:
        end()


if __name__ == "__main__":
    main()

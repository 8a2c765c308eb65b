"""An MCP server as the engine sees it: a pack whose process speaks to the server.

Its tools are those of the file of trusted packs. The server starts with the first call, and no call
reaches it before it says of its tools what it said when the person trusted it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec

from smolterm.child import Child
from smolterm.errors import ChildError, PackError, SmoltermError, ToolError
from smolterm.packs.bridges.described import LIST, PROMPT, READ, arguments_in
from smolterm.packs.bridges.schema import Argument, check, plain
from smolterm.packs.bridges.server import REFERENCE, Listing, Server, differences, hash_of
from smolterm.packs.called import PackTool
from smolterm.packs.confine import compiled_folder, confinement
from smolterm.packs.doors.grant import Grant
from smolterm.packs.find import Found
from smolterm.packs.hosted import READY_SECONDS, HostedPack
from smolterm.packs.manifest import Capabilities, Manifest
from smolterm.packs.trust import Trusted, changing
from smolterm.sandbox import values
from smolterm.spawn import plain_environment, spawn
from smolterm.threads import in_daemon_thread
from smolterm.tools import ToolSpec

START_SECONDS = 60.0
"""A server may be fetched by what starts it."""
CANCEL_SECONDS = 2.0
"""For a server to give up a call; then it is ended."""


class McpTool(PackTool):
    """One tool of a server; what goes in is checked against the server's schema, here."""

    def __init__(self, pack: McpPack, spec: ToolSpec, server: Server) -> None:
        super().__init__(pack, spec)
        self._mcp = pack
        self._theirs = server.names.get(spec.name, "")
        self._definition = next((d for d in server.listing.tools if d.name == self._theirs), None)

    async def call(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call the tool.

        Raises:
            ToolError: the arguments do not fit, or the server refused, failed, hung or ended.
        """
        if self._definition is None:
            given = self._checks.bind(args, kwargs)
            return await self._mcp.ask(*self._asked(given), self.spec.name)
        schema, by_name, is_wrapped = self._read
        given = self._named(args, kwargs)
        theirs = {
            by_name[name].theirs: _as_json(value)
            for name, value in given.items()
            if not (value is None and by_name[name].nothing)
        }
        check(schema, theirs, f"{self.spec.name}{self.spec.signature}")
        result = await self._mcp.ask("call", self._theirs, theirs, self.spec.name)
        if is_wrapped and isinstance(result, dict) and set(result) == {"result"}:
            return result["result"]
        return result

    @functools.cached_property
    def _read(self) -> tuple[dict[str, Any], dict[str, Argument], bool]:
        """The schema to check with, the arguments by name, and whether the result is wrapped."""
        assert self._definition is not None
        by_name = {each.name: each for each in arguments_in(self._definition)}
        # How the SDK of servers gives back what is no object.
        output = plain(self._definition.output or {}).get("properties", {})
        return plain(self._definition.schema), by_name, list(output) == ["result"]

    def _asked(self, given: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
        kind = next(each for each in (LIST, READ, PROMPT) if self.spec.name.endswith(f"_{each}"))
        if kind == PROMPT:
            return kind, given["name"], given["arguments"] or {}
        return kind, "", given

    def _named(self, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return what was given by name; what was left out is the server's to fill in."""
        names = self.spec.parameters
        called = f"{self.spec.name}{self.spec.signature}"
        if len(args) > len(names):
            raise ToolError(f"{called} takes {len(names)} arguments.")
        given = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name not in names or name in given:
                how = "got twice" if name in given else "unknown"
                raise ToolError(f"{called}: {how}: argument `{name}`.")
            given[name] = value
        return given


class McpPack(HostedPack):
    """One MCP server; see `HostedPack`.

    Args:
        trusted: what the person trusted.
        grant: makes what it is handed when it starts; it may block, and refuse.
    """

    def __init__(
        self, name: str, trusted: Trusted, grant: Callable[[], Grant], **options: Any
    ) -> None:
        assert trusted.mcp is not None
        server = trusted.mcp
        found = Found(name=name, module="", folder=Path(server.folder or "/"),
                      manifest=trusted.manifest)  # fmt: skip
        super().__init__(found, grant, (), **options)
        self._server = server
        self._trusted = trusted
        self._relist = False
        self._stopping: set[asyncio.Task[None]] = set()
        self.tools = [McpTool(self, spec, server) for spec in trusted.tools]

    async def ask(self, op: str, theirs: str, given: dict[str, Any], tool: str) -> Any:
        """Send one call; one at a time, as `HostedPack.call` does.

        Raises:
            ToolError: see `McpTool.call`.
        """
        try:
            request = {"op": op, "tool": theirs, "kwargs": values.encode(given)}
        except values.TooLarge as error:
            raise ToolError(f"{tool}: {error}") from None
        async with self._turn:
            try:
                child = await self._child()
                if self._relist:
                    self._relist = False
                    await self._compare(child, {"op": "list"})
            except SmoltermError as error:
                raise ToolError(error.what, next=error.next) from None
            self._running_tool, self._notices = tool, 0
            try:
                return await self._ask(child, tool, request)
            finally:
                self._running_tool = ""

    async def close(self) -> None:
        """End the process and the server; safe to call twice."""
        for task in self._stopping:
            task.cancel()
        await super().close()

    async def _answered(
        self, child: Child, request: dict[str, Any], seconds: float
    ) -> dict[str, Any]:
        last: dict[str, Any] = {}
        number = 0
        try:
            async with asyncio.timeout(seconds), aclosing(child.request(request)) as lines:
                number = child.last_id + 1
                async for line in lines:
                    last = line
        except asyncio.CancelledError:
            # Told that it is cancelled, the server keeps what it remembers.
            task = asyncio.create_task(self._cancel(child, number))
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)
            raise
        except TimeoutError:
            child.kill()
            self._killed = child
            raise
        if last.get("gone") is True:
            child.kill()
            self._killed = child
        return last

    async def _cancel(self, child: Child, number: int) -> None:
        try:
            async with (
                asyncio.timeout(CANCEL_SECONDS),
                aclosing(child.request({"op": "cancel", "call": number})) as lines,
            ):
                async for _ in lines:
                    pass
        except (TimeoutError, ChildError):
            child.kill()
            self._killed = child

    async def _spawn(self, last: asyncio.Task[Child] | None) -> Child:
        if last is not None and not last.cancelled() and last.exception() is None:
            await last.result().close(grace=0)
        grant, self._mask = await in_daemon_thread(self._granted)
        try:
            self._remove_temporary()
            self._temporary = Path(tempfile.mkdtemp(prefix="smolterm-pack-"))
            child = await start_host(
                f"MCP server {self.name}", self._hear_all, self._server, grant, self._temporary
            )
        except (ChildError, OSError) as error:
            raise PackError(f"The MCP server {self.name} cannot be started: {error}") from None
        try:
            await self._compare(child, load_of(self._server, grant))
        except BaseException:
            await child.close(grace=0)
            raise
        self._relist = False
        self._tell("started", f"The MCP server {self.name} has started.")
        return child

    async def _compare(self, child: Child, request: dict[str, Any]) -> None:
        """Ask the server what it has, and refuse it if that is not what was trusted."""
        now = await listed(child, request, self.name, self._mask)
        trusted, server = self._trusted, self._server
        granted = trusted.granted
        if hash_of(server, now, granted.env, granted.secrets) == trusted.hash:
            return
        child.kill()
        self._killed = child
        # The file is somebody else's too: a session must not end over it.
        with contextlib.suppress(SmoltermError):
            await in_daemon_thread(_mark_changed, self.name, trusted.hash)
        changes = "; ".join(differences(server.listing, now)[:5])
        what = f"The MCP server {self.name} is not the one that you trusted: {changes}."
        self._tell("denied", what)
        raise PackError(what, next=f"The person can look at it: smolterm packs trust {self.name}.")

    def _hear_all(self, line: dict[str, Any]) -> None:
        if line.get("changed") is True:
            self._relist = True
        else:
            self._hear(line)


async def start_host(
    name: str,
    on_notice: Callable[[dict[str, Any]], None] | None,
    server: Server,
    grant: Grant,
    temporary: Path,
) -> Child:
    """Start the process that will speak to a server.

    One that starts a program is as free as that has to be; one that connects to an address gets
    what `confine.py` leaves to a native pack.

    Raises:
        ChildError, OSError: it cannot be started.
    """
    # -P: the current folder, which may be anybody's, cannot shadow a module.
    command = [sys.executable, "-P", "-m", "smolterm.packs.bridges.mcp_host"]
    environment = plain_environment()
    confine = None
    if server.url:
        environment["TMPDIR"] = str(temporary)
        compiled_folder().mkdir(parents=True, exist_ok=True)
        manifest = Manifest(
            name=grant.pack, version="", description="", kind="native", tools={},
            capabilities=Capabilities(hosts=(server.url,)),
        )  # fmt: skip
        confine = confinement(manifest, grant, Path(__file__).parent, temporary)
    process = spawn(command, environment, confine, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return await Child.start(
        name, command, env=environment, ready_timeout=READY_SECONDS, on_notice=on_notice,
        process=process,
    )  # fmt: skip


def load_of(server: Server, grant: Grant) -> dict[str, Any]:
    """Return the line that connects to a server."""

    def filled(text: str) -> str:
        return REFERENCE.sub(lambda found: grant.secret_values.get(found[1], ""), text)

    in_headers = server.secrets()
    own = {n: v for n, v in grant.secret_values.items() if n not in in_headers}
    return {
        "op": "load",
        "load": {
            "command": server.command,
            "folder": server.folder,
            "url": server.url,
            "headers": {name: filled(text) for name, text in server.headers.items()},
            "environment": plain_environment(**grant.env, **own),
        },
    }


async def listed(
    child: Child, request: dict[str, Any], name: str, mask: Callable[[Any], Any]
) -> Listing:
    """Return what a server says that it has.

    Raises:
        PackError: it did not start, hangs, or does not speak the protocol.
    """
    line: dict[str, Any] = {}
    try:
        async with asyncio.timeout(START_SECONDS), aclosing(child.request(request)) as lines:
            async for each in lines:
                line = each
    except TimeoutError:
        raise PackError(f"The MCP server {name} said nothing for {START_SECONDS:.0f} s.") from None
    except ChildError as error:
        raise PackError(f"The MCP server {name}: {mask(error.what)}") from None
    if line.get("ok") is not True:
        said = " ".join(str(mask(str(line.get("error") or "it gave no reason."))).split())[:1_000]
        words = str(mask(child.last_words()))
        raise PackError(
            f"The MCP server {name} cannot be used: {said}{words}", next=str(line.get("next") or "")
        )
    try:
        return msgspec.convert(values.decode(line.get("value")), Listing)
    except (ValueError, msgspec.ValidationError):
        raise PackError(f"The MCP server {name} said what cannot be read.") from None


def _mark_changed(name: str, hash: str) -> None:
    with changing() as trust:
        known = trust.packs.get(name)
        if known is not None and known.mcp is not None and known.hash == hash:
            server = msgspec.structs.replace(known.mcp, changed=True)
            trust.packs[name] = msgspec.structs.replace(known, mcp=server)


def _as_json(value: Any) -> Any:
    """Return a value of the sandbox as JSON has it."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(key): _as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_as_json(each) for each in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)

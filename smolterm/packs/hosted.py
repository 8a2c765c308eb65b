"""A pack as the engine sees it: tools whose calls go to the pack's own process."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from contextlib import aclosing
from typing import Any

import msgspec
from msgspec.structs import replace

from smolterm.child import Child
from smolterm.errors import ChildError, PackError, ToolError
from smolterm.packs.context import Grant
from smolterm.packs.find import Found
from smolterm.packs.host import Load
from smolterm.packs.manifest import Capabilities
from smolterm.sandbox import values
from smolterm.spawn import plain_environment
from smolterm.tools import ToolSpec

CALL_SECONDS = 60.0
READY_SECONDS = 30.0


class HostedTool:
    """One tool of a pack; has what the engine uses of a `Tool`.

    Attributes:
        spec: what the model, the policy and the sandbox need to know.
    """

    def __init__(self, pack: HostedPack, spec: ToolSpec) -> None:
        self.spec = spec
        self._pack = pack

    async def call(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call the tool in its process.

        Raises:
            ToolError: it refused, failed, hung or its process ended.
        """
        return await self._pack.call(self.spec.name, args, kwargs)


class HostedPack:
    """One pack and its process, which starts at need and again after it died.

    Args:
        found: a pack without an error.
        grant: what the person granted; the manifest says how much of it the pack is told.
        call_seconds: how long one call may take before the process is killed.

    Attributes:
        name: as in the manifest.
        tools: empty until `start` has returned.

    Raises:
        PackError: the pack is a broken one.
    """

    def __init__(
        self, found: Found, grant: Grant | None = None, *, call_seconds: float = CALL_SECONDS
    ) -> None:
        if found.manifest is None or found.folder is None:
            raise found.error or PackError(f"The pack {found.name} has no manifest.")
        self.name = found.name
        self.manifest = found.manifest
        self.tools: list[HostedTool] = []
        self._load = Load(
            module=found.module,
            folder=str(found.folder),
            tools={name: entry.effect for name, entry in found.manifest.tools.items()},
            grant=_share(grant or Grant(), found.manifest.capabilities),
        )
        self._call_seconds = call_seconds
        self._starting: asyncio.Task[Child] | None = None
        self._killed: Child | None = None
        self._turn = asyncio.Lock()
        self._closed = False

    async def start(self) -> None:
        """Start the process unless it runs, and return when the tools are known.

        Raises:
            PackError: the pack cannot be loaded.
        """
        await self._child()

    @property
    def pid(self) -> int | None:
        """The process, or None while none runs."""
        child = self._running()
        return child.pid if child is not None else None

    async def call(self, tool: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call one tool; see `HostedTool.call`."""
        try:
            request = {
                "op": "call", "tool": tool,
                "args": values.encode(args), "kwargs": values.encode(kwargs),
            }  # fmt: skip
        except values.TooLarge as error:
            raise ToolError(f"{tool}: {error}") from None
        # One at a time: the limit is each call's own, and a kill ends no other call.
        async with self._turn:
            try:
                child = await self._child()
            except PackError as error:
                raise ToolError(str(error)) from None
            return await self._ask(child, tool, request)

    async def close(self) -> None:
        """End the process; safe to call twice."""
        self._closed = True
        starting, self._starting = self._starting, None
        if starting is None:
            return
        if not starting.done():
            starting.cancel()
        with contextlib.suppress(asyncio.CancelledError, ChildError, PackError, OSError):
            await (await starting).close(grace=0)

    async def _ask(self, child: Child, tool: str, request: dict[str, Any]) -> Any:
        line: dict[str, Any] = {}
        ended = False
        try:
            async with (
                asyncio.timeout(self._call_seconds),
                aclosing(child.request(request)) as lines,
            ):
                async for line in lines:
                    ended = line.get("end") is True
        except TimeoutError:
            what = f"{tool} took longer than {self._call_seconds:g} s and was stopped."
            raise ToolError(what) from None
        except ChildError as error:
            raise ToolError(
                f"{tool}: {error.what}", next="The next call starts the pack again."
            ) from None
        finally:
            # Timed out or interrupted: the only thing that stops a busy tool is its end.
            if not ended:
                child.kill()
                self._killed = child
        if line.get("ok") is True:
            try:
                return values.decode(line.get("value"))
            except ValueError as error:
                raise ToolError(f"{tool} returned what cannot be read: {error}") from None
        raise ToolError(str(line.get("error", f"{tool} failed."))[:4_000])

    async def _child(self) -> Child:
        # Shielded: the process serves the next call too, when this one is cancelled.
        return await asyncio.shield(self._launch())

    def _running(self) -> Child | None:
        task = self._starting
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        child = task.result()
        # A killed process is seen alive until the system has buried it.
        return child if child.alive and child is not self._killed else None

    def _launch(self) -> asyncio.Task[Child]:
        if self._closed:
            raise PackError(f"The pack {self.name} is closed.")
        last = self._starting
        if last is not None and (not last.done() or self._running() is not None):
            return last
        self._starting = asyncio.create_task(self._spawn(last), name=f"pack {self.name}")
        return self._starting

    async def _spawn(self, last: asyncio.Task[Child] | None) -> Child:
        if last is not None and not last.cancelled() and last.exception() is None:
            await last.result().close(grace=0)
        # -P: the current folder, which may be anybody's, cannot shadow a module.
        command = [sys.executable, "-P", "-m", "smolterm.packs.host",
                   msgspec.json.encode(self._load).decode()]  # fmt: skip
        try:
            child = await Child.start(
                f"pack {self.name}", command, env=plain_environment(), ready_timeout=READY_SECONDS
            )
        except (ChildError, OSError) as error:
            raise PackError(f"The pack {self.name} cannot be loaded: {error}") from None
        try:
            self.tools = self._checked(child.ready.get("tools"))
        except PackError:
            await child.close(grace=0)
            raise
        return child

    def _checked(self, told: object) -> list[HostedTool]:
        """Take the process's tools; the manifest, which the person could read, has the say."""
        try:
            specs = msgspec.convert(told, list[ToolSpec])
        except msgspec.ValidationError as error:
            raise PackError(f"The pack {self.name} describes its tools badly: {error}") from None
        entries = self.manifest.tools
        if {spec.name: spec.effect for spec in specs} != self._load.tools:
            raise PackError(f"The tools of the pack {self.name} are not those of its manifest.")
        return [
            HostedTool(self, replace(spec, outside=entries[spec.name].outside, pack=self.name))
            for spec in specs
        ]


def _share(grant: Grant, asked: Capabilities) -> Grant:
    """Return the part of the grant that the manifest asks for."""
    if not asked.read and not asked.write:
        return Grant()
    return Grant(folder=grant.folder, write=grant.write and bool(asked.write))

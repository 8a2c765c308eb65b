"""The wasm packs as the engine sees them: tools whose calls go to one process for all packs.

That process starts with the first call, and again after it died. Calls of different packs run side
by side, those of one pack one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from smolterm.child import Child
from smolterm.errors import ChildError, PackError, ToolError
from smolterm.packs.called import PackTool
from smolterm.packs.notice import NoticeKind, PackNotice
from smolterm.packs.wasm.wall import CERTIFICATE_VARIABLES, Reach, confine
from smolterm.sandbox import values
from smolterm.spawn import plain_environment, spawn
from smolterm.store import cache_folder
from smolterm.threads import in_daemon_thread
from smolterm.tools import ToolSpec

if TYPE_CHECKING:
    # What a call needs is imported with the first one: a session may make none.
    from smolterm.packs.doors.grant import Grant
    from smolterm.packs.wasm.wire import Call, Load, Told

CALL_SECONDS = 60.0
LOAD_SECONDS = 30.0
STOP_SECONDS = 2.0
"""Within which the process says that it stopped a call; then it is killed."""


class WasmPack:
    """One pack in the process of them all; nothing starts before its first call.

    Args:
        host: the process; it learns of the pack here.
        name: as in the manifest.
        module: what is imported.
        specs: its tools, known from what the person trusted.
        grant: gives what the pack may use, secrets included; asked at each loading, in a thread.
        files: gives its sources and data, with those of its packages, by path; asked likewise.
        reach: what of the grant the process around it must be able to do.
        call_seconds: how long one call may take before it is stopped.

    Attributes:
        tools: known at once.
        on_notice: told what the pack tells and tries.
    """

    kind = "wasm"

    def __init__(
        self,
        host: WasmHost,
        name: str,
        module: str,
        specs: Sequence[ToolSpec],
        *,
        grant: Callable[[], Grant],
        files: Callable[[], Mapping[str, bytes]],
        reach: Reach | None = None,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self.name = name
        self.tools = [PackTool(self, spec) for spec in specs]
        self.on_notice: Callable[[PackNotice], None] | None = None
        self.reach = reach or Reach()
        self._host = host
        self._module = module
        self._grant = grant
        self._files = files
        self._call_seconds = call_seconds
        self._turn = asyncio.Lock()
        host.join(self)

    async def start(self) -> None:
        """Return at once: the process starts with the first call."""

    async def close(self) -> None:
        """End the instance; safe to call twice. With the last pack its process ends."""
        await self._host.leave(self)

    async def call(self, tool: str, given: dict[str, Any]) -> Any:
        """Call one tool by its arguments' names; see `PackTool.call`.

        Raises:
            ToolError: it refused, failed, hung or its instance ended.
        """
        from smolterm.packs.wasm.wire import Call

        try:
            named = values.encode(given)
        except values.TooLarge as error:
            raise ToolError(f"{tool}: {error}") from None
        # What crosses is JSON; keys that are not text would be pairs, and arguments have names.
        assert isinstance(named, dict)
        call = Call(pack=self.name, tool=tool, args=[], kwargs=named)
        async with self._turn:
            try:
                child = await self._host.ready(self)
                told = await self._host.ask(child, call, self._call_seconds)
            except PackError as error:
                raise ToolError(error.what, next=error.next) from None
            except ChildError as error:
                self.tell("stopped", error.what)
                raise ToolError(
                    f"{tool}: {error.what}", next="The next call starts the pack again."
                ) from None
        if told.error:
            raise ToolError(told.error, next=told.next)
        try:
            return values.decode(told.value)
        except ValueError as error:
            raise ToolError(f"{tool} returned what cannot be read: {error}") from None

    def load(self) -> Load:
        """Return what the process is told; looks secrets up and reads files, so it may take time.

        Raises:
            PackError: the pack is too large.
        """
        from smolterm.packs.wasm.wire import MOST_FILES, Load

        try:
            files = dict(self._files())
        except OSError as error:
            raise PackError(f"The pack {self.name} cannot be read: {error.strerror}.") from None
        if sum(map(len, files.values())) > MOST_FILES:
            raise PackError(f"The pack {self.name} has more than {MOST_FILES >> 20} MB of files.")
        tools = {tool.spec.name: tool.spec.effect for tool in self.tools}
        return Load(grant=self._grant(), module=self._module, tools=tools, files=files)

    def tell(self, kind: NoticeKind, text: str, done: float | None = None) -> None:
        """Tell whoever listens; progress here is a part of 1."""
        if self.on_notice is not None:
            total = None if done is None else 1.0
            self.on_notice(PackNotice(pack=self.name, kind=kind, text=text, done=done, total=total))


class WasmHost:
    """The process of a session's wasm packs, which starts at need and again after it died.

    Args:
        cache: where the image and the packs' caches lie; None takes smolterm's cache folder.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._packs: dict[str, WasmPack] = {}
        self._loaded: dict[str, Child] = {}
        self._starting: asyncio.Task[Child] | None = None
        self._killed: Child | None = None
        self._within = Reach()

    @property
    def pid(self) -> int | None:
        """The process, or None while none runs."""
        child = self._running()
        return child.pid if child is not None else None

    def join(self, pack: WasmPack) -> None:
        """Take a pack in.

        Raises:
            PackError: there is one of that name.
        """
        if pack.name in self._packs:
            raise PackError(f"Two packs are named {pack.name}.", next="Remove one of them.")
        self._packs[pack.name] = pack

    async def leave(self, pack: WasmPack) -> None:
        """End a pack's instance; the process too, when it was the last one."""
        if self._packs.get(pack.name) is not pack:
            return
        del self._packs[pack.name]
        if not self._packs:
            await self.close()
        elif (child := self._running()) is not None and self._loaded.get(pack.name) is child:
            del self._loaded[pack.name]
            await self._stop(child, pack.name, "The pack was closed.")

    async def close(self) -> None:
        """End the process; safe to call twice."""
        starting, self._starting = self._starting, None
        self._loaded.clear()
        if starting is None:
            return
        if not starting.done():
            starting.cancel()
        with contextlib.suppress(asyncio.CancelledError, ChildError, PackError, OSError):
            await (await starting).close(grace=0)

    async def ready(self, pack: WasmPack) -> Child:
        """Return the running process with the pack loaded.

        Raises:
            PackError: it cannot be started.
            ChildError: it died.
        """
        if self._packs.get(pack.name) is not pack:
            raise PackError(f"The pack {pack.name} is closed.")
        # Shielded: the process serves others too, when this call is cancelled.
        child = await asyncio.shield(self._launch(pack))
        if self._loaded.get(pack.name) is not child:
            load = await in_daemon_thread(pack.load)
            if not await self._done(child, {"op": "load", "what": load}, LOAD_SECONDS):
                raise PackError(f"The pack {pack.name} was not taken in {LOAD_SECONDS:g} s.")
            self._loaded[pack.name] = child
            pack.tell("started", f"{pack.name} runs in WebAssembly.")
        return child

    async def ask(self, child: Child, call: Call, seconds: float) -> Told:
        """Run one call and return what its instance answered.

        Raises:
            ChildError: the process died.
        """
        from smolterm.packs.wasm.wire import Told

        line: dict[str, Any] = {}
        ended = False
        try:
            async with (
                asyncio.timeout(seconds),
                aclosing(child.request({"op": "call", "what": call})) as lines,
            ):
                async for line in lines:
                    ended = line.get("end") is True
        except TimeoutError:
            return Told(error=f"{call.tool} took longer than {seconds:g} s and was stopped.")
        finally:
            if not ended and child.alive:
                # Timed out or cancelled: nobody waits for it, so it must not go on.
                await asyncio.shield(self._stop(child, call.pack, "It was stopped."))
        try:
            return msgspec.convert(line.get("told"), Told)
        except msgspec.ValidationError:
            return Told(error=f"{call.tool} failed.")

    async def _stop(self, child: Child, pack: str, text: str) -> None:
        from smolterm.packs.wasm.wire import Stop

        with contextlib.suppress(ChildError):
            request = {"op": "stop", "what": Stop(pack=pack, text=text)}
            await self._done(child, request, STOP_SECONDS)

    async def _done(self, child: Child, request: dict[str, Any], seconds: float) -> bool:
        """Return whether the process did it in time; where it did not, it is killed."""
        try:
            async with asyncio.timeout(seconds), aclosing(child.request(request)) as lines:
                async for _ in lines:
                    pass
        except TimeoutError:
            child.kill()
            self._killed = child
            return False
        return True

    def _running(self) -> Child | None:
        task = self._starting
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        child = task.result()
        # A killed process is seen alive until the system has buried it.
        return child if child.alive and child is not self._killed else None

    def _launch(self, pack: WasmPack) -> asyncio.Task[Child]:
        last = self._starting
        runs = last is not None and (not last.done() or self._running() is not None)
        # A pack that came later may need more than the wall around the process lets through.
        if last is not None and runs and self._within | pack.reach == self._within:
            return last
        self._starting = asyncio.create_task(self._spawn(last, pack), name="wasm packs")
        return self._starting

    async def _spawn(self, last: asyncio.Task[Child] | None, pack: WasmPack) -> Child:
        from smolterm.packs.wasm.build import set_up

        for each in self._packs.values():
            self._within |= each.reach
        if last is not None:
            with contextlib.suppress(asyncio.CancelledError, ChildError, PackError, OSError):
                await (await last).close(grace=0)
        cache = self._cache or cache_folder()
        image = await set_up(cache, lambda text, part: pack.tell("progress", text, part))
        caches = cache / "packs"
        environment = plain_environment()
        for name in CERTIFICATE_VARIABLES:
            if name in os.environ:
                environment[name] = os.environ[name]
        # -P: the current folder, which may be anybody's, cannot shadow a module.
        command = [sys.executable, "-P", "-m", "smolterm.packs.wasm.host", str(image), str(caches)]
        try:
            caches.mkdir(parents=True, exist_ok=True)
            process = spawn(
                command, environment, confine(self._within, image, caches, environment),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/",
            )  # fmt: skip
            return await Child.start(
                "process of the wasm packs", command, env=environment, process=process,
                on_notice=self._notice,
            )  # fmt: skip
        except (ChildError, OSError) as error:
            raise PackError(f"The process of the wasm packs cannot be started: {error}") from None

    def _notice(self, line: dict[str, Any]) -> None:
        try:
            notice = msgspec.convert(line.get("notice"), PackNotice)
        except msgspec.ValidationError:
            return
        pack = self._packs.get(notice.pack)
        if pack is not None and pack.on_notice is not None:
            pack.on_notice(notice)

"""The processes of one sandbox, one after another: what each of them is given, and the spare."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

import msgspec

from smolterm.errors import ChildProtocolError, SandboxDied, SandboxError
from smolterm.packages import Wheel
from smolterm.sandbox.assets import Assets, Progress, set_up, sha256
from smolterm.sandbox.files import StagedFiles
from smolterm.sandbox.interpreter import Interpreter, Options
from smolterm.sandbox.questions import pack
from smolterm.sandbox.rehearsal import rehearse
from smolterm.sandbox.wall import Caps
from smolterm.tools import ToolSpec

PUT_BYTES = 32 * 1024 * 1024


class Processes:
    """Starts the process that runs cells, and the next one when it has died.

    Attributes:
        current: the process; it may have died.
        tools: what can be called inside, by name.
        files: what lies inside from the start, by absolute path.
        installed: packages, in order.
    """

    def __init__(
        self,
        *,
        assets: Assets | None,
        options: Options,
        caps: Caps,
        progress: Progress | None,
        spare: bool,
        staged: StagedFiles | None,
        on_kept: Callable[[str, bytes], None],
    ) -> None:
        self.assets = assets
        self.current: Interpreter | None = None
        self.tools: dict[str, ToolSpec] = {}
        self.files: dict[str, bytes] = {}
        self.installed: list[Wheel] = []
        self._options = options
        self._caps = caps
        self._progress = progress
        self._wants_spare = spare
        self._staged = staged
        self._on_kept = on_kept
        self._spare: asyncio.Task[Interpreter] | None = None

    @property
    def alive(self) -> bool:
        return self.current is not None and self.current.alive

    @property
    def has_files(self) -> bool:
        """Something of the host lies inside, or is shown there."""
        return bool(self.files) or bool(self._staged is not None and self._staged.mounts)

    @property
    def key(self) -> str:
        """Which snapshot the processes start from; states go over between those of one key."""
        snapshot = self.assets.snapshot if self.assets is not None else None
        return sha256(snapshot) if snapshot is not None else ""

    async def begin(self) -> Interpreter:
        """Replace the process by a new one that was given what the old one was given.

        Raises:
            NoDeno, SetupFailed: see `assets.set_up`.
            SandboxError: it does not start.
        """
        if self.current is not None:
            await self.current.close()
            self.current = None
        fresh = await self._fresh()
        try:
            await self._install(fresh, self.installed)
            await self.send_tools(fresh)
            await self.send_mounts(fresh)
            for path, data in self.files.items():
                await _put(fresh, path, data)
        except BaseException:
            await fresh.close()
            raise
        self.current = fresh
        try:
            for about, kept in fresh.kept:
                self._on_kept(about, kept)
        except ChildProtocolError as error:
            self.current = None
            await fresh.close()
            raise SandboxError(f"The sandbox did not start: {error}") from error
        return fresh

    async def offer(self, tools: Sequence[ToolSpec], files: Mapping[str, bytes]) -> None:
        """Give these to the process and to each that follows."""
        self.tools.update((spec.name, spec) for spec in tools)
        self.files.update(files)
        if self.current is not None and self.current.alive:
            if tools:
                await self.send_tools(self.current)
            for path, data in files.items():
                await _put(self.current, path, data)

    async def install(self, wheels: Sequence[Wheel]) -> None:
        """Give packages to the process and to each that follows."""
        assert self.current is not None
        await self._install(self.current, wheels)
        self.installed += wheels

    async def send_tools(self, interpreter: Interpreter) -> None:
        if self.tools:
            specs = [msgspec.to_builtins(spec) for spec in self.tools.values()]
            await interpreter.ask("tools", {"specs": specs})

    async def send_mounts(self, interpreter: Interpreter) -> None:
        if self._staged is not None and (mounts := self._staged.mounts):
            await interpreter.ask("mount", {"mounts": mounts})

    def warm_spare(self) -> None:
        """Start the next process beside this one, where that is wanted."""
        if self._wants_spare and self._spare is None and self.assets is not None:
            starting = self._rehearsed(self.assets)
            self._spare = asyncio.get_running_loop().create_task(starting, name="spare sandbox")

    async def _rehearsed(self, assets: Assets) -> Interpreter:
        spare = await Interpreter.start(assets, self._options, self._caps, self._kept)
        try:
            if self._options.checkpoints and assets.snapshot is not None:
                await rehearse(spare)
        except BaseException:
            await spare.close()
            raise
        return spare

    async def spare(self) -> Interpreter | None:
        """Return the spare once it is ready; None: there is none."""
        return None if self._spare is None else await asyncio.shield(self._spare)

    async def close(self) -> None:
        """End all of them; safe to call twice and from any state."""
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.cancel()
            with contextlib.suppress(asyncio.CancelledError, SandboxError):
                await (await spare).close()
        if self.current is not None:
            await self.current.close()

    async def _fresh(self) -> Interpreter:
        spare, self._spare = self._spare, None
        if spare is not None:
            with contextlib.suppress(SandboxError):
                ready = await spare
                if ready.alive:
                    return ready
                await ready.close()
        self.assets = self.assets or await set_up(self._progress)
        return await Interpreter.start(self.assets, self._options, self._caps, self._kept)

    def _kept(self, interpreter: Interpreter, about: str, raw: bytes) -> None:
        if interpreter is self.current:
            self._on_kept(about, raw)
        else:
            interpreter.keep(about, raw)

    async def _install(self, interpreter: Interpreter, wheels: Sequence[Wheel]) -> None:
        if wheels:
            await interpreter.ask("install", *await pack(wheels))


async def _put(interpreter: Interpreter, path: str, data: bytes) -> None:
    for start in range(0, max(len(data), 1), PUT_BYTES):
        piece = data[start : start + PUT_BYTES]
        try:
            await interpreter.ask("put", {"path": path, "append": start > 0}, piece)
        except SandboxDied:
            raise
        except SandboxError as error:
            raise SandboxError(f"{path} does not fit into the sandbox: {error}") from None

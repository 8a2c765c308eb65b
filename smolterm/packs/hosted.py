"""A native pack as the engine sees it: tools whose calls go to the pack's own process."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from smolterm.child import Child
from smolterm.errors import ChildError, Denied, PackError, SmoltermError, ToolError
from smolterm.packs.called import PackTool
from smolterm.packs.confine import compiled_folder, confinement
from smolterm.packs.find import Found
from smolterm.packs.notice import NoticeKind, PackNotice
from smolterm.sandbox import values
from smolterm.spawn import plain_environment, spawn
from smolterm.threads import in_daemon_thread
from smolterm.tools import ToolSpec

if TYPE_CHECKING:
    from smolterm.packs.doors.grant import Grant

CALL_SECONDS = 60.0
READY_SECONDS = 30.0
MOST_NOTICES = 20_000
"""Of one call; a pack that tells more is ended."""
LONGEST_SAID = 4_000


class HostedPack:
    """One native pack and its process, which starts with the first call and again after it died.

    Args:
        found: a pack without an error.
        grant: makes what the pack may use when its process starts; it may block, and refuse.
        specs: the tools, as the person trusted them.
        call_seconds: how long one call may take before the process is killed.

    Attributes:
        name: as in the manifest.
        tools: known at once.
        on_notice: takes what the pack tells.

    Raises:
        PackError: the pack is a broken one.
    """

    kind: Literal["native"] = "native"

    def __init__(
        self,
        found: Found,
        grant: Callable[[], Grant],
        specs: Sequence[ToolSpec],
        *,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        if found.manifest is None or found.folder is None:
            raise found.error or PackError(f"The pack {found.name} has no manifest.")
        self.name = found.name
        self.manifest = found.manifest
        self.tools = [PackTool(self, spec) for spec in specs]
        self.on_notice: Callable[[PackNotice], None] | None = None
        self._module = found.module
        self._folder = found.folder
        self._grant = grant
        self._call_seconds = call_seconds
        self._starting: asyncio.Task[Child] | None = None
        self._killed: Child | None = None
        self._temporary: Path | None = None
        self._turn = asyncio.Lock()
        self._running_tool = ""
        self._notices = 0
        self._mask: Callable[[Any], Any] = lambda value: value
        self._closed = False

    async def start(self) -> None:
        """Do nothing: the process starts with the first call."""

    async def ready(self) -> None:
        """Start the process and load the pack now.

        Raises:
            SmoltermError: it cannot be loaded; says why.
        """
        await self._child()

    @property
    def pid(self) -> int | None:
        """The process, or None while none runs."""
        child = self._running()
        return child.pid if child is not None else None

    async def call(self, tool: str, kwargs: dict[str, Any]) -> Any:
        """Call one tool by its arguments' names; see `PackTool.call`."""
        try:
            request = {"op": "call", "tool": tool, "kwargs": values.encode(kwargs)}
        except values.TooLarge as error:
            raise ToolError(f"{tool}: {error}") from None
        # One at a time: the limit is each call's own, and a kill ends no other call.
        async with self._turn:
            try:
                child = await self._child()
            except SmoltermError as error:
                raise ToolError(error.what, next=error.next) from None
            self._running_tool, self._notices = tool, 0
            try:
                return await self._ask(child, tool, request)
            finally:
                self._running_tool = ""

    async def close(self) -> None:
        """End the process; safe to call twice."""
        self._closed = True
        starting, self._starting = self._starting, None
        if starting is None:
            return
        if not starting.done():
            starting.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError, SmoltermError, OSError):
                await (await starting).close(grace=0)
        finally:
            self._remove_temporary()

    async def _ask(self, child: Child, tool: str, request: dict[str, Any]) -> Any:
        try:
            line = await self._answered(child, request, self._call_seconds)
        except TimeoutError:
            self._tell("stopped", f"{tool} took longer than {self._call_seconds:g} s.")
            what = f"{tool} took longer than {self._call_seconds:g} s and was stopped."
            raise ToolError(what) from None
        except ChildError as error:
            what = str(self._mask(error.what))
            self._tell("stopped", what)
            raise ToolError(
                f"{tool}: {what}", next="The next call starts the pack again."
            ) from None
        if line.get("ok") is True:
            try:
                return self._mask(values.decode(line.get("value")))
            except ValueError as error:
                raise ToolError(f"{tool} returned what cannot be read: {error}") from None
        raise self._error_in(line, f"{tool} failed.")

    async def _answered(
        self, child: Child, request: dict[str, Any], seconds: float
    ) -> dict[str, Any]:
        """Return the last line of an answer; a child that gives none is ended."""
        line: dict[str, Any] = {}
        ended = False
        try:
            async with asyncio.timeout(seconds), aclosing(child.request(request)) as lines:
                async for line in lines:
                    ended = line.get("end") is True
        finally:
            # Timed out or interrupted: the only thing that stops a busy tool is its end.
            if not ended:
                child.kill()
                self._killed = child
        return line

    def _error_in(self, line: dict[str, Any], otherwise: str) -> ToolError:
        kind = Denied if line.get("denied") is True else ToolError
        what = str(self._mask(str(line.get("error") or otherwise)))[:LONGEST_SAID]
        return kind(what, next=str(self._mask(str(line.get("next") or "")))[:LONGEST_SAID])

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
        grant, self._mask = await in_daemon_thread(self._granted)
        # -P: the current folder, which may be anybody's, cannot shadow a module.
        command = [sys.executable, "-P", "-m", "smolterm.packs.host"]
        compiled_folder().mkdir(parents=True, exist_ok=True)
        self._remove_temporary()
        self._temporary = Path(tempfile.mkdtemp(prefix="smolterm-pack-"))
        environment = plain_environment(TMPDIR=str(self._temporary))
        try:
            process = spawn(
                command,
                environment,
                confinement(self.manifest, grant, self._folder, self._temporary),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            child = await Child.start(
                f"pack {self.name}",
                command,
                env=environment,
                ready_timeout=READY_SECONDS,
                on_notice=self._hear,
                process=process,
            )
        except (ChildError, OSError) as error:
            raise PackError(f"The pack {self.name} cannot be loaded: {error}") from None
        try:
            await self._load(child, grant)
        except BaseException:
            await child.close(grace=0)
            raise
        self._tell("started", f"The process of the pack {self.name} has started.")
        return child

    def _remove_temporary(self) -> None:
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    def _granted(self) -> tuple[Grant, Callable[[Any], Any]]:
        # Imported here: a session that calls no native pack need not wait for it.
        from smolterm.packs.doors.secrets import Secrets

        grant = self._grant()
        return grant, Secrets(grant).mask

    async def _load(self, child: Child, grant: Grant) -> None:
        from smolterm.packs.host import Load

        load = Load(
            module=self._module,
            folder=str(self._folder),
            tools={tool.spec.name: tool.spec.parameters for tool in self.tools},
            compiled=str(compiled_folder()),
            grant=grant,
        )
        request = {"op": "load", "load": msgspec.to_builtins(load)}
        try:
            line = await self._answered(child, request, READY_SECONDS)
        except TimeoutError:
            what = f"The pack {self.name} was not loaded after {READY_SECONDS:.0f} s."
            raise PackError(what) from None
        except ChildError as error:
            what = str(self._mask(error.what))
            raise PackError(f"The pack {self.name} cannot be loaded: {what}") from None
        if line.get("ok") is not True:
            said = " ".join(self._error_in(line, "it gave no reason.").what.split())
            raise PackError(f"The pack {self.name} cannot be loaded: {said}")

    def _hear(self, line: dict[str, Any]) -> None:
        """Take a line that answers nothing; it is hostile."""
        self._notices += 1
        if self._notices > MOST_NOTICES:
            child = self._running()
            if child is not None:
                child.kill()
            return
        try:
            notice = msgspec.convert(line.get("notice"), PackNotice)
        except msgspec.ValidationError:
            return
        if notice.kind in ("denied", "log", "progress"):
            self._tell(notice.kind, notice.text, notice.done, notice.total)

    def _tell(
        self, kind: NoticeKind, text: str, done: float | None = None, total: float | None = None
    ) -> None:
        if self.on_notice is not None:
            self.on_notice(
                PackNotice(
                    pack=self.name,
                    kind=kind,
                    text=str(self._mask(text))[:LONGEST_SAID],
                    tool=self._running_tool,
                    done=done,
                    total=total,
                )
            )

"""A model as the engine sees it: the requests go to a child process that holds library and key."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from smolterm.child import Child
from smolterm.errors import ChildError, ModelCrashed, ModelError, StreamCut
from smolterm.events import ModelChanged
from smolterm.models import Done, Format, Message, ModelPart
from smolterm.models.launch import Launched, route_of, spawn_host
from smolterm.models.providers import Route, environment_for
from smolterm.models.wire import Info, Options, part_of

HOST = "model host"
Stamp: TypeAlias = tuple[int, ...]
EARLY_DEATHS = 2
"""Hosts that may end while they load a file before it is given up."""


class HostedModel:
    """A `Model` whose provider is asked by a child process.

    Args:
        model: `PROVIDER/MODEL`, an OpenAI model's bare name, `litellm/...` or `replay:FILE`.
        api_base: another server's address, for models under the OpenAI protocol.
        environ: where keys are looked for; this process's by default.
        options: how the model is asked.
        launched: the host, when it runs already for this very model; taken over.

    Attributes:
        name: as given.
        route: what it resolved to.
        is_local: it answers on this machine, without a key and for nothing.
        context_window: tokens, or None while or where it is not known.
        import_done: set once the host has imported its library.
        import_seconds: what that took.
        info: what a model on this machine is, once it is loaded.

    Raises:
        ConfigError, NoKey: see `resolve`.
    """

    def __init__(
        self,
        model: str,
        *,
        api_base: str | None = None,
        environ: Mapping[str, str] | None = None,
        options: Options | None = None,
        launched: Launched | None = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        route = launched.route if launched else route_of(model, api_base, environ)
        # A recording's folder says nothing about it, and much about the person's machine.
        self.name = f"replay:{Path(route.model).name}" if route.kind == "replay" else model
        self.route: Route = route
        self.is_local = route.is_local
        self.context_window: int | None = None
        self.import_done = asyncio.Event()
        self.import_seconds: float | None = None
        self._environment = environment_for(route, environ)
        self._options = launched.options if launched else options or Options()
        self._launched = launched
        self._asked = 0
        self._starting: asyncio.Task[Child] | None = None
        self._burying: asyncio.Task[None] | None = None
        self._closed = False
        self.info: Info | None = None
        self._failure = ""
        self._early_deaths = 0
        self._given_up: ModelCrashed | None = None
        self._loaded_from: Stamp = ()
        self._tell: Callable[[ModelChanged], None] = lambda _: None

    def listen(self, handler: Callable[[ModelChanged], None]) -> None:
        """Hear how a model on this machine is loaded, and whether that worked."""
        self._tell = handler

    @property
    def pid(self) -> int | None:
        """The host's process, while one runs."""
        task = self._starting
        if task is None or not task.done() or not _started(task) or not task.result().alive:
            return None
        return task.result().pid

    async def start(self) -> None:
        """Start the host unless it runs; returns before it is ready. For a head start only."""
        self._launch()
        # One turn of the loop, in which the process is spawned.
        await asyncio.sleep(0)

    async def ready(self) -> None:
        """Wait until the model can be asked: its library is imported, its file is loaded.

        Raises:
            ModelError: it cannot; says why.
        """
        child = await self._ready()
        waits = {asyncio.create_task(self.import_done.wait()), asyncio.create_task(child.ended())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not self.import_done.is_set():
            raise self._crashed(child)
        if self._failure:
            raise ModelError(self._failure)

    async def reply(
        self, messages: Sequence[Message], *, format: Format | None = None
    ) -> AsyncGenerator[ModelPart, None]:
        """See `Model.reply`. A host that died is started again by the next call."""
        child = await self._ready()
        request: dict[str, Any] = {"op": "reply", "messages": msgspec.to_builtins(list(messages))}
        if format is not None:
            request["format"] = msgspec.to_builtins(format)
        # `request` takes the next number as soon as it is first asked for a line.
        number = child.last_id + 1
        self._asked += 1
        ended = False
        try:
            async with aclosing(child.request(request)) as lines:
                async for line in lines:
                    ended = line.get("end") is True
                    part = part_of(line)
                    yield part
                    if isinstance(part, Done):
                        return
        except ChildError as error:
            ended = True
            # The next host plays the reply that this one did not finish.
            self._asked -= 1
            if self.route.kind == "local":
                raise self._crashed(child) from None
            raise StreamCut(error.what, next="Ask again: the host is started anew.") from None
        finally:
            if not ended and child.alive:
                with contextlib.suppress(ChildError):
                    await child.send({"op": "cancel", "target": number})

    async def close(self) -> None:
        self._closed = True
        starting, self._starting = self._starting, None
        if self._burying is not None:
            await self._burying
        if starting is None:
            return
        if not starting.done():
            starting.cancel()
        with contextlib.suppress(asyncio.CancelledError, ChildError, OSError):
            child = await starting
            await child.close()

    def _launch(self) -> asyncio.Task[Child]:
        """Return the task that starts the host, or started the one that still runs."""
        if self._closed:
            raise ModelError("The model is closed.")
        self._notice_another_file()
        if self._given_up is not None:
            raise self._given_up
        if (task := self._starting) is not None:
            if not task.done() or (_started(task) and task.result().alive):
                return task
            if _started(task):
                self._burying = asyncio.create_task(task.result().close(grace=0))
                self._early_deaths = 0 if self.import_done.is_set() else self._early_deaths + 1
                if self.route.kind == "local" and self._early_deaths >= EARLY_DEATHS:
                    self._given_up = self._crashed(task.result(), again=True)
                    raise self._given_up
        self.import_done.clear()
        self._failure, self._loaded_from = "", _stamp(self.route.model)
        self._starting = asyncio.create_task(self._spawn(), name=f"{HOST} start")
        return self._starting

    def _notice_another_file(self) -> None:
        """Load anew when a file that failed was mended since: the host knows the old one."""
        failed = self._failure or self._given_up is not None
        task = self._starting
        if self.route.kind != "local" or not failed or (task is not None and not task.done()):
            return
        if _stamp(self.route.model) == self._loaded_from:
            return
        self._given_up, self._early_deaths, self._starting = None, 0, None
        if task is not None and _started(task) and task.result().alive:
            self._burying = asyncio.create_task(task.result().close(grace=0))

    async def _ready(self) -> Child:
        try:
            # Shielded: the host serves the next request too, when this one is cancelled.
            return await asyncio.shield(self._launch())
        except (ChildError, OSError) as error:
            raise ModelError(f"The {HOST} cannot be started: {error}") from None

    async def _spawn(self) -> Child:
        launched, self._launched = self._launched, None
        process = (
            launched.process
            if launched
            else spawn_host(self.route, self._options, self._environment, asked=self._asked)
        )
        return await Child.start(
            HOST, (), env=self._environment, on_notice=self._notice, process=process
        )

    def _crashed(self, child: Child, *, again: bool = False) -> ModelCrashed:
        """Return the error for a host that ended while it was needed."""
        doing = "while it ran" if self.import_done.is_set() else "while it loaded"
        end = child.how_it_ended()
        tried = f" {self._early_deaths} times, so it is not tried again" if again else ""
        error = ModelCrashed(
            f"The {HOST} {end}{child.last_words()} {doing} {self.route.model}{tried}.",
            next=_after_crash(end + child.last_words()),
        )
        self._change("failed", str(error))
        return error

    def _change(
        self,
        state: Literal["loading", "ready", "failed"],
        detail: str = "",
        fraction: float | None = None,
    ) -> None:
        if self.route.kind == "local":
            self._tell(ModelChanged(state=state, model=self.name, detail=detail, fraction=fraction))

    def _notice(self, line: dict[str, Any]) -> None:
        if isinstance(fraction := line.get("loading"), float | int):
            self._change("loading", fraction=min(max(float(fraction), 0.0), 1.0))
        if "imported" not in line:
            return
        seconds, window = line.get("seconds"), line.get("window")
        self.import_seconds = seconds if isinstance(seconds, float) else None
        self.context_window = window if isinstance(window, int) else None
        with contextlib.suppress(msgspec.ValidationError):
            self.info = msgspec.convert(line.get("info"), Info | None)
        self.import_done.set()
        if line["imported"] is True:
            self._change("ready", f"{self.context_window} tokens of context")
        else:
            self._failure = str(line.get("error") or "The model cannot be asked.")[:1000]
            self._change("failed", self._failure)


def _stamp(path: str) -> Stamp:
    """Return what tells a file from the one that lay there before; nothing where none lies."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _after_crash(end: str) -> str:
    if "SIGBUS" in end:
        return "Its file became shorter or unreadable meanwhile: copy it again, and ask again."
    if "SIGKILL" in end or "bad_alloc" in end or "allocate" in end:
        return "It may have run out of memory: close something, or choose a smaller model."
    return "The file may be damaged, or too new for the library: choose another model."


def _started(task: asyncio.Task[Child]) -> bool:
    return not task.cancelled() and task.exception() is None

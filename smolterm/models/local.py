"""A model on this machine: one engine, driven by one thread, asked one thing at a time."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any

from smolterm.errors import ModelError, SmoltermError
from smolterm.models import Delta, Done, Format, Message, ModelPart, Progress
from smolterm.models.engine import Asked, Ended, Engine
from smolterm.models.failures import clean
from smolterm.models.llama import LlamaEngine
from smolterm.models.native import in_text
from smolterm.models.providers import Route
from smolterm.models.thinking import ThinkSplitter
from smolterm.models.wire import Info, Options

MAX_TOKENS = 2048
"""Of a reply, where nobody says."""

Heard = Delta | Progress | Ended | BaseException
Notify = Callable[[dict[str, Any]], None]


class _Job:
    """One request on its way through the thread."""

    def __init__(self, asked: Asked | None) -> None:
        self.asked = asked
        """None: load the model."""
        self.heard: asyncio.Queue[Heard] = asyncio.Queue()
        self.cancelled = False
        self._loop = asyncio.get_running_loop()

    def tell(self, what: Heard) -> None:
        """Hand something over to the loop; from the thread."""
        self._loop.call_soon_threadsafe(self.heard.put_nowait, what)


class LocalModel:
    """A `Speaker` over an `Engine`.

    Two threads on one model hang or abort in llama.cpp, so requests wait for each other.

    Args:
        notify: sends a notice about the model's state.
        engine: what runs the file; llama.cpp in this process when None.
    """

    def __init__(
        self, route: Route, options: Options, notify: Notify, engine: Engine | None = None
    ) -> None:
        self.name = route.model
        self._options = options
        self._notify = notify
        self._engine = engine or LlamaEngine(Path(route.model), options.loading)
        self._failure: SmoltermError | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="model", daemon=True).start()

    @property
    def context_window(self) -> int | None:
        return self._engine.window

    @property
    def info(self) -> Info | None:
        """What the model is, once it is loaded."""
        file = self._engine.file
        if file is None:
            return None
        return Info(
            name=file.name,
            architecture=file.architecture,
            quantisation=file.quantisation,
            parameters=file.parameters,
            template=file.template,
            trained=file.context,
        )

    async def warm_up(self) -> None:
        """Load the file, which takes as long as reading it.

        Raises:
            ModelError, MissingExtra: see `Engine.load`.
        """
        job = _Job(None)
        self._jobs.put(job)
        while isinstance(heard := await job.heard.get(), Progress):
            self._notify({"loading": round(heard.fraction, 3)})
        if isinstance(heard, BaseException):
            raise heard

    async def reply(
        self, messages: Sequence[Message], *, format: Format | None = None
    ) -> AsyncGenerator[ModelPart, None]:
        """Ask once and stream the reply. See `Model.reply`."""
        job = _Job(self._asked(messages, format or Format()))
        self._jobs.put(job)
        split = ThinkSplitter()
        try:
            while True:
                match await job.heard.get():
                    case Delta(text=text):
                        for delta in split.feed(text):
                            yield delta
                    case Progress() as progress:
                        yield progress
                    case Ended() as ended:
                        break
                    case BaseException() as error:
                        raise error
            for delta in split.finish():
                yield delta
            yield Done(usage=ended.usage, stop=ended.stop)
        finally:
            job.cancelled = True
            if job is self._running:
                self._engine.stop()

    async def close(self) -> None:
        self._jobs.put(None)

    _running: _Job | None = None

    def _asked(self, messages: Sequence[Message], format: Format) -> Asked:
        options = self._options.with_format(format)
        tools = format.tools
        if tools and (self.info is None or "tools" not in self.info.template):
            # Its template has no place for them.
            messages, tools = in_text(messages, tools), ()
        return Asked(
            messages=tuple(messages),
            grammar=format.grammar,
            max_tokens=options.max_tokens or MAX_TOKENS,
            temperature=options.temperature,
            stop=options.stop,
            thinking=format.thinking,
            tools=tools,
        )

    def _work(self) -> None:
        """Take one job after the other; the thread's body."""
        while (job := self._jobs.get()) is not None:
            self._running = job
            try:
                if not job.cancelled:
                    job.tell(self._done(job))
            except SmoltermError as error:
                if job.asked is None:
                    self._failure = error
                job.tell(error)
            except Exception as error:  # noqa: BLE001 - the thread must live on
                said = clean(f"{type(error).__name__}: {error}")
                job.tell(ModelError(f"The model's library failed: {said}"))
            finally:
                self._running = None
        self._engine.close()

    def _done(self, job: _Job) -> Ended:
        """Do a job; hear before each part whether it is still wanted."""

        def tell(part: Delta | Progress) -> None:
            # Whoever cancelled before the engine was busy could not stop it.
            if job.cancelled:
                self._engine.stop()
            job.tell(part)

        if self._failure is not None:
            raise self._failure
        if job.asked is not None:
            return self._engine.reply(job.asked, tell)
        self._engine.load(tell)
        return _LOADED


_LOADED = Ended(
    usage=Done().usage, stop="stop", evaluated=0, seconds_reading=0.0, seconds_writing=0.0
)

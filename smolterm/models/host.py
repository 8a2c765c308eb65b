"""The process that holds the keys and the provider's library: `python -m smolterm.models.host`.

It takes its `Config` as the one argument, answers requests over stdin and stdout (see `child.py`)
and ends with stdin, whatever it is doing.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any, Protocol

import msgspec

from smolterm.errors import ModelError, SmoltermError
from smolterm.events import Channel
from smolterm.models import Delta, Format, Message, ModelPart
from smolterm.models.failures import clean, mask, secrets_in
from smolterm.models.retry import retrying
from smolterm.models.wire import Config, error_line, line_of

SECONDS_PER_LINE = 0.015
"""A screen shows no more; a line for every token would keep both processes busy."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Speaker(Protocol):
    """A `Model` inside the host, one per kind of provider."""

    @property
    def context_window(self) -> int | None: ...

    async def warm_up(self) -> None:
        """Do what can be done before the first request."""
        ...

    def reply(
        self, messages: Sequence[Message], *, format: Format | None = None
    ) -> AsyncGenerator[ModelPart, None]: ...


class Pen:
    """Writes one reply's lines; joins text that comes faster than anybody can read it."""

    def __init__(self, host: Host, number: int) -> None:
        self._host = host
        self._number = number
        self._loop = asyncio.get_running_loop()
        self._channel: Channel = "reply"
        self._texts: list[str] = []
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def write(self, part: ModelPart) -> None:
        if not isinstance(part, Delta):
            self.flush()
            self._host.send(line_of(self._number, part))
            return
        if part.channel != self._channel:
            self.flush()
            self._channel = part.channel
        if part.text:
            self._texts.append(part.text)
        wait = self._next - self._loop.time()
        if wait <= 0:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(wait, self.flush)

    def fail(self, error: SmoltermError) -> None:
        self.flush()
        self._host.send(error_line(self._number, error))

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._texts:
            text = "".join(self._texts)
            self._texts.clear()
            self._host.send(line_of(self._number, Delta(channel=self._channel, text=text)))
            self._next = self._loop.time() + SECONDS_PER_LINE


class Host:
    """Serves requests until stdin ends."""

    def __init__(self, config: Config, out: int) -> None:
        self._config = config
        self._out = out
        self._secrets = secrets_in(os.environ)
        self._loop = asyncio.new_event_loop()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._speaker: Speaker | None = None
        self._broken: SmoltermError | None = None
        self._told = asyncio.Event()
        """Set once the engine has been told whether requests can be answered."""

    def run(self) -> None:
        """Read requests in a thread, import meanwhile, then serve."""
        asyncio.set_event_loop(self._loop)
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        began = time.perf_counter()
        try:
            self._speaker = _load(self._config, self.send)
            # Requests that came during the import begin as soon as the loop runs.
            self._loop.run_until_complete(self._speaker.warm_up())
        except SmoltermError as error:
            self._broken = error
        except Exception as error:  # noqa: BLE001 - a library meets the person's environment here
            said = clean(f"{type(error).__name__}: {error}", self._secrets)
            self._broken = ModelError(f"The model's library cannot be prepared: {said}")
        self.send(self._prepared(round(time.perf_counter() - began, 3)))
        self._told.set()
        self._loop.run_forever()

    def _prepared(self, seconds: float) -> dict[str, Any]:
        """Return the notice that requests are answered from now on, or why they are not."""
        line: dict[str, Any] = {"imported": self._broken is None, "seconds": seconds}
        line["window"] = self._speaker.context_window if self._speaker is not None else None
        if self._broken is not None:
            line["error"] = str(self._broken)
        if (info := getattr(self._speaker, "info", None)) is not None:
            line["info"] = msgspec.to_builtins(info)
        return line

    def send(self, line: dict[str, Any]) -> None:
        """Write one line whole, and never a key in it."""
        raw = _encode(line)
        if any(secret.encode() in raw for secret in self._secrets):
            raw = _encode(_masked(line, self._secrets))
        raw += b"\n"
        while raw:
            raw = raw[os.write(self._out, raw) :]

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            for line in sys.stdin.buffer:
                self._loop.call_soon_threadsafe(self._take, line)
        # At once: the loop may be stuck in an import or a provider's library.
        os._exit(0)

    def _take(self, raw: bytes) -> None:
        try:
            line = _decode(raw)
        except msgspec.DecodeError:
            return
        number = line.get("id")
        if line.get("op") == "cancel":
            if (task := self._tasks.get(line.get("target", 0))) is not None:
                task.cancel()
        elif isinstance(number, int):
            task = self._loop.create_task(self._answer(number, line))
            self._tasks[number] = task
            task.add_done_callback(lambda _: self._tasks.pop(number, None))

    async def _answer(self, number: int, line: dict[str, Any]) -> None:
        pen = Pen(self, number)
        try:
            if self._config.route.kind == "local":
                # A first word before the notice would come from a model that is still loading.
                await self._told.wait()
            if self._broken is not None:
                raise self._broken
            speaker = self._speaker
            assert speaker is not None, "requests are taken once the import is over"
            messages = msgspec.convert(line.get("messages"), list[Message])
            format = msgspec.convert(line.get("format"), Format | None)
            patience = self._config.options.patience
            asking = retrying(lambda: speaker.reply(messages, format=format), patience)
            async with aclosing(asking) as parts:
                async for part in parts:
                    pen.write(part)
        except asyncio.CancelledError:
            pen.fail(ModelError("The request was cancelled."))
            raise
        except SmoltermError as error:
            pen.fail(error)
        except Exception as error:  # noqa: BLE001 - a request must end, whatever a library raises
            said = clean(f"{type(error).__name__}: {error}", self._secrets)
            pen.fail(ModelError(f"The model host failed: {said}"))


def main() -> None:
    """Say that the process is ready, then import and serve."""
    # Libraries print banners; on fd 1 they would break the protocol.
    out = os.dup(1)
    os.dup2(2, 1)
    config = msgspec.json.decode(sys.argv[1], type=Config)
    host = Host(config, out)
    host.send({"ready": True})
    host.run()


def _load(config: Config, notify: Callable[[dict[str, Any]], None]) -> Speaker:
    """Import what the route needs. The collector would only walk over code that stays."""
    route, options = config.route, config.options
    gc.disable()
    try:
        if route.kind == "replay":
            from smolterm.models.replay import ReplayModel

            return ReplayModel(route.model, config.asked)
        if route.kind == "compatible":
            from smolterm.models.compatible import CompatibleModel

            return CompatibleModel(route, options, os.environ)
        if route.kind == "local":
            from smolterm.models.local import LocalModel

            return LocalModel(route, options, notify)
        from smolterm.models.remote import RemoteModel

        return RemoteModel(route, options, os.environ)
    finally:
        gc.freeze()
        gc.enable()


def _masked(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return mask(value, secrets)
    if isinstance(value, dict):
        return {name: _masked(inner, secrets) for name, inner in value.items()}
    return value


if __name__ == "__main__":
    main()

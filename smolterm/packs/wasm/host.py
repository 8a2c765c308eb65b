"""The process of the wasm packs: `python -P -m smolterm.packs.wasm.host IMAGE CACHE`.

It holds one instance for each pack that was called, each in a thread of its own. It ends with its
standard input, whatever runs just then. See `wire.py` for what it is told.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from smolterm import landlock
from smolterm.packs.notice import PackNotice
from smolterm.packs.wasm.instance import Instance
from smolterm.packs.wasm.wire import Call, Load, Stop, Told

MOST_LINGERING = 16
"""Instances that were stopped and whose threads are still held up, by a server for example."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Host:
    """The packs of one process.

    Args:
        image: the file to make instances from.
        caches: the folder with each pack's cache.
        send: writes one line.
    """

    def __init__(self, image: Path, caches: Path, send: Callable[[dict[str, Any]], None]) -> None:
        self._image = image
        self._caches = caches
        self._send = send
        self._loads: dict[str, Load] = {}
        self._instances: dict[str, Instance] = {}
        self._stopped: list[Instance] = []

    def take(self, line: dict[str, Any]) -> None:
        """Do what one line says."""
        number, op, what = line.get("id"), line.get("op"), line.get("what")
        if op == "load":
            load = msgspec.convert(what, Load)
            self._end(load.pack, "It was loaded anew.")
            self._loads[load.pack] = load
            self._send({"id": number, "end": True})
        elif op == "call":
            self._call(number, msgspec.convert(what, Call))
        elif op == "stop":
            stop = msgspec.convert(what, Stop)
            self._end(stop.pack, stop.text)
            self._send({"id": number, "end": True})

    def _call(self, number: Any, call: Call) -> None:
        def answer(told: Told) -> None:
            self._send({"id": number, "told": told, "end": True})

        load = self._loads.get(call.pack)
        if load is None or call.tool not in load.tools:
            answer(Told(error=f"There is no tool {call.tool!r}."))
            return
        instance = self._instances.get(call.pack)
        if instance is None or not instance.alive:
            instance = Instance(self._image, load, self._notice, self._caches)
            self._instances[call.pack] = instance
        instance.call(call, answer)

    def _end(self, pack: str, text: str) -> None:
        instance = self._instances.pop(pack, None)
        if instance is None:
            return
        instance.stop(text)
        self._stopped = [each for each in self._stopped if each.thread.is_alive()]
        self._stopped.append(instance)
        if len(self._stopped) > MOST_LINGERING:
            # Something holds them that nothing ends. The engine starts this process anew.
            os._exit(3)

    def _notice(self, notice: PackNotice) -> None:
        self._send({"notice": notice})


def main() -> None:
    """Give up the right to run programs, say so, then do what each line says."""
    inlet, outlet = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    # Secrets are in this memory.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if landlock.abi() >= 1:
        landlock.restrict_thread([(os.sep, landlock.ALL & ~landlock.EXECUTE)], network=True)
    guard = threading.Lock()

    def send(line: dict[str, Any]) -> None:
        raw = _encode(line) + b"\n"
        with guard:
            while raw:
                raw = raw[os.write(outlet, raw) :]

    host = Host(Path(sys.argv[1]), Path(sys.argv[2]), send)
    send({"ready": True})
    with contextlib.suppress(OSError), os.fdopen(inlet, "rb") as stream:
        for line in stream:
            host.take(_decode(line))
    # At once: an instance may hang, and nobody is left to stop it.
    os._exit(0)


if __name__ == "__main__":
    main()

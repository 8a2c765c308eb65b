"""One instance of a pack: an engine, a store and a thread of its own, and the one function out.

What runs in it is hostile. It cannot name anything outside of its memory: the world that it was
made for has no folder, no environment and no standard stream, and where WASI would give a socket or
a wait that nobody can end stands a function that ends the instance.
"""

from __future__ import annotations

import base64
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from smolterm.packs.doors import Doors
from smolterm.packs.notice import PackNotice
from smolterm.packs.wasm import image
from smolterm.packs.wasm.code import Kept
from smolterm.packs.wasm.effects import refusal
from smolterm.packs.wasm.wire import (
    MOST_DENIED,
    MOST_LOGGED,
    PROGRESS_SECONDS,
    Call,
    Load,
    Told,
)
from smolterm.policy import Effect

LONGEST_SAID = 2_000
LONGEST_ASKED = 48 * 1024 * 1024
"""Characters that one call of the host may carry: the largest content, as base64."""
TRAPS = {
    "stack exhausted": "ran out of stack", "unreachable": "crashed",
    "out of bounds": "crashed", "exit status": "ended itself",
}  # fmt: skip

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_told = msgspec.json.Decoder(Told).decode


class Stopped(Exception):
    """Raised within the host's function to end the instance that called it."""


class Instance:
    """A pack's instance, alive until it traps or is stopped.

    Args:
        path: the image, verified.
        load: the pack.
        on_notice: told what the pack tells and tries; from the instance's thread.
        caches: the folder with each pack's cache.
    """

    def __init__(
        self, path: Path, load: Load, on_notice: Callable[[PackNotice], None], caches: Path
    ) -> None:
        self._load = load
        self._path = path
        self._caches = caches
        self._on_notice = on_notice
        self._doors = Doors(
            load.grant,
            on_denied=self._denied,
            on_notice=self._notice,
            cache_folder=caches / load.pack,
        )
        self._engine = image.engine()
        self._jobs: queue.SimpleQueue[tuple[Call, Callable[[Told], None]] | None]
        self._jobs = queue.SimpleQueue()
        self._running: tuple[Call, Callable[[Told], None]] | None = None
        self._effect: Effect | None = None
        self._tool = ""
        self._store: Any = None
        self._logged = self._refused = 0
        self._progressed = 0.0
        self._guard = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name=load.pack, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return not self._end.is_set()

    @property
    def thread(self) -> threading.Thread:
        return self._thread

    def call(self, call: Call, answer: Callable[[Told], None]) -> None:
        """Run a call after those before it; `answer` gets its one result, from another thread."""
        self._jobs.put((call, answer))

    def stop(self, text: str) -> None:
        """End the instance at once, whatever it does; the running call is answered with a text."""
        self._end.set()
        self._engine.increment_epoch()
        self._jobs.put(None)
        self._answer(Told(error=text))
        # A request that is on its way fails, and its thread finds that there is nothing left to do.
        with contextlib.suppress(Exception):
            self._doors.close()

    def _work(self) -> None:
        try:
            while self.alive and (job := self._jobs.get()) is not None:
                with self._guard:
                    self._running = job
                self._answer(self._result(job[0]))
        finally:
            self._end.set()
            with contextlib.suppress(Exception):
                self._doors.close()

    def _answer(self, told: Told) -> None:
        """Answer the call that runs, once: whoever comes second finds nothing to answer."""
        with self._guard:
            job, self._running = self._running, None
        if job is not None:
            job[1](told)

    def _result(self, call: Call) -> Told:
        try:
            if self._store is None:
                self._start()
            self._effect = self._load.tools.get(call.tool)
            self._tool = call.tool
            self._logged = self._refused = 0
            request = {"tool": call.tool, "args": call.args, "kwargs": call.kwargs}
            return self._checked(self._enter("run", _encode(request).decode()))
        except Ended as ended:
            return Told(error=f"{call.tool}: {ended}", next="The next call starts the pack anew.")
        except Refused as refused:
            return Told(error=str(refused), next=refused.next, denied=refused.denied)
        except Exception as error:  # noqa: BLE001 - the image is gone, or the memory is full
            self._end.set()
            said = " ".join(str(error).split())[:LONGEST_SAID]
            return Told(error=f"{call.tool}: no instance could be made: {said}",
                        next="Build it again: smolterm setup.")  # fmt: skip

    def _start(self) -> None:
        """Make the instance and import the pack."""
        from wasmtime import Store, WasiConfig
        from wasmtime.component import Component, Linker

        component = Component.deserialize_file(self._engine, str(self._path))
        store = Store(self._engine)
        store.set_wasi(WasiConfig())
        store.set_limits(memory_size=self._load.memory)
        store.set_epoch_deadline(1)
        if not self.alive:
            # Stopped before there was a deadline to pass.
            raise Ended("it was stopped.")
        linker = Linker(self._engine)
        linker.allow_shadowing = True
        linker.add_wasip2()
        with linker.root() as root:
            root.add_func("call", self._called)
            for interface, functions in self._instead().items():
                with root.add_instance(f"wasi:{interface}@{image.WASI}") as instance:
                    for name, function in functions.items():
                        instance.add_func(name, function)
        self._instance = linker.instantiate(store, component)
        self._store = store
        files = {path: base64.b64encode(raw).decode() for path, raw in self._load.files.items()}
        kept = Kept(self._caches, self._path, self._load.files)
        code = kept.read()
        what = {
            "module": self._load.module, "files": files, "code": code, "env": self._load.grant.env,
        }  # fmt: skip
        self._effect, self._tool = None, ""
        told = self._checked(self._enter("load", _encode(what).decode()))
        if isinstance(told.value, msgspec.Raw) and not code:
            kept.write(_decode(told.value))
        if told.error:
            self._end.set()
            raise Refused(f"The pack cannot be imported: {told.error}", told.next, told.denied)

    def _instead(self) -> dict[str, dict[str, Callable[..., Any]]]:
        """Return what stands in the place of WASI's functions that reach out or cannot be ended."""

        def refuse(what: str) -> Callable[..., Any]:
            def refused(store: object, *args: object) -> None:
                self._denied(f"{self._load.pack} tried to {what}, which no pack can.")
                raise Stopped(f"it tried to {what}")

            return refused

        def wait(store: object, *args: object) -> None:
            raise Stopped("it tried to wait in a way that cannot be ended")

        socket = refuse("open a socket")
        return {
            "sockets/instance-network": {"instance-network": refuse("reach the network")},
            "sockets/tcp-create-socket": {"create-tcp-socket": socket},
            "sockets/udp-create-socket": {"create-udp-socket": socket},
            "clocks/monotonic-clock": {
                "now": lambda store: time.monotonic_ns(), "resolution": lambda store: 1,
                "subscribe-instant": wait, "subscribe-duration": wait,
            },
        }  # fmt: skip

    def _enter(self, name: str, payload: str) -> str:
        """Run one of the instance's two functions.

        Raises:
            Ended: it trapped, or was stopped; there is no instance any more.
        """
        from wasmtime import Trap, WasmtimeError

        try:
            function = self._instance.get_func(self._store, name)
            if function is None:
                raise Ended("its image lacks a function")
            text = function(self._store, payload)
            function.post_return(self._store)
        except Stopped as stopped:
            self._end.set()
            raise Ended(f"it was ended, for {stopped}.") from None
        except (Trap, WasmtimeError, UnicodeDecodeError, MemoryError) as error:
            self._end.set()
            said = str(error)
            why = next((why for what, why in TRAPS.items() if what in said), "was ended")
            raise Ended(f"it {why}.") from None
        return str(text)

    def _checked(self, text: str) -> Told:
        """Return what an instance answered, which may be anything."""
        if len(text) > self._load.result:
            return Told(error=f"The result has {len(text)} bytes, more than {self._load.result}.",
                        next="Ask for less at once.")  # fmt: skip
        try:
            told = _told(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return Told(error="It answered with what is no result.")
        mask = self._doors.mask
        if not told.error:
            try:
                # Encoded here, where a number that no line can hold ends this call alone.
                return Told(value=msgspec.Raw(_encode(mask(told.value))))
            except (msgspec.MsgspecError, RecursionError, OverflowError, ValueError):
                return Told(error="It answered with what is no result.")
        return Told(error=str(mask(told.error))[:LONGEST_SAID],
                    next=str(mask(told.next))[:LONGEST_SAID], denied=told.denied)  # fmt: skip

    def _called(self, store: object, op: str, payload: str) -> str:
        """Answer the one function that joins an instance to the world."""
        if not self.alive:
            raise Stopped("it was stopped")
        answer = self._asked(op, payload)
        if not self.alive:
            raise Stopped("it was stopped")
        return _encode(answer).decode()

    def _asked(self, op: str, payload: str) -> Any:
        why = refusal(op, self._effect, self._tool)
        if why is not None:
            text = f"{self._load.pack} {why}."
            self._denied(text)
            return {"error": text, "next": "", "denied": True}
        if len(payload) > LONGEST_ASKED:
            return {"error": f"{op}: {len(payload)} characters are too many.", "next": ""}
        try:
            asked = _decode(payload)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return {"error": f"{op}: the payload is no JSON.", "next": ""}
        if op == "sleep":
            return self._sleep(asked)
        if op == "denied":
            said = asked.get("text") if isinstance(asked, dict) else None
            self._denied(f"{self._load.pack} {str(self._doors.mask(str(said)))[:300]}.")
            return {}
        return self._doors.call(op, asked)

    def _sleep(self, asked: object) -> dict[str, object]:
        seconds = asked.get("seconds") if isinstance(asked, dict) else None
        if isinstance(seconds, int | float) and 0 < seconds < threading.TIMEOUT_MAX:
            self._end.wait(seconds)
        return {}

    def _notice(self, notice: PackNotice) -> None:
        """Pass on what a pack tells, as much as a person can read."""
        if notice.kind == "log":
            self._logged += 1
            if self._logged > MOST_LOGGED:
                return
            if self._logged == MOST_LOGGED:
                notice = msgspec.structs.replace(notice, text="(more lines are left out)")
        elif notice.kind == "progress":
            now = time.monotonic()
            if now - self._progressed < PROGRESS_SECONDS:
                return
            self._progressed = now
        self._tell(msgspec.structs.replace(notice, tool=self._tool))

    def _denied(self, text: str) -> None:
        self._refused += 1
        if self._refused <= MOST_DENIED:
            self._tell(PackNotice(pack=self._load.pack, kind="denied", text=text, tool=self._tool))

    def _tell(self, notice: PackNotice) -> None:
        if self.alive:
            self._on_notice(notice)


class Ended(Exception):
    """There is no instance any more; says why, as the end of a sentence."""


class Refused(Exception):
    """The pack could not be made ready."""

    def __init__(self, text: str, next: str, denied: bool) -> None:
        super().__init__(text)
        self.next = next
        self.denied = denied

"""One process of the sandbox: started, asked between cells, told of its states."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

import msgspec

from smolterm.child import Child
from smolterm.errors import ChildError, ChildProtocolError, SandboxDied, SandboxError
from smolterm.sandbox.assets import Assets
from smolterm.sandbox.journal import MOST_STATE
from smolterm.sandbox.running import RunningCell
from smolterm.sandbox.wall import Caps, command, confine, environment, limit
from smolterm.sandbox.watchdog import Watchdog

START_SECONDS = 60.0
ASK_SECONDS = 60.0
IDLE_EVERY = 1.0
"""Seconds between two looks at a process that runs no cell."""
IDLE_CPU_SECONDS = 10.0
"""Of the processor, for what a cell left behind and for keeping its state."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the interpreter starts."""

    checkpoints: bool = False
    """Keep the state between cells."""
    seed: str | None = None
    """Repeat `random`, `os.urandom` and what is built on them."""
    clock: float | None = None
    """Seconds since 1970 where a clock starts that counts its readings instead of time."""

    def wire(self) -> dict[str, Any]:
        found: dict[str, Any] = {"checkpoints": self.checkpoints}
        if self.seed is not None:
            found["seed"] = self.seed
        if self.clock is not None:
            found["clock"] = self.clock * 1000
        return found


class Interpreter:
    """A running process; made by `start`."""

    def __init__(self, child: Child, pid: int, caps: Caps, *, keeps: bool) -> None:
        self.child = child
        self.kept: list[tuple[str, bytes]] = []
        """What it said of its states while it was a spare, which the later ones build on."""
        self._left = "Its newest kept state comes back when it starts again." if keeps else ""
        self._running: RunningCell | None = None
        self._watchdog = Watchdog(
            pid, memory_bytes=caps.resident_bytes, on_memory=self._full, on_cpu=self._busy
        )

    @classmethod
    async def start(
        cls,
        assets: Assets,
        options: Options,
        caps: Caps,
        on_kept: Callable[[Interpreter, str, bytes], None],
    ) -> Interpreter:
        """Start a process and return when it takes cells.

        Args:
            on_kept: told of each state that the process keeps: what it is, and its bytes.

        Raises:
            SandboxError: it does not start.
        """
        if sys.platform == "win32":
            raise SandboxError("The sandbox needs unix sockets.", next="Use WSL on Windows.")
        made: list[Interpreter] = []

        def notice(line: dict[str, Any]) -> None:
            about, raw = line.get("kept"), line.get("raw")
            if made and isinstance(about, str) and isinstance(raw, bytes):
                try:
                    on_kept(made[0], about, raw)
                except ChildProtocolError:
                    made[0].child.kill()

        try:
            child = await Child.start(
                "sandbox",
                lambda socket: command(assets, socket, caps, options=options.wire()),
                env=environment(assets),
                confine=lambda socket: confine(assets, socket),
                ready_timeout=START_SECONDS,
                on_notice=notice,
                max_raw=MOST_STATE,
            )
        except (ChildError, OSError) as error:
            raise SandboxError(
                f"The sandbox did not start: {error}",
                kept="Nothing ran.",
                next="Run `smolterm doctor`, or `smolterm setup --again` to fetch it anew.",
            ) from error
        pid = limit(child.pid, caps)
        made.append(cls(child, pid, caps, keeps=options.checkpoints))
        return made[0]

    @property
    def alive(self) -> bool:
        return self.child.alive

    async def ask(
        self,
        name: str,
        args: Mapping[str, Any] | None = None,
        raw: bytes = b"",
        *,
        seconds: float = ASK_SECONDS,
    ) -> tuple[dict[str, Any], bytes]:
        """Have something done between two cells; returns what it gave, and its bytes.

        Args:
            seconds: after which the process is ended: what runs there may have been tampered with.

        Raises:
            SandboxDied: the process is gone.
            SandboxError: it could not be done.
        """
        self.unwatch()
        message = {"op": "do", "name": name, "args": json.dumps(args or {})}
        last: dict[str, Any] = {}
        try:
            async with (
                asyncio.timeout(seconds),
                aclosing(self.child.request(message, raw)) as lines,
            ):
                async for line in lines:
                    last = line
        except ChildError as error:
            raise self._died(f"The sandbox died: {error}") from error
        except TimeoutError:
            self.child.kill()
            raise self._died(
                f"The sandbox did not do '{name}' within {seconds:g} s; its process was ended."
            ) from None
        try:
            did = msgspec.json.decode(last.get("did") or "{}", type=dict[str, Any])
        except (msgspec.DecodeError, TypeError, RecursionError):
            did = {"error": "its answer cannot be read"}
        if "error" in did:
            raise SandboxError(f"The sandbox could not do '{name}': {str(did['error'])[:500]}.")
        back = last.get("raw")
        return did, back if isinstance(back, bytes) else b""

    def _died(self, what: str) -> SandboxDied:
        return SandboxDied(what, kept=self._left, next="It starts anew with the next step.")

    def watch(self, running: RunningCell) -> None:
        """Watch what a cell takes, until `unwatch`."""
        self._running = running
        self._watchdog.start(running.limits.cpu_seconds)

    def unwatch(self) -> None:
        """Watch from further away what goes on between two cells."""
        self._running = None
        self._watchdog.start(IDLE_CPU_SECONDS, every=IDLE_EVERY)

    def _full(self, held: int) -> None:
        # Python's own limit did not hold: it will not end this by itself.
        if self._running is not None:
            self._running.kill("memory")
        else:
            self.child.kill()

    def _busy(self, seconds: float) -> None:
        if self._running is not None:
            self._running.stop_soon("cpu")
        else:
            self.child.kill()

    def keep(self, about: str, raw: bytes) -> None:
        """Hold a state until somebody takes cells from this process.

        Raises:
            ChildProtocolError: these are more bytes than a state may have.
        """
        if sum(len(held) for _, held in self.kept) + len(raw) > MOST_STATE:
            raise ChildProtocolError("The sandbox keeps more than a state before its first cell.")
        self.kept.append((about, raw))

    async def close(self) -> None:
        self._watchdog.close()
        await self.child.close(grace=0)

"""A page's process, from its start to the end of everything that it started."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from smolterm.printable import printable
from smolterm.serving.wire import DATA, MOST_PACKET, READY

PATIENCE = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0))
"""What a process is sent that has not ended of itself so many seconds after its input did."""
MOST_WORDS = 16 << 10
"""Bytes of its last words that are kept."""
MOST_LINES, LONGEST_LINE = 20, 500

# They say which terminal the server was started on, which is not the page's.
_TERMINAL = (
    "COLORFGBG", "ITERM_SESSION_ID", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "LC_TERMINAL", "LINES",
    "STY", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "TMUX", "TMUX_PANE", "VTE_VERSION", "WINDOWID",
    "WT_SESSION",
)  # fmt: skip

Send = Callable[[bytes], Awaitable[None]]


def environment(
    size: tuple[int, int], *, light: bool, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a page's process: the person's own, with the page as terminal."""
    columns, rows = size
    kept = {name: value for name, value in environ.items() if name not in _TERMINAL}
    return kept | {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "COLORFGBG": "0;15" if light else "15;0",
        "COLUMNS": str(columns),
        "ROWS": str(rows),
        "TEXTUAL_COLOR_SYSTEM": "truecolor",
        "TEXTUAL_DRIVER": "smolterm.tui.driver:Driver",
    }


class Screen:
    """One page's process.

    Args:
        command: what is run, each word as it is: no shell reads it.
        patience: see `PATIENCE`.
    """

    def __init__(
        self, command: Sequence[str], patience: Sequence[tuple[signal.Signals, float]] = PATIENCE
    ) -> None:
        self._command, self._patience = command, patience
        self._process: Process | None = None
        self._words = bytearray()
        self._ending: asyncio.Task[None] | None = None

    async def start(self, size: tuple[int, int], *, light: bool) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True,
            env=environment(size, light=light, environ=os.environ),
        )  # fmt: skip

    async def take(self, data: bytes) -> None:
        """Hand a packet over; dropped where nobody takes it any more."""
        assert self._process is not None and self._process.stdin is not None
        with suppress(ConnectionError, RuntimeError):
            self._process.stdin.write(data)
            await self._process.stdin.drain()

    async def show(self, send: Send) -> None:
        """Send all that it draws, until it has ended; one that speaks out of turn is not heard."""
        assert self._process is not None and self._process.stdout is not None
        listening = asyncio.create_task(self._listen())
        try:
            await self._draw(self._process.stdout, send)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            # Whatever it still writes has somewhere to go, or it could not end.
            draining = asyncio.create_task(_drain(self._process.stdout))
            await self.end()
            await asyncio.gather(listening, draining)

    def last_words(self) -> list[str]:
        """Return what it said for a person to read, fit for a terminal."""
        text = printable(self._words.decode("utf-8", "replace"))
        lines = [line.rstrip()[:LONGEST_LINE] for line in text.splitlines() if line.strip()]
        return lines[-MOST_LINES:]

    async def end(self) -> None:
        """End it and all that it started; called again, wait for that."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        await asyncio.shield(self._ending)

    async def _draw(self, stdout: asyncio.StreamReader, send: Send) -> None:
        await stdout.readuntil(READY)
        while True:
            kind, size = await stdout.readexactly(1), await stdout.readexactly(4)
            count = int.from_bytes(size, "big")
            if count > MOST_PACKET:
                return
            data = await stdout.readexactly(count)
            if kind == DATA:
                await send(data)

    async def _listen(self) -> None:
        assert self._process is not None and self._process.stderr is not None
        while data := await self._process.stderr.read(1 << 12):
            self._words += data
            del self._words[:-MOST_WORDS]

    async def _end(self) -> None:
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        for number, seconds in self._patience:
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), seconds)
                break
            # Its children are in sessions of their own, and end when their parent does.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        await process.wait()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(1 << 16):
        pass

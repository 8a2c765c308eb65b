"""A child process that speaks JSON lines: ready line, requests and streamed replies, kill.

Every process that is heavy or untrusted is reached through this. What a child sends is hostile
input: lines have a maximum length, must be JSON objects, and answer only requests that are open.

A request is an object with an `id`. Every line that answers it carries the same `id`; the last one
has `"end": true`. A line without `id` is a notice, handed to `on_notice`.

A line with `"raw": n` is followed by n bytes; whoever gets the line finds them in `"raw"`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from smolterm.errors import ChildDied, ChildProtocolError
from smolterm.spawn import (
    SOCKET,
    accept,
    ended_on_error,
    exited,
    kill_and_read,
    kill_group,
    spawn,
    sweep,
    telling_line,
)

STDERR_KEPT = 16_384
MOST_WAITING = 64 * 1024 * 1024
"""Bytes that the child sent and nobody took yet; then it is not read any further."""
LINE_COST = MOST_WAITING // 256
"""Counted for each line beside its bytes, so that many short ones are held up too."""
SENT_TOGETHER = 65_536
"""Bytes; copying more to a line costs more than a second write."""
LONGEST_PLACE = 72
"""Bytes; a unix socket's path may have 104 of them on some systems."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Child:
    """One running child; made by `start`.

    Attributes:
        ready: the child's first line.
    """

    def __init__(
        self,
        name: str,
        process: subprocess.Popen[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_notice: Callable[[dict[str, Any]], None] | None,
        max_raw: int = 0,
    ) -> None:
        self.name = name
        self._max_raw = max_raw
        self.ready: dict[str, Any] = {}
        self._process = process
        self._reader = reader
        self._writer = writer
        self._on_notice = on_notice
        self._open: dict[int, asyncio.Queue[tuple[dict[str, Any] | None, int]]] = {}
        self._waiting = 0
        self._room = asyncio.Event()
        self._last_id = 0
        self._failure: ChildProtocolError | None = None
        self._ended = asyncio.Event()
        self._stderr = bytearray()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self._killed = False

    @classmethod
    async def start(
        cls,
        name: str,
        argv: Sequence[str] | Callable[[str], Sequence[str]],
        *,
        env: Mapping[str, str],
        ready_timeout: float = 60.0,
        max_line: int = 64 * 1024 * 1024,
        max_raw: int = 0,
        on_notice: Callable[[dict[str, Any]], None] | None = None,
        confine: Callable[[str], Callable[[], None] | None] | None = None,
        process: subprocess.Popen[bytes] | None = None,
    ) -> Child:
        """Start a child and wait for its ready line, an object with `"ready": true`.

        Args:
            name: how messages call it.
            argv: the command. A function gets the path of a private unix socket and the protocol
                then runs over that, with the child's stdin and stdout closed; a list means
                the protocol runs over stdin and stdout.
            ready_timeout: seconds.
            max_line: bytes; a longer line ends the child.
            max_raw: bytes that may follow a line; more end the child.
            confine: gets the socket's path, gives what takes rights from the child; see `spawn`.
            process: the command, when it was spawned before with its three streams on pipes.

        Raises:
            ChildDied: it ended, or was not ready in time.
            ChildProtocolError: its first line is not a ready line.
            OSError: the command cannot be started.
        """
        if callable(argv):
            child = await cls._start_on_socket(name, argv, env, max_line, max_raw, on_notice,
                                               confine, ready_timeout)  # fmt: skip
        else:
            if process is None:
                process = spawn(argv, env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            with ended_on_error(process):
                child = await cls._start_on_pipes(name, process, max_line, on_notice)
        try:
            async with asyncio.timeout(ready_timeout):
                read = await child._read_line()
        except TimeoutError:
            await child.close(grace=0)
            raise ChildDied(f"The {name} was not ready after {ready_timeout:.0f} s.") from None
        except BaseException:
            await child.close(grace=0)
            raise
        line = read[0] if read is not None else {}
        if line.get("ready") is not True:
            await child.close(grace=1 if read is None else 0)
            if read is None:
                raise ChildDied(f"The {name} ended while starting{child.last_words()}.")
            raise ChildProtocolError(f"The {name} sent {str(line)[:200]} instead of a ready line.")
        child.ready = line
        child._tasks.append(asyncio.create_task(child._pump(), name=f"{name} reader"))
        return child

    @classmethod
    async def _start_on_pipes(
        cls,
        name: str,
        process: subprocess.Popen[bytes],
        max_line: int,
        on_notice: Callable[[dict[str, Any]], None] | None,
    ) -> Child:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=max_line)
        protocol = asyncio.StreamReaderProtocol(reader)
        await loop.connect_read_pipe(lambda: protocol, process.stdout)
        transport, flow = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, process.stdin
        )
        writer = asyncio.StreamWriter(transport, flow, None, loop)
        child = cls(name, process, reader, writer, on_notice)
        await child._watch_stderr()
        return child

    @classmethod
    async def _start_on_socket(
        cls,
        name: str,
        argv: Callable[[str], Sequence[str]],
        env: Mapping[str, str],
        max_line: int,
        max_raw: int,
        on_notice: Callable[[dict[str, Any]], None] | None,
        confine: Callable[[str], Callable[[], None] | None] | None,
        ready_timeout: float,
    ) -> Child:
        # The folder is readable by its owner alone, and gone once the one connection is made.
        prefix = f"smolterm-{os.getpid()}-"
        with tempfile.TemporaryDirectory(prefix=prefix, dir=_place_for_socket()) as folder:
            path = str(Path(folder) / SOCKET)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
                listener.bind(path)
                listener.listen(1)
                listener.setblocking(False)
                # Not the folder that the person stands in: its name is nobody's business inside.
                process = spawn(argv(path), env, confine(path) if confine else None, cwd="/",
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # fmt: skip
                try:
                    connection = await accept(listener, process, ready_timeout)
                except BaseException as error:
                    words = kill_and_read(process)
                    if isinstance(error, TimeoutError):
                        raise ChildDied(f"The {name} did not connect in time{words}.") from None
                    if isinstance(error, EOFError):
                        raise ChildDied(f"The {name} ended while starting{words}.") from None
                    raise
        with ended_on_error(process):
            reader, writer = await asyncio.open_unix_connection(sock=connection, limit=max_line)
            child = cls(name, process, reader, writer, on_notice, max_raw)
            await child._watch_stderr()
        _sweep_once(str(Path(folder).parent))
        return child

    @property
    def alive(self) -> bool:
        """The process runs and its channel is open."""
        return not self._killed and not self._ended.is_set() and self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ended(self) -> None:
        """Return when the process has ended, or its channel."""
        await self._ended.wait()

    async def send(self, message: Mapping[str, Any], raw: bytes = b"") -> None:
        """Send one line, and after it the raw bytes.

        Raises:
            ChildDied, ChildProtocolError: nobody reads it.
        """
        if self._ended.is_set() or self._writer.is_closing():
            raise self.death()
        try:
            if raw:
                line = _encode({**message, "raw": len(raw)}) + b"\n"
                if len(raw) <= SENT_TOGETHER:
                    # One system call instead of two, and one chunk for whoever reads.
                    self._writer.write(line + raw)
                else:
                    self._writer.write(line)
                    self._writer.write(raw)
            else:
                self._writer.write(_encode(message) + b"\n")
            await self._writer.drain()
        except (ConnectionError, BrokenPipeError, RuntimeError):
            raise self.death() from None

    async def request(
        self, message: Mapping[str, Any], raw: bytes = b""
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Send a request and yield its lines, the one with `end` included.

        Raises:
            ChildDied: the process ended first.
            ChildProtocolError: it sent something else than the protocol.
        """
        number = self.next_id()
        lines: asyncio.Queue[tuple[dict[str, Any] | None, int]] = asyncio.Queue()
        self._open[number] = lines
        try:
            await self.send({**message, "id": number}, raw)
            while True:
                if self._ended.is_set() and lines.empty():
                    raise self.death()
                line, cost = await lines.get()
                self._took(cost)
                if line is None:
                    continue
                yield line
                if line.get("end") is True:
                    return
        finally:
            self._open.pop(number, None)
            # The reader may be waiting for room.
            while not lines.empty():
                self._took(lines.get_nowait()[1])

    def _took(self, cost: int) -> None:
        self._waiting -= cost
        self._room.set()

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    @property
    def last_id(self) -> int:
        """The id of the newest request."""
        return self._last_id

    def death(self) -> ChildDied | ChildProtocolError:
        """Return the error that says how the child ended."""
        if self._failure is not None:
            return self._failure
        return ChildDied(f"The {self.name} {self.how_it_ended()}{self.last_words()}.")

    def how_it_ended(self) -> str:
        code = self._process.poll()
        if code is None:
            return "closed its channel"
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"was ended by {signal.Signals(-code).name}"
        return f"ended with status {code}"

    def last_words(self) -> str:
        """Return the telling line of stderr, made printable, as ` (...)`."""
        return telling_line(bytes(self._stderr))

    def kill(self) -> None:
        """End the process and everything it started, at once."""
        self._killed = True
        kill_group(self._process)

    async def close(self, grace: float = 1.0) -> None:
        """Close the channel, wait `grace` seconds for the process to end, then kill it."""
        self._closing = True
        with contextlib.suppress(OSError, RuntimeError):
            self._writer.close()
        try:
            if grace > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(exited(self._process), grace)
        finally:
            self.kill()
            for task in self._tasks:
                task.cancel()
            # Runs to the end even when this task is cancelled too: no zombie is left.
            await asyncio.shield(exited(self._process))
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._end()

    def _end(self) -> None:
        self._ended.set()
        for lines in self._open.values():
            lines.put_nowait((None, 0))

    async def _watch_stderr(self) -> None:
        reader = asyncio.StreamReader()
        assert self._process.stderr is not None
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self._process.stderr
        )

        async def keep() -> None:
            while chunk := await reader.read(4096):
                self._stderr += chunk
                del self._stderr[:-STDERR_KEPT]

        self._tasks.append(asyncio.create_task(keep(), name=f"{self.name} stderr"))

    async def _read_line(self) -> tuple[dict[str, Any], int] | None:
        """Return the next line and what it costs to hold, or None at the end.

        Raises:
            ChildProtocolError: it is too long or no JSON object.
        """
        try:
            raw = await self._reader.readline()
        except ValueError:
            raise ChildProtocolError(f"The {self.name} sent a line that is too long.") from None
        except ConnectionError:
            return None
        if not raw.endswith(b"\n"):
            return None
        try:
            line = _decode(raw)
        except (msgspec.DecodeError, RecursionError):
            shown = raw[:80].decode(errors="backslashreplace")
            raise ChildProtocolError(
                f"The {self.name} sent {shown!r}, not a JSON object."
            ) from None
        cost = LINE_COST + len(raw)
        if "raw" in line:
            line["raw"] = await self._read_raw(line["raw"])
            cost += len(line["raw"])
        return line, cost

    async def _read_raw(self, size: object) -> bytes:
        if type(size) is not int or not 0 <= size <= self._max_raw:
            raise ChildProtocolError(f"The {self.name} announced {ascii(size)[:40]} raw bytes.")
        try:
            return await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise ChildProtocolError(f"The {self.name} sent fewer bytes than it said.") from None

    async def _pump(self) -> None:
        try:
            while (read := await self._read_line()) is not None:
                line, cost = read
                number = line.get("id")
                if number is None:
                    if self._on_notice is not None:
                        self._on_notice(line)
                elif type(number) is int and number in self._open:
                    while self._waiting and self._waiting + cost > MOST_WAITING:
                        self._room.clear()
                        await self._room.wait()
                    if (lines := self._open.get(number)) is not None:
                        self._waiting += cost
                        lines.put_nowait((line, cost))
                # Anything else is out of step: late, or invented. Drop it.
        except ChildProtocolError as error:
            self._failure = error
            self.kill()
        finally:
            if not self._closing:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(exited(self._process), 0.5)
            self._end()


_sweep_once = cache(sweep)


def _place_for_socket() -> str | None:
    """Return the folder for sockets where the temporary one's path leaves no room for a name."""
    return None if len(os.fsencode(tempfile.gettempdir())) <= LONGEST_PLACE else "/tmp"  # noqa: S108

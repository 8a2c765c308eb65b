"""One command: started, read, and ended with everything that it started."""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

KEPT = 100_000
"""Bytes of the start and of the end of each stream."""
CALL = "SMOLTERM_CALL"
"""The variable that marks a call's processes."""
GATE = 'read go && exec /bin/sh -c "$1" < "$2"'
"""It waits until somebody watches over it, and ends with the one who would have said so."""
KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER")


class Kept:
    """The start and the end of a stream."""

    def __init__(self) -> None:
        self._start = b""
        self._end = b""
        self._size = 0

    def add(self, raw: bytes) -> None:
        self._size += len(raw)
        room = KEPT - len(self._start)
        self._start += raw[:room]
        self._end = (self._end + raw[max(room, 0) :])[-KEPT:]

    @property
    def cut(self) -> bool:
        """Tell whether something between them is missing."""
        return self._size > 2 * KEPT

    @property
    def text(self) -> str:
        gone = self._size - len(self._start) - len(self._end)
        between = f"\n[{gone} bytes left out]\n".encode() if gone else b""
        return (self._start + between + self._end).decode(errors="replace")


def run(command: str, folder: Path, seconds: float, given: bytes) -> dict[str, object]:
    """Return what `run_command` returns."""
    call = secrets.token_hex(16)
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    with tempfile.NamedTemporaryFile() as stdin:
        stdin.write(given)
        stdin.flush()
        process = subprocess.Popen(
            ["/bin/sh", "-c", GATE, "sh", command, stdin.name], cwd=folder, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment | {CALL: call},
            start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None and process.stderr is not None
        kept = {process.stdout: Kept(), process.stderr: Kept()}
        try:
            with _watched(process.pid):
                with process.stdin:
                    process.stdin.write(b"go\n")
                timed_out = not _read(process, kept, time.monotonic() + seconds)
        finally:
            _end(process, call)
    output, errors = kept.values()
    return {
        "code": process.returncode,
        "output": output.text,
        "errors": errors.text,
        "timed_out": timed_out,
        "cut": output.cut or errors.cut,
    }


def _read(process: subprocess.Popen[bytes], kept: dict[IO[bytes], Kept], deadline: float) -> bool:
    """Read until the command has ended; False when its time is over before."""
    with selectors.DefaultSelector() as waiting:
        for stream in kept:
            os.set_blocking(stream.fileno(), False)
            waiting.register(stream, selectors.EVENT_READ)
        while waiting.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            # What it left running may hold the streams for ever: its own end is looked for too.
            for key, _ in waiting.select(min(left, 0.1)):
                _take(key, waiting, kept)
            if process.poll() is not None:
                for stream in kept:
                    _drain(stream, kept[stream])
                return True
        try:
            process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            return False
    return True


def _take(
    key: selectors.SelectorKey, waiting: selectors.BaseSelector, kept: dict[IO[bytes], Kept]
) -> None:
    stream: IO[bytes] = key.fileobj  # type: ignore[assignment]
    raw = os.read(key.fd, 65_536)
    if raw:
        kept[stream].add(raw)
    else:
        waiting.unregister(stream)


def _drain(stream: IO[bytes], kept: Kept) -> None:
    """Take what is there; another process may write on, so no more than a pipe holds."""
    with contextlib.suppress(BlockingIOError):
        for _ in range(32):
            raw = os.read(stream.fileno(), 65_536)
            if not raw:
                return
            kept.add(raw)


@contextmanager
def _watched(group: int) -> Iterator[None]:
    """Let another process end the command if this one is killed meanwhile."""
    watcher = subprocess.Popen(
        ["/bin/sh", "-c", 'read line; kill -s KILL -- "-$1"', "watch", str(group)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield
    finally:
        watcher.kill()
        watcher.wait()
        if watcher.stdin is not None:
            watcher.stdin.close()


def _end(process: subprocess.Popen[bytes], call: str) -> None:
    """Kill the command's group, and what left the group for a session of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    mark = f"{CALL}={call}".encode()
    for _ in range(5):
        found = list(_marked(mark))
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            break
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _marked(mark: bytes) -> Iterator[int]:
    """Find the processes that inherited a call's mark; only Linux shows it."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            environment = (place / "environ").read_bytes()
        except OSError:
            continue
        if mark in environment.split(b"\0"):
            yield int(place.name)

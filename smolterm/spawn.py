"""Processes: how they are started, waited for and ended with everything they started."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio

SOCKET_FOLDER = re.compile(r"smolterm-(\d{1,9})-\w{8}")
"""The process that made it, then what makes it unlike others."""
SOCKET = "s"
STALE_SECONDS = 600
"""Of age: until then its process may be one that cannot be seen from here."""

# Enough for an interpreter to run and for a person's locale and proxies; no secrets.
PLAIN_ENVIRONMENT = (
    "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SYSTEMROOT", "TEMP", "TMP",
    "TMPDIR", "TZ", "USER", "VIRTUAL_ENV",
)  # fmt: skip


def plain_environment(**more: str) -> dict[str, str]:
    """Return this process's environment without anything that could be a secret."""
    kept = {name: os.environ[name] for name in PLAIN_ENVIRONMENT if name in os.environ}
    return kept | more


def spawn(
    argv: Sequence[str],
    env: Mapping[str, str],
    confine: Callable[[], None] | None = None,
    *,
    stdin: int,
    stdout: int,
    cwd: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process with three streams of its own, in a session of its own.

    Args:
        cwd: its current folder, this process's own when None.
        confine: takes rights from the thread that calls it, for good; the process inherits that.

    Raises:
        OSError: it cannot be started, or not be confined.
    """

    def start() -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C in the terminal reaches the engine alone, which passes it on.
        return subprocess.Popen(
            list(argv),
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=dict(env),
            cwd=cwd,
            start_new_session=sys.platform != "win32",
        )

    # Not between fork and exec, where Python code can hang in a process with threads and which
    # takes the slow way to fork: a thread that is thrown away gives up its rights instead.
    return start() if confine is None else _in_own_thread(confine, start)


def _in_own_thread(
    confine: Callable[[], None], start: Callable[[], subprocess.Popen[bytes]]
) -> subprocess.Popen[bytes]:
    import threading

    started: list[subprocess.Popen[bytes] | BaseException] = []

    def work() -> None:
        try:
            confine()
            started.append(start())
        except BaseException as failure:  # noqa: BLE001  raised again where it was asked for
            started.append(failure)

    thread = threading.Thread(target=work, name="spawn", daemon=True)
    thread.start()
    thread.join()
    if isinstance(started[0], BaseException):
        raise started[0]
    return started[0]


async def accept(
    listener: socket.socket, process: subprocess.Popen[bytes], seconds: float
) -> socket.socket:
    """Accept the one connection; EOFError when the process ends before it."""
    import asyncio  # here: whoever only spawns need not wait for it

    loop = asyncio.get_running_loop()
    accepting: asyncio.Future[socket.socket] = loop.create_future()

    def take() -> None:
        # Not `loop.sock_accept`: cancelled just as somebody connects, it complains on stderr.
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            if not accepting.done():
                accepting.set_exception(error)
            return
        if accepting.done():
            connection.close()
        else:
            accepting.set_result(connection)

    listener.setblocking(False)
    loop.add_reader(listener, take)
    ending = asyncio.ensure_future(exited(process))
    try:
        both: set[asyncio.Future[Any]] = {accepting, ending}
        done, _ = await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if accepting in done:
            connection = accepting.result()
            connection.setblocking(False)
            return connection
        raise EOFError if ending in done else TimeoutError
    except asyncio.CancelledError:
        if accepting.done() and not accepting.cancelled() and accepting.exception() is None:
            accepting.result().close()
        raise
    finally:
        loop.remove_reader(listener)
        accepting.cancel()
        ending.cancel()
        await asyncio.gather(accepting, ending, return_exceptions=True)


def sweep(place: str) -> None:
    """Remove the folders of sockets whose process was killed before its child had connected.

    Only our own user's, by a handle that follows no link, and only if nothing else is inside.
    """
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            found = SOCKET_FOLDER.fullmatch(entry.name)
            if found is not None and not _lives(int(found[1])):
                with contextlib.suppress(OSError):
                    _remove_socket_folder(entry.path)


def _remove_socket_folder(path: str) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        seen = os.fstat(folder)
        if seen.st_uid != os.geteuid() or time.time() - seen.st_mtime < STALE_SECONDS:
            return
        if os.listdir(folder) not in ([], [SOCKET]):  # noqa: PTH208  a descriptor
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(SOCKET, dir_fd=folder)
    finally:
        os.close(folder)
    # It fails where a link, or another folder that holds something, took its place meanwhile.
    os.rmdir(path)  # noqa: PTH106


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


async def exited(process: subprocess.Popen[bytes]) -> None:
    """Return when the process has ended; event-driven where the system can (pidfd)."""
    import asyncio

    if process.poll() is not None:
        return
    if hasattr(os, "pidfd_open"):
        try:
            fd = os.pidfd_open(process.pid)
        except OSError:
            fd = -1
        if fd >= 0:
            loop = asyncio.get_running_loop()
            done: asyncio.Future[None] = loop.create_future()
            loop.add_reader(fd, _resolve, done)
            try:
                await done
            finally:
                loop.remove_reader(fd)
                os.close(fd)
            process.wait()
            return
    # Systems without a pidfd have no event to wait for that other code cannot take away.
    while process.poll() is None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and everything it started, also when it has ended itself already."""
    if process.poll() is not None:
        _kill_orphans(process.pid)
        return
    try:
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        process.kill()


def _kill_orphans(group: int) -> None:
    """End what is left of a group whose leader is gone.

    The number stays taken while the group has a member, so a process that bears it shows that the
    group is gone and the number somebody else's by now.
    """
    if sys.platform == "win32":
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(group, 0)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


@contextlib.contextmanager
def ended_on_error(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let no process outlive a failed or cancelled start."""
    try:
        yield
    except BaseException:
        kill_group(process)
        process.wait()
        raise


def kill_and_read(process: subprocess.Popen[bytes]) -> str:
    kill_group(process)
    _, errors = process.communicate()
    return telling_line(errors)


def telling_line(errors: bytes) -> str:
    lines = errors.decode(errors="replace").strip().splitlines()
    if not lines:
        return ""
    # Deno names the error first and the stack after it, Python the other way round.
    words = [line for line in lines if not line.startswith("note: ")] or lines
    told = next((line for line in reversed(words) if "rror: " in line), words[-1])
    return " (" + "".join(c if c.isprintable() else "?" for c in told)[:300] + ")"

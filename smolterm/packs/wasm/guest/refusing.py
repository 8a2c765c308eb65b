"""Naming what a pack tries that it cannot do here; what is refused would fail all the same.

There is no file, socket, environment or process in an instance, so nothing below is the wall. It
turns an obscure failure into a sentence, and tells the person who tried what. Code that goes around
it is met by the host, which has no socket to give and ends the instance that asks for one.
"""

from __future__ import annotations

import io
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from smolterm.packs.wasm.guest.importing import finders

Tell = Callable[[str], None]

PROCESSES = (
    "_spawnvef", "abort", "execl", "execle", "execlp", "execlpe", "execv", "execve", "execvp",
    "execvpe", "fork", "forkpty", "kill", "killpg", "popen", "posix_spawn", "posix_spawnp",
    "spawnl", "spawnle", "spawnlp", "spawnlpe", "spawnv", "spawnve", "spawnvp", "spawnvpe",
    "startfile", "system",
)  # fmt: skip
LOOKUPS = (
    "create_connection", "create_server", "fromfd", "getaddrinfo", "gethostbyaddr",
    "gethostbyname", "gethostbyname_ex", "getnameinfo", "socketpair",
)  # fmt: skip
FILES = {
    "open": "open", "os.chdir": "enter", "os.link": "link", "os.listdir": "list",
    "os.mkdir": "make", "os.remove": "remove", "os.rename": "rename", "os.rmdir": "remove",
    "os.scandir": "list", "os.symlink": "link", "os.truncate": "cut", "sqlite3.connect": "open",
}  # fmt: skip
"""What Python itself reports of files, and how it is called here."""
LONGEST_SLEEP = 3_600.0
NATIVE = ("_ctypes", "cffi", "ctypes")
SECRET = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)

_open = io.open


def install(tell: Tell) -> None:
    """Put the refusals in their places; for the image, before any pack is there."""
    for name in PROCESSES:
        setattr(os, name, _refusal(f"start a process (os.{name})", tell))
    subprocess.Popen = _refused_class("start a process (subprocess)", tell)  # type: ignore[misc]
    for name in LOOKUPS:
        setattr(socket, name, _refusal(f"open a connection (socket.{name})", tell))
    socket.socket = _refused_class("open a socket", tell, socket.socket)  # type: ignore[misc]
    setattr(os, "environ", _Environment(os.environ, tell))  # noqa: B010 - it is one, in a new class
    sys.meta_path.insert(0, _NoNative(tell))
    io.open = _open_in_memory
    import builtins

    builtins.open = _open_in_memory
    sys.addaudithook(_hook(tell))


def sleep(seconds: float, call: Callable[[str, dict[str, Any]], Any]) -> None:
    """Stand for `time.sleep`: the host waits, and is woken when the call is stopped."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    call("sleep", {"seconds": min(float(seconds), LONGEST_SLEEP)})


def nothing_to_read(prompt: object = "") -> NoReturn:
    """Stand for `input`: nobody sits at an instance."""
    raise EOFError("A pack has nobody to ask.")


def _refusal(what: str, tell: Tell) -> Callable[..., NoReturn]:
    def refused(*args: Any, **kwargs: Any) -> NoReturn:
        about = f": {_short(args[0])}" if args else ""
        tell(f"tried to {what}{about}")
        raise PermissionError(1, f"A pack cannot {what}; use smolterm.pack")

    return refused


def _refused_class(what: str, tell: Tell, base: type = object) -> Any:
    refuse = _refusal(what, tell)

    def init(self: object, *args: Any, **kwargs: Any) -> None:
        refuse(*args)

    # A class still: libraries ask whether something is one of them.
    return type(base.__name__, (base,), {"__init__": init, "__del__": lambda self: None})


class _Environment(type(os.environ)):  # type: ignore[misc]
    """The environment, which holds what was granted by name; asking for the rest is told of."""

    def __init__(self, real: Any, tell: Tell) -> None:
        super().__init__(
            real._data, real.encodekey, real.decodekey, real.encodevalue, real.decodevalue
        )
        self._tell = tell

    def __getitem__(self, key: str) -> str:
        try:
            return str(super().__getitem__(key))
        except KeyError:
            self._tell(f"tried to read the environment variable {_short(key)}")
            raise

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.encodekey(key) in self._data

    def get(self, key: str, default: Any = None) -> Any:
        # Libraries ask for settings that are not there; only what smells of a secret is told.
        if key in self:
            return self[key]
        if SECRET.search(str(key)):
            self._tell(f"tried to read the environment variable {_short(key)}")
        return default


class _NoNative:
    """Names an import of what calls C, and finds nothing."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname in NATIVE:
            self._tell(f"tried to import {fullname}")


def _hook(tell: Tell) -> Callable[[str, tuple[Any, ...]], None]:
    def hook(event: str, args: tuple[Any, ...]) -> None:
        verb = FILES.get(event)
        path = args[0] if args else None
        if verb is None or isinstance(path, int) or path in (None, "", ":memory:"):
            return
        text = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else str(path)
        if not any(finder.inside(text) for finder in finders()):
            tell(f"tried to {verb} {_short(text)}")

    return hook


def _open_in_memory(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
    """Open what belongs to the pack itself; everything else is not there."""
    if isinstance(file, str | os.PathLike) and not set(mode) & set("wax+"):
        for finder in finders():
            path = finder.inside(os.fspath(file))
            if path is not None and path in finder.files:
                raw = io.BytesIO(finder.read(path))
                return raw if "b" in mode else io.TextIOWrapper(raw, *args[1:], **kwargs)
    return _open(file, mode, *args, **kwargs)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:120]}..."

"""The process that runs one native pack: `python -P -m smolterm.packs.host`.

What to load, the grant and its secrets come over standard input, where no other process can read
them. It answers calls one after the other (see `child.py` for the lines) and ends with stdin,
whatever the tool that runs just then is doing.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import inspect
import io
import os
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from smolterm.errors import Denied, PackError, SmoltermError, ToolError
from smolterm.packs.doors.grant import Grant
from smolterm.packs.doors.native import bind
from smolterm.packs.notice import PackNotice
from smolterm.packs.wasm.guest.running import plain
from smolterm.sandbox import values

LONGEST = 32 * 1024 * 1024
"""Bytes of one result; the engine's end of the line allows twice that."""
LONGEST_ERROR = 2_000

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What to load, as the person trusted it."""

    module: str
    folder: str
    """Where the module was found."""
    tools: dict[str, tuple[str, ...]]
    """Each tool's parameters."""
    compiled: str = ""
    """The folder for compiled modules: what lies beside the sources is not what was trusted."""
    grant: Grant


class Host:
    """One pack in this process.

    Args:
        send: writes one line; may be called from any thread.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self._send = send
        self._tools: dict[str, Callable[..., Any]] = {}

    def answer(self, line: dict[str, Any]) -> None:
        """Do what a line asks for and send the line that answers it."""
        number = line.get("id")
        try:
            value = None
            if line.get("op") == "load":
                self._load(line)
            else:
                value = self._run(line)
            said = {"id": number, "ok": True, "value": values.encode(plain(value)), "end": True}
            if len(_encode(said)) > LONGEST:
                raise ToolError(f"The result has more than {LONGEST} bytes.")
        except BaseException as error:  # noqa: BLE001 - whatever a tool raises ends its call alone
            said = {"id": number, "ok": False, **_told(error), "end": True}
        self._send(said)

    def tell(self, notice: PackNotice) -> None:
        """Send a notice, which answers nothing."""
        self._send({"notice": msgspec.to_builtins(notice)})

    def _load(self, line: dict[str, Any]) -> None:
        what = msgspec.convert(line.get("load"), Load)
        grant = what.grant
        os.environ.update(grant.env)
        # The person's current folder is none of a pack's business.
        os.chdir(grant.folder or os.sep)
        sys.pycache_prefix = what.compiled or None

        def denied(text: str) -> None:
            self.tell(PackNotice(pack=grant.pack, kind="denied", text=text))

        bind(grant, on_denied=denied, on_notice=self.tell)
        self._tools = load(what)

    def _run(self, line: dict[str, Any]) -> object:
        tool = self._tools.get(str(line.get("tool")))
        kwargs = values.decode(line.get("kwargs"))
        if tool is None or not isinstance(kwargs, dict):
            raise ToolError(f"There is no tool {line.get('tool')!r}.")
        made = tool(**kwargs)
        if inspect.isgenerator(made):
            return self._driven(made)
        if inspect.isasyncgen(made):
            return asyncio.run(self._collected(made))
        return asyncio.run(_awaited(made)) if inspect.isawaitable(made) else made

    def _driven(self, made: Any) -> object:
        while True:
            try:
                self._say(next(made))
            except StopIteration as end:
                return end.value

    async def _collected(self, made: Any) -> object:
        result = None
        async for item in made:
            # It cannot return anything: the last of what is no text is the result.
            if isinstance(item, str):
                self._say(item)
            else:
                result = item
        return result

    def _say(self, item: object) -> None:
        if isinstance(item, str):
            self.tell(PackNotice(pack="", kind="progress", text=item[:LONGEST_ERROR]))


def load(what: Load) -> dict[str, Callable[..., Any]]:
    """Import the pack and return its tools.

    Raises:
        PackError: it is not the pack that was trusted.
    """
    module = _imported(what.module, Path(what.folder))
    if not Path(module.__file__ or "").parent.samefile(what.folder):
        raise PackError(f"{what.module} was imported from {module.__file__}, not {what.folder}.")
    return {name: _tool(module, name, names) for name, names in what.tools.items()}


def _imported(name: str, folder: Path) -> ModuleType:
    if importlib.util.find_spec(name.partition(".")[0]) is not None:
        return importlib.import_module(name)
    # The engine found it by a path that only its own process had, and may be alone to read.
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise PackError(f"{folder} is no package.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _tool(module: object, name: str, names: tuple[str, ...]) -> Callable[..., Any]:
    found = getattr(module, name, None)
    if not callable(found):
        raise PackError(f"The manifest names {name}, which the module lacks.")
    # What `smolterm.tools.tool` made holds its function.
    function: Callable[..., Any] = getattr(found, "function", found)
    try:
        taken = tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        taken = ()
    if taken != names:
        raise PackError(f"{name} takes other arguments than its source says.")
    return function


async def _awaited(result: Any) -> Any:
    return await result


def _told(error: BaseException) -> dict[str, Any]:
    next = error.next if isinstance(error, SmoltermError) else ""
    said = error.what if isinstance(error, SmoltermError) else _named(error)
    return {
        # Lone surrogates have no place in JSON.
        "error": said[:LONGEST_ERROR].encode(errors="backslashreplace").decode(),
        "next": next[:LONGEST_ERROR].encode(errors="backslashreplace").decode(),
        "denied": isinstance(error, Denied),
    }


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {values.short_repr(error) if not str(error) else error}"


def _read(inlet: int, lines: queue.SimpleQueue[bytes]) -> None:
    with contextlib.suppress(OSError), open(inlet, "rb") as stream:
        for line in stream:
            lines.put(line)
    # At once: a tool may hang, and nobody is left to kill it.
    os._exit(0)


def _take_channel() -> tuple[int, int]:
    """Move the protocol off fds 0 and 1, so that a tool that prints or asks cannot break it."""
    inlet, outlet = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    return inlet, outlet


def main() -> None:
    """Say that it is ready, load what the first line names, then answer calls."""
    inlet, outlet = _take_channel()
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(inlet, lines), name="requests", daemon=True).start()
    turn = threading.Lock()

    def send(line: dict[str, Any]) -> None:
        raw = _encode(line) + b"\n"
        with turn:
            while raw:
                raw = raw[os.write(outlet, raw) :]

    host = Host(send)
    send({"ready": True})
    while True:
        host.answer(_decode(lines.get()))


if __name__ == "__main__":
    main()

"""The process that runs one pack: `python -P -m smolterm.packs.host LOAD`.

It answers calls one after the other (see `child.py` for the lines) and ends with stdin, whatever
the tool that runs just then is doing.
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
from pathlib import Path
from typing import Any

import msgspec

from smolterm.errors import PackError, SmoltermError, ToolError
from smolterm.packs import context
from smolterm.policy import Effect
from smolterm.sandbox import values
from smolterm.tools import Tool

LONGEST = 32 * 1024 * 1024
"""Bytes of one result; the engine's end of the line allows twice that."""
LONGEST_ERROR = 2_000

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What to load, as the engine read it from the manifest."""

    module: str
    folder: str
    """Where the module was found."""
    tools: dict[str, Effect]
    grant: context.Grant = context.Grant()


def load(what: Load) -> dict[str, Tool]:
    """Import the pack and return its tools.

    Raises:
        PackError: it is not the pack of the manifest.
    """
    context.receive(what.grant)
    if importlib.util.find_spec(what.module.partition(".")[0]) is None:
        # The engine found it by a path that only its own process had.
        sys.path.append(str(Path(what.folder).parents[what.module.count(".")]))
    module = importlib.import_module(what.module)
    if not Path(module.__file__ or "").parent.samefile(what.folder):
        raise PackError(f"{what.module} was imported from {module.__file__}, not {what.folder}.")
    return {name: _tool(module, name, effect) for name, effect in what.tools.items()}


def _tool(module: object, name: str, effect: Effect) -> Tool:
    found = getattr(module, name, None)
    if not isinstance(found, Tool):
        if not callable(found):
            raise PackError(f"The manifest names {name}, which the module lacks.")
        found = Tool(found, effect)
    if found.spec.effect != effect:
        raise PackError(f"The effect of {name} is {found.spec.effect}, not {effect}.")
    if found.spec.name != name:
        raise PackError(f"{name} is a tool named {found.spec.name}.")
    return found


def answer(tools: dict[str, Tool], line: dict[str, Any]) -> bytes:
    """Run one call and return the line that answers it."""
    number = line.get("id")
    try:
        value = values.encode(_run(tools, line))
        raw = _encode({"id": number, "ok": True, "value": value, "end": True})
        if len(raw) > LONGEST:
            raise ToolError(f"The result has {len(raw)} bytes, more than {LONGEST}.")
    except BaseException as error:  # noqa: BLE001 - whatever a tool raises ends its call alone
        said = str(error) if isinstance(error, SmoltermError) else _named(error)
        # Lone surrogates have no place in JSON.
        said = said[:LONGEST_ERROR].encode(errors="backslashreplace").decode()
        raw = _encode({"id": number, "ok": False, "error": said, "end": True})
    return raw + b"\n"


def _run(tools: dict[str, Tool], line: dict[str, Any]) -> object:
    tool = tools.get(str(line.get("tool")))
    args, kwargs = values.decode(line.get("args")), values.decode(line.get("kwargs"))
    if tool is None or not isinstance(args, list) or not isinstance(kwargs, dict):
        raise ToolError(f"There is no tool {line.get('tool')!r}.")
    result = tool.function(**tool.bind(args, kwargs))
    return asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result


async def _awaited(result: Any) -> Any:
    return await result


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


def _send(outlet: int, raw: bytes) -> None:
    while raw:
        raw = raw[os.write(outlet, raw) :]


def main() -> None:
    """Load the pack, say which tools it has, then answer calls."""
    inlet, outlet = _take_channel()
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(inlet, lines), name="requests", daemon=True).start()
    what = msgspec.json.decode(sys.argv[1], type=Load)
    try:
        # The person's current folder is none of a pack's business.
        os.chdir(what.grant.folder or os.sep)
        tools = load(what)
    except BaseException as error:  # noqa: BLE001 - a pack may raise anything, SystemExit too
        said = str(error) if isinstance(error, SmoltermError) else _named(error)
        sys.exit(" ".join(said.split())[:LONGEST_ERROR])
    specs = [msgspec.to_builtins(tool.spec) for tool in tools.values()]
    _send(outlet, _encode({"ready": True, "tools": specs}) + b"\n")
    while True:
        _send(outlet, answer(tools, _decode(lines.get())))


if __name__ == "__main__":
    main()

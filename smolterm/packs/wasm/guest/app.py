"""The program of an instance: `load` takes a pack's files, `run` calls one of its tools.

It is baked into the image: what stands at module level runs once, on the machine that builds it.
"""

from __future__ import annotations

import asyncio
import base64
import builtins
import gc
import importlib
import io
import json
import os
import random
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

# Made by componentize-py from `pack.wit`.
import wit_world  # type: ignore[import-not-found]

from smolterm import pack
from smolterm.packs.wasm.guest import refusing, running, smolagents, stdlib
from smolterm.packs.wasm.guest.importing import MemoryFinder
from smolterm.sandbox import values

ROOT = "/pack"
STDLIB = "/stdlib"
LONGEST_PRINTED = 2_000
MOST_CODE = 16 * 1024 * 1024
MOST_TOLD = 50
"""Different attempts of one call; a pack that tries more has been named often enough."""

_told: set[str] = set()
_module: Any = None
_finder: MemoryFinder | None = None


def host(op: str, payload: dict[str, Any]) -> Any:
    """Ask the host; the one way out."""
    return json.loads(wit_world.call(op, json.dumps(payload)))


def tell(text: str) -> None:
    """Name an attempt, once."""
    if text not in _told and len(_told) < MOST_TOLD:
        _told.add(text)
        host("denied", {"text": text})


class WitWorld(wit_world.WitWorld):  # type: ignore[misc]
    """The exports of the world."""

    def load(self, payload: str) -> str:
        return _answer(_load, payload)

    def run(self, payload: str) -> str:
        return _answer(_run, payload)


def _answer(work: Callable[[dict[str, Any]], Any], payload: str) -> str:
    try:
        said = {"value": values.encode(work(json.loads(payload)), guarded=True)}
        text = json.dumps(said, ensure_ascii=False)
        # A lone surrogate has no place in what crosses.
        text.encode()
    except BaseException as error:  # noqa: BLE001 - whatever a pack raises ends its call alone
        said = running.told(error, lambda name: name.startswith(f"{ROOT}/"))
        text = json.dumps(said)
    return text


def _load(what: dict[str, Any]) -> dict[str, str]:
    """Import the pack and return what had to be compiled for that, to be kept.

    The image was made once, so what must differ is drawn anew first.
    """
    global _module, _finder
    random.seed(int.from_bytes(os.urandom(32)))
    os.environ.update(what["env"])
    _finder = MemoryFinder(ROOT, _raw(what["files"]), _raw(what["code"]))
    sys.meta_path.append(_finder)
    pack._bind(host)
    _module = importlib.import_module(what["module"])
    if sum(map(len, _finder.compiled.values())) > MOST_CODE:
        return {}
    return {path: base64.b64encode(raw).decode() for path, raw in _finder.compiled.items()}


def _raw(texts: dict[str, str]) -> dict[str, bytes]:
    return {path: base64.b64decode(text) for path, text in texts.items()}


def _run(call: dict[str, Any]) -> Any:
    _told.clear()
    args, kwargs = values.decode(call["args"]), values.decode(call["kwargs"])
    function = _tool(call["tool"])
    assert isinstance(args, list)
    assert isinstance(kwargs, dict)
    try:
        return running.finish(function(*args, **kwargs))
    finally:
        sys.stdout.flush()


def _tool(name: str) -> Callable[..., Any]:
    found: Any = getattr(_module, name, None)
    if found is None:
        # A class of smolagents' shape bears its tool's name as an attribute.
        classes = [each for each in vars(_module).values() if _is_tool_class(each)]
        found = next((each for each in classes if each.name == name), None)
    if _is_tool_class(found):
        found = found()
        setattr(_module, name, found)
    if not callable(found):
        raise pack.ToolError(f"The pack has no tool {name!r}.")
    function: Callable[..., Any] = found
    return function


def _is_tool_class(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, smolagents.Tool)


class _Printed(io.TextIOBase):
    """What is printed, as lines of the pack's log."""

    def __init__(self) -> None:
        self._line = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            if line.strip():
                host("log", {"text": line[:LONGEST_PRINTED]})
        self._line = self._line[:LONGEST_PRINTED]
        return len(text)

    def flush(self) -> None:
        if self._line:
            self.write("\n")


def _bake() -> None:
    """Make the image: the standard library in memory, no folder to import from."""
    code = stdlib.packed(STDLIB)
    stdlib.import_used()
    sys.modules["smolagents"] = smolagents
    warnings.simplefilter("ignore")
    asyncio.events._event_loop_policy = running.Policy()  # type: ignore[attr-defined]
    sys.meta_path[:] = [each for each in sys.meta_path if "PathFinder" not in str(each)]
    sys.meta_path.append(MemoryFinder(STDLIB, dict.fromkeys(code, b""), code))
    sys.path[:] = []
    sys.path_importer_cache.clear()
    refusing.install(tell)
    sys.stdout = sys.stderr = _Printed()
    time.sleep = lambda seconds: refusing.sleep(float(seconds), host)
    builtins.input = refusing.nothing_to_read
    # What is here stays: an instance that collects garbage need not copy the image to look at it.
    gc.collect()
    gc.freeze()


_bake()

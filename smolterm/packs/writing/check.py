"""Looking for what is wrong with a pack: all of it at once, in words, with where it stands."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec

from smolterm.errors import PackError, SmoltermError
from smolterm.packs.adding import trusted_as
from smolterm.packs.examine import Examined, examine
from smolterm.packs.find import Found
from smolterm.packs.grants import asked
from smolterm.packs.manifest import FILE
from smolterm.packs.notice import PackNotice
from smolterm.packs.reading import Function, files_in, parse, read_source, read_tools
from smolterm.packs.types import types_of
from smolterm.packs.using import Leave, Start
from smolterm.tools import ToolSpec

PROBE = "smolterm_probe"
_PROBE_SOURCE = '''
import inspect
import {module} as pack


def look() -> list:
    """Say which tools are not what the source says."""
    wrong = []
    for name, parameters in {tools!r}:
        classes = [each for each in vars(pack).values() if isinstance(each, type)]
        named = [each for each in classes if getattr(each, "name", None) == name]
        found = named[0]().forward if named else getattr(pack, name, None)
        if not callable(found):
            wrong.append(f"{{name}} is no function any more once the pack is imported")
        elif tuple(inspect.signature(found).parameters) != parameters:
            wrong.append(f"{{name}} takes other arguments than its source says")
    return wrong
'''


def wrong_in(found: Found) -> tuple[Examined | None, list[str]]:
    """Return what a pack is, if it can be said at all, and everything that is wrong in its files.

    Nothing of it runs.
    """
    if found.manifest is None or found.folder is None:
        return None, [str(found.error or f"{found.name} has no manifest.")]
    wrong: list[str] = []
    for name, entry in found.manifest.tools.items():
        alone = msgspec.structs.replace(found.manifest, tools={name: entry})
        try:
            for spec in read_tools(found.folder, found.module, alone):
                types_of(spec.signature)
        except PackError as error:
            wrong.append(str(error))
    wrong += _not_named(found)
    try:
        return examine(found), wrong
    except PackError as error:
        # What one of the tools lacks was said above.
        return None, wrong or [str(error)]


def _not_named(found: Found) -> Iterator[str]:
    """Yield the functions that are marked as tools and not in the manifest."""
    assert found.manifest is not None
    assert found.folder is not None
    try:
        for path, _ in files_in(found.folder):
            if not path.endswith(".py"):
                continue
            place = found.folder / path
            for node in parse(read_source(place), place).body:
                if not isinstance(node, Function) or node.name in found.manifest.tools:
                    continue
                if any(map(_is_tool, node.decorator_list)):
                    yield (
                        f"{place}, line {node.lineno}: {node.name} is marked as a tool, and "
                        f"`tools` in {FILE} does not name it."
                    )
    except PackError as error:
        yield str(error)


def _is_tool(decorator: ast.expr) -> bool:
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    return getattr(named, "attr", getattr(named, "id", "")) == "tool"


def start_of(examined: Examined) -> Start:
    """Return what starts a pack with all that it asks for, no folder and no secret."""
    return Start(examined.found, trusted_as(examined, asked(examined.manifest)), Leave())


async def wrong_when_loaded(examined: Examined, start: Start) -> list[str]:
    """Load a pack as a session would, call none of its tools, and return what is wrong then."""
    told: list[PackNotice] = []
    pack, look = _pack(examined, start)
    pack.on_notice = told.append
    try:
        wrong: list[str] = await look()
    except SmoltermError as error:
        wrong = [f"It cannot be loaded: {error}"]
    finally:
        await pack.close()
    return [*wrong, *(notice.text for notice in told if notice.kind == "denied")]


def _pack(examined: Examined, start: Start) -> tuple[Any, Any]:
    """Return a pack that is not started, and what loads it and looks at its tools."""
    if examined.manifest.kind == "native":
        from smolterm.packs.hosted import HostedPack

        native = HostedPack(start.found, start.checked_grant, examined.tools)

        async def ready() -> list[str]:
            # Its process compares the tools by itself.
            await native.ready()
            return []

        return native, ready
    from smolterm.packs.wasm.client import WasmHost, WasmPack

    tools = [(tool.name, tool.parameters) for tool in examined.tools]
    source = _PROBE_SOURCE.format(module=examined.found.module, tools=tools)
    look = ToolSpec(name="look", signature="() -> list[str]", doc="Look.", effect="pure")
    wasm = WasmPack(
        WasmHost(),
        examined.found.name,
        PROBE,
        [look],
        grant=start.grant,
        files=lambda: start.files() | {f"{PROBE}.py": source.encode()},
    )

    async def call() -> list[str]:
        found = await wasm.tools[0].call([], {})
        return [f"{each}." for each in found]

    return wasm, call


def wrong_in_its_world(examined: Examined, start: Start) -> list[str]:
    """Return what `wrong_when_loaded` does, from where nothing awaits."""

    async def work() -> list[str]:
        if examined.manifest.kind == "wasm":
            from smolterm.packs.wasm.build import set_up
            from smolterm.progress import bar
            from smolterm.store import cache_folder

            await set_up(cache_folder(), bar())
        return await wrong_when_loaded(examined, start)

    return asyncio.run(work())

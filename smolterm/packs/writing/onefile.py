"""A single file of functions as a pack: what it offers and asks for, without running a line of it.

It may ask for something in a block of comments; without one it can only compute.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from smolterm.errors import PackError
from smolterm.packs.examine import Examined, hash_of, packages_of
from smolterm.packs.find import Found
from smolterm.packs.manifest import Manifest, ToolEntry, checked
from smolterm.packs.reading import (
    Function,
    binding,
    declared_effect,
    describe,
    parse,
    read_source,
)
from smolterm.packs.types import parameters
from smolterm.packs.writing.block import read_block
from smolterm.packs.writing.classes import as_function, is_tool_class
from smolterm.policy import Effect
from smolterm.printable import reveal
from smolterm.tools import ToolSpec

SUFFIX = ".py"
VERSION = "(one file)"
TAKEN = frozenset({*sys.stdlib_module_names, "smolagents", "smolterm", "wit_world"})
"""Modules that an instance has already."""


class OneFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was looked at."""

    path: Path
    """Absolute, without links."""
    examined: Examined
    source: bytes
    """What was looked at."""
    left_out: tuple[str, ...] = ()
    """Functions that are no tools, and why."""


def look_at(path: Path | str) -> OneFile:
    """Read all that a file is.

    Raises:
        PackError: it cannot be used; says why.
    """
    place = place_of(path)
    source = read_source(place)
    tree = parse(source, place)
    try:
        block = read_block(source.decode(), str(place))
    except UnicodeDecodeError:
        raise PackError(f"{place} is not UTF-8 text.") from None
    if reveal(place.name)[1]:
        raise PackError(f"{place.name!a} holds what cannot be seen.", next="Rename it.")
    tools, left_out = _tools(tree, place)
    manifest = _manifest(tree, block, tools, place)
    _check_imports(tree, manifest, place)
    name = f"{place.name}~{hashlib.sha256(bytes(place)).hexdigest()[:6]}"
    packages = packages_of(manifest)
    digest = hashlib.sha256(source).hexdigest()
    module = module_of(place, manifest, digest)
    specs = tuple(_described(tools, manifest, name, place))
    folder = place.parent
    examined = Examined(
        found=Found(name=name, module=module, folder=folder, manifest=manifest),
        folder=folder,
        manifest=manifest,
        tools=specs,
        hash=hash_of(name, module, {"file": digest}, packages),
        packages=tuple(f"{each.name} {each.version}" for each in packages),
    )
    return OneFile(path=place, examined=examined, source=source, left_out=tuple(left_out))


def place_of(path: Path | str) -> Path:
    """Return a file's place: absolute, without links.

    Raises:
        PackError: there is none, or it is no file of Python.
    """
    try:
        place = Path(path).expanduser().resolve(strict=True)
    except (OSError, RuntimeError):
        raise PackError(f"There is no file {path}.") from None
    if not place.is_file() or place.suffix != SUFFIX:
        raise PackError(f"{path} is no file of Python; its name ends with {SUFFIX}.")
    return place


def module_of(place: Path, manifest: Manifest, digest: str) -> str:
    """Return the name that the file is imported by."""
    if manifest.kind == "native":
        # Whatever is installed under the file's own name is another module.
        return f"tools_{digest[:16]}"
    stem = place.stem
    return stem if stem.isidentifier() and stem not in TAKEN else "tools_file"


def _tools(tree: ast.Module, place: Path) -> tuple[dict[str, Function], list[str]]:
    """Return the tools by name, and why other functions are none."""
    functions = [node for node in tree.body if isinstance(node, Function)]
    chosen = [node for node in functions if any(map(_is_tool, node.decorator_list))]
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and is_tool_class(node)]
    left_out: list[str] = []
    if not chosen and not classes:
        for node in functions:
            why = _why_none(node)
            if not why:
                chosen.append(node)
            elif not node.name.startswith("_"):
                left_out.append(f"{node.name} {why}")
    tools: dict[str, Function] = {}
    for each in (*chosen, *_as_functions(classes, place)):
        if each.name in tools or (each in chosen and binding(tree, each.name) is not each):
            raise PackError(f"{place}, line {each.lineno}: {each.name} stands for two things.")
        tools[each.name] = each
    if not tools:
        reason = f" ({'; '.join(left_out)})" if left_out else ""
        raise PackError(
            f"{place} has no tool: no function with types and a docstring{reason}.",
            next="Mark one: `from smolterm.pack import tool`, and `@tool` above it.",
        )
    return tools, left_out


def _as_functions(classes: list[ast.ClassDef], place: Path) -> Iterator[Function]:
    for each in classes:
        try:
            yield as_function(each)
        except PackError as error:
            at = f"{place}, line {each.lineno}"
            raise PackError(f"{at}: the tool {each.name}: {error.what}.") from None


def _is_tool(decorator: ast.expr) -> bool:
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    return getattr(named, "attr", getattr(named, "id", "")) == "tool"


def _why_none(node: Function) -> str:
    """Say why a function without `@tool` is no tool; empty when it is one."""
    if node.name.startswith("_"):
        return "is not public"
    if node.decorator_list:
        return "has a decorator"
    if not ast.get_docstring(node):
        return "has no docstring"
    try:
        untyped = [name for name, kind, _ in parameters(node) if kind is None]
    except PackError as error:
        return error.what.removeprefix("it ")
    return f"has no type for {untyped[0]}" if untyped else ""


def _manifest(
    tree: ast.Module, block: dict[str, Any], tools: dict[str, Function], place: Path
) -> Manifest:
    said = block.get("tools", {})
    if not isinstance(said, dict):
        raise PackError(f"{place}: `tools` is no table.")
    for name in said:
        if name not in tools:
            raise PackError(f"{place}: `tools.{name[:64]}` is no tool of the file.")
    # The effects come below: what they are by default depends on what is asked for.
    names = dict.fromkeys(tools, "pure") | said
    doc = (ast.get_docstring(tree) or "").strip().split("\n")[0]
    head = {"name": "file", "version": VERSION, "description": doc or f"Tools of {place.name}."}
    manifest = checked({**head, **block, "tools": names}, str(place))
    entries = {
        name: manifest.tools[name] if name in said else _entry(function, manifest, place)
        for name, function in tools.items()
    }
    return msgspec.structs.replace(manifest, name=place.name, tools=entries)


def _entry(function: Function, manifest: Manifest, place: Path) -> ToolEntry:
    try:
        effect = declared_effect(function)
    except PackError as error:
        at = f"{place}, line {function.lineno}"
        raise PackError(f"{at}: the tool {function.name}: {error.what}.") from None
    if effect is None and manifest.kind == "native":
        raise PackError(
            f"{place}: nothing says what the tool {function.name} does, and nothing would hold it.",
            next='Declare its effect: @tool(effect="network").',
        )
    effect = effect or _widest(manifest)
    return ToolEntry(effect=effect, outside=effect != "pure")


def _widest(manifest: Manifest) -> Effect:
    """Return the effect of a tool that declares none: all that the file may do."""
    asks = manifest.capabilities
    return "write" if asks.write else "network" if asks.hosts else "read" if asks.read else "pure"


def _check_imports(tree: ast.Module, manifest: Manifest, place: Path) -> None:
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or node.level:
            continue
        module = node.module or ""
        if module in ("smolterm", "smolterm.tools"):
            raise PackError(
                f"{place}, line {node.lineno}: a tool imports nothing from {module}.",
                next="Write: from smolterm.pack import tool.",
            )
        if module.partition(".")[0] == "smolagents" and manifest.kind == "native":
            raise PackError(
                f"{place}: tools of smolagents run in WebAssembly alone.",
                next="Leave `kind` out, or write: from smolterm.pack import tool.",
            )


def _described(
    tools: dict[str, Function], manifest: Manifest, pack: str, place: Path
) -> Iterator[ToolSpec]:
    for name, function in tools.items():
        yield describe(function, manifest.tools[name], pack, place)

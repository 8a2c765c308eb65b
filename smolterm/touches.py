"""What code would touch, read from the code without running it. Pure.

Python can hide anything from its reader, so this shows and never guards: every call is judged when
it comes, whatever was read here. What cannot be known is marked `may`: where a call stands under a
condition or in a function, where a path is put together, where code could reach what it does not
name. A function of an earlier step is not looked into. No text makes this raise or run long.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Sequence
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from smolterm.events import Touch
from smolterm.packages.names import is_standard, package_of
from smolterm.reach import (
    FUNCTIONS,
    HOST_FIRST,
    NETWORK,
    OF_THE_SANDBOX,
    ONLY_PREPARES,
    OPAQUE_ATTRIBUTES,
    OPAQUE_CALLS,
    OPAQUE_MODULES,
    OPAQUE_NAMES,
    OPENERS,
    PATH_METHODS,
    PATHS_OWN,
    READERS,
    TO_ANOTHER,
    UNSURE,
    WRITERS,
    Kind,
)
from smolterm.tools import ToolSpec
from smolterm.written import GAP, Scope, Text, certain_children

LONGEST_CODE = 100_000
"""Characters; nobody reads more before an approval."""
MOST_NODES = 20_000
MOST_TOUCHES = 60
LONGEST_WHAT = 200

_Found = tuple[Literal["tool", "read", "write", "delete", "network", "package"], str, str, bool]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to know of some code."""

    touches: tuple[Touch, ...] = ()
    calls: frozenset[str] = frozenset()
    """Plain names that it calls."""
    imports: frozenset[str] = frozenset()
    """Top-level modules that it imports."""
    tools: frozenset[str] | None = None
    """Tools that it names, called or not; None where it may reach others too."""


UNKNOWN = Touch(kind="tool", what="", may=True)
"""Stands for whatever code does that cannot be read."""


def touches(code: str, tools: Iterable[ToolSpec] = ()) -> tuple[Touch, ...]:
    """Return what the code would touch, by line; see `Touch`."""
    return read(code, tools).touches


def read(code: str, tools: Iterable[ToolSpec] = ()) -> Reading:
    """Return all there is to know of the code; what does not parse may do anything."""
    if len(code) > LONGEST_CODE:
        return Reading(touches=(UNKNOWN,))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Reading(touches=(UNKNOWN,))
    nodes: list[ast.AST] = []
    for node in ast.walk(tree):
        nodes.append(node)
        if len(nodes) > MOST_NODES:
            return Reading(touches=(UNKNOWN,))
    return _Reader(nodes, {spec.name: spec.effect for spec in tools}).read(tree)


class _Reader:
    """Reads one piece of code, each node once."""

    def __init__(self, nodes: Sequence[ast.AST], tools: dict[str, str]) -> None:
        self._nodes = nodes
        self._tools = tools
        self._scope = Scope(nodes)
        self._found: dict[_Found, int] = {}
        self._opaque = 0
        """The line from which code may reach what it does not name; 0: it does not."""

    def read(self, tree: ast.Module) -> Reading:
        calls = [node for node in self._nodes if isinstance(node, ast.Call)]
        self._called = {id(call.func) for call in calls}
        waiting: list[tuple[ast.AST, bool]] = [(tree, True)]
        while waiting:
            node, certain = waiting.pop()
            self._look(node, certain)
            waiting += certain_children(node, certain)
        named = self._finish()
        return Reading(
            touches=self._sorted(),
            calls=frozenset(call.func.id for call in calls if isinstance(call.func, ast.Name)),
            imports=self._scope.imported,
            tools=None if self._opaque else named,
        )

    def _look(self, node: ast.AST, certain: bool) -> None:
        match node:
            case ast.Call():
                self._call(node, certain)
            case ast.Name(id=name, ctx=ast.Load()):
                if name in self._tools and id(node) not in self._called:
                    self._add(node, "tool", name, may=True)
                if name in OPAQUE_NAMES and not self._scope.binds(name):
                    self._see_opaque(node)
            case ast.Attribute(attr=name):
                if name in OPAQUE_ATTRIBUTES or self._scope.dotted(node) in OPAQUE_CALLS:
                    self._see_opaque(node)
            case ast.Import() | ast.ImportFrom():
                self._import(node, certain)
            case _:
                pass

    def _call(self, node: ast.Call, certain: bool) -> None:
        name = self._scope.dotted(node.func)
        if isinstance(node.func, ast.Name) and node.func.id in self._tools:
            tool = node.func.id
            self._add(node, "tool", tool, may=not certain or self._scope.binds(tool))
            return
        if name in OPAQUE_CALLS:
            self._see_opaque(node)
        if name in ("getattr", "setattr"):
            self._getattr(node)
        elif name in ("__import__", "importlib.import_module"):
            wanted = self._scope.text(_argument(node, 0, "name"))
            self._package(node, wanted.text.split(".")[0], may=not (certain and wanted.whole))
        elif name in OPENERS:
            self._open(node, node.args[:1], OPENERS[name], certain)
        elif name in FUNCTIONS:
            for kind, place, keyword in FUNCTIONS[name]:
                sure = certain and name not in UNSURE
                self._file(node, kind, _argument(node, place, keyword), sure)
        elif name.startswith(READERS):
            self._file(node, "read", _argument(node, 0, "source"), certain)
        elif isinstance(node.func, ast.Attribute):
            self._method(node, node.func, certain)
        if _is_network(name):
            self._network(node, name)

    def _method(self, node: ast.Call, called: ast.Attribute, certain: bool) -> None:
        """Look at a call of something's method; what it is called on may be known as a path."""
        method, on = called.attr, called.value
        is_path = self._scope.is_path(on)
        if method in self._tools and self._scope.dotted(on) in OPAQUE_MODULES:
            self._add(node, "tool", method, may=True)
        elif method == "open" and is_path:
            self._open(node, [on], 0, certain)
        elif method in PATH_METHODS and (is_path or method in PATHS_OWN):
            self._file(node, PATH_METHODS[method], on, certain and is_path)
            if method in TO_ANOTHER:
                self._file(node, "write", _argument(node, 0, "target"), certain)
        elif method in WRITERS:
            target = _argument(node, 0, WRITERS[method][0])
            if target is not None:
                self._file(node, "write", target, certain)
            elif method == "extractall":
                self._add(node, "write", "", may=True)

    def _open(self, node: ast.Call, path: Sequence[ast.expr], place: int, certain: bool) -> None:
        given = _argument(node, place, "mode")
        mode = Text("r", True) if given is None else self._scope.text(given)
        known = mode.whole and set(mode.text) <= set("rwaxbtU+:|gzxz2*")
        where = path[0] if path else _argument(node, 0, "file")
        kinds: list[Kind] = []
        if not known or "r" in mode.text or "+" in mode.text:
            kinds.append("read")
        if not known or set(mode.text.split(":")[0]) & set("wax+"):
            kinds.append("write")
        for kind in kinds:
            self._file(node, kind, where, certain and known)

    def _file(self, node: ast.Call, kind: Kind, path: ast.expr | None, certain: bool) -> None:
        found = self._scope.text(path)
        if found.text.startswith(("http://", "https://", "ftp://", "s3://")):
            self._add(node, "network", _host(found.text), may=True)
        elif found.text != ":memory:":
            self._add(node, kind, found.text, may=not (certain and found.whole))

    def _network(self, node: ast.Call, name: str) -> None:
        last = name.split(".")[-1].removesuffix("()")
        given = [*node.args[:2], *(k.value for k in node.keywords if k.arg in ("url", "host"))]
        for argument in given:
            if isinstance(argument, ast.Tuple) and argument.elts:
                argument = argument.elts[0]
            text = self._scope.text(argument).text
            if "://" in text:
                self._add(node, "network", _host(text), may=True)
                return
            if last in HOST_FIRST and text:
                self._add(node, "network", text, may=True)
                return
        if last not in ONLY_PREPARES:
            self._add(node, "network", "", may=True)

    def _getattr(self, node: ast.Call) -> None:
        """`getattr(row, "name")` says what it reaches, unless it is something of Python's own."""
        name = self._scope.text(_argument(node, 1, "name"))
        if not name.whole or name.text.startswith("__") or name.text in self._tools:
            self._see_opaque(node)

    def _import(self, node: ast.Import | ast.ImportFrom, certain: bool) -> None:
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules = [node.module]
        for module in modules:
            top = module.split(".")[0]
            if top in OPAQUE_MODULES:
                self._see_opaque(node)
            self._package(node, top, may=not certain)

    def _package(self, node: ast.AST, module: str, may: bool) -> None:
        if module in OF_THE_SANDBOX or is_standard(module):
            return
        self._add(node, "package", package_of(module) if module else "", may=may)

    def _see_opaque(self, node: ast.AST) -> None:
        line = getattr(node, "lineno", 1)
        self._opaque = min(self._opaque or line, line)

    def _add(
        self,
        node: ast.AST,
        kind: Literal["tool", "read", "write", "delete", "network", "package"],
        what: str,
        *,
        may: bool,
    ) -> None:
        if len(what) > LONGEST_WHAT:
            what, may = what[: LONGEST_WHAT - 1] + GAP, True
        effect = self._tools.get(what, "") if kind == "tool" else ""
        line = getattr(node, "lineno", 0)
        found = (kind, what, effect, may)
        self._found[found] = min(self._found.get(found, line), line)

    def _finish(self) -> frozenset[str]:
        """Add what only the whole code tells; return the tools that it names."""
        if self._opaque:
            for node in self._nodes:
                written = getattr(node, "value", None)
                if isinstance(written, str) and written in self._tools:
                    self._add(node, "tool", written, may=True)
        named = frozenset(what for kind, what, _, _ in self._found if kind == "tool")
        if self._opaque:
            self._found[("tool", "", "", True)] = self._opaque
        if not any(kind == "network" for kind, *_ in self._found):
            for module, line in self._scope.modules:
                if _is_network(module):
                    self._found[("network", "", "", True)] = line
        return named

    def _sorted(self) -> tuple[Touch, ...]:
        sure = {found[:3] for found in self._found if not found[3]}
        kept = [
            Touch(kind=kind, what=what, effect=effect, line=line, may=may)
            for (kind, what, effect, may), line in self._found.items()
            # What is certain need not be said to be possible too.
            if not (may and (kind, what, effect) in sure)
        ]
        kept.sort(key=lambda touch: (touch.line, touch.kind, touch.what))
        if len(kept) > MOST_TOUCHES:
            # Tools reach the person's own things, so they are named before all else.
            kept.sort(key=lambda touch: touch.kind != "tool")
            kept = [*sorted(kept[: MOST_TOUCHES - 1], key=lambda touch: touch.line), UNKNOWN]
        return tuple(kept)


def _argument(node: ast.Call, place: int, keyword: str) -> ast.expr | None:
    for given in node.keywords:
        if given.arg == keyword:
            return given.value
    if place < len(node.args):
        found = node.args[place]
        return found.value if isinstance(found, ast.Starred) else found
    return None


def _is_network(name: str) -> bool:
    return any(name == known or name.startswith((f"{known}.", f"{known}()")) for known in NETWORK)


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""

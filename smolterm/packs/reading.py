"""A pack's tools, read from its source: no code of a pack runs to list, trust or prompt with it.

The files are hostile. They are bounded before they are parsed, a link among them is refused, and
what a model or a person will read of them holds nothing that cannot be seen.
"""

from __future__ import annotations

import ast
import inspect
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from smolterm.errors import PackError
from smolterm.packs.manifest import Manifest, ToolEntry
from smolterm.packs.types import parameters, written
from smolterm.policy import EFFECTS, Effect
from smolterm.printable import reveal
from smolterm.tools import ToolSpec

MOST_FILES = 2_000
MOST_BYTES = 50_000_000
LONGEST_SOURCE = 1_000_000
LONGEST_DOC = 8_000
DEEPEST = 20
"""Folders below one another."""
MOST_HOPS = 5
"""Modules that import a tool from one another."""
SKIPPED = "__pycache__"
"""Not read, and not used either: a pack's process keeps its compiled code elsewhere."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def files_in(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield a pack's files: the path below its folder, and what the system says of it.

    Raises:
        PackError: there are too many, they are too large, or one is a link.
    """
    count = size = 0
    waiting = [("", 0)]
    while waiting:
        prefix, depth = waiting.pop()
        if depth > DEEPEST:
            raise PackError(f"{folder}: its folders are nested deeper than {DEEPEST}.")
        try:
            with os.scandir(folder / prefix) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise PackError(f"{folder / prefix} cannot be read: {error.strerror}.") from None
        for entry in listed:
            path = f"{prefix}{entry.name}"
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                if entry.name != SKIPPED:
                    waiting.append((f"{path}/", depth + 1))
                continue
            if not stat.S_ISREG(status.st_mode):
                raise PackError(f"{folder}: {path!a} is no plain file; a pack holds nothing else.")
            count, size = count + 1, size + status.st_size
            if count > MOST_FILES or size > MOST_BYTES:
                raise PackError(
                    f"{folder} holds more than {MOST_FILES} files or {MOST_BYTES // 10**6} MB."
                )
            yield path, status


def read_tools(folder: Path, module: str, manifest: Manifest) -> list[ToolSpec]:
    """Return what the model, the policy and the sandbox need to know of a pack's tools.

    Args:
        module: what the entry point names; its `__init__.py` lies in `folder`.

    Raises:
        PackError: a tool cannot be found, or not be described; says which and why.
    """
    source = _Source(folder, module)
    return [source.describe(name, entry, manifest.name) for name, entry in manifest.tools.items()]


class _Source:
    """The modules of one pack, parsed at need."""

    def __init__(self, folder: Path, module: str) -> None:
        self._folder = folder
        self._module = module
        self._parsed: dict[str, ast.Module] = {}

    def describe(self, name: str, entry: ToolEntry, pack: str) -> ToolSpec:
        function, where = self._find(name)
        return describe(function, entry, pack, self._folder / where)

    def _find(self, name: str) -> tuple[Function, str]:
        """Return a function, and the file it stands in."""
        where, wanted = "__init__.py", name
        for _ in range(MOST_HOPS):
            found = binding(self._tree(where), wanted)
            if isinstance(found, Function):
                if wanted != name:
                    raise PackError(f"The manifest's tool {name} is named {wanted} in {where}.")
                return found, where
            following = None
            if isinstance(found, ast.ImportFrom):
                following = self._file_of(found, where)
                wanted = next(a.name for a in found.names if (a.asname or a.name) == wanted)
            if following is None:
                raise PackError(
                    f"The manifest names {name}, which is no function of {self._folder / where}.",
                    next="Define it there by `def`, or import it from another module of the pack.",
                )
            where = following
        raise PackError(f"The tool {name} is imported over more than {MOST_HOPS} modules.")

    def _file_of(self, found: ast.ImportFrom, where: str) -> str | None:
        """Return the file of this pack that an import names."""
        inner = (found.module or "").split(".") if found.module else []
        if found.level:
            package = where.split("/")[:-1]
            if found.level - 1 > len(package):
                return None
            parts = package[: len(package) - (found.level - 1)] + inner
        elif ".".join(inner[: self._module.count(".") + 1]) == self._module:
            parts = inner[self._module.count(".") + 1 :]
        else:
            return None
        base = "/".join(parts)
        for path in (f"{base}.py", f"{base}/__init__.py" if base else "__init__.py"):
            if (self._folder / path).is_file():
                return path
        return None

    def _tree(self, where: str) -> ast.Module:
        if where not in self._parsed:
            self._parsed[where] = _parse(self._folder / where)
        return self._parsed[where]


def describe(
    function: Function, entry: ToolEntry, pack: str, path: Path, name: str = ""
) -> ToolSpec:
    """Return what is known of one function as a tool.

    Args:
        entry: what the manifest says of it.
        path: its file, for what is said of mistakes.
        name: what the model calls it by, where that is not the function's own name.

    Raises:
        PackError: it cannot be a tool; says where and why.
    """
    name = name or function.name
    try:
        effect = declared_effect(function)
        if effect is not None and effect != entry.effect:
            raise PackError(f"its effect is {effect} there and {entry.effect} in the manifest")
        doc = _doc(function)
        signature = written(function, yields=_yields(function))
    except PackError as error:
        at = f"{path}, line {function.lineno}"
        raise PackError(f"{at}: the tool {name}: {error.what}.") from None
    return ToolSpec(
        name=name,
        signature=signature,
        doc=doc,
        effect=entry.effect,
        parameters=tuple(each for each, _, _ in parameters(function)),
        outside=entry.outside,
        pack=pack,
    )


def _parse(path: Path) -> ast.Module:
    if path.is_symlink():
        raise PackError(f"{path} is a link; a pack holds plain files.")
    return parse(read_source(path), path)


def read_source(path: Path) -> bytes:
    """Return a source file's bytes.

    Raises:
        PackError: it cannot be read, or is too long.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST_SOURCE + 1)
    except OSError as error:
        raise PackError(f"{path} cannot be read: {error.strerror}.") from None
    if len(raw) > LONGEST_SOURCE:
        raise PackError(f"{path} is longer than {LONGEST_SOURCE} bytes.")
    return raw


def parse(raw: bytes, path: Path) -> ast.Module:
    """Return a source's tree.

    Raises:
        PackError: it is not Python; says in which line.
    """
    try:
        return ast.parse(raw, filename=str(path))
    except SyntaxError as error:
        raise PackError(f"{path}, line {error.lineno or 0}, is not Python: {error.msg}.") from None
    except (ValueError, RecursionError, MemoryError):
        raise PackError(f"{path} is not Python that can be read.") from None


def binding(tree: ast.Module, name: str) -> ast.stmt | None:
    """Return the one statement that binds a name at the top; None for none or several."""
    bound = [
        node
        for node in tree.body
        if (isinstance(node, Function | ast.ClassDef) and node.name == name)
        or (
            isinstance(node, ast.Import | ast.ImportFrom)
            and any((alias.asname or alias.name) == name for alias in node.names)
        )
        or (isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and _assigns(node, name))
    ]
    return bound[0] if len(bound) == 1 else None


def _assigns(node: ast.Assign | ast.AnnAssign | ast.AugAssign, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(
        isinstance(each, ast.Name) and each.id == name
        for target in targets
        for each in ast.walk(target)
    )


def declared_effect(function: Function) -> Effect | None:
    """Return the effect that its decorator declares; None where it declares none.

    Raises:
        PackError: it declares what is no effect, or has other decorators.
    """
    for node in function.decorator_list:
        call = node if isinstance(node, ast.Call) else None
        named = call.func if call is not None else node
        name = named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")
        if name != "tool" or len(function.decorator_list) > 1:
            raise PackError("it may have one decorator, `tool`")
        for keyword in call.keywords if call is not None else ():
            if keyword.arg == "effect":
                value = getattr(keyword.value, "value", None)
                if value not in EFFECTS:
                    raise PackError(f"its effect is none of {', '.join(EFFECTS)}")
                effect: Effect = value
                return effect
    return None


def _doc(function: Function) -> str:
    doc = ast.get_docstring(function, clean=False)
    if not doc or not doc.strip():
        raise PackError("it has no docstring; the model reads it")
    if len(doc) > LONGEST_DOC:
        raise PackError(f"its docstring is longer than {LONGEST_DOC} characters")
    doc = inspect.cleandoc(doc)
    marks = reveal(doc)[1]
    if marks:
        shown = reveal(doc)[0][slice(*marks[0])]
        raise PackError(f"its docstring holds {shown}, which cannot be seen")
    return doc


def _yields(function: Function) -> bool:
    """Say whether it is a generator; functions inside of it are their own."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))
    return False
